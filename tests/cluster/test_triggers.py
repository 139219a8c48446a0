"""What starts runs by itself: uploads to the bucket, and the clock. Trainings are real ones, as small as they can be."""

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import draw
from tests.cluster.runs import phase
from tests.cluster.triggers import (
    TRAINING,
    all_ended,
    await_that,
    bucket,
    checks_of,
    delete,
    explain,
    forget,
    given,
    listening,
    put,
    put_in_parts,
    released,
    schedule,
    trainings_of,
    verdict,
)
from tests.conformance.cluster import kubectl

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", autouse=True)
def _templates(cluster: None) -> Iterator[None]:
    with released():
        yield


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a data set and of its model; both are gone afterwards."""
    chosen = f"t{secrets.token_hex(4)}"
    yield chosen
    delete(trainings_of(chosen))
    forget(f"datasets/{chosen}", f"tests/{chosen}", f"tests/models/{chosen}", f"other/{chosen}")


@pytest.fixture
def parameters() -> dict[str, str]:
    return {"registry": f"{bucket()}/tests/models", "parameters": TRAINING}


def test_upload_trains_once_however_it_comes_and_however_often(name: str, parameters: dict[str, str]) -> None:
    base, key = f"tests/{name}.zip", f"datasets/{name}.zip"
    source = f"{bucket()}/{key}"
    draw(f"{bucket()}/{base}", 40)
    try:
        with listening(parameters):
            put(
                (f"other/{name}.zip", base, "elsewhere"),
                (f"datasets/{name}.zip.part", base, "no archive by name"),
                (f"datasets/deep/{name}.zip", base, "not directly below"),
                (f"datasets/{name.upper()}.zip", base, "no name of a model"),
            )
            put_in_parts(base, key, unfinished=f"datasets/{name}-half.zip")
            put((key, base, "second"), (key, base, "third"), (key, base, "third"))
            await_that("four checks", lambda: len(checks_of(source)) >= 4, 180, lambda: kubectl("get", "workflows"))
            await_that(
                "end of the checks", lambda: all_ended(checks_of(source)), 600, lambda: explain(checks_of(source))
            )
        checks, trainings = checks_of(source), trainings_of(name)
        assert len(checks) == 4, "one for the upload in parts, and one for each of three that followed"
        assert [phase(one) for one in checks] == ["Succeeded"] * 4, explain(checks)
        assert 1 <= len(trainings) <= 2, "a burst is one training, and another if the first had begun before its end"
        assert given(trainings[-1])["source"] == source
        assert given(trainings[-1])["model-name"] == name
        told = [verdict(one) for one in checks]
        assert sum("nothing new" in one for one in told) == 4 - len(trainings), told
        nobody = [
            f"datasets/{other}"
            for other in (f"{name}.zip.part", f"deep/{name}.zip", f"{name.upper()}.zip", f"{name}-half.zip")
        ]
        assert [other for other in nobody if checks_of(f"{bucket()}/{other}")] == []
    finally:
        delete(checks_of(source))


def test_clock_catches_what_no_event_told_and_then_says_that_nothing_is_new(
    name: str, parameters: dict[str, str]
) -> None:
    draw(f"{bucket()}/tests/{name}/{name}.zip", 40)  # Nobody listens: the bus is down.
    found = parameters | {"datasets": f"{bucket()}/tests/{name}"}

    def checks() -> list[dict[str, object]]:
        text = kubectl("get", "workflows", "-l", f"workflows.argoproj.io/cron-workflow={cron}", "-o", "json")
        items: list[dict[str, object]] = json.loads(text)["items"]
        return sorted(items, key=lambda one: str(one["metadata"]["creationTimestamp"]))  # type: ignore[index]

    with schedule("@every 20s", found) as cron:

        def two_that_ended() -> list[dict[str, object]]:
            found = checks()[:2]
            return found if len(found) == 2 and all_ended(found) else []

        done = await_that("second check", two_that_ended, 600, lambda: explain(checks()))
        try:
            assert [phase(one) for one in done] == ["Succeeded"] * 2, explain(done)
            assert "no model of it is published yet" in verdict(done[0])
            assert len(trainings_of(name)) == 1
            assert verdict(done[1]) == f"{name}: nothing new, version 1 was trained on it"
            started = [one for one in done[1]["status"]["nodes"].values() if one["displayName"] == "start"]
            assert [one["phase"] for one in started] == ["Skipped"]
            first, second = done[0]["status"], done[1]["status"]
            assert first["finishedAt"] <= second["startedAt"], "one at a time"
        finally:
            kubectl("delete", "cronworkflow", cron, "--ignore-not-found")
            delete(checks())
