"""Messages about failures: who is told, from when both are followed, what is counted, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from loyaltylab.analyses.message_cohort import (
    MESSAGE,
    TOLD,
    UNTOLD,
    failure_cohort,
    message_cohort,
    message_protocol,
)
from loyaltylab.analyses.message_contacts import check_contacts_before, count_contacts
from loyaltylab.analyses.proactive_messages import (
    THIS_PAGE,
    analyse_messages,
    check_at_once,
    judge_parts,
    naive_messages,
    vary_messages,
)
from loyaltylab.analyses.study_data import Cohort, StudyData, build_study_data
from loyaltylab.errors import NotEstimableError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.provider import deliver
from loyaltylab.survival import Estimate

MIDNIGHT = pd.Timestamp("2024-01-01", tz="UTC").as_unit("us")
HAND = 1e-9  # days and counts of a few customers: rounding to microseconds alone
HALF_A_MONTH = 15.21875


def at(days: list[float]) -> pd.Series:
    return MIDNIGHT + pd.Series(pd.to_timedelta(days, unit="D"))


@pytest.fixture(scope="module")
def told_by_lot() -> StudyData:
    """A provider without teams that tells half of its customers of failures, by lot."""
    parameters = SyntheticParameters(n_customers=3000, team_rollout="none", message_share=0.5)
    delivery = deliver(live_through(parameters, seed=5))
    return build_study_data(
        {name: table for name, table in delivery.frames.items() if name != "policies"},
        window_start_at=delivery.description.window_start_at,
        window_end_at=delivery.description.window_end_at,
        memory_days=180.0,
    )


def failures(**columns: list[float]) -> Cohort:
    """Five failures, detected at 3, 4, 10, 4 and 3.2 hours; a and c are told."""
    known = {
        "customer_id": list("abcde"),
        "index_at": at([3 / 24, 4 / 24, 10 / 24, 4 / 24, 3.2 / 24]),
        "detection_hour": [3.0, 4.0, 10.0, 4.0, 3.2],
        "start": 0.0,
        "stop": [400.0, 400.0, 50.0, 0.05, 400.0],
        "event": [False, False, True, True, False],
        "message_day": [0.1, np.nan, 2.0, np.nan, 5.0],
        "asked_day": [np.nan, np.nan, np.nan, np.nan, 0.08],
    }
    frame = pd.DataFrame({**known, **columns})
    return Cohort(frame, {"followed": 5, "site_has_its_team": 2, "total": 7})


def test_those_not_told_wait_as_long_as_those_told_at_their_hour() -> None:
    # b (4 h) is nearest to a (3 h), told after 0.1 days; so are d, who left on day 0.05, and e,
    # told only on day 5, who asked on day 0.08. c waits for its own message, 2 days.
    found = message_cohort(failures())
    assert found.frame["customer_id"].tolist() == ["a", "b", "c"]
    assert found.frame[MESSAGE].tolist() == [TOLD, UNTOLD, TOLD]
    np.testing.assert_allclose(found.frame["stop"], [399.9, 399.9, 48.0], atol=HAND)
    since = (found.frame["index_at"] - MIDNIGHT) / pd.Timedelta(hours=1)
    np.testing.assert_allclose(since, [3 + 2.4, 4 + 2.4, 10 + 48], atol=1e-6)
    assert found.audit == {
        "followed_from_the_message_or_its_moment_on": 3,
        "left_before": 1,
        "asked_before": 1,
        "site_has_its_team": 2,
        "total": 7,
    }


def test_who_asked_before_the_message_was_not_told_before_asking() -> None:
    told_late = message_cohort(failures(asked_day=[0.09, np.nan, np.nan, np.nan, np.nan]))
    assert told_late.frame["customer_id"].tolist() == ["b", "c", "e"]


def test_the_order_of_rows_plays_no_part() -> None:
    whole = failures()
    turned = message_cohort(Cohort(whole.frame[::-1].reset_index(drop=True), whole.audit))
    first = message_cohort(whole).frame
    pd.testing.assert_frame_equal(
        turned.frame.sort_values("customer_id", ignore_index=True), first, check_exact=True
    )


def test_late_messages_are_found_out() -> None:
    frame = message_cohort(failures()).frame
    # Of the two told, one was within six hours.
    late = check_at_once(frame)
    assert (late.status, "50 %" in late.shows) == ("failed", True)
    assert check_at_once(frame.assign(message_day=0.2)).status == "passed"


def test_contacts_are_counted_up_to_thirty_days_and_end_with_the_exit() -> None:
    # Ten customers a group, in pairs that differ in severity alike in both groups: weights 1.
    # Of those told one asks on day 3; of the others five on day 2, one of them also on day 29
    # and on day 31, which is too late. Nobody leaves: means 0.1 and 0.6, difference -0.5.
    n = 10
    frame = pd.DataFrame(
        {
            "customer_id": [f"{group}{number}" for group in "tu" for number in range(n)],
            "index_at": at([100.1] * 2 * n),
            "landmark_day": 0.1,
            "start": 0.0,
            "stop": 400.0,
            "event": False,
            MESSAGE: [TOLD] * n + [UNTOLD] * n,
            "severity": [0.0, 1.0] * n,
            "tenure_months": [1.0, 1.0, 2.0, 2.0, 3.0] * 4,
        }
    )
    asked = ["t0", *(f"u{number}" for number in range(5)), "u0", "u0"]
    contacts = pd.DataFrame(
        {"customer_id": asked, "opened_at": at([103.1, *[102.1] * 5, 129.1, 131.1])}
    )
    entry = [0.0] * (n + 4) + [80.0] * (n - 4)
    lives = pd.DataFrame({"customer_id": frame["customer_id"], "entry_at": at(entry)})
    before = pd.DataFrame(
        {"customer_id": ["u0", "u1", "t0", "t1"], "opened_at": at([90, 91, 92, 95])}
    )
    found = count_contacts(
        frame,
        pd.concat([contacts, before], ignore_index=True),
        lives,
        covariates=["severity"],
    )
    assert found.means[TOLD].value == pytest.approx(0.1, abs=HAND)
    assert found.means[UNTOLD].value == pytest.approx(0.6, abs=HAND)
    assert found.difference.value == pytest.approx(-0.5, abs=HAND)
    # In the 30 days before only u0 to u3 of those not told were observed throughout: 2 of 10
    # asked against 2 of 4, each in the weights of the others.
    assert found.before is not None
    assert found.before.value == pytest.approx(0.2 - 0.5, abs=HAND)
    assert count_contacts(frame, contacts, lives, covariates=["severity"]).before is None
    # Once u0 has left on day 20, its contact on day 29 is none: 5 of 10 remain.
    left = frame.assign(stop=np.where(frame["customer_id"] == "u0", 20.0, 400.0))
    left["event"] = left["customer_id"] == "u0"
    assert count_contacts(left, contacts, lives, covariates=["severity"]).difference.value == (
        pytest.approx(0.1 - 0.5, abs=HAND)
    )


def test_no_number_comes_without_the_tables_or_without_one_of_the_groups(
    told_by_lot: StudyData,
) -> None:
    tables = dict(told_by_lot.tables)
    outreach = tables["outreach"]
    silent = outreach[outreach["kind"] != "proactive_message"]
    with pytest.raises(NotEstimableError, match="proactive_message"):
        failure_cohort(replace(told_by_lot, tables={**tables, "outreach": silent}))
    del tables["incidents"]
    with pytest.raises(NotEstimableError, match="incidents"):
        failure_cohort(replace(told_by_lot, tables=tables))


def test_a_known_effect_on_contacts_is_found_and_none_on_exits(told_by_lot: StudyData) -> None:
    """A message spares a quarter of the contacts about a failure, nothing at exits that matters."""
    cohort = failure_cohort(told_by_lot)
    assert sum(cohort.audit.values()) == 2 * cohort.audit["total"]
    frame = message_cohort(cohort).frame
    found = analyse_messages(told_by_lot, frame)
    # 7 of 10 failures bring a contact, a quarter of them spared by a message, and some of those
    # would have come back: between .1 and .3 contacts fewer.
    gap = found.contacts.difference
    assert -0.3 < gap.value < -0.1
    assert gap.ci_upper < 0
    months = found.exits.contrast.restricted_mean_difference
    assert months.ci_lower < 0 < months.ci_upper
    parts = judge_parts(found, smallest_effect=HALF_A_MONTH)
    assert {name: part.verdict for name, part in parts.items()} == {
        "fewer contacts": "supported",
        "no more exits, not half a month lost": "supported",
    }
    assert found.contacts.e_value is not None
    assert found.contacts.strongest_confounder is not None
    exits, contacts = vary_messages(told_by_lot, cohort.frame, found)
    late = contacts["from 3 days after it on, by group"]
    # Contacts spared are those of the first day: three days later nothing is left of them.
    assert late.ci_lower < 0 < late.ci_upper
    assert len({*exits}) == 4
    assert max(abs(one.value - exits[THIS_PAGE].value) for one in exits.values()) < 2
    # Immortal time makes those ever told stay much longer.
    assert naive_messages(told_by_lot, cohort.frame).ci_lower > 20


def test_a_control_that_differs_fails() -> None:
    apart = Estimate(-0.2, 0.05, -0.3, -0.1, 0.95, 900, 300, "events per customer", "by hand")
    assert check_contacts_before(apart).status == "failed"
    assert check_contacts_before(replace(apart, ci_upper=0.1)).status == "passed"
    assert check_contacts_before(None).status == "not run"


def test_the_protocol_says_what_differs_from_the_trial() -> None:
    told = message_protocol(horizon_months=12)
    assert "12 months" in told.follow_up_end.emulation
    assert "12 months" in told.follow_up_end.target_trial
