"""Is too much of the source broken to go on?"""

from steps.dataset.issues import TREATMENTS, Scope
from steps.errors import DatasetError
from steps.ingest.ledger import Finding, Ledger

SHOWN = 3
"""Reasons that the refusal names."""


def quarantined(ledger: Ledger, scope: Scope) -> dict[str, int]:
    """Return how many rows or images were put aside, by code, the most frequent first."""
    return {
        code: count
        for code, count in sorted(ledger.counts.items(), key=lambda item: (-item[1], item[0]))
        if TREATMENTS[code].action == "quarantined" and TREATMENTS[code].scope == scope
    }


def refuse_if_bad(ledger: Ledger, images: int, max_bad_share: float) -> None:
    """Refuse a source of which more than `max_bad_share` of the rows or of the `images` was put aside, or all images.

    Raises:
        DatasetError: It names the most frequent reasons, with an example each.
    """
    missing = ledger.counts["image_missing"] + ledger.counts["image_ambiguous"]
    for scope, things, total in (("image", "images", images + missing), ("row", "label rows", ledger.rows)):
        reasons = quarantined(ledger, "image" if scope == "image" else "row")
        bad = sum(reasons.values())
        nothing_left = scope == "image" and bad == total
        if bad <= max_bad_share * total and not nothing_left:
            continue
        limit = "no image is left" if nothing_left else f"more than the {max_bad_share:.0%} that --max-bad-share allows"
        told = "; ".join(_told(ledger, code, count) for code, count in list(reasons.items())[:SHOWN])
        raise DatasetError(
            f"{bad} of {total} {things} are broken, {limit}: {told}",
            hint="mend the source"
            if nothing_left
            else "mend the source, or raise --max-bad-share to go on without them",
        )


def _told(ledger: Ledger, code: str, count: int) -> str:
    example = next(ledger.findings(code, 1))
    return f"{count} x {code}, {TREATMENTS[code].reason}, as {_place(example)}"


def _place(finding: Finding) -> str:
    issue = finding.issue
    row = f" row {issue.row}" if issue.row is not None else ""
    return f"{issue.file}{row}{f': {issue.found!r}' if issue.found else ''}"
