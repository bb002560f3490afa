"""Plain loops over arrays, turned into machine code when one is first called.

The compiler takes half a second to load, so nothing loads it before a loop is needed. What it
makes is kept beside the module (``__pycache__``), or in the user's cache folder where the
package may not be written to, so that only the first process ever waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

Inputs = ParamSpec("Inputs")
Output = TypeVar("Output")


def compiled(function: Callable[Inputs, Output]) -> Callable[Inputs, Output]:
    """Let a function of numbers and arrays run as machine code.

    Sums keep the order in which they are written (no "fast" arithmetic, one thread), so that a
    result does not depend on the number of cores. A compiled function calls no other.

    Parameters
    ----------
    function : callable
        Numbers and numpy arrays in, by position; numbers and arrays out.

    Returns
    -------
    callable
        The same function; ``__wrapped__`` is the one written in Python.

    Examples
    --------
    >>> compiled(lambda x: x + 1)(1)
    2
    """
    machine_code: list[Callable[Inputs, Output]] = []

    @wraps(function)
    def call(*args: Inputs.args, **kwargs: Inputs.kwargs) -> Output:
        if not machine_code:
            machine_code.append(_compile(function))
        try:
            return machine_code[0](*args, **kwargs)
        except OSError:  # The disk is full where it would be kept.
            machine_code[0] = _compile(function, kept=False)
            return machine_code[0](*args, **kwargs)

    return call


def _compile(function: Callable[Inputs, Output], *, kept: bool = True) -> Callable[Inputs, Output]:
    from numba import njit

    compiler: Any = njit
    try:
        return cast("Callable[Inputs, Output]", compiler(cache=kept)(function))
    except RuntimeError:  # No folder to keep it in: compiled anew in every process.
        return cast("Callable[Inputs, Output]", compiler(function))
