"""What customers feel between events: how it fades, and what leaving would cost them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from loyaltylab.sources.synthetic.calendar import DAYS_PER_MONTH
from loyaltylab.sources.synthetic.draws import Floats
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.sources.synthetic.state import AFFECTIVE_TARGET

DEBITS_SHARE = 0.4  # of customers who have many direct debits, and of those who have few
POINTS_WEIGHT, SWITCHING_WEIGHT, TERM_WEIGHT = 0.35, 0.25, 0.3


def let_feelings_fade(run: Run) -> None:
    """Satisfaction returns to fit, affective commitment follows it, the rest fades to zero.

    Then what was said yesterday is heard: about neighbours who left, and in public.
    """
    state, parameters, fit = run.state, run.parameters, run.traits.fit
    lasting = run.kept(parameters.satisfaction_half_life_d)
    state.satisfaction = fit + (state.satisfaction - fit) * lasting
    target = AFFECTIVE_TARGET * state.satisfaction
    lasting = run.kept(parameters.affective_half_life_d)
    state.affective = target + (state.affective - target) * lasting
    state.grievance *= run.kept(parameters.grievance_half_life_d)
    state.residual *= run.kept(parameters.residual_half_life_d)
    state.pressure *= np.exp(-run.span / parameters.wom_decay_d)
    is_silent = run.is_forcing and run.world.word_of_mouth is False
    heard = run.words.hear(is_silent=is_silent, span=run.span)
    if heard is not None:
        state.pressure += heard
    state.grievance += parameters.post_outrage * run.words.outrage


def count_tenure_months(run: Run) -> Floats:
    """Months since each customer's contract began; without a contract it means nothing."""
    return np.asarray((run.day - run.state.start_day) / DAYS_PER_MONTH)


def _switching_cost(run: Run) -> Floats:
    """Of everybody; a world can move it for those who gave a bad rating."""
    cost = run.traits.switching_cost
    if run.world.direct_debits is None or not run.is_forcing:
        return cost
    rank = ndtr(cost) * DEBITS_SHARE
    moved = ndtri(rank if run.world.direct_debits == "low" else 1 - DEBITS_SHARE + rank)
    return np.where(np.isfinite(run.milestones.days["first_bad_rating"]), moved, cost)


def calculative_commitment(run: Run) -> Floats:
    """What leaving would cost: points saved, switching cost, months left in the first term."""
    parameters = run.parameters
    tenure_months = count_tenure_months(run)
    points = parameters.points_share * np.clip(tenure_months, 0, parameters.points_life_months)
    term_left = np.clip(parameters.first_term_months - tenure_months, 0, None)
    return np.asarray(
        POINTS_WEIGHT * np.log1p(points)
        + SWITCHING_WEIGHT * _switching_cost(run)
        + TERM_WEIGHT * term_left / 12
    )
