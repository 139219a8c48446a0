"""Words and signs of expressions."""

import re
from collections.abc import Iterator, Mapping

from workflows.local.errors import ExpressionError

OTHERS = r"""(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>==|!=|<=|>=|&&|\|\||[!<>?:().\[\],])"""
TOKEN = re.compile(rf"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|{OTHERS})""", re.DOTALL)
CONDITION_TOKEN = re.compile(rf"""\s*(?:(?P<text>['"](?:[^'"\\]|\\.)*['"])|{OTHERS})""", re.DOTALL)
"""In a `when`, either quote ends a text, whichever began it: Argo's govaluate reads it so."""
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokens(source: str, pattern: re.Pattern[str] = TOKEN) -> Iterator[tuple[str, str, int]]:
    """Yield kind (text, number, name, sign, end), spelling and place of each token of `source`."""
    place = 0
    end = len(source.rstrip())
    while place < end:
        found = pattern.match(source, place)
        if not found or not found.lastgroup:
            raise ExpressionError(
                f"expression {source!r}: cannot read {source[place:].strip()[:20]!r}", hint=advice(source)
            )
        yield found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup)
        place = found.end()
    yield "end", "", end


def advice(source: str) -> str:
    """Return the hint for a `source` that cannot be read."""
    if re.search(r"\w-\w", source):
        return "a name with a dash is a member in brackets: tasks['my-task'].status"
    return "the language is: quoted text, numbers, a.b, a['b'], asInt(x), == != < > && || ! ?: and ()"


def unquote(token: str, escapes: Mapping[str, str] = ESCAPES) -> str:
    """Return the text that the quoted `token` stands for."""
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)
