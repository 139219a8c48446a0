"""Text without credentials: what every message, record and lineage passes through before a person sees it."""

import re

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{0,20}://"
_URL = re.compile(rf"(?P<scheme>{_SCHEME})(?P<rest>(?:(?!{_SCHEME})[^\s'\"<>?#])+(?:[?#][^\s'\"<>]*)?)")
_PARAMETER = re.compile(r"[^&#]+")


def redact(text: str) -> str:
    """Return `text` with the credentials of every URL in it replaced by `***`.

    User and password before the host go, and so does every value of a query string: presigned URLs carry their
    signature there, and there is no complete list of the names it goes by. The names stay.
    """
    return _URL.sub(_redact_url, text)


def _redact_url(match: re.Match[str]) -> str:
    rest = match["rest"]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    _, colon, port = authority.partition(":")
    # A password may hold any sign where nobody escaped it, so all goes up to the last @ that could end it.
    if "@" in authority or ("@" in rest and colon and not port.isdigit()):
        rest = f"***@{rest.rpartition('@')[2]}"
    path = re.split(r"[?#]", rest, maxsplit=1)[0]
    mark, tail = rest[len(path) : len(path) + 1], rest[len(path) + 1 :]
    return f"{match['scheme']}{path}{mark}{_PARAMETER.sub(_redact_parameter, tail)}"


def _redact_parameter(match: re.Match[str]) -> str:
    name, equals, _ = match[0].partition("=")
    return f"{name}=***" if equals else "***"
