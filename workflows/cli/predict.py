"""`argosight predict`: send pictures to a served model."""

import json
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from workflows.client.pictures import Picture
    from workflows.client.session import Session

DONE, FAILED, MISTAKE = 0, 1, 2
URL: Final = "http://127.0.0.1:8080"
KEY_VARIABLE: Final = "ARGOSIGHT_API_KEY"
OPTIONS: Final = ("conf", "iou", "max_det", "classes", "imgsz")
AHEAD: Final = 4
"""Pictures a connection that are sent before the first answer is written: answers are written in the order of the call."""


def configure(parser: ArgumentParser) -> None:
    """Add the flags."""
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="a picture, or a folder of them")
    parser.add_argument("--url", default=URL, type=_url, help="the server (default: %(default)s)")
    parser.add_argument("--save", metavar="DIR", type=Path, help="write the pictures with their boxes into this folder")
    parser.add_argument("--concurrency", metavar="N", type=_count, default=4, help="requests at once (default: 4)")
    parser.add_argument(
        "--protocol",
        choices=("predict", "v1", "v2"),
        default="predict",
        help="`POST /predict`, or KServe's V1 or V2 (default: predict)",
    )
    parser.add_argument("--model", default="", help="name of the model (default: the server's first)")
    parser.add_argument(
        "--conf", type=float, help="confidence above which a box is reported (default: what the model is served with)"
    )
    parser.add_argument(
        "--iou", type=float, help="overlap above which the weaker of two boxes is dropped (default: the model's)"
    )
    parser.add_argument("--max-det", type=int, help="most boxes a picture (default: the model's)")
    parser.add_argument("--classes", help="names or numbers of classes to report, parted by commas (default: all)")
    parser.add_argument("--imgsz", type=int, help="side of the network's input, pixels (default: as exported)")
    parser.epilog = (
        "examples:\n"
        "  argosight predict photo.jpg\n"
        "  argosight predict photos/ --save=drawn --concurrency=8 >found.jsonl\n"
        "  argosight predict photos/ --url=http://planes.example.com --protocol=v2 --conf=0.5\n\n"
        "Writes one line of JSON a picture, in the order of the call: `image`, `model`, `version`, `ms` and `results`, each\n"
        "with `class`, `name`, `confidence` and `box` in pixels; or `image` and `error`. A busy server (429) is asked again\n"
        f"after the time that it names. An API key comes from ${KEY_VARIABLE}.\n\n"
        "exit codes: 0 all pictures were answered, 1 some were not or no server is there, 2 a mistake in the call, 130 stopped"
    )


def run(arguments: Namespace) -> int:
    """Send all pictures; one that fails does not stop the others."""
    from workflows.client.errors import CallError, ClientError  # noqa: PLC0415  (`--help` is quick without them)
    from workflows.client.pictures import find_pictures  # noqa: PLC0415
    from workflows.client.session import Session  # noqa: PLC0415

    options = {name: getattr(arguments, name) for name in OPTIONS if getattr(arguments, name) is not None}
    session = Session(
        url=arguments.url,
        protocol=arguments.protocol,
        model=arguments.model,
        options=options,
        key=os.environ.get(KEY_VARIABLE, ""),
        connections=arguments.concurrency,
    )
    try:
        pictures = find_pictures(arguments.images)
        session.open()
    except ClientError as error:
        sys.stderr.write(f"predict: {error}\n")
        return MISTAKE if isinstance(error, CallError) else FAILED
    return _predict(session, pictures, arguments.save, arguments.concurrency)


def _predict(session: "Session", pictures: "Sequence[Picture]", save: Path | None, concurrency: int) -> int:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    console = Console(stderr=True)
    failed = boxes = 0
    began = time.perf_counter()
    lines = _lines(session, pictures, save, concurrency)
    for line in track(lines, "predicting", len(pictures), console=console, disable=not console.is_terminal):
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        boxes += len(line.get("results", ()))
        if "error" in line:
            failed += 1
            hint = line["error"].get("hint", "")
            console.print(f"predict: {line['image']}: {line['error']['detail']}", markup=False, soft_wrap=True)
            if hint:
                console.print(f"  hint: {hint}", markup=False, soft_wrap=True)
    seconds = time.perf_counter() - began
    told = f"{len(pictures) - failed} of {len(pictures)} pictures, {boxes} boxes, {seconds:.1f} s"
    console.print(told + (f", drawn in {save}" if save else ""), markup=False, soft_wrap=True)
    return FAILED if failed else DONE


def _lines(
    session: "Session", pictures: "Sequence[Picture]", save: Path | None, concurrency: int
) -> Iterator[dict[str, Any]]:
    """Yield what became of each picture, in their order, with a bounded number of them under way."""
    waiting: deque[Future[dict[str, Any]]] = deque()
    with ThreadPoolExecutor(concurrency, "predict") as executor:
        try:
            for picture in pictures:
                waiting.append(executor.submit(_one, session, picture, save))
                if len(waiting) >= AHEAD * concurrency:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _one(session: "Session", picture: "Picture", save: Path | None) -> dict[str, Any]:
    from workflows.client.drawing import save_drawn  # noqa: PLC0415
    from workflows.client.errors import PictureError  # noqa: PLC0415

    line: dict[str, Any] = {"image": str(picture.path)}
    try:
        began = time.perf_counter()
        answer = session.ask(picture.path.read_bytes())
        version = int(answer.version) if answer.version.isdecimal() else answer.version
        line |= {"model": answer.model, "version": version}
        line |= {"ms": round(1000 * (time.perf_counter() - began), 1), "results": answer.results}
        if save:
            save_drawn(picture.path, save / picture.place, answer.results)
            line["saved"] = str(save / picture.place)
    except PictureError as error:
        line["error"] = error.document()
    except OSError as error:
        line["error"] = PictureError(f"it cannot be read: {error.strerror}").document()
    return line


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"{text!r} is no URL: write http://host:port")
    return text.rstrip("/")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to 256")
    return int(text)
