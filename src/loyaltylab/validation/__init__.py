"""Whether the methods find what is known to be true, on many simulated providers."""

from loyaltylab.validation.results import check_validation, read_validation
from loyaltylab.validation.run import run_validation

__all__ = ["check_validation", "read_validation", "run_validation"]
