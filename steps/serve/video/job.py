"""One video: what is asked, how far it is, and what became of it."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from steps.detection import draw
from steps.serve.answer import results_of
from steps.serve.limits import Limits
from steps.serve.options import Detection
from steps.serve.service import Picture, Prediction
from steps.serve.video.pipes import VideoError, frame_sink, frame_source

State = Literal["waiting", "running", "done", "failed", "cancelled"]

Ask = Callable[[Picture, float], Prediction]
"""Ask the service for a frame, at the latest until a moment on the clock of `time.monotonic`; waits."""


class VideoOptions(Detection):
    """How to look at a video."""

    model: str = Field(default="", max_length=63)
    """Name of the model; the server's first where it is left out."""

    vid_stride: int = Field(default=1, ge=1, le=1000)
    """Only every so many frames are looked at, and are in the result."""


class Status(BaseModel):
    """How far a video is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    state: State

    progress: float
    """From 0 to 1; an estimate, by what the file says of its length."""

    frames: int
    """Frames that were looked at."""

    seconds: float
    """Playing time up to there."""

    truncated: bool
    """Whether the video was longer than is allowed; the result ends there."""

    detail: str
    """What went wrong, where it failed."""

    status_url: str
    lines_url: str
    """JSON lines, one a frame; they come while the video is worked on."""

    video_url: str
    """MP4 with the boxes drawn, when it is done."""


@dataclass
class Job:
    """A video in a folder of its own."""

    id: str
    folder: Path
    options: VideoOptions
    name: str = ""
    kind: str = ""
    state: State = "waiting"
    frames: int = 0
    expected: int = 0
    seconds: float = 0.0
    truncated: bool = False
    detail: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)
    _end: Callable[[], None] | None = None

    @property
    def source(self) -> Path:
        """Return where the video lies that was sent; it is removed when the job has ended."""
        return self.folder / "source"

    @property
    def video(self) -> Path:
        """Return where the result lies."""
        return self.folder / "result.mp4"

    @property
    def lines(self) -> Path:
        """Return where the JSON lines lie, one a frame."""
        return self.folder / "result.jsonl"

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")

    def status(self) -> Status:
        """Tell how far it is."""
        share = self.frames / max(self.frames + 1, self.expected)
        return Status(
            id=self.id,
            state=self.state,
            progress=1.0 if self.state == "done" else round(share, 3),
            frames=self.frames,
            seconds=round(self.seconds, 3),
            truncated=self.truncated,
            detail=self.detail,
            status_url=f"/videos/{self.id}",
            lines_url=f"/videos/{self.id}/lines",
            video_url=f"/videos/{self.id}/video",
        )

    def stop(self) -> None:
        """Let the work end soon, whatever it waits for."""
        self.stopped.set()
        if self._end:
            self._end()

    def run(self, ask: Ask, limits: Limits) -> None:
        """Work on the video, to its end, the time limit, or until `stopped` is set.

        Raises:
            VideoError: If the file is no video, or not one that may be worked on.
        """
        until = time.monotonic() + limits.video_timeout_s
        with (
            frame_source(self.source, limits, self.options.vid_stride, self._started) as source,
            frame_sink(self.video, source) as sink,
            self.lines.open("w", encoding="utf-8") as lines,
        ):
            self.expected = source.expected
            for time_s, picture in source.frames():
                if self.stopped.is_set():
                    raise VideoError("it was cancelled")
                prediction = ask(picture, until)
                sink.write(time_s, draw(picture, prediction.detections, prediction.classes))
                lines.write(_line(self.frames, time_s, prediction))
                lines.flush()
                self.frames, self.seconds = self.frames + 1, time_s
                if time.monotonic() > until:
                    self.truncated = True
                    break
            self.truncated = self.truncated or source.truncated

    def _started(self, end: Callable[[], None]) -> None:
        self._end = end
        if self.stopped.is_set():
            end()


def _line(number: int, time_s: float, prediction: Prediction) -> str:
    document = {
        "frame": number,
        "time_s": round(time_s, 4),
        "version": prediction.version,
        "shape": prediction.shape,
        "results": [result.model_dump() for result in results_of(prediction)],
    }
    return json.dumps(document, separators=(",", ":")) + "\n"
