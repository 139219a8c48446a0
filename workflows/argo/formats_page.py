"""The page on formats of labelled images, from the readers and the table of what is done about dirt."""

import re

from steps.dataset.file_kinds import ARCHIVES, PICTURES
from steps.dataset.formats import FORMATS, Format
from steps.dataset.formats.lookalikes import KINDS
from steps.dataset.issues import TREATMENTS
from workflows.argo.markdown import page, table

ABOUT = {"row": "label row", "image": "image", "file": "other file", "source": "source"}
FATES = {
    "rejected": "Broken, and counted towards `--max-bad-share`: a row without its image, an image with its rows.",
    "left_out": "Not used, by a rule that was given or that the layout states.",
    "merged": "The same thing twice; used once.",
    "repaired": "Used, after a repair that is safe.",
    "noted": "Used as it is; worth knowing.",
}


def formats_page() -> str:
    """Return the page: each layout that is read with its dialects and a sample tree, and what becomes of dirt."""
    return page(
        "# Formats of labelled images",
        "`ingest` recognises these layouts (`--format=auto`), in a folder, a zip, a tar or a bucket, with any wrapper folders around "
        "them. Every image, label file and row of a source is used, repaired, merged, rejected or left out; `intake.json` and the report "
        "name each that is not simply used, and the counts add up to what the source holds. A source that is refused leaves its intake "
        "report too.",
        table(
            ("`--format`", "What it is", "How it is laid out"),
            [(f"[`{each.name}`](#{_anchor(each.title)})", each.title, each.dialects[0]) for each in FORMATS.values()],
        ),
        *(part for each in FORMATS.values() for part in _section(each)),
        "## Images",
        "An image whose labels do not list it, and that has no label file, is taken for background (nothing is on it) in formats that mean it "
        "so, unless half of the images would be; `--unlabelled=background` or `--unlabelled=leave-out` decides. "
        f"Extensions that are looked at: {_codes(PICTURES)}. Pictures that some reader could not read are converted; what is no picture is "
        "rejected by its content, whatever it is called. Outlines with several rings and masks are kept beside the boxes.",
        "## Dirt",
        *(_treatments(fate, explanation) for fate, explanation in FATES.items()),
        "## Known, and not read",
        "These are called by their name, with the way to labels that are read.",
        table(("What it is", "What to do"), [(kind.title, kind.way_out) for kind in KINDS]),
        f"Archives inside of a source ({_codes(ARCHIVES)}) are named and not unpacked; links are followed where they stay inside of it.",
    )


def _section(each: Format) -> tuple[str, ...]:
    more = "\n".join(f"- {sentence}" for sentence in each.dialects)
    instead = (
        f"Where it and {' or '.join(f'`{name}`' for name in each.instead_of)} fit, this one is meant."
        if each.instead_of
        else ""
    )
    parts = (f"## {each.title}", more, instead, f"```text\n{each.sample}\n```")
    return tuple(part for part in parts if part)


def _anchor(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _treatments(fate: str, explanation: str) -> str:
    rows = [
        (f"`{code}`", ABOUT[treatment.scope], treatment.reason)
        for code, treatment in sorted(TREATMENTS.items())
        if treatment.action == fate
    ]
    return f"### {fate.replace('_', ' ').capitalize()}\n\n{explanation}\n\n{table(('Code', 'About', 'Why'), rows)}"


def _codes(names: frozenset[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(names))
