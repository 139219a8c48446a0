"""The intake report: what came in, and what was mended or put aside, each named."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

from steps.dataset import DatasetInfo
from steps.dataset.issues import TREATMENTS
from steps.errors import DatasetError
from steps.ingest.ledger import Finding, Ledger

ISSUES_A_CODE = 1000
"""Issues of one kind that are named; the others are counted."""

DUPLICATES = 1000
"""Groups of equal images that are named."""

SMALL, LARGE = 32**2, 96**2
"""Areas in square pixels that divide small, medium and large boxes, as COCO does."""

SEVERITY = ("rejected", "left_out", "merged", "repaired", "noted")


def write_intake(folder: Path, ledger: Ledger, info: DatasetInfo, layout: str, pictures: dict[str, Any]) -> None:
    """Write `intake.json` to `folder`; `pictures` are the lists of thumbnails."""
    issues = list(_issues(ledger))
    report = {
        "source": info.source,
        "format": info.format,
        "layout": layout,
        "images": info.images,
        "boxes": info.boxes,
        "background": info.background,
        "classes": info.boxes_per_class,
        "sizes": ledger.sizes(),
        "accounts": ledger.accounts.report(),
        "counts": dict(sorted(ledger.counts.items())),
        "issues": issues,
        "issues_omitted": _omitted(ledger),
        "box_sizes": _box_sizes(ledger),
        "duplicates": ledger.duplicates(DUPLICATES),
        **pictures,
    }
    (folder / "intake.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_refusal(folder: Path, ledger: Ledger, source: str, refusal: DatasetError) -> None:
    """Write what is known of a source that is refused, and why it is."""
    issues = list(_issues(ledger))
    report = {
        "source": source,
        "refused": refusal.message,
        "hint": refusal.hint,
        "accounts": ledger.accounts.report(),
        "counts": dict(sorted(ledger.counts.items())),
        "issues": issues,
        "issues_omitted": _omitted(ledger),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "intake.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _issues(ledger: Ledger) -> list[dict[str, Any]]:
    codes = sorted(ledger.counts, key=lambda code: (SEVERITY.index(TREATMENTS[code].action), code))
    return [
        _told(finding, ledger.counts[code])
        for code in codes
        for finding in islice(ledger.findings(code, ISSUES_A_CODE), ISSUES_A_CODE)
    ]


def _omitted(ledger: Ledger) -> int:
    """Return how many issues are counted and not named; those that are said once for a source are named."""
    return sum(max(0, count - ISSUES_A_CODE) for code, count in ledger.counts.items() if not TREATMENTS[code].once)


def _told(finding: Finding, count: int) -> dict[str, Any]:
    issue = finding.issue
    many = f"{count} in all, such as " if issue.treatment.once and count > 1 else ""
    return {
        "code": issue.code,
        "action": issue.treatment.action,
        "file": issue.file,
        "row": issue.row,
        "found": many + issue.found,
        "reason": issue.treatment.reason,
    }


def _box_sizes(ledger: Ledger) -> dict[str, int]:
    sizes = {"small": 0, "medium": 0, "large": 0}
    for entry in ledger.entries():
        for _, (left, top, right, bottom), *_ in json.loads(entry.boxes):
            area = (right - left) * (bottom - top)
            sizes["small" if area < SMALL else "medium" if area < LARGE else "large"] += 1
    return sizes
