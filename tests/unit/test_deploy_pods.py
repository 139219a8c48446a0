from typing import Any

import pytest

from steps.deploy.cluster.pods import explain, waits

NO_API: Any = None
"""Nothing is asked of a cluster for a container that has not run: it has no log."""
PULL = "main waits: ImagePullBackOff Back-off pulling image"


def pod(reason: str, message: str = "") -> dict[str, Any]:
    status = {"name": "main", "state": {"waiting": {"reason": reason, "message": message}}}
    return {"metadata": {"name": "planes-1"}, "status": {"phase": "Pending", "containerStatuses": [status]}}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("ImagePullBackOff", [PULL]), ("ContainerCreating", []), ("PodInitializing", [])],
)
def test_only_what_is_out_of_the_ordinary_is_told_when_a_container_waits(reason: str, expected: list[str]) -> None:
    assert waits(pod(reason, "Back-off pulling image")) == expected


def test_last_reason_is_told_when_the_image_is_just_being_pulled_again() -> None:
    told = explain(NO_API, [pod("ContainerCreating")], {"planes-1": [PULL]})
    assert told == f"pod planes-1: {PULL}"


def test_reason_of_the_moment_is_told_when_there_is_one() -> None:
    told = explain(NO_API, [pod("ErrImagePull", "not found")], {"planes-1": [PULL]})
    assert told == "pod planes-1: main waits: ErrImagePull not found"


def test_nothing_is_made_up_when_no_reason_was_ever_told() -> None:
    assert explain(NO_API, [pod("ContainerCreating")]).startswith("pod planes-1: not ready")
