"""The home of all runs: `$ARGOSIGHT_HOME`, else `.argosight` in the current folder."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from workflows.local.errors import RunLookupError, SubmissionError

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes generated names of."""
LONGEST_NAME = 63
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Home:
    """Folders `runs/`, `objects/`, `buckets/`, `artifacts/` and `locks/`."""

    root: Path

    @classmethod
    def default(cls) -> "Home":
        """Return the home that the environment names."""
        return cls(Path(os.environ.get("ARGOSIGHT_HOME") or ".argosight").absolute())

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def locks(self) -> Path:
        """Lock files, shared by all runs."""
        return self.root / "locks"

    @property
    def buckets(self) -> Path:
        """What `s3://bucket/…` means while no endpoint is set."""
        return self.root / "buckets"

    def create(self, prefix: str, name: str = "") -> Path:
        """Make the folder of a new run, called `name` or `prefix` and five letters.

        Raises:
            SubmissionError: If there is a run called `name`, or it is no name.
        """
        self.runs.mkdir(parents=True, exist_ok=True)
        if name and (not name.replace("-", "").isalnum() or name != name.lower() or len(name) > LONGEST_NAME):
            raise SubmissionError(
                f"run name {name!r} does not fit", hint=f"at most {LONGEST_NAME} small letters, digits and dashes"
            )
        while True:
            chosen = name or f"{prefix[: LONGEST_NAME - 5]}{''.join(secrets.choice(LETTERS) for _ in range(5))}"
            try:
                (self.runs / chosen).mkdir()
            except FileExistsError:
                if name:
                    raise SubmissionError(f"there is a run called {name!r}", hint="choose another --name") from None
                continue
            return self.runs / chosen

    def folders(self) -> Iterator[Path]:
        """Yield the folders of all runs, the newest first."""
        found = [path.parent for path in self.runs.glob("*/run.json")]
        yield from sorted(
            found, key=lambda folder: ((folder / "manifest.yaml").stat().st_mtime_ns, folder.name), reverse=True
        )

    def find(self, text: str) -> Path:
        """Return the folder of the run that `text` names: in full, by a unique beginning, or `latest`.

        Raises:
            RunLookupError: If there is none, or more than one.
        """
        folders = {folder.name: folder for folder in self.folders()}
        if not folders:
            raise RunLookupError(f"no runs in {self.root}", hint="start one: argosight run train-detector --help")
        if text == LATEST:
            return next(iter(folders.values()))
        if text in folders:
            return folders[text]
        fitting = [name for name in folders if name.startswith(text)]
        if len(fitting) == 1:
            return folders[fitting[0]]
        if fitting:
            raise RunLookupError(f"{text!r} is the beginning of {len(fitting)} runs: {', '.join(fitting[:5])}")
        close = get_close_matches(text, folders, n=1)
        raise RunLookupError(
            f"no run {text!r} in {self.root}", hint=f"did you mean {close[0]}?" if close else "see `argosight list`"
        )
