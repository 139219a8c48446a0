"""Tables as spreadsheets and scripts write them: commas, semicolons, tabs or bars, quoted or not, in any encoding.

A row is a line. A quote that is not closed therefore costs its own row, never those that follow.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steps.dataset.label_text import encoding_of

SEPARATORS = (",", ";", "\t", "|")

LONGEST = 64 * 1024
"""Characters of a line that are taken for one row; no honest one is longer."""


@dataclass(frozen=True, slots=True)
class Table:
    """A text file of rows.

    Attributes:
        file: Where it is.
        encoding: As Python calls it.
        odd: What is odd about the encoding; empty: it is plain UTF-8.
        separator: Between the cells. Empty: not known yet.
    """

    file: Path
    encoding: str
    odd: str
    separator: str = ""

    @classmethod
    def open(cls, file: Path) -> "Table":
        """Look how the text at `file` is encoded.

        Raises:
            Rejection: `label_unreadable`, if it is no text.
        """
        encoding, odd = encoding_of(file)
        return cls(file, encoding, odd)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield lines that have something in them, with their number; `sep=;`, as Excel has it, is none."""
        with self.file.open(encoding=self.encoding, errors="replace") as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST), ""), 1):
                bare = line.strip().strip("\ufeff")
                if bare and not (number == 1 and bare.lower().startswith("sep=")):
                    yield number, line.lstrip("\ufeff")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of each line, and its cells without the blanks around them; a line of empty cells is none."""
        for number, line in self.lines():
            cells = cells_of(line, self.separator)
            if any(cells):
                yield number, cells


def cells_of(line: str, separator: str) -> list[str]:
    """Return the cells of one line."""
    try:
        cells = next(csv.reader((line.rstrip("\r\n"),), delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [cell.strip() for cell in cells]
