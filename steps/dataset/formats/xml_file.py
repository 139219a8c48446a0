"""XML files of any length, element by element; entities and external references are refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from steps.errors import DatasetError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

BROKEN = (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError)
"""What a parser raises about XML that is broken or refused."""

Nested = tuple["Element", ...]
"""An element, preceded by those that it stands in, the root first."""


def elements(path: Path, when: Literal["start", "end"]) -> Iterator[Nested]:
    """Yield every element of a file: at its start, with its attributes alone; or at its end, children and all.

    Whoever has used one at its end takes it out of its parent, so that a file of any length takes no memory.

    Raises:
        Exception: One of `BROKEN`.
    """
    nested: list[Element] = []
    with path.open("rb") as file:
        for event, element in iterparse(file, ("start", "end")):
            if event == "start":
                nested.append(element)
            if event == when:
                yield tuple(nested)
            if event == "end":
                nested.pop()


@contextmanager
def refusing_broken_xml(source: str) -> Iterator[None]:
    """Turn whatever a parser says about broken XML in `source` into a refusal that a person understands.

    Raises:
        DatasetError: Instead.
    """
    try:
        yield
    except DatasetError:
        raise
    except BROKEN as error:
        raise DatasetError(
            f"{source} is broken XML: {' '.join(str(error).split())[:200]}", hint="export it again, or take it out"
        ) from None
