"""Questions declared before estimation, findings, verdicts, wording, small cells."""

from loyaltylab.findings.claims import Claim, ClaimsRegister, load_claims
from loyaltylab.findings.disclosure import guard_all, guard_counts, guard_estimate
from loyaltylab.findings.evidence import gather_evidence
from loyaltylab.findings.finding import VERDICT_MEANINGS, Finding, make_finding
from loyaltylab.findings.hypotheses import Hypothesis, hypotheses_hash, load_hypotheses
from loyaltylab.findings.joint_decisions import decide_jointly
from loyaltylab.findings.judged import (
    JudgedHypothesis,
    checks_table,
    judge_hypothesis,
    read_evidence,
)
from loyaltylab.findings.multiplicity import adjust_benjamini_hochberg, adjust_holm, judge_families
from loyaltylab.findings.questions import Question, load_questions
from loyaltylab.findings.register_tables import (
    claims_table,
    declared_table,
    deviations,
    disagreements_table,
    literal_problems_table,
    unsupported_table,
)
from loyaltylab.findings.tables import estimates_table, forest_frame
from loyaltylab.findings.verdict_tables import (
    count_standings,
    describe_families,
    families_table,
    gather_judgements,
    hypotheses_table,
    write_families,
)
from loyaltylab.findings.verdicts import Check, Evidence, Judgement, decide, tell_delay_from_gain

__all__ = [
    "VERDICT_MEANINGS",
    "Check",
    "Claim",
    "ClaimsRegister",
    "Evidence",
    "Finding",
    "Hypothesis",
    "JudgedHypothesis",
    "Judgement",
    "Question",
    "adjust_benjamini_hochberg",
    "adjust_holm",
    "checks_table",
    "claims_table",
    "count_standings",
    "decide",
    "decide_jointly",
    "declared_table",
    "describe_families",
    "deviations",
    "disagreements_table",
    "estimates_table",
    "families_table",
    "forest_frame",
    "gather_evidence",
    "gather_judgements",
    "guard_all",
    "guard_counts",
    "guard_estimate",
    "hypotheses_hash",
    "hypotheses_table",
    "judge_families",
    "judge_hypothesis",
    "literal_problems_table",
    "load_claims",
    "load_hypotheses",
    "load_questions",
    "make_finding",
    "read_evidence",
    "tell_delay_from_gain",
    "unsupported_table",
    "write_families",
]
