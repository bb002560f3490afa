"""The synthetic provider's leavers: the shock, wanting out, getting out, talking, coming back."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from loyaltylab.params.section import NotNegative, Positive, Probability, Section


class LeavingParameters(Section):
    """Steps 8 to 15 of the provider's day, from the shock to a second life."""

    # The shock and its compensation: step 8
    shock_start: date = Field(date(2020, 2, 23), description="Shock starts [UTC date]")
    shock_end: date = Field(date(2020, 5, 10), description="Shock ends [UTC date]")
    shock_share: Probability = Field(0.25, description="Customers it cancels on [share]")
    shock_loss: NotNegative = Field(0.30, description="Satisfaction lost by it [points]")
    shock_contact_prob: Probability = Field(0.18, description="Contact upon it [share]")
    shock_query_ratio: Positive = Field(1.0, description="Queries during it [ratio]")
    compensation_shares: dict[Literal["refund", "voucher", "choice", "none"], Probability] = Field(
        {"refund": 0.25, "voucher": 0.25, "choice": 0.25, "none": 0.25},
        description="Compensation offered, at random per customer [share of each]",
    )
    money_share: Probability = Field(0.55, description="Customers who prefer money [share]")
    compensated_gain: NotNegative = Field(0.15, description="Satisfaction, fair remedy [points]")
    mismatch_loss: NotNegative = Field(0.60, description="Satisfaction, unwanted voucher [points]")
    mismatch_grievance: NotNegative = Field(0.20, description="Grievance, unwanted [points]")
    uncompensated_loss: NotNegative = Field(0.90, description="Satisfaction, no remedy [points]")
    uncompensated_grievance: NotNegative = Field(0.40, description="Grievance, none [points]")
    forfeit_loss: NotNegative = Field(0.80, description="Satisfaction, voucher lapsed [points]")
    forfeit_grievance: NotNegative = Field(0.60, description="Grievance, lapsed [points]")
    voucher_redeem_pm: NotNegative = Field(0.08, description="Voucher use [per month]")
    voucher_lock_log_hr: float = Field(-0.70, description="Leaving with voucher [log HR]")
    voucher_valid_d: int = Field(365, ge=1, description="Life of a voucher [days]")
    voucher_is_refunded: bool = Field(False, description="Paid out at expiry [yes/no]")

    # Wanting to leave: step 9
    exit_hazard_service_pm: NotNegative = Field(0.0070, description="Intent, service [per month]")
    exit_hazard_competitor_pm: NotNegative = Field(0.0069, description="Intent, price [per month]")
    exit_hazard_life_event_pm: NotNegative = Field(0.0027, description="Life events [per month]")
    exit_hazard_payment_pm: NotNegative = Field(0.0035, description="Failed payments [per month]")
    beta_satisfaction: float = Field(0.6, description="Satisfaction on service exit [log HR]")
    satisfaction_tenure_log_hr: float = Field(
        0.0, description="More of it per year stayed, to 5 years [log HR]"
    )
    beta_affective: float = Field(0.4, description="Affective on service exit [log HR]")
    beta_grievance: float = Field(0.5, description="Grievance on service exit [log HR]")
    beta_calculative: float = Field(0.5, description="Calculative on price exit [log HR]")
    affective_price_log_hr: float = Field(-0.2, description="Affective, price exit [log HR]")
    sensitivity_price_log_hr: float = Field(0.3, description="Price sensitivity [log HR]")
    rival_promotion_log_hr: float = Field(0.3, description="Price exit, Novembers [log HR]")
    residual_intent_hr: Positive = Field(5.0, description="Intent left after a save [hazard ratio]")
    intent_fade_pm: NotNegative = Field(0.05, description="Intent given up [per month]")
    points_share: Probability = Field(0.01, description="Price earned in points [share]")
    points_life_months: Positive = Field(24, description="Points expire after [months]")

    # Getting out: steps 10 to 13
    reform_date: date = Field(date(2021, 7, 1), description="Leaving made easy [UTC date]")
    reform_announced: date = Field(date(2021, 1, 1), description="Reform announced [UTC date]")
    attempts_per_day: Probability = Field(0.15, description="Attempts of the active [per day]")
    attempts_per_day_inert: Probability = Field(0.012, description="Of the inert [per day]")
    friction_pre: Probability = Field(0.70, description="Cancellation friction before [index]")
    friction_post: Probability = Field(0.15, description="For consumers after [index]")
    friction_abandon_slope: NotNegative = Field(1.1, description="Giving up per friction [log]")
    friction_attempt_slope: NotNegative = Field(0.5, description="Fewer attempts [log HR]")
    friction_grievance: NotNegative = Field(0.3, description="Grievance per friction [points]")
    friction_request_grievance: NotNegative = Field(0.15, description="If asked [points]")
    friction_loss: NotNegative = Field(0.1, description="Satisfaction, given up [points]")
    first_term_months: NotNegative = Field(12, description="First term, renewal term [months]")
    notice_days: int = Field(30, ge=0, description="Notice to give [days]")
    monthly_notice: bool = Field(False, description="No renewed terms for anybody [yes/no]")
    desk_share: Probability = Field(0.5, description="Requests sent to the desk [share]")
    desk_kind: Literal["reactive", "integrated", "obstructive"] = Field(
        "reactive", description="What the desk does [kind]"
    )
    desk_obstructive_share: Probability = Field(
        0.0, description="Of these, met by an obstructive script [share]"
    )
    save_accept_intercept: float = Field(-0.85, description="Accepting to stay [logit]")
    save_accept_integrated: float = Field(0.5, description="More with a team's desk [logit]")
    save_accept_obstructive: float = Field(0.6, description="More under obstruction [logit]")
    save_solved_prob: Probability = Field(0.15, description="Saves that solve it [share]")
    save_solved_integrated: Probability = Field(0.55, description="With a team's desk [share]")
    obstructive_grievance: NotNegative = Field(1.0, description="Grievance of it [points]")
    offer_discount: Probability = Field(0.20, description="Save discount [share]")
    offer_days: int = Field(180, ge=0, description="Life of the save discount [days]")
    offer_log_hr: float = Field(-0.8, description="Price exit under discount [log HR]")
    offer_training_hr: Positive = Field(1.0, description="Price exit after one [hazard ratio]")
    card_renewal_months: Positive = Field(36, description="Life of a payment card [months]")
    card_lapse_prob: Probability = Field(0.8, description="Dormant leavers lapsing [share]")

    # Word of mouth and public complaints: steps 9 and 14
    wom_hr: Positive = Field(1.4, description="Intent per neighbour just left [hazard ratio]")
    wom_decay_d: Positive = Field(30, description="Word of mouth fades [days, e-fold]")
    homophily_rho: Probability = Field(0.5, description="Neighbours' likeness [correlation]")
    post_rate_pm: NotNegative = Field(0.02, description="Public complaints [per month]")
    post_grievance_log_hr: float = Field(0.8, description="Complaining, grievance [log HR]")
    post_reach_median: Positive = Field(20, description="Views of a complaint [views]")
    post_reach_log_sd: NotNegative = Field(1.0, description="Views differ [log SD]")
    post_outrage: NotNegative = Field(0.005, description="Others' grievance, a view [points]")
    post_signup_loss: NotNegative = Field(0.0, description="Sign-ups lost, a view [log]")
    reply_share: Probability = Field(0.8, description="Complaints answered [share]")
    reply_public_share: Probability = Field(0.5, description="Of these, in public [share]")
    reply_hours_median: Positive = Field(4.0, description="Delay of the reply [hours]")
    reply_public_reach: NotNegative = Field(0.3, description="Views more if public [share]")
    reply_fast_reach_cut: Probability = Field(0.3, description="Fewer within 2 hours [share]")
    reply_gain: NotNegative = Field(0.10, description="Author's satisfaction [points]")

    # Coming back: step 15
    winback_rate_pm: NotNegative = Field(0.0122, description="Leavers coming back [per month]")
    winback_offer_share: Probability = Field(0.2, description="Leavers made an offer [share]")
    winback_offer_log_hr: float = Field(0.4, description="For 60 days after it [log HR]")
    mailing_share: Probability = Field(0.3, description="Consenting leavers mailed [share]")
    mailing_log_hr: float = Field(0.10, description="Coming back, being mailed [log HR]")
    mailing_annoyance: NotNegative = Field(0.02, description="Less, per letter [log HR]")
