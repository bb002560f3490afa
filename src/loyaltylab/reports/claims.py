"""What the page on the claims says of the register as a whole."""

from __future__ import annotations

from collections import Counter

from loyaltylab.findings import hypotheses_hash, load_claims, load_hypotheses
from loyaltylab.findings.register_tables import DIRECTION_WORDS


def claims_answer() -> str:
    """What the articles hold, counted."""
    register, hypotheses = load_claims(), load_hypotheses()
    n_first = sum(entry.family == "confirmatory" for entry in hypotheses.values())
    return (
        f"{len(register.articles)} articles make {len(register.claims)} claims, put to the test by "
        f"{len(hypotheses)} hypotheses, {n_first} of them confirmatory; two versions of one story "
        f"differ on {len(register.disagreements)} points, {len(register.literal_problems)} more "
        f"passages cannot be taken as they stand, and {len(register.unsupported)} statements are "
        "beyond what any analysis could support."
    )


def describe_directions() -> str:
    """How many claims say what of retention, in a sentence."""
    claims = load_claims().claims.values()
    counted = Counter(claim.direction for claim in claims)
    told = [
        f"{words} ({counted[name]})" for name, words in DIRECTION_WORDS.items() if counted[name]
    ]
    return f"What claims say of their subject, and how many: {'; '.join(told)}."


def describe_articles() -> list[tuple[str, str]]:
    """Every article: its number, its language and what it is."""
    return [
        (name, f"{article.language}. {article.description}")
        for name, article in load_claims().articles.items()
    ]


def describe_declaration() -> str:
    """Which bytes declare the hypotheses, and what follows if they change."""
    return (
        "The file that declares the hypotheses has the SHA-256 "
        f"`{hypotheses_hash()}`. Every finding keeps the hash it was made under; the summary "
        "lists as a deviation whatever was run under another, or with other parameters than "
        "declared."
    )
