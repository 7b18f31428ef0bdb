"""Numbers as evidence may carry them: finite JSON numbers, added up so that the order does not matter."""

from __future__ import annotations

import math
from collections.abc import Iterable

TOLERANCE = 1e-12
"""What float64 leaves of `0.955 - 0.95 <= 0.005`: a bound is met by a value that misses it by no more than this."""


def finite(value: object) -> float | None:
    """The number as float64; None for a boolean, a text, NaN, an infinity, or an integer beyond float64."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(value: object) -> int | None:
    """The integer, which JSON may spell `5.0`."""
    number = finite(value)
    return int(number) if number is not None and number.is_integer() else None


def mean(values: Iterable[float | None]) -> float | None:
    """Undefined where there is nothing, or where one of the values is undefined."""
    known = list(values)
    defined = [value for value in known if value is not None]
    if not known or len(defined) < len(known):
        return None
    try:
        return finite(math.fsum(defined) / len(defined))
    except OverflowError:
        return None


def spread(values: Iterable[float | None]) -> float | None:
    known = list(values)
    defined = [value for value in known if value is not None]
    if not known or len(defined) < len(known):
        return None
    return finite(max(defined) - min(defined))


def deviations(values: list[float]) -> tuple[float | None, float | None]:
    """The standard deviation of a population and of a sample: both are written in the wild."""
    middle = mean(values)
    if middle is None:
        return None, None
    try:
        squares = math.fsum((value - middle) ** 2 for value in values)
    except OverflowError:
        return None, None
    count = len(values)
    return math.sqrt(squares / count), math.sqrt(squares / (count - 1)) if count > 1 else None
