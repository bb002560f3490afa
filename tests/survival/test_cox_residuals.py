"""Residuals of Cox models: by hand, against R survival, and what they must add up to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from oracle_fits import FITS, fit_as_r_did

from loyaltylab.survival import cox_residuals, fit_cox, kaplan_meier

# Both ends iterate to the same optimum, see test_cox; single residuals are of order 1 and may
# be near 0, where only the absolute difference counts.
ITERATED = {"rtol": 1e-6, "atol": 1e-7}
# Sums of a few hundred terms of order 1.
ROUNDING = {"atol": 1e-10}
BY_HAND = {"rtol": 1e-10}
WITH_RESIDUALS = ("heart", "bladder", "veteran", "ticks_all")


def test_residuals_by_hand() -> None:
    # Therneau and Grambsch (2000), appendix E.1, with Efron's ties; r solves r^3 = 23 r + 30.
    # Hazard: 1 / (3r + 3) at 1; at 6 the steps 1 / (r + 3) and 2 / (r + 5), of which a row with
    # an event there bears half of the second; at 9 one row alone, 1.
    r = max(np.roots([1, 0, -23, -30]).real)
    one, full = 1 / (3 * r + 3), 1 / (r + 3) + 2 / (r + 5)
    tied = 1 / (r + 3) + 1 / (r + 5)
    expected = [r * one, r * one, r * (one + tied), one + tied, one + full, one + full + 1]
    events = np.array([1, 0, 1, 1, 0, 1])
    x = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    found = cox_residuals(fit_cox([0] * 6, [1, 1, 6, 6, 8, 9], events, x))
    np.testing.assert_allclose(found.cox_snell, expected, **BY_HAND)
    np.testing.assert_allclose(found.martingale, events - np.array(expected), **BY_HAND)
    # Deviance of an exit: sign(M) sqrt(-2 (M + log expected)); of a stay -sqrt(2 expected).
    first = -2 * (1 - expected[0] + np.log(expected[0]))
    np.testing.assert_allclose(found.deviance[0], np.sqrt(first), **BY_HAND)
    np.testing.assert_allclose(found.deviance[1], -np.sqrt(2 * expected[1]), **BY_HAND)
    # The score of the second row: - r / (3r + 3) times (1 - mean x at 1 = r / (r + 1)).
    np.testing.assert_allclose(found.score[1, 0], -r * one * (1 - r / (r + 1)), **BY_HAND)


@pytest.mark.parametrize("name", WITH_RESIDUALS)
def test_residuals_equal_r(cox_oracle, cox_models_oracle, name) -> None:
    found = cox_residuals(fit_as_r_did(cox_oracle, name))
    for kind in ("martingale", "deviance", "score", "dfbeta"):
        r = cox_models_oracle.numbers("residuals", name, kind).T  # Written by column.
        np.testing.assert_allclose(getattr(found, kind), r, **ITERATED)
    assert found.unit.tolist() == list(range(len(found.unit)))


@pytest.mark.parametrize("name", WITH_RESIDUALS)
def test_residuals_by_cluster_equal_r(cox_oracle, cox_models_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    found = cox_residuals(fit, by_cluster=True)
    # Clusters come in the order of their first rows, R's in the order of their numbers.
    data, _, roles = FITS[name]
    rows = cox_oracle.frame(data)
    labels = rows[roles["cluster"]] if "cluster" in roles else rows.index.to_series()
    first = labels.iloc[found.unit]
    assert first.tolist() == labels.drop_duplicates().tolist()
    place = np.argsort(np.argsort(first.to_numpy()))
    # R's deviance formula holds for one event per cluster; with several it gives NaN.
    kinds = ["martingale", "score", "dfbeta"]
    kinds += ["deviance"] if name in ("heart", "veteran") else []
    for kind in kinds:
        r = cox_models_oracle.numbers("residuals", name, f"cluster_{kind}").T
        np.testing.assert_allclose(getattr(found, kind), r[place], **ITERATED)


@pytest.mark.parametrize("name", FITS)
def test_what_residuals_add_up_to(cox_oracle, name) -> None:
    fit = fit_as_r_did(cox_oracle, name)
    process = fit.state.process
    found = cox_residuals(fit)
    in_strata = np.bincount(process.stratum, weights=process.weights * found.martingale)
    np.testing.assert_allclose(in_strata, 0.0, **ROUNDING)
    scores = process.weights @ found.score  # The score equation.
    np.testing.assert_allclose(scores / np.abs(found.score).max(axis=0), 0.0, atol=1e-6)
    by_cluster = cox_residuals(fit, by_cluster=True)
    if process.is_clustered or process.is_weighted:
        covariance = by_cluster.dfbeta.T @ by_cluster.dfbeta
        np.testing.assert_allclose(covariance, fit.covariance, rtol=1e-9)
    assert len(by_cluster.unit) == process.n_clusters


def test_deviance_of_several_events_by_hand() -> None:
    # Two events where 1.5 are expected: 2 (2 log(2 / 1.5) - 0.5), whatever the model.
    fit = fit_cox(
        [0, 0, 2, 2],
        [2, 2, 4, 4],
        [1, 1, 1, 0],
        pd.DataFrame({"x": [0, 1, 1, 0]}),
        cluster=["a", "b", "b", "a"],
    )
    found = cox_residuals(fit, by_cluster=True)
    expected = found.cox_snell[1]
    assert found.n_events.tolist() == [1, 2]
    by_hand = np.sqrt(2 * (2 * np.log(2 / expected) - (2 - expected)))
    np.testing.assert_allclose(found.deviance[1], by_hand, **BY_HAND)


def test_splitting_a_stay_changes_no_residual_of_its_customer(cox_oracle) -> None:
    rows = cox_oracle.frame("veteran")
    n, names = len(rows), ["trt", "karno"]
    zero, who = np.zeros(n), np.arange(n)
    whole = fit_cox(zero, rows["time"], rows["status"], rows[names], cluster=who)
    cut = rows["time"] > 50
    early = rows[cut].assign(start=0.0, time=50.0, status=0, who=who[cut])
    late = rows.assign(start=np.where(cut, 50.0, 0.0), who=who)
    both = pd.concat([early, late], ignore_index=True)
    split = fit_cox(both["start"], both["time"], both["status"], both[names], cluster=both["who"])
    one, other = (cox_residuals(fit, by_cluster=True) for fit in (whole, split))
    place = np.argsort(both["who"].iloc[other.unit].to_numpy())
    for kind in ("cox_snell", "martingale", "deviance", "score", "dfbeta"):
        np.testing.assert_allclose(getattr(one, kind), getattr(other, kind)[place], atol=1e-8)


def test_cox_snell_residuals_of_a_true_model_are_exponential() -> None:
    rng = np.random.default_rng(6)
    n = 3000
    x = pd.DataFrame({"x": rng.normal(size=n)})
    exit_at, entry = rng.exponential(np.exp(-0.7 * x["x"])), rng.uniform(0, 0.2, n)
    censored = rng.exponential(1.5, n)
    seen = np.minimum(exit_at, censored) > entry
    start, stop = entry[seen], np.minimum(exit_at, censored)[seen]
    event = (exit_at <= censored)[seen]
    fit = fit_cox(start, stop, event, x[seen])
    snell = cox_residuals(fit).cox_snell
    snell, event = snell[snell > 0], event[snell > 0]  # Some leave before the first exit.
    curve = kaplan_meier(np.zeros(len(snell)), snell, event)
    at = curve.at([0.25, 0.5, 1.0])
    # Standard error of a share among 3,000: below 0.01.
    np.testing.assert_allclose(at["retention"], np.exp(-at["time"]), atol=0.03)


def test_rows_of_no_weight_have_no_residual() -> None:
    x = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0, 5]})
    fit = fit_cox(
        [0] * 7, [1, 1, 6, 6, 8, 9, 9], [1, 0, 1, 1, 0, 1, 1], x, weights=[0, 1, 1, 1, 1, 1, 0]
    )
    frame = cox_residuals(fit).to_frame()
    assert frame.index.tolist() == [1, 2, 3, 4, 5]
    assert frame.columns.tolist()[-2:] == ["score_x", "dfbeta_x"]
    assert np.isfinite(frame.to_numpy()).all()
