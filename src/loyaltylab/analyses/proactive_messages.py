"""H18: does telling customers of a failure before they ask spare contacts, or exits?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from loyaltylab.analyses.adjusted import (
    AdjustedAnalysis,
    analyse_cohort,
    contrast_adjusted,
    contrast_unadjusted,
)
from loyaltylab.analyses.message_cohort import (
    DAY,
    FURTHER,
    MESSAGE,
    TOLD,
    UNTOLD,
    WITHIN_DAYS,
)
from loyaltylab.analyses.message_contacts import (
    ContactCounts,
    check_contacts_before,
    compare_counts,
    count_contacts,
    weigh_groups,
)
from loyaltylab.analyses.study_data import DAYS_PER_MONTH, StudyData, need
from loyaltylab.designs import (
    Strategy,
    clone_censor_weight,
    expand_covariates,
)
from loyaltylab.findings import Check, Evidence, Judgement, decide
from loyaltylab.survival import Estimate

HORIZON_MONTHS = 12.0
CONTACTS_THAT_MATTER = 0.1  # per customer in 30 days; as declared in hypotheses.yaml
AT_ONCE_DAYS, AT_ONCE_SHARE = 0.25, 0.95
NAIVE_REASON = (
    "ever told of a failure against never, from the first failure: whoever stays longer has more "
    "failures, and so more chances of being told (immortal time)"
)
THIS_PAGE = "from the message or its moment (this page)"


@dataclass(frozen=True, eq=False)
class MessageAnalysis:
    """Told of a failure before asking against not told, and what was held against it.

    Attributes
    ----------
    exits : AdjustedAnalysis
        The end of service for any cause, in days up to the horizon.
    contacts : ContactCounts
    at_once : Check
        Whether messages go out so soon that the groups are formed by no later event.
    """

    exits: AdjustedAnalysis
    contacts: ContactCounts
    at_once: Check


def analyse_messages(
    data: StudyData,
    frame: pd.DataFrame,
    *,
    horizon_months: float = HORIZON_MONTHS,
    confidence_level: float = 0.95,
) -> MessageAnalysis:
    """Contacts and exits from the message, or its moment, on, adjusted.

    Parameters
    ----------
    data : StudyData
    frame : pandas.DataFrame
        As from :func:`loyaltylab.analyses.message_cohort.message_cohort`.
    horizon_months : float
        Of the restricted mean.
    confidence_level : float

    Raises
    ------
    EstimationError
        If a group has nobody, or as :func:`doubly_robust_contrast`.
    """
    exits = analyse_cohort(
        frame,
        group=MESSAGE,
        exposed=TOLD,
        reference=UNTOLD,
        further=FURTHER,
        horizon_months=horizon_months,
        months=(1, 3, horizon_months),
        with_g_formula=False,
        confidence_level=confidence_level,
    )
    contacts = count_contacts(
        frame,
        data.tables["contacts"],
        data.lives,
        covariates=exits.covariates,
        confidence_level=confidence_level,
    )
    return MessageAnalysis(exits, contacts, check_at_once(frame))


def check_at_once(frame: pd.DataFrame) -> Check:
    """Whether nearly all who were told in time were told within hours.

    Not to have been told is known only after three days. Where messages come late, those who are
    still to be told are missing among those not told, for a reason that lies after time zero.
    """
    days = frame.loc[frame[MESSAGE] == TOLD, "message_day"]
    share = float((days <= AT_ONCE_DAYS).mean())
    return Check(
        "messages go out at once",
        "passed" if share >= AT_ONCE_SHARE else "failed",
        f"Of the messages within {WITHIN_DAYS:g} days, {100 * share:.0f} % went out within "
        f"{24 * AT_ONCE_DAYS:g} hours of the detection; rule: at least "
        f"{100 * AT_ONCE_SHARE:.0f} %.",
    )


def judge_parts(analysis: MessageAnalysis, *, smallest_effect: float) -> dict[str, Judgement]:
    """Both parts of the decision: fewer contacts, and no more exits.

    Parameters
    ----------
    analysis : MessageAnalysis
    smallest_effect : float
        Loss of days retained that would matter.
    """
    exits, contacts = analysis.exits, analysis.contacts
    diagnostics = (*exits.diagnostics, analysis.at_once)
    return {
        "fewer contacts": decide(
            Evidence(
                contacts.difference,
                smallest_effect=CONTACTS_THAT_MATTER,
                claim="difference",
                direction=-1,
                identification="adjustment",
                falsifications=(*exits.falsifications, check_contacts_before(contacts.before)),
                diagnostics=diagnostics,
                e_value=None if contacts.e_value is None else contacts.e_value.of_limit,
                strongest_confounder=contacts.strongest_confounder,
            )
        ),
        "no more exits, not half a month lost": decide(
            Evidence(
                exits.contrast.restricted_mean_difference,
                smallest_effect=smallest_effect,
                claim="non-inferiority",
                direction=1,
                identification="adjustment",
                falsifications=exits.falsifications,
                diagnostics=diagnostics,
            )
        ),
    }


def vary_messages(
    data: StudyData,
    failures: pd.DataFrame,
    main: MessageAnalysis,
    *,
    horizon_months: float = HORIZON_MONTHS,
    confidence_level: float = 0.95,
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    """Months retained and contacts under other ways to treat the days before the message.

    Parameters
    ----------
    data : StudyData
    failures : pandas.DataFrame
        As from :func:`loyaltylab.analyses.message_cohort.failure_cohort`.
    main : MessageAnalysis
    horizon_months, confidence_level : float

    Returns
    -------
    dict of str to Estimate, dict of str to Estimate
        Differences of months retained, in days, and of contacts, by what was done.
    """
    covariates = main.exits.covariates
    grouped = failures.assign(
        **{MESSAGE: np.where(failures["message_day"] <= WITHIN_DAYS, TOLD, UNTOLD)}
    )
    late = grouped[grouped["stop"] > WITHIN_DAYS].reset_index(drop=True)
    late = late.assign(
        stop=late["stop"] - WITHIN_DAYS, index_at=late["index_at"] + WITHIN_DAYS * DAY
    )
    exits = {THIS_PAGE: main.exits.contrast.restricted_mean_difference}
    contacts = {THIS_PAGE: main.contacts.difference}
    for name, frame in (
        ("from the detection, by group", grouped),
        (f"from {WITHIN_DAYS:g} days after it on, by group", late),
    ):
        exits[name] = contrast_adjusted(
            frame,
            group=MESSAGE,
            exposed=TOLD,
            reference=UNTOLD,
            covariates=covariates,
            horizon_months=horizon_months,
            confidence_level=confidence_level,
        ).restricted_mean_difference
        _, contacts[name] = compare_counts(
            weigh_groups(frame, covariates),
            data.tables["contacts"],
            confidence_level=confidence_level,
        )
    exits[f"clones, {WITHIN_DAYS:g} days of grace"] = _clone(
        failures, covariates, horizon_months, confidence_level
    )
    return exits, contacts


def naive_messages(
    data: StudyData,
    failures: pd.DataFrame,
    *,
    horizon_months: float = HORIZON_MONTHS,
    confidence_level: float = 0.95,
) -> Estimate:
    """The mistake of ``NAIVE_REASON``, in days."""
    need(data, "outreach")
    outreach = data.tables["outreach"]
    ever = outreach.loc[outreach["kind"] == "proactive_message", "customer_id"]
    is_ever = failures["customer_id"].isin(ever)
    return contrast_unadjusted(
        failures[is_ever],
        failures[~is_ever],
        horizon_months=horizon_months,
        confidence_level=confidence_level,
    )


def _clone(
    failures: pd.DataFrame,
    covariates: Sequence[str],
    horizon_months: float,
    confidence_level: float,
) -> Estimate:
    """Everybody under both strategies from the detection on, censored when they part."""
    numbers = expand_covariates(failures, list(covariates))
    mine = failures[["customer_id", "start", "stop", "exit_cause", "message_day"]].join(numbers)
    mine["exit_cause"] = mine["exit_cause"].fillna("")
    is_told = mine["message_day"].notna() & (mine["message_day"] < mine["stop"])
    cut = mine["message_day"].where(is_told, mine["stop"])
    before = mine.assign(stop=cut, messages=0.0, exit_cause=mine["exit_cause"].mask(is_told, ""))
    after = mine.assign(start=cut, messages=1.0)[is_told]
    rows = pd.concat([before, after], ignore_index=True)
    found = clone_censor_weight(
        rows.sort_values(["customer_id", "start"], ignore_index=True),
        strategies=[
            Strategy(TOLD, "messages", within=WITHIN_DAYS, minimum=1),
            Strategy(UNTOLD, "messages", within=WITHIN_DAYS, maximum=0),
        ],
        reference=UNTOLD,
        covariates=list(numbers.columns),
        horizon=horizon_months * DAYS_PER_MONTH,
        confidence_level=confidence_level,
    )
    return found.restricted_mean_differences[TOLD]
