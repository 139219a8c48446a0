"""A soak of the server: clients of every kind, while versions come and go, and the store is killed again and again.

    python -m tests.bench.soak [--minutes 15] [--smoke]

A real server serves a model from a MinIO that is started here, and is killed and restarted. Every version has boxes of
its own, so an answer that names one version and holds another's boxes is found. At the end there must be: no status that
the OpenAPI document does not declare, none that such a request should not meet, no mixture of versions or requests, every
new version served and every broken one refused and told, no growth of memory, files or threads, no error in the log, and
nothing left behind. Exit codes: 0 if all that holds, 1 with what does not, 2 where there is no MinIO.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from steps.registry import Registry
from tests.bench.soak_clients import ask_batch, ask_drawing, ask_picture, ask_v1, ask_v2, ask_why, grpc_client
from tests.bench.soak_desk import Guest
from tests.bench.soak_ledger import Ledger
from tests.bench.soak_server import BODY_BYTES, HELD_BODIES, Samples, Server, serving
from tests.bench.soak_store import BUCKET, Minio
from tests.bench.soak_strangers import STRANGERS
from tests.bench.soak_turmoil import Turmoil, background
from tests.bench.soak_versions import Shop

MOST_MB = 800.0
"""Of the server at any moment: pictures of strangers are many, but small here, and few are in work at a time."""

SMOKE_S = 20.0
LONG_ENOUGH_S = 300.0
"""From which on growth counts: what a server allocates in its first minute is no leak."""


def main() -> None:
    """Soak a server, print what was seen, and exit with 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--smoke", action="store_true", help="one round of everything, about half a minute")
    parser.add_argument("--seed", type=int, default=0, help="of the dice: which requests, which acts, when")
    chosen = parser.parse_args()
    seconds = SMOKE_S if chosen.smoke else 60 * chosen.minutes
    binary = Minio.binary()
    if not binary:
        print("the soak needs the program `minio`: put it on the PATH, or let MINIO_BINARY name it", file=sys.stderr)
        raise SystemExit(2)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        faults = soak(Path(name), binary, seconds, chosen.seed)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def soak(folder: Path, binary: str, seconds: float, seed: int) -> list[str]:
    """Run everything below `folder` for some seconds, print the tables, and return what is wrong."""
    store = Minio(binary, folder / "store")
    os.environ.update(store.variables)
    store.start()
    try:
        store.make_bucket()
        (folder / "models").mkdir()
        shop = Shop(Registry.open(f"s3://{BUCKET}/models"), folder / "models")
        for _ in range(2):
            shop.publish(shop.make())
        shop.publish_broken()
        with serving(folder / "server", store.variables) as server:
            return watch(server, shop, store, seconds, seed)
    finally:
        store.kill()


def watch(server: Server, shop: Shop, store: Minio, seconds: float, seed: int) -> list[str]:
    """Let everybody loose on `server`, and return what is wrong."""
    ledger = Ledger(httpx.get(f"{server.url}/openapi.json").json())
    regulars = [(ask, 0.06) for ask in (ask_picture, ask_picture, ask_drawing, ask_batch, ask_v1, ask_v2)]
    asks = [*regulars, (grpc_client(server), 0.06), (ask_why, 0.3), *STRANGERS]
    guests = [Guest(ask, server, ledger, seed + at, pause) for at, (ask, pause) in enumerate(asks)]
    turmoil, samples = Turmoil(shop, store, ledger, server.url, seed), Samples(server.process.pid)
    began = time.monotonic()
    samples.start()
    for guest in guests:
        guest.start()
    acting = background(turmoil, began + seconds)
    while acting.is_alive() and server.process.poll() is None and time.monotonic() < began + 2 * seconds + 120:
        acting.join(5)
    lasted = time.monotonic() - began
    samples.stop()
    ledger.ended.set()
    for guest in guests:
        guest.join(90)
    faults = [guest.fault for guest in guests if guest.fault]
    faults += [f"{guest.name} does not end: an answer hangs" for guest in guests if guest.is_alive()]
    if server.process.poll() is not None:
        return [*faults, f"the server ended with {server.process.returncode}", *server.complaints()[:3]]
    faults += [*turmoil.faults, *rest(server, samples)]
    peak = samples.peak_mb()
    faults += [f"the server took {peak:.0f} MB once, {MOST_MB:.0f} are enough"] if peak > MOST_MB else []
    faults += server.stop()
    ledger.judge(shop.truth())
    loaded, drained = server.count("model_loaded"), server.count("model_drained")
    print(ledger.table())
    print(f"\n{samples.table()}\n")
    acts = ", ".join(f"{name} {count}" for name, count in sorted(turmoil.done.items()))
    print(f"{lasted:.0f} s; {acts}; the store was killed {store.kills} times; memory was at most {peak:.0f} MB")
    print(
        f"{len(ledger.versions)} of {len(shop.good)} versions answered, {loaded - 1} swaps, slowest {turmoil.slowest_s:.1f} s"
    )
    print(
        f"undeclared answers {len(ledger.undeclared)}, unexpected ones {len(ledger.unexpected)}, mixtures {len(ledger.mixed)}"
    )
    for what, found in (
        ("undeclared", ledger.undeclared),
        ("unexpected", ledger.unexpected),
        ("mixture", ledger.mixed),
    ):
        faults += [f"{what}, 1 of {len(found)}: {text}" for text in found[:5]]
    if loaded - drained not in (0, 1):
        faults.append(f"{loaded} versions were loaded, and only {drained} of them left memory")
    faults += [f"in the log: {line}" for line in server.complaints()[:5]]
    if lasted >= LONG_ENOUGH_S:
        faults += [
            f"{use.name} grew from {use.middle(2):.1f} to {use.middle(4):.1f}" for use in samples.uses if use.leaks
        ]
    else:
        print("too short to tell growth from warm-up")
    return faults


def rest(server: Server, samples: Samples) -> list[str]:
    """Return what a server still holds that nobody asks any more."""
    faults = []
    if not samples.quiet(90):
        faults.append(f"processes that do not end: {samples.children()}")
    told = httpx.get(f"{server.url}/metrics", timeout=30).text
    faults += [
        f"nobody asks, and {name} is not 0"
        for name in ("argosight_waiting_pictures", "argosight_working_pictures")
        if f"{name} 0.0" not in told
    ]
    # As much as may be held at once: were the bodies of those who left still counted, there would be no room.
    with ThreadPoolExecutor(HELD_BODIES) as executor:
        bodies = [bytes(BODY_BYTES)] * HELD_BODIES
        answers = list(executor.map(lambda body: httpx.post(f"{server.url}/predict", content=body, timeout=60), bodies))
    faults += [
        f"a large body was answered {one.status_code}: {one.text[:200]}" for one in answers if one.status_code != 415
    ]
    return faults


if __name__ == "__main__":
    main()
