"""A web server for tests that misbehaves on request: refuses, is busy, breaks off, redirects."""

import atexit
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message


@dataclass
class Request:
    path: str
    headers: "Message[str, str]"


@dataclass
class Page:
    data: bytes = b""
    breaks_at: list[int] = field(default_factory=list)
    etag: str = '"1"'
    ranges: bool = True
    length: bool = True
    location: str = ""


@dataclass
class Web:
    """A running server and what it was asked; `put`, `answer` and `redirect` tell it what to do."""

    server: ThreadingHTTPServer
    requests: list[Request] = field(default_factory=list)
    sent: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    refusals: dict[str, list[int]] = field(default_factory=dict)
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(
        self,
        path: str,
        data: bytes,
        *,
        breaks_at: Sequence[int] = (),
        etag: str = '"1"',
        ranges: bool = True,
        length: bool = True,
    ) -> None:
        """Serve `data`; the connection of one request after the other breaks when it comes to the bytes `breaks_at`."""
        self.pages[path] = Page(data, list(breaks_at), etag, ranges, length)

    def answer(self, path: str, status: int, times: int = 1000) -> None:
        """Answer `status` the next `times` times."""
        self.refusals[path] = [status] * times

    def redirect(self, path: str, location: str) -> None:
        self.pages[path] = Page(location=location)

    def after_first(self, path: str, action: Callable[[], None]) -> None:
        """Do `action` when the next request for `path` was answered."""
        self.hooks[path] = action

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def serve() -> Web:
    """Start a server on a free port; it ends with the process."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    web = Web(server)
    server.web = web  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    atexit.register(server.server_close)
    return web


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Be silent."""

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]
        path = self.path.partition("?")[0]
        web.requests.append(Request(self.path, self.headers))
        refusals = web.refusals.get(path)
        page = web.pages.get(path)
        if refusals:
            self._head(refusals.pop(), {"Content-Length": "0"})
        elif page is None:
            self._head(404, {"Content-Length": "0"})
        elif page.location:
            self._head(302, {"Content-Length": "0", "Location": page.location})
        else:
            self._send(web, page)
        web.hooks.pop(path, lambda: None)()

    def _send(self, web: Web, page: Page) -> None:
        start = 0
        wanted = self.headers.get("Range", "")
        if wanted and page.ranges and self.headers.get("If-Range") == page.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        headers = {"ETag": page.etag}
        if page.length:
            headers["Content-Length"] = str(len(page.data) - start)
        else:
            headers["Connection"] = "close"
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(page.data) - 1}/{len(page.data)}"
        self._head(206 if start else 200, headers)
        end = page.breaks_at.pop(0) if page.breaks_at else len(page.data)
        self.wfile.write(page.data[start:end])
        self.wfile.flush()
        web.sent += max(end - start, 0)
        self.close_connection = self.close_connection or end < len(page.data) or not page.length

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
