"""Newton steps for likelihoods that are not concave everywhere."""

from __future__ import annotations

import numpy as np

from loyaltylab.survival.arrays import FloatArray

# Smallest eigenvalue, on a unit diagonal, below which a matrix counts as singular.
SINGULAR = 1e-12


def is_positive_definite(information: FloatArray) -> bool:
    """Whether a symmetric matrix is positive definite, whatever the units of its rows."""
    if np.any(np.diag(information) <= 0):
        return False
    return bool(np.linalg.eigvalsh(_scale(information)[0])[0] > SINGULAR)


def solve_damped(information: FloatArray, score: FloatArray) -> FloatArray:
    """Newton's step; bent towards the gradient where the information is not positive definite."""
    scaled, size = _scale(information)
    lowest = float(np.linalg.eigvalsh(scaled)[0])
    damping = 0.0 if lowest > SINGULAR else 0.1 - lowest
    step = np.linalg.solve(scaled + damping * np.eye(len(scaled)), score / size)
    return np.asarray(step / size)


def _scale(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(np.float64).tiny))
    return matrix / np.outer(size, size), size
