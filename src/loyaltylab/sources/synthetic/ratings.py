"""What the provider measures of feelings: ratings after contacts, and surveys in waves."""

from __future__ import annotations

import numpy as np

from loyaltylab.sources.synthetic.calendar import DAY_US, NOT_A_TIME, Instants
from loyaltylab.sources.synthetic.draws import Floats, logistic, normal_quantile
from loyaltylab.sources.synthetic.feelings import calculative_commitment
from loyaltylab.sources.synthetic.handling import WAIT_SCALE, Handled
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.traits import Flags, Integers

SURVEYS_WITHIN = (0.10, 0.78)
LONGEST_ANSWER_DAYS = 10
RESPONSE_BY_SATISFACTION = 0.2
# Centre and spread of the true constructs among customers: 4 is the middle of a 7-point scale.
SCALES = {"satisfaction": (-0.1, 0.55), "affective": (-0.05, 0.27), "calculative": (0.1, 0.28)}
MIDDLE, POINTS_PER_SD, LOWEST, HIGHEST = 4.0, 1.2, 1.0, 7.0


def rate(run: Run, *, contacts: Handled, which: Flags) -> Floats:
    """Good (1) or bad (0) from those who answer, which the satisfied do a little more; else nan.

    ``which`` says whose contacts can be rated; the first bad rating is noted.
    """
    parameters, who = run.parameters, contacts.customers
    satisfaction = run.state.satisfaction[who]
    response = parameters.rating_response * np.exp(parameters.k_nr * satisfaction)
    answers = which & ~contacts.has_hung_up & (run.luck("rating.answered", who) < response)
    logit = (
        1.6
        + 1.2 * contacts.is_resolved
        - 1.0 * contacts.is_unresolved
        - 1.6 * contacts.is_denied
        + 0.5 * satisfaction
        - 0.25 * contacts.handoffs
        - 0.35 * np.log1p(contacts.wait_minutes / WAIT_SCALE)
        + parameters.lenience_logit * run.calendar.in_shock(run.day)
    )
    is_good = run.luck("rating.good", who) < logistic(logit)
    run.milestones.reach("first_bad_rating", who[answers & ~is_good], day=run.day)
    return np.where(answers, is_good.astype(np.float64), np.nan)


def date_ratings(
    run: Run, *, customers: Integers, rating: Floats, done: Instants
) -> tuple[Floats, Instants]:
    """Ratings and when they come: within a day of the handling; those after the window are lost."""
    rated_at = done + np.floor(DAY_US * run.luck("rating.at", customers)).astype(np.int64)
    is_known = ~np.isnan(rating) & (rated_at < run.calendar.window_end_us)
    return np.where(is_known, rating, np.nan), np.where(is_known, rated_at, NOT_A_TIME)


def send_surveys(run: Run) -> None:
    """A lot decides who is asked; satisfied customers answer a little more often."""
    parameters = run.parameters
    if not run.journal.is_kept or not parameters.survey_rate_pm:
        return
    is_asked = run.strikes("survey", rate_pm=parameters.survey_rate_pm) & run.state.is_active
    who = np.flatnonzero(is_asked)
    satisfaction = run.state.satisfaction[who]
    response = parameters.survey_response * np.exp(RESPONSE_BY_SATISFACTION * satisfaction)
    invited = run.stamp("survey.at", who, within=SURVEYS_WITHIN)
    delay = 1 + np.floor(LONGEST_ANSWER_DAYS * DAY_US * run.luck("survey.delay", who))
    answered = invited + delay.astype(np.int64)
    answers = run.luck("survey.answered", who) < response
    answers &= answered < run.calendar.window_end_us
    truth = {
        "satisfaction": satisfaction,
        "affective": run.state.affective[who],
        "calculative": calculative_commitment(run)[who],
    }
    scores = {
        f"{name}_score": np.where(answers, _score(run, name=name, who=who, true=true), np.nan)
        for name, true in truth.items()
    }
    run.journal.record(
        "surveys",
        customer_id=who,
        invited_at=invited,
        answered_at=np.where(answers, answered, NOT_A_TIME),
        **scores,
    )


def _score(run: Run, *, name: str, who: Integers, true: Floats) -> Floats:
    """Mean of a construct's items on a 7-point scale, with measurement error."""
    centre, spread = SCALES[name]
    reliability = run.parameters.survey_reliability
    noise = normal_quantile(run.luck(f"survey.{name}", who))
    standard = np.sqrt(reliability) * (true - centre) / spread + np.sqrt(1 - reliability) * noise
    return np.round(np.clip(MIDDLE + POINTS_PER_SD * standard, LOWEST, HIGHEST), 2)
