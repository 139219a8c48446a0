"""`watch`: what is new against the last lineage, what is not, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from steps.errors import InputError, ParameterError
from steps.registry import Lineage, Registry
from steps.store import open_store
from steps.store.listing import listing_digest
from steps.watch.contract import WatchInputs, WatchOutputs
from steps.watch.run import watch
from steps.workspace import Workspace
from tests.factories_registry import describe, write_model
from tests.factories_store import make_place


@pytest.fixture(params=["file-endpoint", "moto"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    return make_place(request.param, tmp_path, monkeypatch)


def put(place: str, *keys: str, content: bytes = b"images") -> None:
    for key in keys:
        open_store(f"{place}/datasets").put(key, content)


def look(place: str, **given: str) -> tuple[WatchOutputs, list[dict[str, Any]]]:
    inputs = WatchInputs(datasets=f"{place}/datasets", registry=f"{place}/models", **given)
    outputs = watch(inputs, Workspace(out=Path(), state=Path()))
    trainings = json.loads(outputs.trainings)
    assert outputs.count == len(trainings)
    return outputs, [one | {"parameters": _by_name(one["parameters"])} for one in trainings]


def _by_name(parameters: list[dict[str, str]]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in parameters}


def publish(place: str, folder: Path, name: str, listing: str, **parameters: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "archive").write_bytes(b"")
    Registry.open(f"{place}/models").publish(
        name,
        write_model(folder / "model"),
        Lineage(listing=listing, parameters=parameters),
        archive=folder / "archive",
        describe=describe,
    )


def test_every_data_set_is_trained_when_no_model_is_published(place: str) -> None:
    put(place, "planes.zip", "birds/1.jpg", "birds/1.txt", "cars.tar.gz")
    outputs, trainings = look(place)
    assert [one["name"] for one in trainings] == ["birds", "cars", "planes"]
    assert [one["parameters"]["source"] for one in trainings] == [
        f"{place}/datasets/{name}" for name in ("birds/", "cars.tar.gz", "planes.zip")
    ]
    assert trainings[2]["parameters"] == {
        "source": f"{place}/datasets/planes.zip",
        "model-name": "planes",
        "registry": f"{place}/models",
    }
    assert "planes: new, no model of it is published yet" in outputs.verdict


def test_nothing_starts_when_the_last_version_was_trained_on_the_same_objects(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place, "planes.zip")
    publish(place, tmp_path, "planes", listing_digest(f"{place}/datasets/planes.zip"))
    outputs, trainings = look(place)
    assert trainings == []
    assert outputs.verdict == "planes: nothing new, version 1 was trained on it"
    assert outputs.verdict in capsys.readouterr().err


def test_only_the_changed_one_is_trained_when_an_upload_replaced_it(place: str, tmp_path: Path) -> None:
    put(place, "planes.zip", "birds/1.jpg")
    for name, source in (("planes", "planes.zip"), ("birds", "birds/")):
        publish(place, tmp_path / name, name, listing_digest(f"{place}/datasets/{source}"))
    put(place, "birds/2.jpg")
    outputs, trainings = look(place)
    assert [one["name"] for one in trainings] == ["birds"]
    assert outputs.verdict.startswith("birds: changed since version 1; planes: nothing new")


def test_nothing_starts_when_a_version_that_is_not_latest_was_trained_on_the_same_objects(
    place: str, tmp_path: Path
) -> None:
    put(place, "planes.zip")
    here = listing_digest(f"{place}/datasets/planes.zip")
    for number, listing in enumerate(("0" * 64, here, "1" * 64), 1):
        publish(place, tmp_path, "planes", listing, epochs=str(number))
    outputs, trainings = look(place)
    assert trainings == []
    assert outputs.verdict == "planes: nothing new, version 2 was trained on it, and latest is version 3"


def test_nothing_starts_when_the_only_version_was_never_promoted(place: str, tmp_path: Path) -> None:
    put(place, "planes.zip")
    publish(place, tmp_path, "planes", listing_digest(f"{place}/datasets/planes.zip"), epochs="4")
    open_store(f"{place}/models/planes").delete("latest.json")
    assert look(place)[1] == []
    put(place, "planes.zip", content=b"more images")
    assert look(place)[1][0]["parameters"]["epochs"] == "4"


def test_a_damaged_version_holds_up_nothing_when_latest_is_another(place: str, tmp_path: Path) -> None:
    put(place, "planes.zip", "birds.zip")
    for listing in ("0" * 64, "1" * 64, listing_digest(f"{place}/datasets/planes.zip")):
        publish(place, tmp_path, "planes", listing)
    open_store(f"{place}/models/planes").put("2/version.json", b"{")
    assert [one["name"] for one in look(place)[1]] == ["birds"]
    put(place, "planes.zip", content=b"more images")
    outputs, trainings = look(place)
    assert [one["name"] for one in trainings] == ["birds", "planes"]
    assert "planes: changed since version 3 (unreadable: version 2)" in outputs.verdict


def test_the_run_has_the_name_of_its_content_when_it_is_asked_for_again(place: str) -> None:
    put(place, "planes.zip")
    first = look(place)[1][0]["run"]
    assert first == look(place, source=f"{place}/datasets/planes.zip")[1][0]["run"]
    put(place, "planes.zip", content=b"more images")
    assert first != look(place)[1][0]["run"]
    assert first.startswith("train-planes-")


def test_parameters_of_latest_are_used_again_unless_others_are_given(place: str, tmp_path: Path) -> None:
    put(place, "planes.zip")
    before = {"epochs": "7", "classes": "plane", "source": "elsewhere", "source-sha256": "0", "token": "***"}
    publish(place, tmp_path, "planes", "", **before)
    outputs, trainings = look(place, parameters='{"epochs": 20, "resize": true}')
    assert trainings[0]["parameters"] == {
        "epochs": "20",
        "classes": "plane",
        "resize": "true",
        "source": f"{place}/datasets/planes.zip",
        "model-name": "planes",
        "registry": f"{place}/models",
    }
    assert "version 1 does not tell which objects" in outputs.verdict


def test_what_is_no_data_set_is_named_and_left_out(place: str) -> None:
    put(place, "Planes 2.zip", "README.md", "a.zip", "a/1.jpg", "good.zip", f"{'n' * 41}.zip")
    outputs, trainings = look(place)
    assert [one["name"] for one in trainings] == ["good"]
    for told in (
        "Planes 2.zip left out: its name should have 1 to 40 lower-case letters",
        "README.md left out: neither an archive",
        "a.zip and a/ left out: each would be the data set 'a'",
        f"{'n' * 41}.zip left out",
    ):
        assert told in outputs.verdict


def test_one_data_set_alone_is_looked_at_when_it_is_named(place: str) -> None:
    put(place, "planes.zip", "planes.zip.part", "birds.zip")
    outputs, trainings = look(place, source=f"{place}/datasets/planes.zip")
    assert [one["name"] for one in trainings] == ["planes"]
    assert outputs.verdict.count(";") == 0
    outputs, trainings = look(place, source=f"{place}/datasets/gone.zip")
    assert trainings == []
    assert outputs.verdict == f"no data set in {place}/datasets/gone.zip"


@pytest.mark.parametrize("source", ["s3://other/datasets/planes.zip", "{}/datasets", "{}/datasets/", "{}/datasets/a/b"])
def test_a_source_elsewhere_is_refused(place: str, source: str) -> None:
    with pytest.raises(ParameterError, match="does not lie directly below"):
        look(place, source=source.format(place))


@pytest.mark.parametrize("text", ["epochs=3", "[1]", '{"a": [1]}', '{"a": null}'])
def test_parameters_are_refused_when_they_are_no_object_of_scalars(place: str, text: str) -> None:
    with pytest.raises(ParameterError, match="JSON"):
        look(place, parameters=text)


def test_a_missing_bucket_is_an_error_and_not_nothing_new(place: str) -> None:
    with pytest.raises(InputError, match="nowhere"):
        look("s3://nowhere")
