"""Which columns of a table are read, which are written, and what their cells mean."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from smokegate.errors import UsageError
from smokegate.evidence.corpus import quoted
from smokegate_runners.saliency.settings import Size

MEAN = "saliency_mean"
VAR = "saliency_var"
LONGEST_SIDE = 1 << 16
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Columns:
    """An empty name leaves that column out; the path column always has one."""

    path: str = "src"
    width: str = "width"
    height: str = "height"
    status: str = "saliency_status"
    model_id: str = "saliency_model_id"
    aggregator: str = "saliency_aggregator"
    ema_alpha: str = "saliency_ema_alpha"

    @property
    def written(self) -> tuple[str, ...]:
        """In the order in which a table without them gains them."""
        return (MEAN, VAR, *self.texts, *((self.ema_alpha,) if self.ema_alpha else ()))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(name for name in (self.status, self.model_id, self.aggregator) if name)

    @property
    def metadata(self) -> tuple[str, ...]:
        """Written on computed rows alone."""
        return tuple(name for name in (self.model_id, self.aggregator, self.ema_alpha) if name)

    @property
    def read(self) -> tuple[str, ...]:
        return tuple(name for name in (self.path, self.width, self.height) if name)

    @property
    def value(self) -> dict[str, str]:
        """As audits show it."""
        return asdict(self) | {"mean": MEAN, "var": VAR}

    def require_distinct(self) -> None:
        """Two meanings in one column would overwrite each other, or the table's own data."""
        if not self.path:
            raise UsageError("the path column has no name", fix="--path-column src")
        named = [(flag, name) for flag, name in self._flags() if name]
        for flag, name in named:
            if not is_text(name):
                raise UsageError(f"{flag} {name!r} is no name for a column")
        named += [("the column of means", MEAN), ("the column of variances", VAR)]
        for name, count in Counter(name for _, name in named).items():
            if count > 1:
                flags = " and ".join(flag for flag, chosen in named if chosen == name)
                raise UsageError(f"{flags} name one column, {name!r}", fix="give each a name of its own")

    def _flags(self) -> Iterator[tuple[str, str]]:
        for name in ("path", "width", "height", "status", "model_id", "aggregator", "ema_alpha"):
            yield f"--{name.replace('_', '-')}-column", getattr(self, name)


class Asked(NamedTuple):
    """The cells of a row that say what is to be done for it, as they stand."""

    path: Any
    width: Any
    height: Any
    mean: Any
    var: Any


def is_text(name: str) -> bool:
    """Whether a table can hold it: bytes from the command line that are no UTF-8 cannot stand in one."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def finite(value: Any) -> bool:
    """Whether a cell holds a number that a row can keep: one that a double holds."""
    kind = type(value)
    if kind is not float and kind is not int and kind is not Decimal:
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def side(value: Any) -> int | None:
    """Pixels. None where the cell says nothing; what it says and cannot be meant is a ValueError."""
    if value is None or value == "" or (type(value) is float and math.isnan(value)):
        return None
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if (type(value) is float and value.is_integer()) or (type(value) is Decimal and value == value.to_integral_value()):
        value = int(value)
    if type(value) is not int or not 0 < value <= LONGEST_SIDE:
        raise ValueError(value)
    return int(value)


def geometry(width: Any, height: Any) -> Size | None:
    """None where one of the two is not said."""
    sides = side(width), side(height)
    return None if sides[0] is None or sides[1] is None else Size(sides[0], sides[1])


def no_such_column(table: str, name: str, present: Iterable[str]) -> UsageError:
    names = list(present)
    shown = ", ".join(map(quoted, names[:_SHOWN])) or "nothing"
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return UsageError(f"{table}: no column {quoted(name)}; there is {shown}{rest}", fix="name it with --path-column")
