"""Is too much of the source broken to go on?"""

from typing import TYPE_CHECKING

from steps.dataset.issues import TREATMENTS, Fate, Scope
from steps.errors import DatasetError
from steps.ingest.ledger import Finding, Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 3
"""Reasons, and files, that a refusal names."""

MOST_GUESSED = 0.5
"""Share of images from which on missing label files are no way to say "nothing is on it" any more."""


def rejected(ledger: Ledger, scope: Scope) -> dict[str, int]:
    """Return how many issues rejected a row, an image or a file, by code, the most frequent first."""
    return {
        code: count
        for code, count in sorted(ledger.counts.items(), key=lambda item: (-item[1], item[0]))
        if TREATMENTS[code].action == "rejected" and TREATMENTS[code].scope == scope
    }


def refuse_if_bad(ledger: Ledger, max_bad_share: float) -> None:
    """Refuse a source of which more than `max_bad_share` of the rows or of the images was rejected, or all images.

    Refuse it too where half of its images would become background though nothing says that they are.

    Raises:
        DatasetError: It names the most frequent reasons, with an example each.
    """
    _refuse_guessed(ledger)
    checks: tuple[tuple[str, Mapping[Fate, int], tuple[Scope, ...]], ...] = (
        ("label rows", ledger.accounts.rows, ("row", "file", "image")),
        ("images", ledger.accounts.files("pictures"), ("image", "file", "row")),
    )
    for name, fates, scopes in checks:
        bad, total = fates.get("rejected", 0), sum(fates.values()) - fates.get("left_out", 0)
        nothing_left = name == "images" and bad == total
        if bad <= max_bad_share * total and not nothing_left:
            continue
        limit = "no image is left" if nothing_left else f"more than the {max_bad_share:.0%} that --max-bad-share allows"
        reasons = {code: count for scope in scopes for code, count in rejected(ledger, scope).items()}
        if name == "label rows":
            reasons.pop("all_rows_bad", None)  # it says of images what the rows' own reasons have said
        told = "; ".join(described(ledger, code, count) for code, count in list(reasons.items())[:SHOWN])
        told += _links(ledger)
        raise DatasetError(
            f"{bad} of {total} {name} are broken, {limit}: {told}",
            hint="repair the source"
            if nothing_left
            else "repair the source, or raise --max-bad-share to go on without them",
        )


def _refuse_guessed(ledger: Ledger) -> None:
    used = sum(ledger.accounts.files("pictures")[fate] for fate in ("used", "repaired"))
    if not ledger.background or ledger.background < MOST_GUESSED * used:
        return
    without = [finding.image for finding in ledger.findings("no_label_file", SHOWN)]
    unused = [finding.issue.file for finding in ledger.findings("label_without_image", SHOWN)]
    count = ledger.counts["label_without_image"]
    beside = (
        f"{count} label files belong to no image, such as {', '.join(unused)}" if count else "no label file is unused"
    )
    raise DatasetError(
        f"{ledger.background} of {used} images have no label file, such as {', '.join(without)}; {beside}{_links(ledger)}",
        hint="put the label files where the images are looked up, see docs/formats.md; or, if nothing is on these images, "
        "use --unlabelled=background, or --unlabelled=leave-out to go on without them",
    )


def _links(ledger: Ledger) -> str:
    """Return in words which links were not followed, empty if there are none: what is missing may be what they lead to."""
    count = ledger.counts["link_ignored"]
    return f"; {described(ledger, 'link_ignored', count)}" if count else ""


def described(ledger: Ledger, code: str, count: int) -> str:
    """Return in words how often an issue was met, and where first."""
    example = next(ledger.findings(code, 1))
    return f"{count} x {code}, {TREATMENTS[code].reason}, as {_place(example)}"


def _place(finding: Finding) -> str:
    issue = finding.issue
    row = f" row {issue.row}" if issue.row is not None else ""
    return f"{issue.file}{row}{f': {issue.found!r}' if issue.found else ''}"
