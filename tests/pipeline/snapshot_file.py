"""A small file laid out like the telecom sample: one snapshot, months of tenure, no dates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

N_ROWS = 400
N_NEW = 6  # signed up on the day of the snapshot: tenure 0, blank charges


def write_snapshot(path: Path) -> None:
    """Write the file; the same bytes every time."""
    draw = np.random.Generator(np.random.PCG64(20240501))
    tenure = np.concatenate([np.zeros(N_NEW, int), draw.integers(1, 73, N_ROWS - N_NEW)])
    internet = draw.choice(["DSL", "Fiber optic", "No"], N_ROWS)
    service = {
        name: np.where(internet == "No", "No internet service", draw.choice(["Yes", "No"], N_ROWS))
        for name in ("OnlineSecurity", "OnlineBackup", "TechSupport")
    }
    charges = np.round(draw.uniform(18, 118, N_ROWS), 2)
    left = (draw.uniform(size=N_ROWS) < 0.3) & (tenure > 0)
    frame = pd.DataFrame(
        {
            "customerID": [f"{1000 + row}-SECRT" for row in range(N_ROWS)],
            "gender": draw.choice(["Male", "Female"], N_ROWS),
            "SeniorCitizen": draw.integers(0, 2, N_ROWS),
            "Partner": draw.choice(["Yes", "No"], N_ROWS),
            "Dependents": draw.choice(["Yes", "No"], N_ROWS),
            "tenure": tenure,
            "InternetService": internet,
            **service,
            "Contract": draw.choice(["Month-to-month", "One year", "Two year"], N_ROWS),
            "PaperlessBilling": draw.choice(["Yes", "No"], N_ROWS),
            "PaymentMethod": draw.choice(["Mailed check", "Electronic check"], N_ROWS),
            "MonthlyCharges": charges,
            "TotalCharges": [
                "" if months == 0 else f"{months * price:.2f}"
                for months, price in zip(tenure, charges, strict=True)
            ],
            "Churn": np.where(left, "Yes", "No"),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # The first row must not be one that is set aside: tests corrupt it.
    frame.iloc[::-1].to_csv(path, index=False)
