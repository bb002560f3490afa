"""True values averaged over seeds by hand, and the file they are kept in."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from outcomes_by_hand import make_contrast

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.truth import Estimand, compare_with_first, hash_parameters, read_truth
from loyaltylab.truth.table import average_over_seeds, write_truth

ESTIMAND = Estimand(make_contrast(), "restricted_mean", 24)
PARAMETERS = SyntheticParameters(n_customers=60)


def found(value: float | None, **given: Any) -> dict[str, dict[str, Any]]:
    fields = {
        "value": value,
        "paired_se": 0.5,
        "strategy_value": 20.0,
        "reference_value": 19.0,
        "n": 10,
        "identical_share": 1.0,
    }
    return {ESTIMAND.id: fields | given}


def test_the_mean_over_seeds_has_the_error_of_seeds() -> None:
    parts = {1: found(1.0), 2: found(2.0, n=12), 5: found(6.0, identical_share=0.9)}
    (record,) = average_over_seeds([ESTIMAND], parts)
    # Mean 3; squares about it 4 + 1 + 9 = 14, over 2 is 7, over 3 seeds.
    assert record["value"] == 3.0
    assert record["mc_se"] == math.sqrt(7 / 3)
    assert record["mc_se_from"] == "seeds"
    assert (record["paired_se"], record["n"], record["n_seeds"]) == (0.5, 32, 3)
    assert record["identical_share"] == 0.9


def test_one_seed_has_the_error_of_its_customers() -> None:
    (record,) = average_over_seeds([ESTIMAND], {7: found(1.5)})
    assert (record["value"], record["mc_se"], record["mc_se_from"]) == (1.5, 0.5, "customers")


def test_a_value_that_a_seed_lacks_is_not_averaged_over_the_others() -> None:
    (record,) = average_over_seeds([ESTIMAND], {1: found(1.0), 2: found(None)})
    assert record["value"] is None
    assert record["mc_se"] is None


def test_the_hash_names_the_provider_and_not_its_size() -> None:
    same = SyntheticParameters(n_customers=90)
    other = SyntheticParameters(wom_hr=1.5)
    assert hash_parameters(PARAMETERS) == hash_parameters(same)
    assert hash_parameters(PARAMETERS) != hash_parameters(other)


def keep(root: Path, parameters: SyntheticParameters, value: float | None) -> Path:
    path = root / "data" / "truth" / f"{parameters.preset}.json"
    records = average_over_seeds([ESTIMAND], {2: found(value), 1: found(value)})
    write_truth(path, parameters=parameters, seeds=(2, 1), step_days=7, records=records)
    return path


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    keep(tmp_path, PARAMETERS, 1.25)
    keep(tmp_path, SyntheticParameters(preset="null"), 0.0)
    frame = read_truth(tmp_path, parameter_hash=hash_parameters(PARAMETERS))
    assert list(frame.index) == [ESTIMAND.id]
    line = frame.loc[ESTIMAND.id]
    assert (line["value"], line["mc_se"], line["n"]) == (1.25, 0.0, 20)
    assert (line["kind"], line["hypothesis"], line["unit"]) == ("direct", "H01", "months")
    assert (line["seeds"], line["n_customers"], line["step_days"]) == ("1 2", 60, 7)
    assert line["parameter_hash"] == hash_parameters(PARAMETERS)


def test_a_missing_value_is_read_as_nan(tmp_path: Path) -> None:
    keep(tmp_path, PARAMETERS, None)
    frame = read_truth(tmp_path, parameter_hash=hash_parameters(PARAMETERS))
    assert frame["value"].dtype == "float64"
    assert pd.isna(frame.loc[ESTIMAND.id, "value"])


def test_other_parameters_have_no_truth_here(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"run `loyaltylab truth`\. There are:\n  - none"):
        read_truth(tmp_path, parameter_hash="0")
    keep(tmp_path, PARAMETERS, 1.0)
    with pytest.raises(ParameterError, match=r"data/truth/literature\.json for"):
        read_truth(tmp_path, parameter_hash="0")


def test_the_first_values_stand_beside_what_is_found(tmp_path: Path) -> None:
    first = replace(ESTIMAND, contrast=make_contrast(id="desk_reactive_none"))
    other = ESTIMAND
    parts = {1: {first.id: found(4.0)[ESTIMAND.id], other.id: found(1.0)[ESTIMAND.id]}}
    records = average_over_seeds([first, other], parts)
    path = tmp_path / "data" / "truth" / "literature.json"
    write_truth(path, parameters=PARAMETERS, seeds=(1,), step_days=1, records=records)
    frame = compare_with_first(read_truth(tmp_path, parameter_hash=hash_parameters(PARAMETERS)))
    assert list(frame.index) == ["H01.desk_reactive_none.direct.restricted_mean_24"]
    (line,) = frame.to_dict("records")
    assert (line["value"], line["first_value"], line["first_se"]) == (4.0, 3.9, 0.09)
    assert line["change"] == pytest.approx(0.1)
