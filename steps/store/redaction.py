"""Text without credentials: what every message, record and lineage passes through before a person sees it."""

import re

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s'\"<>]+)")
_QUERY_VALUE = re.compile(r"=[^&#\s]*")


def redact(text: str) -> str:
    """Return `text` with the credentials of every URL in it replaced by `***`.

    User and password before the host go, and so does every value of a query string: presigned URLs carry their
    signature there, and there is no complete list of the names it goes by. The names stay.
    """
    return _URL.sub(_redact_url, text)


def _redact_url(match: re.Match[str]) -> str:
    before_query, mark, query = match["rest"].partition("?")
    host, slash, path = before_query.partition("/")
    # A password may hold a slash where nobody escaped it: whatever stands before the last @ of the authority goes.
    if "@" in host:
        host = f"***@{host.rpartition('@')[2]}"
    elif ":" in host and "@" in path and not host.rpartition(":")[2].isdigit():
        host, slash, path = "***@", "", path.rpartition("@")[2]
    values = _QUERY_VALUE.sub("=***", query) if "=" in query else "***" if query else ""
    return f"{match['scheme']}{host}{slash}{path}{mark}{values}"
