"""Download one file over http(s): tries again, goes on where it stopped, and never shows a half file."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError, MaxRetryError, ResponseError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry, Timeout, make_headers, parse_url

from steps.errors import InputError, ParameterError, StoreUnavailableError
from steps.store.redaction import redact

_CHUNK = 1 << 18
_WAITS_S = (0.2, 0.5, 1.0, 2.0)
_REDIRECTS = 5
_TIMEOUT = Timeout(connect=10, read=60)
_REFUSED = {
    401: "the server asks who you are: use a presigned URL, or an s3:// source with its keys",
    403: "the server does not let you: is the URL presigned, and too old?",
    404: "check the URL",
    410: "check the URL",
}


def download(url: str, path: Path, max_bytes: int, report: Callable[[int, int, str], None]) -> Path:
    """Write what `url` answers to `path`, which appears when it is whole, and return it.

    A broken connection is taken up again with a range request where the server proves, by `If-Range`, that it still
    has the same file; else from the start.

    Raises:
        ParameterError: If `url` is no http(s) URL.
        InputError: If the server refuses (4xx), or it has more than `max_bytes` (0: any number).
        StoreUnavailableError: If it does not answer, or with 5xx, five times.
    """
    transfer = _Transfer(url, path.with_name(f"{path.name}.part"), max_bytes, report)
    try:
        for wait in (*_WAITS_S, None):
            try:
                transfer.attempt()
            except StoreUnavailableError:
                if wait is None:
                    raise
                time.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  (spreads load, keeps no secret)
            else:
                break
        return transfer.part.replace(path)
    except OSError as error:
        raise InputError(
            f"{error.filename or path}: {error.strerror}", hint="check the folder, and its space"
        ) from None
    finally:
        transfer.close()


class _Transfer:
    """One file on its way: what has arrived, and the validator that proves that the rest belongs to it."""

    def __init__(self, url: str, part: Path, max_bytes: int, report: Callable[[int, int, str], None]) -> None:
        self.part = part
        self._shown, self._max_bytes, self._report = redact(url), max_bytes, report
        self._validator = ""
        try:
            parsed = parse_url(url)
        except LocationParseError:
            raise ParameterError(f"not a URL: {self._shown!r}", hint="write https://host/path") from None
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ParameterError(f"not an http(s) URL: {self._shown!r}", hint="write https://host/path")
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "argosight"}
        if parsed.auth:
            self._headers |= make_headers(basic_auth=unquote(parsed.auth))
        self._url = parsed._replace(auth=None, fragment=None).url
        proxy = None if proxy_bypass(parsed.host) else getproxies().get(parsed.scheme)
        self._pool = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()

    def close(self) -> None:
        """Drop the connection and whatever is not whole."""
        self._pool.clear()
        self.part.unlink(missing_ok=True)

    def attempt(self) -> None:
        """Fetch what is missing."""
        start = self.part.stat().st_size if self._validator else 0
        headers = self._headers | ({"Range": f"bytes={start}-", "If-Range": self._validator} if start else {})
        # The redirects' own limit is the only one: whether to try again is decided here, with the part in view.
        retry = Retry(total=None, connect=0, read=0, status=0, other=0, redirect=_REDIRECTS)
        try:
            response = self._pool.request(
                "GET", self._url, headers=headers, preload_content=False, retries=retry, timeout=_TIMEOUT
            )
            with response:
                self._receive(response, start)
        except MaxRetryError as error:
            raise self._explain(error.reason or error) from None
        except (HTTPError, ValueError) as error:  # The latter from a redirect to what is no URL.
            raise self._explain(error) from None

    def _receive(self, response: BaseHTTPResponse, start: int) -> None:
        self._check_status(response)
        resumed = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        if response.status == 206 and not resumed:
            self._validator = ""
            raise StoreUnavailableError(f"{self._shown} sent another range than asked", hint="try again")
        done = start if resumed else 0
        etag = response.headers.get("ETag", "")
        # A weak ETag promises the same meaning, not the same bytes.
        self._validator = response.headers.get("Last-Modified", "") if not etag or etag.startswith("W/") else etag
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() else 0
        self._check_size(total)
        with self.part.open("ab" if resumed else "wb") as file:
            for chunk in response.stream(_CHUNK, decode_content=False):
                done += len(chunk)
                self._check_size(done)
                file.write(chunk)
                of_total = f" of {total / 1e6:,.1f}" if total else ""
                self._report(min(done, total - 1) if total else done, total, f"{done / 1e6:,.1f}{of_total} MB fetched")
        self._report(done, done, f"fetched {done:,} bytes")

    def _check_status(self, response: BaseHTTPResponse) -> None:
        status = response.status
        if status in {200, 206}:
            return
        if status == 416:
            self._validator = ""
        if status >= 500 or status in {408, 416, 425, 429}:
            raise StoreUnavailableError(f"{self._shown} answers {status}", hint="the server is busy: try again later")
        raise InputError(f"{self._shown} answers {status}", hint=_REFUSED.get(status, "check the URL"))

    def _check_size(self, size: int) -> None:
        if self._max_bytes and size > self._max_bytes:
            raise InputError(
                f"{self._shown} has {size:,} bytes or more, {self._max_bytes:,} are allowed",
                hint="raise the limit, or fetch less",
            )

    def _explain(self, error: Exception) -> InputError | StoreUnavailableError:
        if isinstance(error, SSLError):
            return InputError(
                f"{self._shown}: the server's certificate is not trusted",
                hint="set SSL_CERT_FILE to the certificates of its authority, or check the host's name",
            )
        if isinstance(error, ValueError):
            return InputError(f"{self._shown} leads to a URL that is not http(s)", hint="check the URL")
        if isinstance(error, ResponseError):
            return InputError(f"{self._shown} redirects more than {_REDIRECTS} times", hint="check the URL")
        return StoreUnavailableError(
            f"no answer from {self._shown}: {type(error).__name__}", hint="check the host's name; else try again later"
        )
