"""A conversation with one server: waits where it is asked to, and tells a picture's fault from the server's."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import urllib3

from workflows.client.errors import CallError, ClientError, PictureError
from workflows.client.protocols import DIALECTS, Answer, Dialect, Option

BUSY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
LONGEST_WAIT_S: Final = 30.0
SHORTEST_WAIT_S: Final = 0.2
TIMEOUT: Final = urllib3.Timeout(connect=5, read=120)
_HINT: Final = "`argosight serve` starts a server here; another one is named with --url"


@dataclass(slots=True)
class Session:
    """Asks one server. May be used from several threads.

    Attributes:
        url: The server, without a slash at its end.
        protocol: `predict`, `v1` or `v2`.
        model: Name of the model; found out where it is empty and the protocol needs one.
        options: How to look: `conf`, `iou`, `max_det`, `classes`, `imgsz`.
        key: API key, empty for none.
        retries: How often a picture is sent again where the server is busy or a connection breaks.
        connections: How many are kept open.
    """

    url: str
    protocol: str = "predict"
    model: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    key: str = ""
    retries: int = 8
    connections: int = 1
    _pool: urllib3.PoolManager = field(init=False)

    def __post_init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=self.connections, timeout=TIMEOUT, retries=False)

    def open(self) -> None:
        """Look whether the server is there, and which model it has.

        Raises:
            CallError: If the URL is none, or the model has to be named.
            ClientError: If the server is not there.
        """
        try:
            status, body, _ = self._send("GET", "/model", b"", "")
        except urllib3.exceptions.LocationValueError as error:
            raise CallError(f"--url={self.url}: {error}", hint="write http://host:port") from None
        except urllib3.exceptions.HTTPError as error:
            raise ClientError(f"no server answers at {self.url}: {_reason(error)}", hint=_HINT) from None
        if self.model or self.protocol == "predict":
            return
        try:
            self.model = str(json.loads(body)["name"]) if status == HTTPStatus.OK else ""
        except (ValueError, KeyError, TypeError):
            self.model = ""
        if not self.model:
            raise CallError(
                f"{self.url} does not say which model it has, and {self.protocol} needs its name",
                hint="name it with --model",
            )

    def ask(self, image: bytes) -> Answer:
        """Return what the server finds on `image`.

        Raises:
            PictureError: If it does not answer that, after all retries.
        """
        dialect = DIALECTS[self.protocol]
        question = dialect.ask(image, self.model, self.options)
        fault = PictureError("it was never sent")
        for attempt in range(self.retries + 1):
            wait_s = SHORTEST_WAIT_S * 2**attempt
            try:
                status, body, headers = self._send("POST", question.path, question.body, question.content_type)
            except urllib3.exceptions.HTTPError as error:
                fault = PictureError(f"the connection failed: {_reason(error)}", hint=_HINT)
            else:
                if status == HTTPStatus.OK:
                    return _read(dialect, body)
                fault = _fault(status, body)
                if status not in BUSY:
                    raise fault
                wait_s = _asked_wait(headers, wait_s)
            if attempt < self.retries:
                time.sleep(min(wait_s, LONGEST_WAIT_S))
        raise fault

    def _send(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes, Mapping[str, str]]:
        headers = {"Accept": "application/json"}
        headers |= {"Content-Type": content_type} if content_type else {}
        headers |= {"X-API-Key": self.key} if self.key else {}
        answer = self._pool.request(method, f"{self.url}{path}", body=body or None, headers=headers)
        return answer.status, answer.data, answer.headers


def _read(dialect: Dialect, body: bytes) -> Answer:
    try:
        return dialect.read(json.loads(body))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PictureError(
            f"the answer is not of this protocol ({type(error).__name__}): {body[:80].decode(errors='replace')}",
            hint="does the server speak another? see --protocol",
        ) from None


def _fault(status: int, body: bytes) -> PictureError:
    document: Any
    try:
        document = json.loads(body)
        detail = str(document.get("detail") or document.get("error") or document)
        hint = str(document.get("hint", ""))
    except (ValueError, AttributeError):
        detail, hint = body[:200].decode(errors="replace") or HTTPStatus(status).phrase, ""
    return PictureError(detail, hint=hint, status=status)


def _asked_wait(headers: Mapping[str, str], otherwise_s: float) -> float:
    """Return the seconds that `Retry-After` asks for; a date there is left aside."""
    try:
        return max(float(headers.get("Retry-After", "")), SHORTEST_WAIT_S)
    except ValueError:
        return otherwise_s


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    return str(error).rpartition(": ")[2] or type(error).__name__
