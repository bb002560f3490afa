"""Simulate a world for its outcomes alone, on the engine that also writes the tables."""

from __future__ import annotations

import numpy as np

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.run import Run, plan_teams
from loyaltylab.sources.synthetic.worlds import World, WorldOutcome


def simulate_world(
    parameters: SyntheticParameters, *, seed: int, world: World | None = None, step_days: int = 1
) -> WorldOutcome:
    """Simulate a provider under forced strategies; no tables, only what came of it.

    Parameters
    ----------
    parameters : SyntheticParameters
        What the provider is built from.
    seed : int
        The same seed gives the same customers and the same luck in every world.
    world : World, optional
        What is forced; nothing by default.
    step_days : int
        Days a step stands for: 1, or 7 for speed.

    Returns
    -------
    WorldOutcome

    Raises
    ------
    ParameterError
        If the recorded environment is not that of the same number of steps.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> small = SyntheticParameters(n_customers=60)
    >>> base = simulate_world(small, seed=1, step_days=7)
    >>> twin = World(desk="none", environment=base.environment)
    >>> outcome = simulate_world(small, seed=1, world=twin, step_days=7)
    >>> bool((outcome.first_cancellation_day == base.first_cancellation_day).all())
    True
    """
    if step_days < 1:
        raise ParameterError(f"step_days must be at least 1, got {step_days}.")
    run = live_through(parameters, seed=seed, world=world, step_days=step_days, is_recording=False)
    return read_outcome(run)


def read_outcome(run: Run) -> WorldOutcome:
    """What came of a run, one row per customer."""
    milestones = run.milestones
    days = {f"{name}_day": values for name, values in milestones.days.items()}
    n_window_steps = -(-run.calendar.n_days // run.step_days)
    tenure = np.where(run.traits.is_stock, -np.floor(run.traits.start), 0.0)
    planned = plan_teams(run.parameters, world=World(), staff=run.staff)[run.traits.site]
    return WorldOutcome(
        world=run.world,
        n_days=run.calendar.n_days,
        step_days=run.step_days,
        tenure_days=tenure,
        go_live_day=np.where(planned < run.calendar.n_days, planned.astype(np.float64), np.inf),
        exit_cause=milestones.exit_cause,
        exit_grievance=milestones.exit_grievance,
        n_contacts=milestones.n_contacts,
        n_contacts_month=milestones.n_contacts_month,
        n_denials=milestones.n_denials,
        dormant_share=np.array(run.dormant_shares[-n_window_steps:]),
        environment=run.words.recorded(load=run.queue.history),
        **days,
    )
