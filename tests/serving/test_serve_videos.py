import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import httpx
import pytest

from steps.serve.app import create_app
from steps.serve.limits import Limits
from tests.factories_model import write_model
from tests.serving.engine import Engine, serving
from tests.serving.pictures import picture
from tests.serving.videos import turned, video

MP4 = {"Content-Type": "video/mp4"}


@pytest.fixture
def connect(engine: Engine) -> Iterator[Callable[[Limits], httpx.Client]]:
    """Start servers with other limits."""
    with ExitStack() as stack:

        def start(limits: Limits) -> httpx.Client:
            url = stack.enter_context(serving(create_app(engine, limits)))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30))

        yield start


def wait_for(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    url = answer.headers["location"]
    deadline = time.monotonic() + 60
    while (status := client.get(url).json())["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    found: dict[str, Any] = status
    return found


def frames_of(content: bytes) -> list[tuple[float, tuple[int, ...]]]:
    with av.open(io.BytesIO(content), "r") as container:
        return [(frame.time or 0.0, frame.to_ndarray(format="bgr24").shape) for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4"), ("matroska", "mpeg4")],
)
def test_frames_are_found_and_drawn_when_a_video_is_sent(client: httpx.Client, kind: str, codec: str) -> None:
    content = video(kind=kind, codec=codec, frames=5)
    status = wait_for(client, client.post("/videos", files={"file": (f"a.{kind}", content)}))
    assert (status["state"], status["frames"], status["progress"]) == ("done", 5, 1)
    lines = [json.loads(line) for line in client.get(status["lines_url"]).text.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2, 3, 4]
    assert [line["time_s"] for line in lines] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.002)
    assert [box["name"] for box in lines[4]["results"]] == ["plane", "helicopter"]
    result = client.get(status["video_url"])
    assert result.headers["content-type"] == "video/mp4"
    drawn = frames_of(result.content)
    assert [time_s for time_s, _ in drawn] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.002)
    assert {shape for _, shape in drawn} == {(48, 64, 3)}


def test_parts_of_the_result_can_be_asked_for_as_players_do(client: httpx.Client) -> None:
    status = wait_for(client, client.post("/videos", content=video(frames=3), headers=MP4))
    part = client.get(status["video_url"], headers={"Range": "bytes=0-11"})
    assert (part.status_code, part.content[4:8]) == (206, b"ftyp")


def test_every_second_frame_is_looked_at_when_the_stride_is_two(client: httpx.Client) -> None:
    answer = client.post("/videos", files={"file": video(frames=6)}, data={"vid_stride": "2", "conf": "0.7"})
    status = wait_for(client, answer)
    lines = [json.loads(line) for line in client.get(status["lines_url"]).text.splitlines()]
    assert [line["time_s"] for line in lines] == pytest.approx([0, 0.2, 0.4], abs=0.002)
    assert [len(line["results"]) for line in lines] == [1, 1, 1]


def test_video_is_upright_when_it_says_that_it_is_turned(client: httpx.Client) -> None:
    status = wait_for(client, client.post("/videos", content=turned(video(frames=2)), headers=MP4))
    (first, _) = client.get(status["lines_url"]).text.splitlines()
    assert json.loads(first)["shape"] == [64, 48]
    with av.open(io.BytesIO(client.get(status["video_url"]).content), "r") as container:
        shown = next(container.decode(video=0)).to_ndarray(format="gray")
    assert shown[:8].mean() < 230 < shown[-4:].mean()  # what was left is above: turned clockwise


def test_result_ends_where_the_limit_is_when_the_video_is_longer(connect: Callable[[Limits], httpx.Client]) -> None:
    client = connect(Limits(video_seconds=0.5))
    status = wait_for(client, client.post("/videos", content=video(frames=20), headers=MP4))
    assert (status["state"], status["truncated"], status["frames"]) == ("done", True, 6)


def test_video_fails_when_its_frames_are_too_large(connect: Callable[[Limits], httpx.Client]) -> None:
    client = connect(Limits(pixels=1000))
    status = wait_for(client, client.post("/videos", content=video(), headers=MP4))
    assert (status["state"], status["detail"]) == ("failed", "its frames have 64 × 48 pixels, more than 1000")
    refused = client.get(status["video_url"])
    assert (refused.status_code, refused.json()["detail"][:20]) == (409, "the video is failed:")


@pytest.mark.parametrize(
    "content",
    [
        video()[:300],
        video().replace(b"avc1", b"zzzz"),
        b"\0\0\0\x18ftypisom" + bytes(200),
        b"RIFF\xff\xff\xff\xffAVI " + bytes(100),
        b"\x1a\x45\xdf\xa3" + b"\xff" * 100,
    ],
)
def test_video_fails_and_the_server_goes_on_when_the_file_is_broken(client: httpx.Client, content: bytes) -> None:
    status = wait_for(client, client.post("/videos", content=content, headers=MP4))
    assert status["state"] == "failed"
    assert status["detail"]
    assert client.get("/healthz").status_code == 200


def test_what_decodes_is_kept_when_the_rest_of_a_video_is_damaged(client: httpx.Client) -> None:
    content = video(kind="matroska", codec="mpeg4", frames=60)
    status = wait_for(client, client.post("/videos", content=content[: len(content) // 2], headers=MP4))
    assert status["state"] == "done"
    assert 0 < status["frames"] < 60


@pytest.mark.parametrize(
    ("content", "headers", "status", "detail"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/\n", MP4, 415, "no video that is understood begins with b'#EXTM3U"),
        (b"ffconcat version 1.0\nfile /etc/passwd", MP4, 415, "no video that is understood"),
        (picture(8, 8), MP4, 415, "no video that is understood"),
        (b"", MP4, 400, "its content is empty"),
        (b"{}", {"Content-Type": "application/json"}, 415, "a body of type 'application/json' is no video"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "the multipart form is broken"),
    ],
)
def test_request_is_refused_when_it_brings_no_video(
    client: httpx.Client, content: bytes, headers: dict[str, str], status: int, detail: str
) -> None:
    answer = client.post("/videos", content=content, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]


def test_request_is_refused_when_its_options_or_its_size_are_wrong(connect: Callable[[Limits], httpx.Client]) -> None:
    client = connect(Limits(video_bytes=5000))
    assert client.post("/videos?conf=7", content=video(frames=1), headers=MP4).status_code == 422
    assert client.post("/videos?model=boats", content=video(frames=1), headers=MP4).status_code == 404
    assert client.post("/videos", content=bytes(6000), headers=MP4).status_code == 413
    chunks = (bytes(1000) for _ in range(8))
    assert client.post("/videos", content=chunks, headers=MP4).status_code == 413
    assert client.get("/videos/nothing").status_code == 404
    assert client.post("/videos", content=video(frames=1), headers=MP4).status_code == 202  # no place was lost


def test_one_video_is_sent_away_and_one_is_cancelled_when_too_many_wait(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        engine = Engine(write_model(tmp_path / "model"), pool, most=0)  # always overloaded: videos stay in work
        with serving(create_app(engine, Limits(video_jobs=2))) as url, httpx.Client(base_url=url) as client:
            first, second = (client.post("/videos", content=video(), headers=MP4) for _ in range(2))
            refused = client.post("/videos", content=video(), headers=MP4)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
            assert client.delete(first.headers["location"]).json()["state"] == "cancelled"
            assert client.get(first.json()["lines_url"]).status_code == 409
            third = client.post("/videos", content=video(), headers=MP4)
            assert third.status_code == 202
            for answer in (second, third):
                assert client.delete(answer.headers["location"]).json()["state"] == "cancelled"
            engine.most = 8
            assert wait_for(client, client.post("/videos", content=video(frames=1), headers=MP4))["state"] == "done"


def test_oldest_result_goes_when_more_are_done_than_are_kept(connect: Callable[[Limits], httpx.Client]) -> None:
    client = connect(Limits(video_kept=1))
    first, second = (wait_for(client, client.post("/videos", content=video(frames=1), headers=MP4)) for _ in range(2))
    assert client.get(first["status_url"]).status_code == 404
    assert client.get(second["video_url"]).status_code == 200


def test_work_ends_when_the_time_for_it_is_over(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        engine = Engine(write_model(tmp_path / "model"), pool, most=0)
        with (
            serving(create_app(engine, Limits(video_timeout_s=1.5))) as url,
            httpx.Client(base_url=url) as client,
        ):
            status = wait_for(client, client.post("/videos", content=video(), headers=MP4))
    assert (status["state"], status["detail"][:16]) == ("failed", "no answer within")
