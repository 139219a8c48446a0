"""Logs on stderr: lines of JSON for programs, lines of words for people."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["auto", "text", "json"]

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLines(logging.Formatter):
    """One line a record: the time, the level, the event, and what was passed as `extra` as further members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        if not record.name.startswith("steps."):
            line["logger"] = record.name
        line |= _extra(record)
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """One line a record: the local time, the level where it is not the usual one, and the rest as a sentence would say it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback, where there is one."""
        extra = _extra(record)
        words = _request(extra) if record.getMessage() == "request" else _event(record.getMessage(), extra)
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        text = _printable(f"{datetime.fromtimestamp(record.created).astimezone():%H:%M:%S} {level}{words}")
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        return text


def install(log_format: LogFormat) -> None:
    """Send the logs of the whole process to stderr; `auto` is text on a terminal and JSON elsewhere."""
    text = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextLines() if text else JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Its lines say what the request's own line says better.
    logging.getLogger("uvicorn.access").disabled = True
    # How uvicorn starts and stops, in steps, is nothing that a person waits for.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING if text else logging.NOTSET)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _request(extra: dict[str, Any]) -> str:
    words = [f"{extra['request']} {extra['status']} in {extra['ms']:.1f} ms"]
    if "model" in extra:
        words.append(f"{extra['model']} version {extra['version']}")
        words += [_count(extra["pictures"], "picture", "pictures"), _count(extra["boxes"], "box", "boxes")]
    return ", ".join(words)


def _event(event: str, extra: dict[str, Any]) -> str:
    told = ", ".join(
        f"{name.replace('_', ' ')} {_spell(value)}" for name, value in extra.items() if value or value == 0
    )
    return event.replace("_", " ") + (f": {told}" if told else "")


def _spell(value: Any) -> str:
    return " and ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else str(value)


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _printable(text: str) -> str:
    """Return `text` without what a terminal would obey: a client chooses the path that it asks for."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
