"""Words and signs of expressions."""

import re
from collections.abc import Iterator

from workflows.local.errors import ExpressionError

TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[!<>?:().\[\],]))""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def tokens(source: str) -> Iterator[tuple[str, str, int]]:
    """Yield kind (text, number, name, sign, end), spelling and place of each token of `source`."""
    place = 0
    end = len(source.rstrip())
    while place < end:
        found = TOKEN.match(source, place)
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


def unquote(token: str) -> str:
    """Return the text that the quoted `token` stands for."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)
