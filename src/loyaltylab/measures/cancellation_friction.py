"""Cancellation friction: attempts from the journey, and the rule in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from loyaltylab.errors import NotEstimableError
from loyaltylab.measures.jumps import forget_after, jump

FRICTION_POLICY = "cancellation_friction"
MEANINGS = {
    "recent_abandoned_attempts": "attempts to cancel given up in the last {memory_days:g} days",
    FRICTION_POLICY: "friction of the cancellation route in force, 0 none to 1 most",
}
CARRIED = (FRICTION_POLICY,)


@dataclass(frozen=True)
class Reform:
    """A day on which leaving was made easier for some customers.

    Attributes
    ----------
    effective_at : pandas.Timestamp
        When it took effect.
    covered, exempt : str
        The segment it covers, and the largest one whose rule never changed.
    friction_before, friction_after : float
        The covered segment's friction, 0 to 1.
    also_changed : tuple of str
        Other policies of the covered segment, at any site, that changed or first took effect at
        the same moment, in alphabetical order. The reform's effect cannot be told from theirs.
    announced_at : pandas.Timestamp or None
        When it was announced, if on file; some may have acted on it before it took effect.
    """

    effective_at: pd.Timestamp
    covered: str
    exempt: str
    friction_before: float
    friction_after: float
    also_changed: tuple[str, ...] = ()
    announced_at: pd.Timestamp | None = None


def find_reform(policies: pd.DataFrame, customers: pd.DataFrame) -> Reform:
    """The first reform that lowered the friction of one segment and not of another.

    A rule without a segment is the rule of every segment, until one of its own follows. Rules
    of single sites do not make a reform of a segment.

    Parameters
    ----------
    policies, customers : pandas.DataFrame
        Valid tables.

    Returns
    -------
    Reform

    Raises
    ------
    NotEstimableError
        If no segment's friction was lowered, or none was left as it was.
    """
    sizes = customers["segment"].value_counts()
    changes = {str(segment): _changes(policies, str(segment)) for segment in sorted(sizes.index)}
    friction = {
        segment: found[
            (found["policy"] == FRICTION_POLICY) & found["site"].isna() & found["before"].notna()
        ]
        for segment, found in changes.items()
    }
    lowered = [
        (line.effective_at, segment, float(line.before), float(line.value))
        for segment, found in friction.items()
        for line in found[found["value"] < found["before"]].itertuples()
    ]
    if not lowered:
        raise NotEstimableError(
            f"Not estimable: needs a reform, that is a row of policies with policy "
            f"'{FRICTION_POLICY}' that lowers the value of one segment of customers at all sites."
        )
    effective_at, covered, before, after = min(lowered)
    unchanged = [segment for segment, found in friction.items() if found.empty]
    if not unchanged:
        raise NotEstimableError(
            "Not estimable: needs a segment of customers that the reform does not cover."
        )
    at_once = changes[covered][changes[covered]["effective_at"] == effective_at]
    announced = at_once.loc[at_once["policy"] == FRICTION_POLICY, "announced_at"].min()
    return Reform(
        effective_at=effective_at,
        covered=covered,
        exempt=min(unchanged, key=lambda segment: (-sizes[segment], segment)),
        friction_before=before,
        friction_after=after,
        also_changed=tuple(sorted(set(at_once["policy"]) - {FRICTION_POLICY})),
        announced_at=None if pd.isna(announced) else announced,
    )


def _changes(policies: pd.DataFrame, segment: str) -> pd.DataFrame:
    """Rules of a segment whose value differs from the one before, with that value."""
    is_mine = (policies["segment"].isna() | (policies["segment"] == segment)).fillna(False)
    rules = _in_force(policies[is_mine], by=["policy", "site"])
    before = rules.groupby(["policy", "site"], dropna=False)["value"].shift()
    return rules.assign(before=before)[rules["value"] != before]


def cancellation_attempts(journey: pd.DataFrame) -> pd.DataFrame:
    """One row per attempt to cancel.

    Parameters
    ----------
    journey : pandas.DataFrame
        The cancellation_journey table: one row per step.

    Returns
    -------
    pandas.DataFrame
        ``attempt_id``, ``customer_id``, ``index_at`` (first step), ``last_at``, ``channel`` (of
        the first step), ``n_steps``, ``wait_minutes`` (sum; missing if no step has any),
        ``is_abandoned``, ``desk`` (the last one met). At ``index_at`` only the channel is known;
        the rest is known from ``last_at`` on.
    """
    ordered = journey.sort_values(["attempt_id", "step_number"], kind="stable")
    by_attempt = ordered.groupby("attempt_id", sort=False)
    attempts = by_attempt.agg(
        customer_id=("customer_id", "first"),
        index_at=("stepped_at", "min"),
        last_at=("stepped_at", "max"),
        channel=("channel", "first"),
        n_steps=("step_number", "size"),
        wait_minutes=("wait_minutes", "sum"),
        is_abandoned=("is_abandoned", "max"),
        desk=("desk", "last"),
    )
    has_wait = by_attempt["wait_minutes"].count() > 0
    attempts = attempts.assign(wait_minutes=attempts["wait_minutes"].where(has_wait))
    return attempts.reset_index().sort_values(["index_at", "attempt_id"], ignore_index=True)


def cancellation_friction_jumps(
    tables: Mapping[str, pd.DataFrame], *, memory_days: float
) -> list[pd.DataFrame]:
    """Jumps of friction covariates that the tables allow."""
    found = []
    if "cancellation_journey" in tables:
        attempts = cancellation_attempts(tables["cancellation_journey"])
        given_up = attempts[attempts["is_abandoned"].astype(bool)]
        found.append(
            jump(
                given_up,
                covariate="recent_abandoned_attempts",
                at="last_at",
                until=forget_after(given_up["last_at"], memory_days),
            )
        )
    if "policies" in tables:
        found.append(policy_jumps(tables["policies"], tables["customers"]))
    return found


def policy_jumps(
    policies: pd.DataFrame, customers: pd.DataFrame, *, policy: str = FRICTION_POLICY
) -> pd.DataFrame:
    """The rule in force for each customer by date, as jumps from one value to the next.

    A customer without segment or site has only the rules for all of them. Of several rules at
    one moment the one for the fewest customers holds.

    Parameters
    ----------
    policies, customers : pandas.DataFrame
        Valid tables.
    policy : str
        Which policy; the covariate bears its name. Name it among ``carried`` of
        :func:`loyaltylab.timeline.split_at_jumps`: a rule is unknown before it is first stated.

    Returns
    -------
    pandas.DataFrame
        As from :func:`loyaltylab.measures.jumps.jump`.
    """
    rules = policies[policies["policy"] == policy]
    pairs = rules.merge(
        customers[["customer_id", "segment", "site"]], how="cross", suffixes=("", "_of_customer")
    )
    applies = (pairs["segment"].isna() | (pairs["segment"] == pairs["segment_of_customer"])) & (
        pairs["site"].isna() | (pairs["site"] == pairs["site_of_customer"])
    )
    mine = _in_force(pairs[applies.fillna(False)], by=["customer_id"])
    change = mine.groupby("customer_id")["value"].diff().fillna(mine["value"])
    return jump(
        mine.assign(change=change),
        covariate=policy,
        at="effective_at",
        change="change",
        keep_zeros=True,
    )


def _in_force(rules: pd.DataFrame, *, by: list[str]) -> pd.DataFrame:
    """Rules in order of time; of several at one moment, the one for the fewest customers."""
    scope = rules[["segment", "site"]].notna().sum(axis="columns")
    order = [*by, "effective_at"]
    ordered = rules.assign(scope=scope).sort_values([*order, "scope", "value"], kind="stable")
    return ordered.drop_duplicates(order, keep="last").drop(columns="scope")
