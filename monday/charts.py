"""Charts as plain figures: what a template draws as SVG, and the same numbers as a table.

Pure arithmetic in the chart's own units, x to the right and y downwards. Series differ by pattern as well as by
colour, bars carry their numbers, so a chart is read without colour, and without being seen at all by its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT, TOP, FOOT = 96.0, 18.0, 18.0
LETTER = 7.5  # how broad a digit of the numbers above the bars is


@dataclass(frozen=True, slots=True)
class Part:
    """One rectangle: its series (a number into the chart's), its value, its place."""

    series: int
    value: float
    shown: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One place of the axis with its parts, from the bottom up, and the number above it."""

    label: str
    parts: tuple[Part, ...]
    shown: str
    middle: float
    top: float
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart. `line` is the height of a limit with its words, None where there is none."""

    name: str
    title: str
    head: str
    series: tuple[str, ...]
    bars: tuple[Bar, ...]
    width: float
    line: float | None
    line_words: str

    @property
    def empty(self) -> bool:
        return not any(bar.parts for bar in self.bars)

    @property
    def foot(self) -> float:
        return HEIGHT + FOOT - 4

    @property
    def tall(self) -> float:
        return HEIGHT + FOOT + TOP

    @property
    def above(self) -> float:
        return -TOP

    @property
    def line_label(self) -> float:
        """Where the words of the limit stand."""
        return round((self.line or 0) - 4, 2)

    @property
    def several(self) -> bool:
        return len(self.series) > 1


def chart(
    *,
    name: str,
    title: str,
    head: str,
    series: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | None]]],
    stacked: bool = True,
    limit: float | None = None,
    limit_words: str = "",
    step: float = 66.0,
    unit: str = "",
) -> Chart:
    """A bar chart of rows (label, one value per series; None is nothing). `name` is unique on its page.

    Stacked bars stand on each other, others side by side. `limit` is drawn as a line where it is not far above.
    `step` is the least that a bar has of the axis; the longest number above the bars may ask for more.
    """
    sums = [sum(v or 0 for v in values) if stacked else max((v or 0 for v in values), default=0) for _, values in rows]
    most = max([*sums, 0.0])
    line = None
    if limit and most and limit <= 4 * most:
        most = max(most, limit)
        line = round(HEIGHT - HEIGHT * limit / most, 2)
    step = max([step, *(LETTER * (len(_number(one, unit)) + 1) for one in sums if stacked)])
    bars = []
    for at, (label, values) in enumerate(rows):
        parts = _parts(values, at * step, step, most, stacked=stacked, unit=unit)
        top = min((part.y for part in parts), default=HEIGHT)
        shown = _number(sums[at], unit) if parts and stacked else ""
        cells = tuple("" if value is None else _number(value, unit) for value in values)
        bars.append(Bar(label, parts, shown, at * step + step / 2, round(top - 5, 2), cells))
    return Chart(name, title, head, tuple(series), tuple(bars), max(1, len(rows)) * step, line, limit_words)


def _parts(
    values: Sequence[float | None], left: float, step: float, most: float, *, stacked: bool, unit: str
) -> tuple[Part, ...]:
    parts, top, broad = [], HEIGHT, step * 0.7 / (1 if stacked else max(1, len(values)))
    for number, value in enumerate(values):
        if not value or not most:
            continue
        tall = HEIGHT * value / most
        top = (top if stacked else HEIGHT) - tall
        x = left + step * 0.15 + (0 if stacked else number * broad)
        parts.append(Part(number, value, _number(value, unit), *(round(n, 2) for n in (x, top, broad, tall))))
    return tuple(parts)


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"
    return f"{text} {unit}".strip()
