"""Single rules of the provider, each against arithmetic done by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import known_effects
from loyaltylab.sources.synthetic.calendar import make_calendar, probability
from loyaltylab.sources.synthetic.desks import set_end
from loyaltylab.sources.synthetic.draws import (
    Draws,
    lognormal_quantile,
    pick,
    poisson_quantile,
)
from loyaltylab.sources.synthetic.feelings import let_feelings_fade
from loyaltylab.sources.synthetic.journal import Journal
from loyaltylab.sources.synthetic.run import Run, found_run

ROUNDING = 1e-12  # one operation of double precision, with room


@pytest.fixture
def run() -> Run:
    return found_run(SyntheticParameters(n_customers=50), seed=1)


def test_draws_are_the_same_on_every_machine() -> None:
    """Philox words are integers: these three numbers hold wherever numpy runs."""
    first = Draws(1, n_customers=3).uniform("incident", day=0)
    assert first.tolist() == [0.8374157846674557, 0.7364770740311839, 0.7878044651493896]


def test_draws_depend_on_seed_stream_and_day_but_not_on_length_or_order() -> None:
    draws = Draws(1, n_customers=100)
    later = draws.uniform("contact", day=7)
    draws.uniform("incident", day=3)
    assert (draws.uniform("contact", day=7) == later).all()
    assert (Draws(1, n_customers=300).uniform("contact", day=7)[:100] == later).all()
    for other in (
        draws.uniform("contact", day=8),
        draws.uniform("incident", day=7),
        Draws(2, n_customers=100).uniform("contact", day=7),
    ):
        assert not np.isin(other, later).any()


def test_draws_are_uniform_and_normal() -> None:
    draws = Draws(9, n_customers=40_000)
    uniform, normal = draws.uniform("any"), draws.normal("any")
    assert 0 < uniform.min() < uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 40_000))
    assert normal.mean() == pytest.approx(0.0, abs=4 / np.sqrt(40_000))
    assert normal.std() == pytest.approx(1.0, abs=4 / np.sqrt(80_000))


def test_pick_follows_the_shares() -> None:
    """Shares .2, .3, .5: numbers below .2 are option 0, below .5 option 1, others option 2."""
    assert pick(np.array([0.0, 0.19, 0.2, 0.49, 0.5, 0.99]), (0.2, 0.3, 0.5)).tolist() == [
        0, 0, 1, 1, 2, 2,
    ]  # fmt: skip


def test_pick_never_takes_an_option_of_share_zero() -> None:
    assert set(pick(np.linspace(0.001, 0.999, 99), (0.0, 1.0, 0.0, 0.0))) == {1}


def test_lognormal_quantile_at_the_median_and_one_sigma() -> None:
    """The 84.134 % quantile is the median times e to the sigma: 4 e^.6 = 7.2885."""
    at = np.array([0.5, 0.8413447460685429])
    assert lognormal_quantile(at, median=4.0, sigma=0.6) == pytest.approx([4.0, 7.288475], rel=1e-6)


def test_handoffs_follow_a_capped_poisson() -> None:
    """Mean .6: P(0) = .5488, P(<=1) = .8781, P(<=2) = .9769, the rest are 3."""
    uniform = np.array([0.54, 0.56, 0.87, 0.89, 0.976, 0.978, 0.9999])
    assert poisson_quantile(uniform, mean=0.6, most=3).tolist() == [0, 1, 1, 2, 2, 3, 3]
    assert poisson_quantile(np.array([0.9999]), mean=0.0, most=3).tolist() == [0]


def test_daily_probability_compounds_to_the_monthly_one() -> None:
    daily = float(probability(0.1))
    assert 1 - (1 - daily) ** 30.4375 == pytest.approx(1 - np.exp(-0.1), rel=ROUNDING * 100)


def test_calendar_counts_days_from_the_window_start() -> None:
    """2018, 2019 and 2020 have 365 + 365 + 366 days, and 1 July is 181 days into 2021: 1277."""
    calendar = make_calendar(SyntheticParameters())
    assert calendar.reform == 1277
    assert calendar.n_days == 1825
    assert int(calendar.instant(1.5)) == calendar.window_start_us + 36 * 3_600_000_000


@pytest.mark.parametrize(
    ("day", "is_consumer", "started", "end"),
    [
        # First year: day 100 + 30 days' notice = 130 < 365, so the term's end, gone by 366.
        (100, True, 0, 366),
        # Asked on day 350, notice runs to 380 > 365: the renewed term holds until 730.
        (350, True, 0, 731),
        # Day 400 of a renewed term, before the reform: until 730.
        (400, True, 0, 731),
        # After the reform a consumer past the first term owes notice only: 1300 + 30.
        (1300, True, 0, 1331),
        # A business customer does not: 1330 lies in the fourth year, which ends at 1460.
        (1300, False, 0, 1461),
        # After the reform, within the first term (day 1200 + 365 = 1565): the term holds.
        (1300, True, 1200, 1566),
        # After the reform, notice running past the first term: 1551 + 30 = 1581 > 1565.
        (1551, True, 1200, 1582),
    ],
)
def test_service_ends_after_notice_and_term(
    run: Run, day: int, is_consumer: bool, started: int, end: int
) -> None:
    who = np.flatnonzero(run.traits.is_consumer == is_consumer)[:1]
    run.day = day
    run.state.start_day[who] = started
    set_end(run, customers=who, requested_at=run.calendar.instant(np.array([day + 0.9])))
    assert run.state.end_day[who].tolist() == [end]


def test_feelings_halve_in_their_half_lives(run: Run) -> None:
    run.state.satisfaction[:] = run.traits.fit + 1.0
    run.state.grievance[:], run.state.residual[:], run.state.pressure[:] = 1.0, 1.0, 1.0
    for _ in range(30):
        let_feelings_fade(run)
    assert run.state.pressure == pytest.approx(np.exp(-1.0), rel=1e-9)
    for _ in range(90):
        let_feelings_fade(run)
    assert run.state.satisfaction - run.traits.fit == pytest.approx(0.5, rel=1e-9)
    for _ in range(60):
        let_feelings_fade(run)
    assert run.state.grievance == pytest.approx(0.5, rel=1e-9)
    assert run.state.residual == pytest.approx(0.5, rel=1e-9)


def test_journal_numbers_rows_and_takes_amendments_in_order() -> None:
    journal = Journal()
    assert journal.record("t", a=np.array([5, 6]), b="x").tolist() == [0, 1]
    assert journal.record("t", a=np.array([7]), b="yy").tolist() == [2]
    journal.amend("t", np.array([0, 2]), a=np.array([8, 9]))
    journal.amend("t", np.array([2]), a=0)
    columns = journal.columns("t")
    assert columns["a"].tolist() == [8, 6, 0]
    assert columns["b"].tolist() == ["x", "x", "yy"]
    assert journal.columns("empty") == {}


def test_every_parameter_has_a_meaning_and_a_unit() -> None:
    parameters = SyntheticParameters(denial_prob=0.5)
    effects = {effect.name: effect for effect in known_effects(parameters)}
    assert set(effects) == set(SyntheticParameters.model_fields)
    assert effects["denial_prob"].value == "0.5"
    assert effects["compensation_shares"].value.startswith("refund 0.25, voucher 0.25")
    assert all(effect.meaning and effect.unit for effect in effects.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_end": date(2017, 1, 1)},
        {"shock_end": date(2019, 1, 1)},
        {"reform_announced": date(2022, 1, 1)},
        {"compensation_shares": {"refund": 0.5, "voucher": 0.4}},
        {"compensation_shares": {"gift": 1.0}},
        {"denial_prob": 1.2},
        {"n_customers": 10},
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SyntheticParameters(**wrong)
