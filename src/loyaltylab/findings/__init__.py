"""Questions declared before estimation, findings, verdicts, wording, small cells."""

from loyaltylab.findings.disclosure import guard_all, guard_counts, guard_estimate
from loyaltylab.findings.finding import VERDICT_MEANINGS, Finding, make_finding
from loyaltylab.findings.questions import Question, load_questions
from loyaltylab.findings.tables import estimates_table, forest_frame

__all__ = [
    "VERDICT_MEANINGS",
    "Finding",
    "Question",
    "estimates_table",
    "forest_frame",
    "guard_all",
    "guard_counts",
    "guard_estimate",
    "load_questions",
    "make_finding",
]
