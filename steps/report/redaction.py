"""Keep secrets and control characters out of everything the report shows."""

import math
import re
import unicodedata
from collections import Counter
from typing import Any

from steps.store import redact as redact_urls

REMOVED = "***"
LONGEST_TEXT = 4000
"""Characters of one text that are kept: a page is for people."""
SHORTEST_TOKEN = 12
"""Characters that a token with a form of its own has at least."""

_SECRET_WORD = re.compile(
    r"keys?|tokens?|secrets?|pass|passwd|pwd|pw|credentials?|auth|signature|sig|sas|cookie|bearer|jwt|pat"
    r"|apikey|accesskey|password|passphrase|authorization"
)
_SECRET_PARTS = re.compile(
    r"(?i)passw|passphrase|secret|credential|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|token(?!i[sz])"
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

_USER_INFO = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#@:]{0,200}:[^\s@]{0,500}@")
"""What is left of user and password where one of them holds a quote, at which the reading of a URL ends."""
_ASSIGNED = re.compile(
    r"(?i)(\b[\w.-]{0,60}(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key"
    r"|account[-_]?key|credentials?|signature|\bsig\b)[\w-]{0,40}\\?[\"']?\s{0,4}[=:]\s{0,4})"
    r"(\\?\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,;&'\"}]+)"
)
_BEARER = re.compile(r"(?i)\b(authorization\s{0,4}[:=]\s{0,4}\S+|bearer|basic)\s+[A-Za-z0-9+/=._~-]{8,}")
_TOKENS = re.compile(
    r"""\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b          # AWS access key ids
    |\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}    # GitHub
    |\bglpat-[\w-]{12,}                                   # GitLab
    |\bxox[abeprs]-[\w-]{10,}                             # Slack
    |\bhf_[A-Za-z0-9]{16,}                                # Hugging Face
    |\bsk-[\w-]{16,}|\bAIza[\w-]{30,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{20,}
    |\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?               # JSON web tokens
    |-----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----(?:.*?-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|.*)""",
    re.VERBOSE | re.DOTALL,
)
_KEPT = "\n\t\u200c\u200d"
"""Line ends, and the joiners that several scripts and emoji need."""

_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{24,}")


def redact(text: str) -> str:
    """Return `text` without credentials, values in URLs' queries, and characters that hide or reverse others.

    At most `LONGEST_TEXT` characters are kept.
    """
    if len(text) > 2 * LONGEST_TEXT:  # without the last word, which may be half a secret that no pattern knows
        text = re.sub(r"\S{0,9999}\Z", "", text[: 2 * LONGEST_TEXT])
    text = _printable(text)
    if "://" in text:
        text = _USER_INFO.sub(rf"\1{REMOVED}@", redact_urls(text))
    if len(text) >= SHORTEST_TOKEN:
        text = _BEARER.sub(REMOVED, _TOKENS.sub(REMOVED, text))
    if "=" in text or ":" in text:
        text = _ASSIGNED.sub(rf"\1{REMOVED}", text)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def redact_named(name: str, value: str) -> str:
    """Return the `value` of the parameter `name`, or a mark in its place where either looks secret."""
    if value and (names_secret(name) or _looks_random(value.strip())):
        return REMOVED
    return redact(value)


def redact_tree(value: Any, name: str = "") -> Any:
    """Redact every text in parsed JSON, names included. `{"name": …, "value": …}` is read as a parameter."""
    if isinstance(value, str):
        return redact_named(name, value) if name else redact(value)
    if isinstance(value, list):
        return [redact_tree(item, name) for item in value]
    if isinstance(value, dict):
        parameter = value.get("name")
        return {
            redact(str(key)): redact_tree(item, parameter if key == "value" and isinstance(parameter, str) else key)
            for key, item in value.items()
        }
    return value


def names_secret(name: str) -> bool:
    """Tell whether a parameter called `name` is likely to hold a credential: `db-password`, `apiKey`, `AWS_SECRET`."""
    words = (word.lower() for word in _WORDS.findall(name))
    return any(_SECRET_WORD.fullmatch(word) for word in words) or bool(_SECRET_PARTS.search(name))


def _looks_random(value: str) -> bool:
    """Tell whether `value` as a whole looks generated: letters of both cases and digits, near the highest entropy."""
    if not _RANDOM.fullmatch(value) or not all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]")):
        return False
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return entropy > 4.1


def _printable(text: str) -> str:
    """Replace what a page cannot show, or shows as something else: surrogates, controls, direction overrides."""
    if text.isprintable():
        return text
    return "".join(
        character if character in _KEPT or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"} else "�"
        for character in text
    )
