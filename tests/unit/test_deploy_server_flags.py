"""More flags for a deployed server: what is refused before anything starts, and what a trial does otherwise."""

from pathlib import Path

import pytest

from steps.deploy.server_flags import ServerFlags
from steps.errors import ParameterError


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("--max-batsh=4", "unrecognized arguments: --max-batsh=4"),
        ("--max-batch=0 --backend=torch", r"--backend='torch'.*--max-batch='0'"),
        ("--capture='s3://argosight", "No closing quotation"),
        ("--help", "asks for help"),
        ("--port=9000 --max-batch=4 --registry=./models", "--port, --registry is set by `deploy` itself"),
        *((f"--{name}=1", f"--{name} is set by") for name in ("version", "model-folder", "host", "linger-seconds")),
        ("--model-name=other", "--model-name is set by"),
    ],
)
def test_flags_are_refused_when_the_server_would_or_the_step_sets_them(text: str, why: str) -> None:
    with pytest.raises(ParameterError, match=why) as caught:
        ServerFlags.read(text)
    assert caught.value.hint


def test_words_are_those_of_a_shell_when_quoted() -> None:
    flags = ServerFlags.read("--capture-classes='big plane'  --max-batch 4")
    assert flags.words == ("--capture-classes=big plane", "--max-batch", "4")
    assert flags.for_trial(Path("scratch")) == flags.words


def test_trial_takes_no_fixed_port_and_captures_to_no_bucket() -> None:
    flags = ServerFlags.read("--grpc-port=8081 --capture=s3://argosight/capture --capture-random=0.5")
    assert (flags.grpc_port, flags.captures) == (8081, True)
    assert flags.for_trial(Path("scratch")) == (*flags.words, "--grpc-port=0", "--capture=scratch/capture")
