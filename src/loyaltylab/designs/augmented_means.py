"""Mean outcome if all were in one group: augmented inverse probability weighting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loyaltylab.designs.propensity import Propensity
from loyaltylab.designs.pseudo_outcomes import PseudoOutcomes
from loyaltylab.survival.arrays import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class AugmentedMeans:
    """Means of q outcomes in one group, as if all n customers were in it.

    Attributes
    ----------
    values : ndarray of float, shape (q,)
    influence : ndarray of float, shape (n, q)
        Of every customer of both groups; squares summed within customers make the variance.
    """

    values: FloatArray
    influence: FloatArray


def augment_means(
    outcomes: PseudoOutcomes, is_in: BoolArray, propensity: Propensity, *, is_exposed: bool
) -> AugmentedMeans:
    """Predict everybody by linear regression within the group; add weighted residuals.

    Right on average if the regression or the propensity is. The influence has four parts: the
    customer's own term, and what the customer does to the regression, to the propensity, and
    to the pseudo-values of others.

    Parameters
    ----------
    outcomes : PseudoOutcomes
        Of the customers in the group, in the order of ``is_in``.
    is_in : ndarray of bool, shape (n,)
    propensity : Propensity
    is_exposed : bool
        Whether the group is the one whose probability the propensity gives.

    Source
    ------
    Robins, Rotnitzky and Zhao (1994); Lunceford and Davidian (2004); with pseudo-values Wang
    (2018) and Andersen, Syriopoulou and Parner (2017).
    """
    n, y = len(is_in), outcomes.values
    probability = propensity.probability if is_exposed else 1.0 - propensity.probability
    weight = np.where(is_in, 1.0 / probability, 0.0)
    x = _standardise(propensity.design)
    own = x[is_in]
    inverse = np.linalg.inv(own.T @ own)
    beta = inverse @ (own.T @ y)
    predicted = x @ beta
    residual = y - predicted[is_in]
    left_over = inverse @ ((1.0 - weight) @ x) / n
    values = predicted.mean(axis=0) + weight[is_in] @ residual / n
    influence = (predicted - values) / n
    influence[is_in] += weight[is_in, None] * residual / n
    influence[is_in] += (own @ left_over)[:, None] * residual
    change = -(1.0 - probability) / probability * (1.0 if is_exposed else -1.0)
    pull = propensity.design[is_in].T @ (change[is_in, None] * residual) / n
    influence += propensity.influence @ pull
    influence[is_in] += outcomes.sum_moves(weight[is_in] / n + own @ left_over)
    return AugmentedMeans(values, influence)


def _standardise(design: FloatArray) -> FloatArray:
    """The same columns without their means and sizes, which leaves predictions as they are."""
    columns = design[:, 1:]
    scaled = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    return np.column_stack([design[:, 0], scaled])
