"""The sums of the Cox model, as loops over rows.

n rows, p covariates, m event times. Row i is at risk at event times ``first[i] ... last[i]``,
never none. Covariates lie row by row in memory. Large results are written to ``out``, which the
caller makes: numpy's memory comes in larger pages, and filling it costs half.
"""

from __future__ import annotations

import numpy as np

from loyaltylab.compiled import compiled
from loyaltylab.survival.arrays import FloatArray, IntArray

# Rows handled together: their covariates stay in the fastest memory.
BLOCK = 64


@compiled
def take_rows(values: FloatArray, row: IntArray, origin: FloatArray, out: FloatArray) -> None:
    """Chosen rows of a matrix, minus an origin, where it lies row by row, (n, p)."""
    n, p = out.shape
    for i in range(n):
        given, taken = values[row[i]], out[i]
        for j in range(p):
            taken[j] = given[j] - origin[j]


@compiled
def turn_columns(values: FloatArray, row: IntArray, origin: FloatArray, out: FloatArray) -> None:
    """The same where the matrix lies column by column."""
    n, p = out.shape
    for opening in range(0, n, BLOCK):
        closing = min(opening + BLOCK, n)
        for j in range(p):
            for i in range(opening, closing):
                out[i, j] = values[row[i], j] - origin[j]


@compiled
def sum_powers(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sum and sum of squares of each column, (p,)."""
    n, p = x.shape
    total, square = np.zeros(p), np.zeros(p)
    for i in range(n):
        for j in range(p):
            total[j] += x[i, j]
            square[j] += x[i, j] * x[i, j]
    return total, square


@compiled
def shift_and_stretch(x: FloatArray, centre: FloatArray, factor: FloatArray) -> None:
    """Replace x by (x - centre) * factor, in place."""
    n, p = x.shape
    for i in range(n):
        for j in range(p):
            x[i, j] = (x[i, j] - centre[j]) * factor[j]


@compiled
def find_ranges(x: FloatArray) -> FloatArray:
    """Largest minus smallest value of each column, (p,)."""
    n, p = x.shape
    smallest, largest = x[0].copy(), x[0].copy()
    for i in range(1, n):
        for j in range(p):
            smallest[j] = min(smallest[j], x[i, j])
            largest[j] = max(largest[j], x[i, j])
    return largest - smallest


@compiled
def combine_columns(x: FloatArray, beta: FloatArray, out: FloatArray) -> None:
    """Linear predictor x beta of each row, (n,)."""
    n, p = x.shape
    for i in range(n):
        total = 0.0
        for j in range(p):
            total += x[i, j] * beta[j]
        out[i] = total


@compiled
def combine_rows(weights: FloatArray, x: FloatArray) -> FloatArray:
    """Weighted sum of rows, (p,)."""
    n, p = x.shape
    total = np.zeros(p)
    for i in range(n):
        for j in range(p):
            total[j] += weights[i] * x[i, j]
    return total


@compiled
def sum_risks(risk: FloatArray, first: IntArray, last: IntArray, m: int) -> FloatArray:
    """Sum of risks of those at risk at each event time, (m,).

    Summed from the last time backwards, so that without delayed entry late sums are built by
    additions alone and lose no digits to the large early ones.
    """
    change = np.zeros(m + 1)
    for i in range(len(risk)):
        change[last[i] + 1] += risk[i]
        change[first[i]] -= risk[i]
    sums = np.empty(m)
    running = 0.0
    for t in range(m - 1, -1, -1):
        running += change[t + 1]
        sums[t] = running
    return sums


@compiled
def sum_risky_rows(
    risk: FloatArray, x: FloatArray, first: IntArray, last: IntArray, out: FloatArray
) -> None:
    """Risk-weighted sum of the covariates of those at risk at each event time.

    ``out`` is zero at first; its lines 1 ... m are the sums, (m + 1, p).
    """
    n, p = x.shape
    for i in range(n):
        given = x[i]
        leaving = out[last[i] + 1]
        for j in range(p):
            leaving[j] += risk[i] * given[j]
        entering = out[first[i]]
        for j in range(p):
            entering[j] -= risk[i] * given[j]
    for t in range(len(out) - 2, 0, -1):
        for j in range(p):
            out[t, j] += out[t + 1, j]


@compiled
def add_while_at_risk(
    risk: FloatArray, cumulative: FloatArray, first: IntArray, last: IntArray, out: FloatArray
) -> None:
    """Risk times the increments of a sum, (m + 1,) and 0 at first, while at risk, (n,)."""
    for i in range(len(risk)):
        out[i] = risk[i] * (cumulative[last[i] + 1] - cumulative[first[i]])


@compiled
def weighted_gram(x: FloatArray, weights: FloatArray) -> FloatArray:
    """X' diag(weights) X, (p, p).

    Eight rows at a time, so that each entry of the result is fetched once for eight; only the
    entries up to the diagonal are summed (and the rest of the eight that hold it).
    """
    n, p = x.shape
    gram = np.zeros((p, p))
    whole = n - n % 8
    for i in range(0, whole, 8):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        x4, x5, x6, x7 = x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        for j in range(p):
            a0, a1 = weights[i] * x0[j], weights[i + 1] * x1[j]
            a2, a3 = weights[i + 2] * x2[j], weights[i + 3] * x3[j]
            a4, a5 = weights[i + 4] * x4[j], weights[i + 5] * x5[j]
            a6, a7 = weights[i + 6] * x6[j], weights[i + 7] * x7[j]
            line = gram[j]
            for k in range(min(p, (j // 8 + 1) * 8)):
                line[k] += ((a0 * x0[k] + a1 * x1[k]) + (a2 * x2[k] + a3 * x3[k])) + (
                    (a4 * x4[k] + a5 * x5[k]) + (a6 * x6[k] + a7 * x7[k])
                )
    for i in range(whole, n):
        for j in range(p):
            for k in range(j + 1):
                gram[j, k] += weights[i] * x[i, j] * x[i, k]
    for j in range(p):
        for k in range(j):
            gram[k, j] = gram[j, k]
    return gram


@compiled
def weighted_product(x: FloatArray, weights: FloatArray, y: FloatArray) -> FloatArray:
    """X' diag(weights) Y, (p, p)."""
    n, p = x.shape
    product = np.zeros((p, p))
    for i in range(n):
        for j in range(p):
            for k in range(p):
                product[j, k] += weights[i] * x[i, j] * y[i, k]
    return product


@compiled
def add_scores_at_risk(
    scores: FloatArray,
    target: IntArray,
    x: FloatArray,
    parts: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    first: IntArray,
    last: IntArray,
) -> None:
    """Add to line ``target[i]`` of the scores what row i owes for being at risk.

    ``parts`` are the weight and the relative risk of each row, (n,), the cumulative hazard,
    (m + 1,), and the cumulative hazard times the mean covariates, (m + 1, p).
    """
    weights, relative_risk, hazard, drift = parts
    n, p = x.shape
    for i in range(n):
        size = weights[i] * relative_risk[i]
        increment = hazard[last[i] + 1] - hazard[first[i]]
        given, owner = x[i], scores[target[i]]
        after, before = drift[last[i] + 1], drift[first[i]]
        for j in range(p):
            owner[j] -= size * (given[j] * increment - (after[j] - before[j]))


@compiled
def add_lines(sums: FloatArray, target: IntArray, lines: FloatArray) -> None:
    """Add each line to line ``target[i]`` of the sums."""
    n, p = lines.shape
    for i in range(n):
        owner = sums[target[i]]
        for j in range(p):
            owner[j] += lines[i, j]
