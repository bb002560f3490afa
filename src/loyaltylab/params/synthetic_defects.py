"""The synthetic provider's records: how they are measured, and what can be wrong with them.

A knob at 0 is off. Its description ends with the sign of the bias it gives the naive estimate.
"""

from __future__ import annotations

from pydantic import Field

from loyaltylab.params.section import NotNegative, Probability, Section


class DefectParameters(Section):
    """Step 16, measurement, and the confounding and defects that can be switched on singly."""

    rating_response: Probability = Field(0.25, description="Contacts rated [share]")
    lenience_logit: float = Field(0.15, description="Kinder ratings in the shock [logit]")
    verified_share: Probability = Field(1.0, description="Reasons verified [share]")
    survey_rate_pm: NotNegative = Field(0.02, description="Customers surveyed [per month]")
    survey_response: Probability = Field(0.30, description="Surveys answered [share]")
    survey_reliability: Probability = Field(0.8, description="True share of variance [share]")
    k_save_route: float = Field(
        0.0, description="Desk gets the friendly and dear; >0: desk effect too good [logit]"
    )
    k_comp_assign: float = Field(
        0.0, description="Vouchers to the loyal; >0: voucher effect too good [logit]"
    )
    k_outreach_risk: float = Field(
        0.0, description="Promotions to the frail; >0: promotion effect too bad [log HR]"
    )
    k_denial_severity: float = Field(
        0.0, description="Leavers denied more; >0: denial effect too bad [logit]"
    )
    k_handoff_complexity: NotNegative = Field(
        0.0, description="Hard cases moved more; >0: handoff effect too bad [log]"
    )
    k_pre_exit_contact: NotNegative = Field(
        0.0, description="Planned leavers ask more; >0: contacts look harmful [ratio]"
    )
    k_censor: float = Field(
        0.0, description="The satisfied migrate away; >0: retention too low [log HR]"
    )
    k_nr: float = Field(
        0.2, description="The satisfied rate more; >0: mean rating too high [log per point]"
    )
    reason_misclass: Probability = Field(
        0.08, description="Wrong stated reasons; >0: service exits too few [share]"
    )
    fake_life_event: Probability = Field(
        0.05, description="Service leavers claim to move; >0: life events too many [share]"
    )
    anticipation_d: NotNegative = Field(
        0.0, description="Leavers wait for the reform; >0: reform effect too large [days]"
    )
    site_launch_selection: float = Field(
        0.0, description="Worst sites first; >0: team effect too small [SD]"
    )
    term_worsening_rate: NotNegative = Field(
        0.0, description="Worse terms, asked about, denied; >0: denials too bad [per month]"
    )
    data_cut: Probability = Field(
        0.0, description="Leavers before it were erased; >0: retention too high [window share]"
    )
