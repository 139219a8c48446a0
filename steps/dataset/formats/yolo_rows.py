"""Lines of YOLO label files, the clean and the dirty ones."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from steps.dataset.formats.yolo_columns import USUAL_COLUMNS, Columns, Meaning
from steps.dataset.issues import FOUND_LIMIT, Issue, Rejection
from steps.dataset.label_text import read_text
from steps.dataset.rows import LOOKS_LIKE_PIXELS, OVERSHOOT, UNIT_FRAME, Corners, Reading, Ring, Row, around

UNNAMED_CLASSES = 1000
"""Where no names are known, a class index from here on is a mistake."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a source says of its rows, or shows by all of them.

    Attributes:
        keypoints: Numbers after the box that are keypoints, by `kpt_shape` of data.yaml. 0: there are none.
        columns: What 5 or 6 numbers after the class are.
        turned: True where 8 numbers are the corners of a turned box.
    """

    keypoints: int = 0
    columns: Columns = USUAL_COLUMNS
    turned: bool = False


NOTHING_DECLARED = Declared()


@dataclass(frozen=True, slots=True)
class YoloLabels:
    """The label file of one image: `class x-centre y-centre width height`, shares of the image, or `class x y x y …`.

    Attributes:
        file: The label file. None: there is none.
        source: Its path inside the source, or the image's where there is none.
        names: Class index → name. None: unknown, classes are called `class-0` and so on.
        declared: What the source says of its rows.
        listed: True where a list names the image, so that a missing file means that nothing is on it.
    """

    file: Path | None
    source: str
    names: Mapping[int, str] | None
    declared: Declared = NOTHING_DECLARED
    listed: bool = False

    def read(self) -> Reading:
        """Return every row; see `source.Labels`."""
        reading = Reading(self.source, frame=UNIT_FRAME, present=self.file is not None or self.listed)
        if self.file is None:
            return reading
        text, repaired = read_text(self.file)
        if repaired:
            reading.issues.append(Issue("encoding", self.source, None, repaired))
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip("\0 \t\r\n\ufeff"):
                continue
            reading.total += 1
            found = line.strip()[:FOUND_LIMIT]
            try:
                reading.rows.append(parse_line(line, number, self.names, self.declared))
            except Rejection as fault:
                reading.note(fault.code, number, found)
        return reading


def count_rows(path: Path) -> int | None:
    """Return how many lines a file has that nobody has read, or None where no line of it is a label row.

    Which classes there are does not matter, so that a label file of another data set is known as one.
    """
    try:
        text, _ = read_text(path)
    except (Rejection, OSError):
        return None
    lines = [line for line in text.splitlines() if line.strip("\0 \t\r\n\ufeff")]
    return len(lines) if not lines or any(map(_is_row, lines)) else None


def _is_row(line: str) -> bool:
    try:
        values = [float(token) for token in re.split(r"[\s,;]+", line.strip()) if token]
    except ValueError:
        return False
    return len(values) >= 5


def parse_line(line: str, number: int, names: Mapping[int, str] | None, declared: Declared = NOTHING_DECLARED) -> Row:
    """Return the row that `line` states, with coordinates as shares of the image.

    Raises:
        Rejection: If it states none.
    """
    repairs: list[str] = []
    tokens = _tokens(line, repairs)
    if not tokens:
        raise Rejection("wrong_columns")
    leading = next((place for place, token in enumerate(tokens) if _is_number(token)), len(tokens))
    if leading:
        label = _by_name(" ".join(tokens[:leading]), names)
        repairs.append("class_by_name")
    else:
        leading = 1
        label = _by_index(tokens[0], names)
    values = [_number(token) for token in tokens[leading:]]
    row = Row(number, label, (0, 0, 0, 0), line.strip()[:FOUND_LIMIT], loose=True, remarks=tuple(repairs))
    if len(values) == 4:
        return replace(row, xyxy=_corners(values))
    if declared.keypoints:
        return _pose(row, values, declared.keypoints)
    if len(values) in (5, 6):
        return _with_extras(row, values, declared.columns.of(len(values)))
    return _outlined(row, values, "turned_box" if declared.turned and len(values) == 8 else "box_from_outline")


def _pose(row: Row, values: list[float], keypoints: int) -> Row:
    if len(values) != 4 + keypoints:
        raise Rejection("wrong_columns", f"{len(values)} numbers, where kpt_shape wants {4 + keypoints}")
    return replace(row, xyxy=_corners(values[:4]), remarks=(*row.remarks, "keypoints_dropped"))


def _with_extras(row: Row, values: list[float], meaning: Meaning | None) -> Row:
    if meaning is None:
        raise Rejection("ambiguous_columns")
    if meaning.polygon:
        return _outlined(row, values)
    track = () if meaning.track is None else (("track", f"{values[meaning.track]:g}"),)
    box = _corners(values[meaning.box : meaning.box + 4])
    return replace(row, xyxy=box, attributes=track, remarks=(*row.remarks, "confidence_dropped"))


def _outlined(row: Row, values: list[float], remark: str = "box_from_outline") -> Row:
    if len(values) < 6 or len(values) % 2:
        raise Rejection("wrong_columns")
    rings = (_ring(values),)
    return replace(row, xyxy=around(rings), rings=rings, remarks=(*row.remarks, remark))


def _tokens(line: str, repairs: list[str]) -> list[str]:
    tokens = line.strip("\0\ufeff \t\r\n").split()
    if "," not in line and ";" not in line:
        return tokens
    repairs.append("comma_separated")
    if len(tokens) >= 5 and all(re.fullmatch(r"-?\d*,\d+|-?\d+", token) for token in tokens[1:]):
        return [token.replace(",", ".") for token in tokens]
    return [token for token in re.split(r"[\s,;]+", line.strip("\0\ufeff \t\r\n,;")) if token]


def _corners(values: list[float]) -> Corners:
    x, y, width, height = values
    _check_range(values)
    if width <= 0 or height <= 0:
        raise Rejection("zero_size")
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _ring(values: list[float]) -> Ring:
    _check_range(values)
    return tuple(zip(values[0::2], values[1::2], strict=True))


def _check_range(values: list[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise Rejection("not_a_number")
    if max(values) >= LOOKS_LIKE_PIXELS:
        raise Rejection("pixel_units")
    if max(values) > 1 + OVERSHOOT or min(values) < -OVERSHOOT:
        raise Rejection("out_of_range")


def _by_index(token: str, names: Mapping[int, str] | None) -> str:
    value = _number(token)
    if not math.isfinite(value) or value != int(value) or value < 0:
        raise Rejection("unknown_class")
    index = int(value)
    if names is None and index < UNNAMED_CLASSES:
        return f"class-{index}"
    if names is None or index not in names:
        raise Rejection("unknown_class")
    return names[index]


def _by_name(name: str, names: Mapping[int, str] | None) -> str:
    if names is None or name not in names.values():
        raise Rejection("unknown_class")
    return name


def _is_number(token: str) -> bool:
    try:
        float(token)
    except ValueError:
        return False
    return True


def _number(token: str) -> float:
    if not _is_number(token):
        raise Rejection("not_a_number")
    return float(token)
