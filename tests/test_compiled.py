"""Compiled loops give what the Python they are written in gives, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from loyaltylab.compiled import compiled
from loyaltylab.survival import cox_kernels

SOURCE = Path(__file__).parents[1] / "src"


def add_backwards(values: np.ndarray) -> float:
    total = 0.0
    for i in range(len(values) - 1, -1, -1):
        total += values[i]
    return total


def test_sums_keep_their_order() -> None:
    # From the end: 1e16 + 1 - 1e16 is 0 (the 1 is lost), + 3 is 3. Reordered, it would be 4.
    values = np.array([3.0, -1e16, 1.0, 1e16])
    assert add_backwards(values) == compiled(add_backwards)(values) == 3.0


def test_nothing_is_compiled_before_the_first_call() -> None:
    called = compiled(add_backwards)
    assert called.__wrapped__ is add_backwards  # type: ignore[attr-defined]
    code = (
        "import sys; from loyaltylab.survival import cox_kernels; assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SOURCE)})


def test_a_folder_that_cannot_be_written_to_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = numba.njit

    def refuse(*args: object, **options: object) -> object:
        if options:
            raise RuntimeError("cannot cache function: no locator available")
        return plain(*args)

    monkeypatch.setattr(numba, "njit", refuse)
    assert compiled(add_backwards)(np.array([1.0, 2.0])) == 3.0


def test_a_full_disk_where_machine_code_is_kept_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = numba.njit

    def fill_up(*, cache: bool) -> object:
        def refuse(*_: object) -> object:
            raise OSError(28, "No space left on device")

        return (lambda _: refuse) if cache else plain()

    monkeypatch.setattr(numba, "njit", fill_up)
    assert compiled(add_backwards)(np.array([1.0, 2.0])) == 3.0


def test_machine_code_equals_python_to_the_last_bit() -> None:
    random = np.random.default_rng(3)
    x, weights = random.normal(size=(43, 11)), random.random(43)
    for kernel, given in (
        (cox_kernels.weighted_gram, (x, weights)),
        (cox_kernels.weighted_product, (x, weights, x[::-1].copy())),
        (cox_kernels.combine_rows, (weights, x)),
        (cox_kernels.find_ranges, (x,)),
    ):
        python = kernel.__wrapped__(*given)  # type: ignore[attr-defined]
        np.testing.assert_array_equal(kernel(*given), python)
