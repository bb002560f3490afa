"""Word of mouth: rows by hand, the contrast in worlds where the truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.neighbour_checks import (
    analyse_word_of_mouth,
    keep_customers,
    until_team,
)
from loyaltylab.analyses.neighbour_rows import exposure_rows, tied_customers
from loyaltylab.analyses.study_data import StudyData, build_study_data
from loyaltylab.analyses.word_of_mouth import (
    CONTRAST,
    change,
    estimate_word_of_mouth,
    fit_neighbours,
    naive_word_of_mouth,
    neighbour_windows,
)
from loyaltylab.errors import NotEstimableError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver

BEGIN = pd.Timestamp("2020-01-01", tz="UTC")
ROUNDING = 1e-9  # days are made of microseconds
LEVEL = 0.95


def day(number: float | None) -> pd.Timestamp:
    return pd.NaT if number is None else BEGIN + pd.Timedelta(days=number)


def hand_made(**changes: object) -> StudyData:
    """Ann is tied to Bob, who leaves over service on day 100, and to Cy, who moves on day 150.

    Ann asks on day 170. Dee has no tie. Bob and Cy are tied to Ann.
    """
    lives = pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "cy", "dee"],
            "origin_at": [day(-50), day(-10), day(20), day(0)],
            "entry_at": [day(0), day(0), day(20), day(0)],
            "stop_at": [day(200), day(100), day(150), day(300)],
            "site": ["north"] * 4,
        }
    )
    exits = pd.DataFrame(
        {
            "customer_id": ["ann", "bob", "cy"],
            "requested_at": [day(170), day(60), None],
            "service_end_at": [day(200), day(100), day(150)],
            "cause_verified": ["price_competitor", "service", "life_event"],
        }
    )
    links = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "ann", "bob", "cy", "dee"],
            "neighbour_id": ["bob", "cy", "bob", "ann", "ann", "dee"],
        }
    )
    tables = {"exits": exits, "links": links, **changes}
    kept = {name: table for name, table in tables.items() if table is not None}
    return StudyData(kept, lives, pd.DataFrame(), BEGIN, day(300))


def test_customers_with_a_tie_are_followed_to_their_first_request() -> None:
    tied = tied_customers(hand_made())
    # Dee is tied to nobody but herself, and a tie told twice is one.
    assert tied.frame["customer_id"].tolist() == ["ann", "bob", "cy"]
    assert tied.frame["stop"].tolist() == pytest.approx([170, 60, 150], abs=ROUNDING)
    assert tied.frame["event"].tolist() == [True, True, False]
    assert tied.frame["component"].nunique() == 1
    assert tied.audit["without a tie"] == 1
    assert tied.audit["ties of customers studied"] == 4
    assert tied.audit["ties to somebody who left over service"] == 1
    assert tied.audit["ties to somebody who left by life event or failed payment"] == 1
    assert tied.audit["ties to somebody who left over price"] == 2  # Ann herself, to Bob and Cy


def test_a_request_seen_only_in_the_journey_counts_and_an_earlier_one_excludes() -> None:
    journey = pd.DataFrame(
        {
            "customer_id": ["ann", "ann", "cy"],
            "stepped_at": [day(90), day(95), day(10)],
            "step": ["looked_up", "requested", "requested"],
        }
    )
    data = hand_made(cancellation_journey=journey)
    tied = tied_customers(data)
    assert tied.frame["customer_id"].tolist() == ["ann", "bob"]
    assert tied.frame["stop"].tolist() == pytest.approx([95, 60], abs=ROUNDING)
    attempts = tied_customers(data, event="attempted")
    assert attempts.frame["stop"].iloc[0] == pytest.approx(90, abs=ROUNDING)


def test_rows_are_exposed_from_the_exit_on_and_not_before() -> None:
    rows = exposure_rows(
        tied_customers(hand_made()),
        windows={"before": (-30.0, 0.0), "recent": (0.0, 60.0)},
        clock="calendar",
        band_days=1000.0,
    )
    ann = rows[rows["customer_id"] == "ann"]
    # Bob leaves on day 100, Cy on day 150; her tenure began on day -50, so no band ends here.
    assert ann["start"].tolist() == pytest.approx([0, 70, 100, 120, 150, 160], abs=ROUNDING)
    assert ann["stop"].tolist() == pytest.approx([70, 100, 120, 150, 160, 170], abs=ROUNDING)
    assert ann["service before"].tolist() == [0, 1, 0, 0, 0, 0]
    assert ann["service recent"].tolist() == [0, 0, 1, 1, 1, 0]
    assert ann["control before"].tolist() == [0, 0, 0, 1, 0, 0]
    assert ann["control recent"].tolist() == [0, 0, 0, 0, 1, 1]
    assert ann["event"].tolist() == [False] * 5 + [True]


def test_both_clocks_count_the_same_days_in_bands_of_the_other() -> None:
    tied = tied_customers(hand_made())
    windows = {"recent": (0.0, 60.0)}
    calendar, tenure = (
        exposure_rows(tied, windows=windows, clock=clock, band_days=40.0)
        for clock in ("calendar", "tenure")
    )
    cy = calendar[calendar["customer_id"] == "cy"]
    assert cy["start"].tolist() == pytest.approx([20, 60, 100, 140], abs=ROUNDING)  # tenure 0, 40
    assert cy["band"].tolist() == [0, 1, 2, 3]
    cy = tenure[tenure["customer_id"] == "cy"]
    assert cy["start"].tolist() == pytest.approx([0, 20, 60, 100], abs=ROUNDING)  # day 20, 40
    assert cy["band"].tolist() == [0, 1, 2, 3]
    days = [
        (rows["stop"] - rows["start"]).groupby(rows["service recent"]).sum()
        for rows in (calendar, tenure)
    ]
    np.testing.assert_allclose(days[0], days[1], atol=ROUNDING)
    # Of 170 + 60 + 130 days at risk, Ann's 60 after Bob left are exposed.
    np.testing.assert_allclose(days[0].to_numpy(), [300, 60], atol=ROUNDING)


def test_a_customer_left_out_takes_their_ties_with_them() -> None:
    tied = tied_customers(hand_made())
    fewer = keep_customers(tied, np.array([False, True, True]))
    assert fewer.frame["customer_id"].tolist() == ["bob", "cy"]
    assert fewer.ties["place"].tolist() == [0, 1]
    assert fewer.ties["reason"].tolist() == ["price", "price"]


def test_follow_up_ends_when_the_site_gets_its_team() -> None:
    policies = pd.DataFrame(
        {
            "policy": ["integrated_team"],
            "site": ["north"],
            "value": [1.0],
            "effective_at": [day(80)],
        }
    )
    data = hand_made(policies=policies)
    tied = until_team(data, tied_customers(data))
    assert tied.frame["stop"].tolist() == pytest.approx([80, 60, 80], abs=ROUNDING)
    assert tied.frame["event"].tolist() == [False, True, False]
    with pytest.raises(NotEstimableError, match="no site got"):
        until_team(hand_made(), tied_customers(hand_made()))


@pytest.mark.parametrize("missing", ["links", "exits"])
def test_without_its_tables_nothing_is_estimated(missing: str) -> None:
    with pytest.raises(NotEstimableError, match=missing):
        tied_customers(hand_made(**{missing: None}))


def test_without_a_neighbour_who_left_nothing_is_estimated() -> None:
    data = hand_made()
    exits = data.tables["exits"].assign(cause_verified=None)
    with pytest.raises(NotEstimableError, match="no customer"):
        tied_customers(hand_made(exits=exits))


def test_without_dated_requests_nothing_is_estimated() -> None:
    exits = hand_made().tables["exits"].assign(requested_at=pd.NaT)
    exits["requested_at"] = pd.to_datetime(exits["requested_at"], utc=True)
    with pytest.raises(NotEstimableError, match="dated requests"):
        tied_customers(hand_made(exits=exits))


def test_with_too_few_requests_the_page_is_not_estimable() -> None:
    with pytest.raises(NotEstimableError, match="more requests"):
        analyse_word_of_mouth(hand_made(), memory_days=90.0, confidence_level=LEVEL)


def provider(*, seed: int, n_customers: int = 20_000, **parameters: float) -> StudyData:
    world = SyntheticParameters(n_customers=n_customers, team_rollout="staggered", **parameters)
    delivery = deliver(live_through(world, seed=seed, step_days=7))
    source = delivery.description
    return build_study_data(
        delivery.frames,
        window_start_at=source.window_start_at,
        window_end_at=source.window_end_at,
        memory_days=180.0,
    )


@pytest.fixture(scope="module")
def alike() -> StudyData:
    """Neighbours are much alike and nobody takes anybody along: the true ratio is 1."""
    return provider(seed=1, wom_hr=1.0, homophily_rho=0.99, beta_satisfaction=1.5)


@pytest.fixture(scope="module")
def talking() -> StudyData:
    return provider(seed=1, wom_hr=6.0)


def test_likeness_alone_fools_the_naive_ratio_and_not_the_contrast(alike: StudyData) -> None:
    naive = naive_word_of_mouth(alike, confidence_level=LEVEL)
    assert naive.ci_lower > 1
    found = estimate_word_of_mouth(alike, confidence_level=LEVEL)
    assert found.ci_lower < 1 < found.ci_upper
    assert found.unit == "ratio"


def test_exits_by_life_event_alone_do_not_carry_the_likeness(alike: StudyData) -> None:
    """Why the year before the exit is needed: life events strike everybody alike."""
    windows = neighbour_windows(memory_days=90.0)
    model = fit_neighbours(tied_customers(alike), windows=windows, confidence_level=LEVEL)
    before = model.ratio({"service before": 0.5, "service long before": 0.5})
    assert before.ci_lower > 1  # nobody has left yet, nothing has been said
    control = model.ratio({"control before": 0.5, "control long before": 0.5})
    assert control.ci_lower < 1 < control.ci_upper


def test_contagion_is_found(talking: StudyData) -> None:
    found = estimate_word_of_mouth(talking, confidence_level=LEVEL)
    assert found.ci_lower > 1


def test_the_contrast_is_the_ratio_of_the_two_changes(talking: StudyData) -> None:
    windows = neighbour_windows(memory_days=90.0)
    tied = tied_customers(talking)
    model = fit_neighbours(tied, windows=windows, confidence_level=LEVEL)
    contrast, service, control = (
        model.ratio(weights) for weights in (CONTRAST, change("service"), change("control"))
    )
    assert contrast.value == pytest.approx(service.value / control.value, rel=1e-12)
    # One model: the errors are joint, near those of independent parts but not the same.
    apart = math.hypot(service.standard_error, control.standard_error)
    assert contrast.standard_error == pytest.approx(apart, rel=0.1)
    assert contrast.n_events == min(service.n_events, control.n_events)


def test_the_order_of_rows_does_not_matter(small_study: StudyData) -> None:
    turned = replace(
        small_study,
        tables={
            name: table.iloc[::-1].reset_index(drop=True)
            for name, table in small_study.tables.items()
        },
        lives=small_study.lives.iloc[::-1].reset_index(drop=True),
    )
    one, other = (
        estimate_word_of_mouth(data, confidence_level=LEVEL) for data in (small_study, turned)
    )
    assert other.value == pytest.approx(one.value, rel=1e-8)
    assert other.standard_error == pytest.approx(one.standard_error, rel=1e-8)


def test_the_analysis_holds_everything_its_page_shows(small_study: StudyData) -> None:
    found = analyse_word_of_mouth(small_study, memory_days=90.0, confidence_level=LEVEL)
    assert found.contrast == estimate_word_of_mouth(small_study, confidence_level=LEVEL)
    assert found.naive == naive_word_of_mouth(small_study, confidence_level=LEVEL)
    assert [check.name for check in found.falsifications] == [
        "negative control exposure (exits by life event or failed payment)",
        "placebo date (half a year before the exit)",
    ]
    assert set(found.by_lag) == {"service", "price", "control"}
    assert "90 days" not in found.alternatives["days that count after the exit"]
    assert len(found.without_site) == small_study.lives["site"].nunique()
    studied = found.audit["customers studied"]
    assert found.exposed["customers"].max() < studied


def test_without_requests_while_exposed_the_ratio_is_refused(small_study: StudyData) -> None:
    windows = {"recent": (0.0, 90.0)}
    model = fit_neighbours(tied_customers(small_study), windows=windows, confidence_level=LEVEL)
    with pytest.raises(NotEstimableError, match="service before"):
        model.ratio({"service before": 1.0})
