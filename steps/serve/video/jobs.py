"""The videos that wait, are in work, or are kept: one is worked on at a time, a bounded number waits."""

import asyncio
import logging
import shutil
import tempfile
import threading
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from uuid import uuid4

from steps.serve.limits import Limits
from steps.serve.patience import predict_patiently
from steps.serve.problem import Problem
from steps.serve.service import Picture, Prediction, Service, ServiceError
from steps.serve.video.job import Job, State, VideoOptions
from steps.serve.video.pipes import VideoError


class VideoJobs:
    """Jobs by id. Ids cannot be guessed, and there is no list: who has the id may see the video."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service, self._limits = service, limits
        self._jobs: dict[str, Job] = {}
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._folder: Path | None = None
        self._thread: threading.Thread | None = None
        self._arriving = 0

    def open(self) -> Job:
        """Return a new job, whose video is still to arrive; `submit` or `discard` must follow.

        Raises:
            Problem: 429 where too many wait, 503 where there is no disk to write to.
        """
        busy = sum(not job.ended for job in self._jobs.values()) + self._arriving
        if busy >= self._limits.video_jobs:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{busy} videos are waiting or in work already",
                hint="try again in a while, or send pictures",
                headers={"Retry-After": "10"},
            )
        number = uuid4().hex
        try:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="argosight-videos-"))
            folder = self._folder / number
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"no place for a video: {error.strerror}",
                hint="the server needs a folder to write to: let TMPDIR name one",
            ) from None
        self._arriving += 1
        return Job(number, folder, VideoOptions())

    def submit(self, job: Job) -> None:
        """Let a job wait for its turn; its video lies at `job.source`."""
        self._arriving -= 1
        self._forget_old()
        self._jobs[job.id] = job
        if self._thread is None:
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, args=(loop,), name="videos", daemon=True)
            self._thread.start()
        self._queue.put(job)

    def discard(self, job: Job) -> None:
        """Forget a job whose video did not arrive."""
        self._arriving -= 1
        shutil.rmtree(job.folder, ignore_errors=True)

    def find(self, number: str) -> Job:
        """Return a job.

        Raises:
            Problem: 404.
        """
        try:
            return self._jobs[number]
        except KeyError:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                f"no video {number[:40]!r}",
                hint=f"the last {self._limits.video_kept} results are kept; send the video again",
            ) from None

    def cancel(self, job: Job) -> None:
        """Stop a job that waits or is in work, and remove what it left."""
        job.stop()
        job.state = "cancelled"
        shutil.rmtree(job.folder, ignore_errors=True)

    def close(self) -> None:
        """Stop everything, and remove all files."""
        for job in self._jobs.values():
            job.stop()
        self._queue.put(None)
        if self._thread:
            self._thread.join(5)
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended]
        for job in ended[: max(0, len(ended) - self._limits.video_kept + 1)]:
            shutil.rmtree(job.folder, ignore_errors=True)
            del self._jobs[job.id]

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while job := self._queue.get():
            if not job.stopped.is_set():
                job.state = "running"
                outcome = self._run(job, loop)
                job.source.unlink(missing_ok=True)
                if not job.stopped.is_set():
                    job.state = outcome
            if job.stopped.is_set():
                self.cancel(job)

    def _run(self, job: Job, loop: asyncio.AbstractEventLoop) -> State:
        def ask(picture: Picture, until: float) -> Prediction:
            query = job.options.query(self._service, job.options.model, job.id)
            coroutine = predict_patiently(self._service, [picture], query, until=until)
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result()[0]

        try:
            job.run(ask, self._limits)
        except (VideoError, ServiceError, Problem) as error:
            job.detail = str(error)
        except Exception as error:
            if not job.stopped.is_set():  # else its files were taken away
                logging.getLogger(__name__).exception("video %s", job.id)
                job.detail = f"a bug in the server: {type(error).__name__}"
        else:
            return "done"
        return "failed"
