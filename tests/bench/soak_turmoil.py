"""What happens to registry and store meanwhile: versions come, pointers move and break, the store is killed."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from steps.errors import StepError
from steps.registry import Version
from tests.bench.soak_ledger import Ledger
from tests.bench.soak_store import Minio
from tests.bench.soak_versions import NAME, Shop

PATIENCE_S = 90.0
"""Seconds for the server to see what happened: after an outage, the store's client waits up to 15 between its tries."""

_POINTER = f"{NAME}/latest.json"


class UnseenError(Exception):
    """The server did not do in time what it should."""


class Turmoil:
    """One act after the other, each of which ends with a server that has seen it."""

    def __init__(self, shop: Shop, store: Minio, ledger: Ledger, url: str, seed: int) -> None:
        self._shop, self._store, self._ledger = shop, store, ledger
        self._chance = random.Random(seed)
        self._client = httpx.Client(base_url=url, timeout=30)
        self._broken: list[str] = []
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self.slowest_s = 0.0
        """Seconds until the slowest swap after a pointer moved, outages aside."""

    def run(self, until: float) -> None:
        """Act until the clock of `time.monotonic` says `until`; each act at least once."""
        acts = (self.publish, self.go_back, self.break_version, self.break_pointer, self.hurry, self.kill_store)
        try:
            while not self._ledger.ended.is_set():
                for act in self._chance.sample(acts, len(acts)) if self.done else acts:
                    self._try(act)
                    if self.done and time.monotonic() > until and len(self.done) == len(acts):
                        return
                    if self._ledger.ended.wait(self._chance.uniform(0, 1)):
                        return
        except BaseException as error:
            self.faults.append(f"nothing happened any more after {type(error).__name__}: {error}")
            raise
        finally:
            self._client.close()

    def publish(self) -> None:
        """A new version is published, and answers."""
        self._swap(lambda: self._shop.publish(self._shop.make()))

    def go_back(self) -> None:
        """An earlier version is served again, and then the newest once more."""
        newest = self._shop.good[-1]
        earlier = self._chance.choice(self._shop.good[:-1])
        self._swap(lambda: self._point(earlier))
        self._swap(lambda: self._point(newest))

    def hurry(self) -> None:
        """The pointer moves faster than the server looks."""
        for _ in range(self._chance.randrange(3, 8)):
            self._point(self._chance.choice(self._shop.good))
            time.sleep(self._chance.uniform(0, 0.7))
        self._swap(lambda: self._point(self._shop.good[-1]))

    def break_version(self) -> None:
        """The pointer names a version that must not be served: the former one goes on, and the server says so."""
        if not self._broken:
            self._broken = self._chance.sample(sorted(self._shop.broken), len(self._shop.broken))
        reason = self._broken.pop()
        before = self._model()["version"]
        self._point(self._shop.broken[reason])
        self._until(lambda: self._stale(before), f"says that it does not serve a version: {reason}")
        self._swap(lambda: self._point(self._chance.choice(self._shop.good)))

    def break_pointer(self) -> None:
        """The pointer holds anything: the version goes on, and the server says so."""
        store, before = self._shop.registry.store, self._model()["version"]
        was = store.get(_POINTER)
        elsewhere = re.sub(rb'"sha256": "\w{64}', b'"sha256": "' + b"0" * 64, was)
        forms = {
            "empty": b"",
            "no JSON": b"{",
            "other JSON": b'{"version": "latest"}',
            "long": b"[" * 200_000,
            "of a missing version": re.sub(rb'"version": \d+', b'"version": 99999', elsewhere),
            "with another digest": elsewhere,
        }
        form = self._chance.choice(sorted(forms))
        store.put(_POINTER, forms[form])
        try:
            self._until(lambda: self._stale(before), f"says that the pointer is broken: {form}")
        finally:
            store.put(_POINTER, was)
        self._until(lambda: self._model()["state"] == "ready", f"is ready after a broken pointer: {form}")

    def kill_store(self) -> None:
        """The store is killed: in the middle of publishing, of fetching, or of nothing; and comes back."""
        serial = self._shop.make()
        form = ("calm", "publishing", "fetching")[self._store.kills % 3]
        with ThreadPoolExecutor(1) as executor:
            looks = self._unreachable()
            if form == "publishing":
                publishing = executor.submit(self._shop.publish, serial)
                time.sleep(self._chance.uniform(0, 0.4))
                self._store.kill()
                time.sleep(self._chance.uniform(1, 5))
                self._store.start()
                try:
                    publishing.result(PATIENCE_S)
                except StepError:  # Its store was away for longer than it tries.
                    publishing = executor.submit(self._shop.publish, serial)
            else:
                if form == "fetching":
                    self._shop.publish(serial)
                    time.sleep(self._chance.uniform(0, 0.8))
                self._store.kill()
                if form == "calm":
                    self._until(lambda: self._unreachable() > looks, "counts a store that does not answer")
                time.sleep(self._chance.uniform(1, 5))
                self._store.start()
                if form == "calm":
                    self._shop.publish(serial)
            if form == "publishing":
                publishing.result(PATIENCE_S)
        number = self._shop.good[-1].number
        self._until(lambda: self._model()["version"] == number, f"serves version {number} after an outage while {form}")

    def _try(self, act: Callable[[], None]) -> None:
        name = act.__name__.replace("_", " ")
        try:
            act()
        except (UnseenError, StepError, httpx.HTTPError) as error:
            self.faults.append(f"{name}: {type(error).__name__}: {error}")
            self._point(self._shop.good[-1])
        self.done[name] += 1

    def _point(self, version: Version) -> Version:
        self._shop.registry.roll_back(version, "soak")
        return version

    def _swap(self, move: Callable[[], Version]) -> None:
        version = move()
        began = time.monotonic()
        self._until(lambda: self._model()["version"] == version.number, f"serves version {version.number}")
        self._until(lambda: self._model()["state"] == "ready", f"is ready with version {version.number}")
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)

    def _model(self) -> dict[str, object]:
        answer = self._client.get("/model")
        self._ledger.answer("watching", "GET /model", answer.status_code, answer.text, fine={200})
        about: dict[str, object] = answer.json()
        self._ledger.describe(int(str(about["version"])), str(about["sha256"]))
        return about

    def _stale(self, version: object) -> bool:
        about = self._model()
        ready = self._client.get("/readyz").status_code
        self._ledger.answer("watching", "GET /readyz", ready, "", fine={200})
        if about["version"] != version:
            raise UnseenError(f"version {version} was to go on, but {about['version']} is served")
        told = f'argosight_model_stale{{model="{NAME}"}} 1.0' in self._client.get("/metrics").text
        return about["state"] == "stale" and bool(about["reason"]) and told

    def _unreachable(self) -> float:
        found = re.search(
            r'model_looks_total\{.*outcome="unreachable"\} ([0-9.e+]+)', self._client.get("/metrics").text
        )
        return float(found[1]) if found else 0.0

    def _until(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > end:
                raise UnseenError(f"no server that {what}, within {PATIENCE_S:g} s; {self._model()}")
            if self._ledger.ended.wait(0.05):
                return


def background(turmoil: Turmoil, until: float) -> threading.Thread:
    """Let it act on a thread of its own."""
    thread = threading.Thread(target=turmoil.run, args=(until,), name="turmoil", daemon=True)
    thread.start()
    return thread
