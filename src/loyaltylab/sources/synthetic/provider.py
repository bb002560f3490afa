"""A provider with its customers, simulated day by day, as a source with known truth."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from loyaltylab.errors import ParameterError
from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic.day import live_through
from loyaltylab.sources.synthetic.frames import deliver_frames, hash_frames
from loyaltylab.sources.synthetic.run import Run
from loyaltylab.tables.delivery import Delivery, SourceDescription
from loyaltylab.tables.schemas import TABLES

FEWEST_CUSTOMERS, LANES = 50, 4
NOTES = (
    "No customer in these data is real: a simulation with known effects wrote every row.",
    "Stock customers are drawn as they stand at the window's start, with up to 48 months behind "
    "them; earlier leavers were never drawn, and stock is no hardier than newcomers.",
    "A request to cancel is dated at the step 'requested'; the desk, if any, meets it after "
    "that, and service ends after notice, at the end of a term if the rules say so. Some of the "
    "stock had asked before the window: their exits carry that earlier date.",
    "Who meets the retention desk, what compensation is offered and who is cancelled on are "
    "drawn by lot, so their contrasts are free of confounding by construction.",
    "Vouchers can be used only by customers, before they expire; leaving forfeits them.",
    "Neighbours resemble each other and also influence each other's wish to leave.",
    "Dormant leavers lapse when their card is replaced: they never asked to leave, and billing "
    "states a failed payment.",
    "The bot closes every question it keeps, also those it did not solve.",
)


def simulate_provider(parameters: SyntheticParameters, *, seed: int) -> Delivery:
    """Simulate a subscription provider and deliver its tables.

    Parameters
    ----------
    parameters : SyntheticParameters
        What the provider is built from.
    seed : int
        Seed of the world. The same seed and parameters give the same bytes anywhere; the same
        seed under another policy gives the same customers and the same luck.

    Returns
    -------
    Delivery
        Every table of ``tables.schemas``, rows in order of time, index from 1.

    Notes
    -----
    Time moves in days; rates are per month of 30.4375 days. The order of a day is that of
    ``day.live_one_day``. An unrecorded year before the window brings the stock's feelings,
    wishes to leave and notices given to a steady state; in it nobody's contract ends.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> delivery = simulate_provider(SyntheticParameters(n_customers=50), seed=1)
    >>> len(delivery.frames["customers"])
    50
    """
    return deliver(live_through(parameters, seed=seed))


def simulate_in_parts(
    parameters: SyntheticParameters, *, seed: int, part_size: int = 50_000, step_days: int = 7
) -> Iterator[Delivery]:
    """Simulate many customers block by block, so that only one block is ever held.

    Parameters
    ----------
    parameters : SyntheticParameters
        ``n_customers`` is the number in all parts together.
    seed : int
        A customer's traits and luck are those of the same seed in one piece.
    part_size : int
        Customers per part, a multiple of 4; a last part under 50 joins the one before.
    step_days : int
        Days a step stands for.

    Yields
    ------
    Delivery
        The tables of one part. Identifiers are unique over the parts: each starts with the
        part's number.

    Raises
    ------
    ParameterError
        If ``part_size`` is no multiple of 4, or below 50.

    Notes
    -----
    Every part is a region: it has the same sites and agents, but a queue of its own, staffed for
    its own customers, and neighbours and public complaints stay within it. Load, being relative
    to capacity, is the same on average as in one piece, with the noise of a part's size.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> parts = simulate_in_parts(SyntheticParameters(n_customers=120), seed=1, part_size=60)
    >>> [len(part.frames["customers"]) for part in parts]
    [60, 60]
    """
    if part_size % LANES or part_size < FEWEST_CUSTOMERS:
        raise ParameterError(
            f"part_size must be a multiple of {LANES} and at least {FEWEST_CUSTOMERS}, "
            f"got {part_size}."
        )
    first, number = 0, 0
    while first < parameters.n_customers:
        left = parameters.n_customers - first
        size = left if left < part_size + FEWEST_CUSTOMERS else part_size
        part = parameters.model_copy(update={"n_customers": size})
        run = live_through(part, seed=seed, step_days=step_days, first_customer=first)
        number += 1
        yield deliver(run, part=number)
        first += size


def deliver(run: Run, *, part: int | None = None) -> Delivery:
    """The tables of a run that was recorded."""
    frames = deliver_frames(run, prefix="" if part is None else f"{part}-")
    return Delivery(
        description=_describe(run.parameters, data_hash=hash_frames(frames)),
        frames=frames,
        files={table: f"synthetic:{table}" for table in TABLES},
    )


def _describe(parameters: SyntheticParameters, *, data_hash: str) -> SourceDescription:
    return SourceDescription(
        kind="synthetic",
        label="synthetic subscription provider",
        is_synthetic=True,
        window_start_at=pd.Timestamp(parameters.window_start, tz="UTC"),
        window_end_at=pd.Timestamp(parameters.window_end, tz="UTC"),
        data_hash=data_hash,
        notes=NOTES,
    )
