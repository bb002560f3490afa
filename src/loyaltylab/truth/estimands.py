"""Every estimand whose true value is computed: a contrast, a measure and a horizon."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from loyaltylab.params import SyntheticParameters
from loyaltylab.sources.synthetic import CAUSES
from loyaltylab.truth.contrasts import Contrast, declare_contrasts
from loyaltylab.truth.groups import split_by_group

Measure = Literal[
    "restricted_mean",
    "retention",
    "incidence",
    "win_back",
    "second_life",
    "exit_grievance",
    "contacts_month",
    "recontact_week",
    "hang_up",
    "sign_ups",
    "hazard_ratio",
]
UNITS: MappingProxyType[Measure, str] = MappingProxyType(
    {
        "restricted_mean": "months",
        "retention": "share",
        "incidence": "share",
        "win_back": "share",
        "second_life": "months",
        "exit_grievance": "points",
        "contacts_month": "contacts",
        "recontact_week": "share",
        "hang_up": "share",
        "sign_ups": "share",
        "hazard_ratio": "ratio",
    }
)
NOT_GENERATED = MappingProxyType(
    {
        "H07": "commitment is a feeling; no strategy sets it and leaves the rest alone",
        "H08": "points cannot be switched on and off per customer",
        "H09": "reliability, speed and helpfulness are not forced one by one",
        "H10": "authority of agents is not part of the provider",
        "H12": "the jump at the end of an offer is about the saved alone, a group formed after "
        "time zero; its part about arms is H01",
        "H13": "its incidences by cause are levels of the other contrasts",
        "H15": "customer records are not part of the provider",
        "H16": "there are no tiers and no priority queue",
        "H19": "the shock is part of every world; its contrast is over time",
        "H23": "friction is one number, not split into access and process",
        "H27": "visitors who do not sign up are not part of the provider",
    }
)


@dataclass(frozen=True)
class Estimand:
    """One true value to compute.

    Attributes
    ----------
    contrast : Contrast
        Who is compared under what.
    measure : str
        ``restricted_mean``: months retained up to the horizon. ``retention``: share retained at
        it. ``incidence``: share who left by it, of the causes named. ``win_back``: share of
        leavers back within the horizon of leaving, of those who left early enough to be watched
        that long. ``second_life``: months as a customer again up to the horizon from an exit.
        ``exit_grievance``: mean grievance at exit of those who left by the horizon.
        ``contacts_month``: contacts within 30 days of the first failure. ``recontact_week``: share
        in contact again within 7 days of the first contact. ``hang_up``: share who give up in the
        queue of the first contact. ``sign_ups``: share of
        all who think of signing up who do, whatever the horizon. All these are
        differences; ``hazard_ratio`` is the marginal ratio up to the horizon.
    horizon_months : float
        In months of 30.4375 days from time zero; from the exit for ``win_back``.
    causes : tuple of str
        For ``incidence``: names out of ``CAUSES``.

    Examples
    --------
    >>> from loyaltylab.params import SyntheticParameters
    >>> estimands = declare_estimands(SyntheticParameters())
    >>> estimands[0].id
    'H01.desk_reactive_none.direct.restricted_mean_24'
    """

    contrast: Contrast
    measure: Measure
    horizon_months: float
    causes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Hypothesis, contrast, kind, then measure with its horizon and causes."""
        contrast = self.contrast
        what = "_".join([self.measure, f"{self.horizon_months:g}", *self.causes])
        return f"{contrast.hypothesis}.{contrast.id}.{contrast.kind}.{what}"

    @property
    def unit(self) -> str:
        """Unit of the value."""
        return UNITS[self.measure]


_Plan = tuple[Measure, float, tuple[str, ...]]
A_WEEK = 0.25  # months: so little that everybody is watched for longer
_USUAL_MONTHS = (1.0, 3.0, 12.0, 24.0)


def declare_estimands(parameters: SyntheticParameters) -> tuple[Estimand, ...]:
    """Every estimand the provider can generate, in the order of their hypotheses.

    Parameters
    ----------
    parameters : SyntheticParameters
        Whose reform date the reform's contrast starts on.

    Returns
    -------
    tuple of Estimand
        Their ids are unique.
    """
    return tuple(
        Estimand(contrast, measure, months, causes)
        for contrast in sorted(
            split_by_group(declare_contrasts(parameters)),
            key=lambda contrast: contrast.hypothesis,
        )
        for measure, months, causes in _plan(contrast)
    )


def _plan(contrast: Contrast) -> list[_Plan]:
    """What is asked of a contrast: the usual, and what its hypothesis names besides."""
    longest = contrast.follow_up_months
    if contrast.time_zero == "exit":
        back: list[_Plan] = [("win_back", months, ()) for months in (6.0, 12.0)]
        return [*back, ("second_life", 12.0, ())]
    horizons = sorted({months for months in _USUAL_MONTHS if months <= longest} | {longest})
    measured = min(longest, 24.0)
    plan: list[_Plan] = [("restricted_mean", measured, ())]
    plan += [("retention", months, ()) for months in _more(contrast, horizons)]
    plan += [("incidence", measured, (cause,)) for cause in CAUSES[1:]]
    plan.append(("hazard_ratio", measured, ()))
    if contrast.hypothesis in ("H04", "H22"):
        plan.append(("exit_grievance", measured, ()))
    if contrast.hypothesis in ("H01", "H22") and longest >= 24:
        plan.append(("win_back", 12.0, ()))
    if contrast.hypothesis == "H18":
        plan += [("restricted_mean", 12.0, ()), ("contacts_month", 1.0, ())]
    if contrast.time_zero == "first_contact" and contrast.hypothesis in ("H20", "H21"):
        plan += [("recontact_week", A_WEEK, ()), ("hang_up", A_WEEK, ())]
    if contrast.kind == "total" and contrast.time_zero == "sign_up":
        plan.append(("sign_ups", measured, ()))
    if longest > measured:
        plan.append(("restricted_mean", longest, ()))
    return plan


def _more(contrast: Contrast, horizons: list[float]) -> list[float]:
    extra = {"H17": {6.0, 15.0}, "H21": {6.0}, "H26": {6.0}}
    return sorted({*horizons, *extra.get(contrast.hypothesis, set())})
