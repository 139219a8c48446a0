"""How values are spelled as text where Argo, a Go program, does it: JSON, numbers, and items of expanded tasks."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HTML = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"})
"""What Go's JSON encoder escapes besides, so that a browser does not read it as markup."""
LONGEST_PLAIN = 1e21
"""Numbers from which on Go spells an exponent."""
UNSPEAKABLE = re.compile("[\x00-\x07\x0b\x0e-\x1f\x7f]")
"""Characters that Argo cannot put in place of a tag: it escapes them as Go does, which is no JSON."""
QUOTED_OR_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|\s+')
DECODER = json.JSONDecoder()


def json_text(value: object) -> str:
    """Spell `value` as Go's JSON encoder does: compact, unicode as it is, `<`, `>` and `&` escaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(HTML)


def value_text(value: object) -> str:
    """Spell what an expression gives: booleans in small letters, whole numbers without a fraction, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < LONGEST_PLAIN:
        return str(int(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of `withItems` or `withParam`, as its JSON spells it, without spaces between signs."""

    source: str

    @property
    def value(self) -> Any:
        """What it is."""
        return json.loads(self.source)

    @property
    def text(self) -> str:
        """What `{{item}}`, or a member of an item, stands for."""
        if self.source.startswith('"'):
            return str(self.value)
        if self.source.startswith("{"):
            rows = sorted(self.members.items())
            return f"{{{','.join(f'{json_text(name)}:{one.source}' for name, one in rows)}}}".translate(HTML)
        return self.source.translate(HTML)

    @property
    def label(self) -> str:
        """What the name of the node says: no brackets, and texts as they are escaped."""
        if self.source.startswith("{"):
            shown = ",".join(sorted(f"{name}:{one.shown}" for name, one in self.members.items()))
        elif self.source.startswith("["):
            shown = f"[{' '.join(one.shown for one in elements(self.source))}]"
        else:
            shown = "[]" if self.source == "null" else self.shown
        return shown.replace("(", "").replace(")", "")

    @property
    def shown(self) -> str:
        """The source, a text without its quotes."""
        return self.source[1:-1] if self.source.startswith('"') else self.source

    @property
    def members(self) -> dict[str, "Item"]:
        """The members of a map, by name; those of anything else are none."""
        if not self.source.startswith("{"):
            return {}
        found: dict[str, Item] = {}
        place = 1
        while self.source[place] != "}":
            name, place = DECODER.raw_decode(self.source, place)
            start = place + 1
            _, place = DECODER.raw_decode(self.source, start)
            found[name] = Item(self.source[start:place])
            place += self.source[place] == ","
        return found


def item_of(value: object) -> Item:
    """Return the item that a manifest spells out."""
    return Item(json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def elements(text: str) -> Iterator[Item]:
    """Yield the items of the JSON list `text`.

    Raises:
        ValueError: If it is no JSON.
        TypeError: If it is no list.
    """
    if not isinstance(json.loads(text), list):
        raise TypeError("not a list")
    source = QUOTED_OR_SPACE.sub(lambda found: found[1] or "", text)
    place = 1
    while source[place] != "]":
        _, end = DECODER.raw_decode(source, place)
        yield Item(source[place:end])
        place = end + (source[end] == ",")
