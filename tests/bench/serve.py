"""The server beside its peers: one run, the same ONNX file, the same pictures, one core for servers, one for clients.

Arms: (a) the ceiling, decoding, network and suppression in a loop without HTTP; (b) ours, the picture as the body;
(c) ours, multipart; (d) LitServe, tuned; (e) FastAPI around ultralytics, as one writes it in ten minutes; (f) a plain
model of the KServe SDK. The network is a yolo11n of random weights at 640 pixels, on ONNX Runtime.

Arms take turns, and ratios are taken within a turn: what else the machine does hits all alike. Two kinds are printed:
of wall clock, and of processor time a picture, which at saturation on one core is the same thing on a calm machine,
and says more on a busy one. Loopback only; bounded in time and number. The first run makes an environment for the peers.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from tests.bench.serve_answer import NAME
from tests.bench.serve_arms import Arm, Pipe, cores, ensure_peers, ours, peer
from tests.bench.serve_client import Order
from tests.bench.serve_model import publish_small, publish_yolo11n, write_pictures

SATURATING = 8
"""Clients that ask again when they have their answer: enough to keep one core busy, few enough for every queue."""

Measured = dict[str, list[float]]


class Bench:
    """The processes of one run, and what was measured."""

    def __init__(self, ceiling: Pipe, client: Pipe, arms: dict[str, Arm], pictures: tuple[str, ...]) -> None:
        self.ceiling, self.client, self.arms, self.pictures = ceiling, client, arms, pictures
        self.found: dict[str, Measured] = defaultdict(lambda: defaultdict(list))

    def order(self, arm: Arm, **how: Any) -> dict[str, Any]:
        """Let the clients ask `arm`, and return what they found; every answer but 200 and 429 ends the bench."""
        order = Order(arm.port, arm.path, arm.shape, self.pictures, **how)
        found: dict[str, Any] = self.client.ask(order.line())
        strange = {status: len(ms) for status, ms in found["ms"].items() if status not in ("200", "429")}
        if strange:
            raise SystemExit(f"{arm.title} answered {strange}")
        return found

    def turn(self, requests: int, number: int) -> None:
        """Measure each arm once: one client, then saturation. The order changes from turn to turn."""
        names = ["a", *self.arms]
        for name in names if number % 2 == 0 else reversed(names):
            found = self.found[name]
            if name == "a":
                told = self.ceiling.ask(f"{3 * requests}\n")
                found["p50"].append(median(told["ms"]))
                found["rate"].append(1000 * len(told["ms"]) / sum(told["ms"]))
                found["cpu"].append(1000 * told["cpu_s"] / len(told["ms"]))
                continue
            arm = self.arms[name]
            alone = self.order(arm, clients=1, requests=requests)
            found["p50"].append(median(alone["ms"]["200"]))
            cpu = arm.cpu_s()
            many = self.order(arm, clients=SATURATING, requests=3 * requests, probe="/healthz" if name == "b" else "")
            found["cpu"].append(1000 * (arm.cpu_s() - cpu) / (3 * requests))
            found["rate"].append(len(many["ms"]["200"]) / many["seconds"])
            found["p99"].append(float(np.percentile(many["ms"]["200"], 99)))
            found["probe"].extend(many["probe_ms"])

    def ratio(self, what: str, one: str, other: str) -> float:
        """Return the median over the turns of `one` / `other`."""
        pairs = zip(self.found[one][what], self.found[other][what], strict=True)
        return median(first / second for first, second in pairs)


def main() -> None:
    """Run all arms and print numbers and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="a few requests of each, no peers: only that it works")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--requests", type=int, default=20, help="of one client in a turn; three times as many of many")
    parser.add_argument("--no-peers", action="store_true", help="only the ceiling and ours")
    chosen = parser.parse_args()
    turns, requests, overload_s, small = (
        (1, 4, 4.0, 400) if chosen.smoke else (chosen.turns, chosen.requests, 20.0, 20_000)
    )
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        bench = prepare(folder, stack, peers=not (chosen.smoke or chosen.no_peers))
        bench.ceiling.ask("3\n")
        for arm in bench.arms.values():
            bench.order(arm, requests=3)
        for number in range(turns):
            bench.turn(requests, number)
            print(f"turn {number + 1} of {turns} done", flush=True)
        report(bench)
        overload(bench, overload_s, pairs=1 if chosen.smoke else 3)
        arm = bench.arms["b"]
        print(f"start to ready {arm.ready_s:.1f} s (goal 5); memory at most {arm.memory_mb('VmHWM'):.0f} MB (goal 350)")
    with tempfile.TemporaryDirectory() as name:
        endurance(Path(name), small)


def prepare(folder: Path, stack: ExitStack, *, peers: bool) -> Bench:
    """Make model and pictures, and start all servers."""
    server, clients = cores()
    pictures = write_pictures(folder / "pictures", 8)
    registry = folder / "models"
    file = publish_yolo11n(registry, folder, pictures[0])
    model = registry / NAME / "1"
    paths = tuple(map(str, pictures))
    ceiling = Pipe([sys.executable, "-m", "tests.bench.serve_ceiling", str(model), *paths], server)
    stack.callback(ceiling.close)
    client = Pipe([sys.executable, "-m", "tests.bench.serve_client"], clients)
    stack.callback(client.close)
    raw = stack.enter_context(ours(registry, folder / "work", server))
    form = Arm("ours, multipart", raw.port, raw.path, "multipart", raw.process)
    arms = {"b": raw, "c": form}
    python = ensure_peers() if peers else None
    if peers:
        here = str(Path(__file__).parent)
        commands = {
            "d": ("LitServe", python, "serve_litserve.py", model, "/predict", "multipart"),
            "e": ("FastAPI and ultralytics", Path(sys.executable), "serve_fastapi.py", file, "/predict", "multipart"),
            "f": ("KServe SDK", python, "serve_kserve.py", model, f"/v1/models/{NAME}:predict", "v1"),
        }
        for name, (title, interpreter, script, what, path, shape) in commands.items():
            if interpreter:
                command = [str(interpreter), f"{here}/{script}", "PORT", str(what)]
                log = folder / f"log-{name}"
                arms[name] = stack.enter_context(peer(title, command, server, path, shape, pictures[0], log))
    return Bench(ceiling, client, arms, paths)


def report(bench: Bench) -> None:
    """Print what the turns found."""
    titles = {"a": "ceiling"} | {name: arm.title for name, arm in bench.arms.items()}
    print(f"{'arm':<28}{'p50 alone':>12}{'a second':>12}{'p99 of 8':>12}{'CPU ms':>10}")
    for name, title in titles.items():
        found = bench.found[name]
        p99 = f"{median(found['p99']):.0f}" if found["p99"] else "–"
        values = (
            f"{median(found['p50']):>9.1f} ms{median(found['rate']):>12.2f}{p99:>9} ms{median(found['cpu']):>10.1f}"
        )
        print(f"({name}) {title:<24}{values}")
    goals = [("a", "≥ 0.92"), ("d", "≥ 1.0"), ("e", "≥ 2"), ("f", "no goal")]
    for other, goal in goals:
        if other in bench.found:
            wall, cpu = bench.ratio("rate", "b", other), 1 / bench.ratio("cpu", "b", other)
            print(f"(b)/({other}) throughput: {wall:.2f} by the clock, {cpu:.2f} by processor time (goal {goal})")
    print(
        f"(c)/(b) throughput: {bench.ratio('rate', 'c', 'b'):.2f} by the clock, {1 / bench.ratio('cpu', 'c', 'b'):.2f} by processor time"
    )
    added = [ours - bare for ours, bare in zip(bench.found["b"]["p50"], bench.found["a"]["p50"], strict=True)]
    print(
        f"(b) − (a), p50 of one client: {median(added):.2f} ms (goal ≤ 3; each turn {', '.join(f'{ms:.1f}' for ms in added)})"
    )
    if "d" in bench.found:
        print(f"(b)/(d) p99 at saturation: {bench.ratio('p99', 'b', 'd'):.2f} (goal ≤ 0.8)")
    probes = bench.found["b"]["probe"]
    if probes:
        print(
            f"liveness while saturated: p50 {median(probes):.1f} ms, most {max(probes):.1f} ms of {len(probes)} (goal < 50)"
        )


def overload(bench: Bench, seconds: float, pairs: int) -> None:
    """Send twice as much as the server can bear, each time right after measuring what it can."""
    arm = bench.arms["b"]
    clock, processor, refused = [], [], []
    for _ in range(pairs):
        before = arm.cpu_s()
        calm = bench.order(arm, clients=SATURATING, seconds=seconds / 2)
        rate, between = len(calm["ms"]["200"]) / calm["seconds"], arm.cpu_s()
        flood = bench.order(arm, clients=500, seconds=seconds, rate=2 * rate)
        good = len(flood["ms"].get("200", []))
        clock.append(good / seconds / rate)
        spent, answered = arm.cpu_s() - between, good + flood["late"].get("200", 0)
        processor.append(answered / spent * (between - before) / len(calm["ms"]["200"]))
        refused.extend(flood["ms"].get("429", []))
    said = f"p50 {median(refused):.1f} ms, p99 {np.percentile(refused, 99):.1f} ms" if refused else "too short for any"
    print(
        f"twice the saturation: goodput {median(clock):.2f} of the maximum by the clock, {median(processor):.2f} by "
        f"processor time (goal ≥ 0.9); {len(refused)} answers of 429, {said}"
    )


def endurance(folder: Path, requests: int) -> None:
    """Ask a server with a small model very often, and see whether its memory grows."""
    server, clients = cores()
    registry = folder / "models"
    publish_small(registry, folder)
    (picture,) = write_pictures(folder / "pictures", 1, (320, 240))
    with ours(registry, folder / "work", server) as arm, ExitStack() as stack:
        client = Pipe([sys.executable, "-m", "tests.bench.serve_client"], clients)
        stack.callback(client.close)
        sizes, before = [], arm.cpu_s()
        for _ in range(10):
            order = Order(arm.port, arm.path, "raw", (str(picture),), clients=SATURATING, requests=requests // 10)
            found = client.ask(order.line())
            if set(found["ms"]) != {"200"}:
                raise SystemExit(f"answered {[(status, len(ms)) for status, ms in found['ms'].items()]}")
            sizes.append(arm.memory_mb())
        spelled = ", ".join(f"{size:.1f}" for size in sizes)
        own_ms = 1000 * (arm.cpu_s() - before) / requests
        print(f"the server's own processor time, around a model that costs next to nothing: {own_ms:.2f} ms a request")
        print(
            f"memory over {requests} requests, after each tenth: {spelled} MB; from the second tenth on {sizes[-1] - sizes[1]:+.1f} MB"
        )


if __name__ == "__main__":
    main()
