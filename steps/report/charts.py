"""Line charts as inline SVG, light enough to write by hand: axes, labels, units, and a dash for each series.

Colours are the page's CSS variables, so that a chart follows the page from light to dark.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from steps.report.figures import significant

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 42
COLOURS = 8
"""Series colours that the page defines as `--s1` and so on."""
MOST_POINTS = 240
"""Points of one line that are drawn; a screen shows no more."""
DASHES = ("", "6 4", "2 3", "9 3 2 3")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name in the legend, and points (x, y) by rising x, with None where the line breaks.

    Attributes:
        emphasis: Drawn thick, in the colour of text: the mean among its parts.
    """

    name: str
    points: Sequence[Point | None]
    emphasis: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A point worth naming, such as the best epoch."""

    at: Point
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its title and legend; the template puts them together.

    Attributes:
        title: What it shows.
        svg: The drawing.
        legend: Name, colour (a CSS value) and dash pattern of each line, where there are several.
        caption: What to see in it, or an empty text.
    """

    title: str
    svg: Markup
    legend: tuple[tuple[str, str, str], ...]
    caption: str = ""


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x_range: Point | None = None,
    y_range: Point | None = None,
    mark: Mark | None = None,
    caption: str = "",
    whole_x: bool = False,
) -> Chart | None:
    """Draw `lines`; None where none of them has a point. Ranges that are not given fit the points."""
    points = [point for line in lines for point in line.points if point]
    if not points:
        return None
    x_low, x_high, x_ticks = _axis([x for x, _ in points], x_range, 5, whole=whole_x)
    y_low, y_high, y_ticks = _axis([y for _, y in points], y_range, 4)

    def place(point: Point) -> Point:
        x = LEFT + (point[0] - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point[1] - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return x, y

    parts = [*_grid(x_ticks, y_ticks, place, (x_low, y_low)), *_labels(x_label, y_label)]
    styles = _styles(lines)
    for line, (_, colour, dash) in zip(lines, styles, strict=True):
        parts += _draw(line, colour, dash, place)
    if mark:
        parts.append(_mark(mark, place))
    names = ", ".join(line.name for line in lines)
    svg = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, f"{title}: {y_label} over {x_label}, {names}", Markup("").join(parts)
    )
    return Chart(title, svg, styles if len(lines) > 1 else (), caption)


def _axis(
    values: Sequence[float], fixed: Point | None, target: int, *, whole: bool = False
) -> tuple[float, float, list[float]]:
    """Return low end, high end and ticks; the ends lie on ticks unless `fixed` gives them."""
    low, high = fixed or (min(values), max(values))
    if high - low < 1e-9 * max(1.0, abs(high)):
        pad = 1.0 if whole else max(abs(high) * 0.1, 1e-3)
        low, high = low - pad, high + pad
    step = _step((high - low) / target, whole=whole)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if fixed or whole:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        low, high = first * step, last * step
    return low, high, [tick * step for tick in range(first, last + 1)]


def _step(rough: float, *, whole: bool) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that is at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return max(1.0, math.ceil(step)) if whole else step


def _grid(x_ticks: list[float], y_ticks: list[float], place: Callable[[Point], Point], low: Point) -> list[Markup]:
    parts = []
    for tick in y_ticks:
        _, y = place((low[0], tick))
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>').format(LEFT, WIDTH - RIGHT, y=y)
        )
        parts.append(Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 7, y + 4, _tick(tick)))
    for tick in x_ticks:
        x, y = place((tick, low[1]))
        parts.append(
            Markup('<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{}"/>').format(y + 4, x=x, y=y)
        )
        parts.append(
            Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(x, y + 17, _tick(tick))
        )
    base = HEIGHT - BOTTOM
    parts.append(Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(LEFT, WIDTH - RIGHT, base, base))
    return parts


def _labels(x_label: str, y_label: str) -> list[Markup]:
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return [
        Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>').format(middle, HEIGHT - 6, x_label),
        Markup(
            '<text class="label" x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">{}</text>'
        ).format(y_label, x=11, y=TOP + (HEIGHT - TOP - BOTTOM) / 2),
    ]


def _styles(lines: Sequence[Line]) -> tuple[tuple[str, str, str], ...]:
    """Return name, colour and dash of each line; emphasised ones take no series colour."""
    styles, taken = [], 0
    for line in lines:
        if line.emphasis:
            styles.append((line.name, "var(--ink)", ""))
        else:
            styles.append((line.name, f"var(--s{taken % COLOURS + 1})", DASHES[taken % len(DASHES)]))
            taken += 1
    return tuple(styles)


def _draw(line: Line, colour: str, dash: str, place: Callable[[Point], Point]) -> list[Markup]:
    """Draw each unbroken run of points as a path, and a run of one point as a dot."""
    width = 2.6 if line.emphasis else 1.9
    parts = []
    for run in _runs(line.points):
        placed = [place(point) for point in _thinned(run)]
        if len(placed) == 1:
            parts.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"/>').format(*placed[0], colour))
            continue
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(
            Markup('<polyline points="{}" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>').format(
                path, colour, width, dash or "none"
            )
        )
    return parts


def _runs(points: Sequence[Point | None]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in points:
        if point:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _thinned(run: list[Point]) -> list[Point]:
    stride = math.ceil(len(run) / MOST_POINTS)
    return run if stride == 1 else [*run[:-1:stride], run[-1]]


def _mark(mark: Mark, place: Callable[[Point], Point]) -> Markup:
    x, y = place(mark.at)
    anchor, shift, rise = ("end", -8, -9) if x > WIDTH / 2 else ("start", 8, -9)
    if y < TOP + 24:  # no room above
        anchor, shift, rise = ("end", 0, 24) if x > WIDTH - 60 else ("middle", 0, 24)
    return Markup(
        '<circle class="mark" cx="{:.1f}" cy="{:.1f}" r="4.5"/>'
        '<text class="mark-label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'
    ).format(x, y, x + shift, y + rise, anchor, mark.label)


def _tick(value: float) -> str:
    return significant(round(value, 10))
