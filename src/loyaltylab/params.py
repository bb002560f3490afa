"""The parameters of a study: the only reader of params.yaml."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from loyaltylab.errors import ParameterError

PARAMS_FILE = "params.yaml"

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # YAML reads a bare yes, no, on or off as true or false, which would pass for 1 or 0.
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("a bare yes, no, on, off, true or false is no such value")
        return value


class SourceParameters(_Section):
    """Where the tables come from."""

    kind: Literal["synthetic", "delimited"]
    mapping: str | None = None

    @model_validator(mode="after")
    def _files_need_a_mapping(self) -> SourceParameters:
        if self.kind == "delimited" and not self.mapping:
            raise ValueError(
                "kind is 'delimited' but mapping is empty; name a YAML file under data/mappings/"
            )
        return self


class StudyParameters(_Section):
    """What every stage shares."""

    seed: Annotated[int, Field(ge=0)]
    confidence_level: Annotated[float, Field(gt=0.5, lt=1)]


class TimelineParameters(_Section):
    """How contracts become spells at risk."""

    merge_gap_days: NotNegative
    memory_days: Positive


class DisclosureParameters(_Section):
    """What may leave: no cell below this many customers."""

    min_cell: Annotated[int, Field(ge=1)]


class SyntheticParameters(_Section):
    """The synthetic provider: every value it is built from, with its unit in brackets.

    Every key has a default, so params.yaml lists only what a study changes. ``_pm`` is a rate
    per customer-month (30.4375 days); ``beta_`` and ``_log_hr`` are log hazard ratios.
    """

    # Who the customers are, and when they are watched
    n_customers: int = Field(6000, ge=50, description="Customers [customers]")
    window_start: date = Field(date(2018, 1, 1), description="Observation starts [UTC date]")
    window_end: date = Field(date(2022, 12, 31), description="Observation ends [UTC date]")
    stock_share: Probability = Field(0.5, description="Customers already there [share]")
    prior_tenure_months: NotNegative = Field(48, description="Longest past of stock [months]")
    entry_months: NotNegative = Field(48, description="Newcomers join for this long [months]")
    site_count: int = Field(20, ge=1, description="Sites [count]")
    covered_share: Probability = Field(0.70, description="Consumers, under the reform [share]")
    inert_share: Probability = Field(0.5, description="Customers slow to act [share]")

    # Service: steps 1 to 6
    incident_rate_pm: NotNegative = Field(0.10, description="Service failures [per month]")
    request_rate_pm: NotNegative = Field(0.04, description="Ordinary requests [per month]")
    query_rate_pm: NotNegative = Field(0.08, description="Ordinary queries [per month]")
    incident_contact_prob: Probability = Field(0.60, description="Contact on failure [share]")
    recontact_prob: Probability = Field(0.70, description="Asks again if unresolved [share]")
    denial_prob: Probability = Field(0.35, description="Requests denied [share]")
    alternative_share: Probability = Field(0.30, description="Denials with alternative [share]")
    handoff_mean: NotNegative = Field(0.60, description="Handoffs per contact [count]")
    wait_median: Positive = Field(3.5, description="Median wait for a person [minutes]")
    promise_share: Probability = Field(0.30, description="Contacts ending in promise [share]")
    promise_kept_prob: Probability = Field(0.85, description="Promises kept [share]")
    restore_share: Probability = Field(0.60, description="Damage undone if resolved [share]")
    denial_loss: NotNegative = Field(0.40, description="Satisfaction lost, denied [points]")
    handoff_loss: NotNegative = Field(0.15, description="Satisfaction lost per handoff [points]")
    satisfaction_half_life_d: Positive = Field(120, description="Satisfaction [days]")
    affective_half_life_d: Positive = Field(365, description="Affective commitment [days]")
    grievance_half_life_d: Positive = Field(180, description="Grievance [days]")
    residual_half_life_d: Positive = Field(180, description="Intent left after a save [days]")

    # Promotions: step 7
    promotion_rate_pm: NotNegative = Field(0.04, description="Promotions [per month]")
    promotion_gain: NotNegative = Field(0.05, description="Affective commitment gained [points]")
    irrelevant_share: Probability = Field(0.40, description="Promotions that miss [share]")
    wakeup_hr: Positive = Field(2.0, description="Attempts for 30 days after one [hazard ratio]")

    # The shock and its compensation: step 8
    shock_start: date = Field(date(2020, 2, 23), description="Shock starts [UTC date]")
    shock_end: date = Field(date(2020, 5, 10), description="Shock ends [UTC date]")
    shock_share: Probability = Field(0.25, description="Customers it cancels on [share]")
    shock_contact_prob: Probability = Field(0.255, description="Contact upon it [share]")
    shock_wait_factor: Positive = Field(2.7, description="Waits during it [ratio]")
    compensation_shares: dict[Literal["refund", "voucher", "choice", "none"], Probability] = Field(
        {"refund": 0.25, "voucher": 0.25, "choice": 0.25, "none": 0.25},
        description="Compensation offered, at random per customer [share of each]",
    )
    money_share: Probability = Field(0.55, description="Customers who prefer money [share]")
    compensated_gain: NotNegative = Field(0.15, description="Satisfaction, fair remedy [points]")
    mismatch_loss: NotNegative = Field(0.60, description="Satisfaction, unwanted voucher [points]")
    uncompensated_loss: NotNegative = Field(0.90, description="Satisfaction, no remedy [points]")
    forfeit_loss: NotNegative = Field(0.80, description="Satisfaction, voucher lapsed [points]")
    voucher_redeem_pm: NotNegative = Field(0.08, description="Voucher use [per month]")
    voucher_lock_log_hr: float = Field(-0.70, description="Leaving with voucher [log HR]")
    voucher_valid_d: int = Field(365, ge=1, description="Life of a voucher [days]")
    voucher_is_refunded: bool = Field(False, description="Paid out at expiry [yes/no]")

    # Leaving: steps 9 to 12
    exit_hazard_service_pm: NotNegative = Field(0.0080, description="Intent, service [per month]")
    exit_hazard_competitor_pm: NotNegative = Field(0.0085, description="Intent, price [per month]")
    exit_hazard_life_event_pm: NotNegative = Field(0.0027, description="Life events [per month]")
    exit_hazard_payment_pm: NotNegative = Field(0.0035, description="Failed payments [per month]")
    beta_satisfaction: float = Field(0.6, description="Satisfaction on service exit [log HR]")
    beta_affective: float = Field(0.4, description="Affective on service exit [log HR]")
    beta_grievance: float = Field(0.5, description="Grievance on service exit [log HR]")
    beta_calculative: float = Field(0.5, description="Calculative on price exit [log HR]")
    residual_intent_hr: Positive = Field(5.0, description="Intent left after a save [hazard ratio]")
    intent_fade_pm: NotNegative = Field(0.05, description="Intent given up [per month]")
    reform_date: date = Field(date(2021, 7, 1), description="Leaving made easy [UTC date]")
    reform_announced: date = Field(date(2021, 1, 1), description="Reform announced [UTC date]")
    friction_pre: Probability = Field(0.70, description="Cancellation friction before [index]")
    friction_post: Probability = Field(0.15, description="For consumers after [index]")
    friction_abandon_slope: NotNegative = Field(1.1, description="Giving up per friction [log]")
    friction_attempt_slope: NotNegative = Field(0.5, description="Fewer attempts [log HR]")
    friction_grievance: NotNegative = Field(0.3, description="Grievance per friction [points]")
    first_term_months: NotNegative = Field(12, description="First term, renewal term [months]")
    notice_days: int = Field(30, ge=0, description="Notice to give [days]")
    desk_share: Probability = Field(0.5, description="Requests sent to the desk [share]")
    save_accept_intercept: float = Field(-0.9, description="Accepting to stay [logit]")
    save_solved_prob: Probability = Field(0.15, description="Saves that solve it [share]")
    offer_days: int = Field(180, ge=0, description="Life of the save discount [days]")
    offer_log_hr: float = Field(-0.8, description="Price exit under discount [log HR]")

    # Coming back, word of mouth, measurement: steps 9, 15 and 16
    winback_rate_pm: NotNegative = Field(0.013, description="Leavers coming back [per month]")
    wom_hr: Positive = Field(1.4, description="Intent per neighbour just left [hazard ratio]")
    wom_decay_d: Positive = Field(30, description="Word of mouth fades [days, e-fold]")
    homophily_rho: Probability = Field(0.5, description="Neighbours' likeness [correlation]")
    rating_response: Probability = Field(0.25, description="Contacts rated [share]")
    k_nr: float = Field(0.2, description="Answering by satisfaction [log per point]")
    lenience_logit: float = Field(0.15, description="Kinder ratings in the shock [logit]")
    reason_misclass: Probability = Field(0.08, description="Wrong stated reasons [share]")
    fake_life_event: Probability = Field(0.05, description="Service leavers faking [share]")
    verified_share: Probability = Field(1.0, description="Reasons verified [share]")

    @model_validator(mode="after")
    def _dates_and_shares_agree(self) -> SyntheticParameters:
        if not self.window_start < self.window_end:
            raise ValueError("window_end must be later than window_start")
        if not self.shock_start < self.shock_end:
            raise ValueError("shock_end must be later than shock_start")
        if not self.reform_announced <= self.reform_date:
            raise ValueError("reform_announced must not be later than reform_date")
        if abs(sum(self.compensation_shares.values()) - 1) > 1e-9:
            raise ValueError("compensation_shares must sum to 1")
        return self


class Parameters(_Section):
    """Every section of params.yaml; ``reports`` holds one section per notebook."""

    source: SourceParameters
    study: StudyParameters
    synthetic: SyntheticParameters
    timeline: TimelineParameters
    disclosure: DisclosureParameters
    reports: dict[str, dict[str, Any]]


def load_parameters(root: Path) -> Parameters:
    """Read and check params.yaml.

    Parameters
    ----------
    root : Path
        The study's folder, which holds params.yaml and notebooks/.

    Returns
    -------
    Parameters
        Typed and frozen.

    Raises
    ------
    ParameterError
        With every unknown, missing or ill-typed key at once.
    """
    path = root / PARAMS_FILE
    try:
        text = path.read_text(encoding="utf-8")
        repeated = repeated_keys(text)
        loaded = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise ParameterError(f"{PARAMS_FILE} is missing from the study's folder.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2020-02-30, or bytes
        raise ParameterError(f"{PARAMS_FILE} is not valid YAML.", [str(error)]) from error
    if repeated:
        raise ParameterError(f"{PARAMS_FILE} says something twice:", repeated)
    if not isinstance(loaded, dict):
        raise ParameterError(f"{PARAMS_FILE} must hold sections, each with its keys.")
    notebooks = sorted(notebook.stem for notebook in (root / "notebooks").glob("*.ipynb"))
    return parse_parameters(loaded, notebooks=notebooks)


def parse_parameters(sections: dict[str, Any], *, notebooks: list[str]) -> Parameters:
    """Check sections against the schema; a section named after a notebook is that report's.

    Parameters
    ----------
    sections : dict
        Section name -> its keys; an empty section has only defaults.
    notebooks : list of str
        Names of the notebooks, without .ipynb.

    Returns
    -------
    Parameters

    Raises
    ------
    ParameterError
        With every problem found.
    """
    fixed = [name for name in Parameters.model_fields if name != "reports"]
    problems = [
        f"section '{name}' is unknown{did_you_mean(str(name), fixed + notebooks)}; "
        "a section is one of the fixed ones or has the name of a notebook"
        for name in sections
        if name not in fixed and name not in notebooks
    ]
    problems += [
        f"the notebook notebooks/{name}.ipynb has the name of a fixed section; rename it"
        for name in notebooks
        if name in fixed
    ]
    problems += [f"section '{name}' is missing" for name in fixed if name not in sections]
    problems += [
        f"section '{name}' is missing: the notebook notebooks/{name}.ipynb needs it"
        for name in notebooks
        if name not in sections
    ]
    filled = {name: {} if keys is None else keys for name, keys in sections.items()}
    known = {name: filled[name] for name in fixed if name in sections}
    known["reports"] = {name: filled.get(name, {}) for name in notebooks}
    try:
        parameters = Parameters.model_validate(known)
    except ValidationError as error:
        problems += [_explain(item) for item in error.errors() if item["loc"][0] in known]
    if problems:
        raise ParameterError(
            f"{PARAMS_FILE} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:",
            problems,
        )
    return parameters


def _explain(item: Any) -> str:
    # A report's section is written on its own, not under 'reports'.
    place = [str(part) for part in item["loc"] if part != "reports"]
    key = ".".join(place)
    if item["type"] == "extra_forbidden":
        model = Parameters.model_fields[place[0]].annotation
        names = list(getattr(model, "model_fields", {}))
        return f"{key} is unknown{did_you_mean(place[-1], names)}"
    if item["type"] == "missing":
        return f"{key} is missing"
    message = item["msg"].removeprefix("Value error, ")
    # A rule across keys carries the whole section as its input, which would drown the message.
    got = "" if isinstance(item["input"], dict) else f", got {item['input']!r}"
    return f"{key}: {message[0].lower()}{message[1:]}{got}"


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The hint for a misspelt name, or nothing when no candidate is close.

    Example
    -------
    >>> did_you_mean("Sead", ["seed", "mapping"])
    " (did you mean 'seed'?)"
    """
    lower = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    return f" (did you mean '{lower[close[0]]}'?)" if close else ""


def repeated_keys(text: str) -> list[str]:
    """Keys that stand twice in one place of a YAML text; YAML itself keeps the last, silently.

    Example
    -------
    >>> repeated_keys("seed: 1\\nseed: 2\\n")
    ["'seed' stands twice (line 2)"]
    """
    found, waiting, seen_nodes = [], [yaml.compose(text)], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in seen_nodes:  # an alias, perhaps of the node that holds it
            continue
        seen_nodes.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if isinstance(node, yaml.MappingNode):
            names = set()
            for key, value in node.value:
                name = str(key.value)
                if name in names:
                    found.append(f"'{name}' stands twice (line {key.start_mark.line + 1})")
                names.add(name)
                waiting.append(value)
    return found
