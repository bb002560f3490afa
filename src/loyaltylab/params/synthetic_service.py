"""The synthetic provider's customers and service: who they are and how they are treated."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from loyaltylab.params.section import NotNegative, Positive, Probability, Section


class ServiceParameters(Section):
    """Steps 1 to 7 of the provider's day, from failures to messages nobody asked for."""

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

    # What goes wrong and what is asked: steps 1 and 2
    incident_rate_pm: NotNegative = Field(0.10, description="Service failures [per month]")
    incident_loss: NotNegative = Field(0.30, description="Loss per unit of severity [points]")
    points_relief: NotNegative = Field(0.0, description="Loss less per price saved in points [log]")
    request_rate_pm: NotNegative = Field(0.04, description="Ordinary requests [per month]")
    query_rate_pm: NotNegative = Field(0.08, description="Ordinary queries [per month]")
    incident_contact_prob: Probability = Field(0.60, description="Contact on failure [share]")
    recontact_prob: Probability = Field(0.70, description="Asks again if unresolved [share]")
    self_service_share: Probability = Field(1.0, description="Queries meeting the bot [share]")
    self_service_contains: Probability = Field(0.30, description="Of these, contained [share]")
    self_service_resolves: Probability = Field(0.70, description="Of those, resolved [share]")

    # The queue: step 3
    capacity_ratio: Positive = Field(1.16, description="Capacity over planned load [ratio]")
    wait_median: Positive = Field(3.4, description="Median wait at load .85 [minutes]")
    wait_load_slope: NotNegative = Field(3.0, description="Wait per unit of load [log]")
    announced_share: Probability = Field(0.0, description="Contacts told their wait [share]")
    announced_accuracy: Probability = Field(0.8, description="1: told truly [share]")
    announced_ratio: Positive = Field(1.0, description="Told over expected wait [ratio]")
    hang_up_per_minute: NotNegative = Field(0.0, description="Giving up in line [per minute]")
    hang_up_overrun_hr: Positive = Field(1.52, description="Beyond the told wait [hazard ratio]")

    # Handling, and what it does: steps 4 to 6
    denial_prob: Probability = Field(0.35, description="Requests denied [share]")
    alternative_share: Probability = Field(0.30, description="Denials with alternative [share]")
    strictness_sd: NotNegative = Field(0.3, description="Agents differ in denying [logit SD]")
    skill_sd: NotNegative = Field(0.2, description="Sites, agents differ in solving [logit SD]")
    handoff_mean: NotNegative = Field(0.60, description="Handoffs per contact [count]")
    resolution_logit: float = Field(1.35, description="Solved at once, base [logit]")
    handoff_resolution_logit: float = Field(-0.35, description="Solved, per handoff [logit]")
    promise_share: Probability = Field(0.30, description="Contacts ending in promise [share]")
    promise_kept_prob: Probability = Field(0.85, description="Promises kept [share]")
    restore_share: Probability = Field(0.60, description="Damage undone if resolved [share]")
    unresolved_loss: NotNegative = Field(0.15, description="Satisfaction, unresolved [points]")
    denial_loss: NotNegative = Field(0.40, description="Satisfaction lost, denied [points]")
    handoff_loss: NotNegative = Field(0.15, description="Satisfaction lost per handoff [points]")
    wait_loss: NotNegative = Field(0.04, description="Satisfaction per log(1+wait/5) [points]")
    overrun_loss: NotNegative = Field(0.06, description="Per log(1+overrun/5) [points]")
    broken_promise_loss: NotNegative = Field(0.30, description="Satisfaction, broken [points]")
    denial_grievance: NotNegative = Field(0.35, description="Grievance, denied [points]")
    unresolved_grievance: NotNegative = Field(0.10, description="Grievance, unsolved [points]")
    handoff_grievance: NotNegative = Field(0.15, description="Per handoff past one [points]")
    satisfaction_half_life_d: Positive = Field(120, description="Satisfaction [days]")
    affective_half_life_d: Positive = Field(365, description="Affective commitment [days]")
    grievance_half_life_d: Positive = Field(180, description="Grievance [days]")
    residual_half_life_d: Positive = Field(180, description="Intent left after a save [days]")

    # The integrated team, and what is sent unasked: step 7
    team_rollout: Literal["none", "day_one", "staggered"] = Field(
        "none", description="Sites getting an integrated team [when]"
    )
    team_first_day: int = Field(180, ge=0, description="First site's start, staggered [day]")
    team_step_days: int = Field(50, ge=0, description="Next site's start after [days]")
    team_tasks: Literal["all", "promotions", "incidents"] = Field(
        "all", description="What it does: all, or promotions or messages on failures alone [tasks]"
    )
    team_handoff_mean: NotNegative = Field(0.25, description="Handoffs with team [count]")
    team_denial_prob: Probability = Field(0.22, description="Requests denied by it [share]")
    team_resolution_logit: float = Field(0.3, description="Solved at once by it [logit]")
    team_promotion_rate_pm: NotNegative = Field(0.08, description="Its promotions [per month]")
    team_promotion_gain: float = Field(0.05, description="Affective gained by one [points]")
    rescue_rate_pm: NotNegative = Field(1.6, description="Rescues, p = .8 a month [per month]")
    rescue_grievance: NotNegative = Field(0.2, description="Grievance calling for one [points]")
    rescue_gain: NotNegative = Field(0.10, description="Satisfaction gained by one [points]")
    rescue_keeps: Probability = Field(0.4, description="Grievance left after one [share]")
    promotion_rate_pm: NotNegative = Field(0.04, description="Promotions [per month]")
    promotion_gain: float = Field(0.05, description="Affective commitment gained [points]")
    irrelevant_share: Probability = Field(0.40, description="Promotions that miss [share]")
    wakeup_hr: Positive = Field(2.0, description="Attempts for 30 days after one [hazard ratio]")
    message_share: Probability = Field(0.0, description="Failures told of at once [share]")
    message_gain: float = Field(0.08, description="Satisfaction gained by that [points]")
    message_contact_ratio: NotNegative = Field(0.75, description="Contacts after it [ratio]")
    remedy_refusal_share: Probability = Field(0.0, description="Remedy within 7 days [share]")
    remedy_cancellation_share: Probability = Field(0.0, description="On asking to leave [share]")
    remedy_restore_refusal: Probability = Field(0.6, description="Denial undone, early [share]")
    remedy_restore_cancellation: Probability = Field(0.6, description="Undone, late [share]")
