"""The thresholds and the limit of models that nobody evaluated stand in one place, and so does the scoring threshold."""

import re
from pathlib import Path

from steps.runtime.defaults import WEAKEST, Defaults

ROOT = Path(__file__).parents[2]
OWNER = "steps/runtime/defaults.py"
USUAL = Defaults()
NUMBERS = {
    "confidence": (USUAL.confidence, r"conf|thresh|score|certain"),
    "iou": (USUAL.iou, r"iou|overlap|nms|suppress"),
    "max_detections": (USUAL.max_detections, r"det|most_|limit"),
    "WEAKEST": (WEAKEST, r"conf|thresh|score|weak|certain"),
}
"""The number, and the words that a line has in which it would mean the same."""


def lines_with(value: float, words: str) -> list[str]:
    """Return the places in code and pages that hold `value` beside one of `words`, as `path: line`."""
    spelled = {f"{value:g}", f"{value:.2f}", f"{value:.3f}".rstrip("0"), f"{value:.0e}".replace("e-0", "e-")}
    number = re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, sorted(spelled)))})(?![\w.]*\d)")
    found = []
    for path in sorted(ROOT.glob("steps/**/*")) + sorted(ROOT.glob("workflows/**/*")):
        if path.suffix in (".py", ".js", ".html"):
            text = path.read_text(encoding="utf-8")
            found += [
                f"{path.relative_to(ROOT)}: {line.strip()}"
                for line in text.splitlines()
                if number.search(line) and re.search(words, line, re.IGNORECASE)
            ]
    return found


def test_each_number_stands_in_one_place() -> None:
    for name, (value, words) in NUMBERS.items():
        (place,) = lines_with(value, words)
        assert place.startswith(f"{OWNER}: {name}: "), place


def test_a_line_is_found_when_it_repeats_a_number() -> None:
    """The search sees the spellings that are common: these stand in other places, and mean something else."""
    assert any("train_fraction: float = Field(default=0.7" in line for line in lines_with(USUAL.iou, "fraction"))
    assert any("hsv_s" in line for line in lines_with(USUAL.iou, "hsv_s"))
