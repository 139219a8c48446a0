"""The publish step: what it checks, what it writes, and that no secret leaves with it."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from steps.publish.archive import write_archive
from steps.publish.provenance import code_version, read_parameters
from steps.publish.readme import write_readme
from steps.registry import FileEntry, Lineage, Manifest, Registry
from steps.runtime import Defaults, ModelCard, verify_files
from tests.factories_publish import METRICS, Bench
from tests.factories_store import EVERYDAY, make_place


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("STEP_WORK", str(tmp_path / "bench/work"))
    return Bench(tmp_path / "bench")


@pytest.mark.parametrize("kind", EVERYDAY)
def test_published_tells_the_version_when_the_step_ran(
    kind: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place(kind, tmp_path, monkeypatch)
    parameters = json.dumps(
        [{"name": "epochs", "value": "3"}, {"name": "source", "value": "https://u:hunter2@h/a.zip"}]
    )
    flags = (
        "--run=run-1",
        "--data-digest=abc",
        "--listing=def",
        "--source=https://u:hunter2@h/a.zip?sig=hunter3",
        f"--parameters={parameters}",
    )
    assert bench.publish(place, *flags) == 0
    told = bench.published()
    registry = Registry.open(place)
    version = registry.latest("planes")
    assert (told["name"], told["version"], told["url"], told["previous"]) == ("planes", 1, f"{place}/planes/1", None)
    assert (
        told["lineage"]
        == version.manifest.lineage.model_dump()
        == {
            "run": "run-1",
            "source": "https://***@h/a.zip?sig=***",
            "data_digest": "abc",
            "listing": "def",
            "parameters": {"epochs": "3", "source": "https://***@h/a.zip"},
            "code_version": code_version(),
            "metrics": {"map50": 0.9, "map50_95": 0.5},
            "created": told["lineage"]["created"],
        }
    )
    entries = version.manifest.files | version.manifest.extras
    assert (told["files"], told["bytes"]) == (6, sum(entry.size for entry in entries.values()))
    assert (bench.folder / "work/out/version").read_text() == "1"
    # Once more by the same run: nothing new. By another: the next number.
    assert bench.publish(place, *flags) == 0
    assert bench.published() == told
    assert bench.publish(place, "--run=run-2") == 0
    assert (bench.published()["version"], bench.published()["previous"]) == (2, 1)
    for entry in registry.store.list():
        if not entry.key.endswith(("results.tar", "model.json")):
            assert b"hunter" not in registry.store.get(entry.key)


def test_a_version_is_served_with_what_evaluate_chose(bench: Bench, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    before = {path: path.read_bytes() for path in (bench.folder / "model").rglob("*") if path.is_file()}
    assert bench.publish(place) == 0
    version = Registry.open(place).latest("planes")
    folder = Registry.open(place).fetch(version, tmp_path)
    card = ModelCard.read(folder)
    verify_files(folder, card)
    assert card.defaults == version.manifest.defaults == Defaults(**METRICS["defaults"])
    assert bench.published()["defaults"] == METRICS["defaults"]
    assert (folder / "golden/expected.json").read_bytes() == (bench.folder / "metrics/expected.json").read_bytes()
    assert "golden/expected.json" in card.files
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "0" * 64}, "the metrics are of the model whose model.json has SHA-256 0000"),
        ({"model": None}, "the metrics are of the model whose model.json has SHA-256 None"),
        ({"defaults": None}, "metrics.json has no usable defaults"),
        ({"defaults": {"confidence": 7}}, "metrics.json has no usable defaults"),
    ],
)
def test_metrics_are_refused_when_they_are_not_those_of_the_model(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], told: str
) -> None:
    bench.write_metrics(json.loads((bench.folder / "metrics/metrics.json").read_text()) | change)
    assert bench.publish(str(tmp_path / "place")) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("model/model.json", "no model.json"),
        ("model/onnx/model.onnx", "onnx/model.onnx is missing"),
        ("metrics/metrics.json", "no readable metrics.json"),
        ("metrics/expected.json", "no expected.json"),
    ],
)
def test_nothing_is_published_when_an_input_is_damaged(
    damage: str, told: str, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / damage).unlink()
    assert bench.publish(str(tmp_path / "place")) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("text", ["{", "[1]", "3", '[{"value": "x"}]', '"https://u:hunter2@h"'])
def test_parameters_are_refused_when_they_are_none(
    text: str, bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.publish(str(tmp_path / "place"), f"--parameters={text}") == 2
    message = capsys.readouterr().err
    assert "--parameters=" in message
    assert "hunter" not in message


def test_metrics_are_refused_when_the_scores_are_missing(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / "metrics/metrics.json").write_text('{"map50": "high"}')
    assert bench.publish(str(tmp_path / "place")) == 2
    assert "map50" in capsys.readouterr().err


def test_the_exit_code_asks_for_another_try_when_the_store_is_away(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_place("moto", tmp_path, monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert bench.publish("s3://bucket/models") == 75


def test_the_archive_has_the_same_bytes_when_the_files_are_the_same(bench: Bench, tmp_path: Path) -> None:
    digests = set()
    os.link(bench.folder / "checkpoint/best.pt", bench.folder / "checkpoint/last.pt")
    for number in range(2):
        path = tmp_path / f"{number}.tar"
        write_archive(path, metrics=bench.folder / "metrics", checkpoint=bench.folder / "checkpoint")
        digests.add(FileEntry.of(path))
        os.utime(bench.folder / "checkpoint/best.pt", (0, 0))
        (bench.folder / "checkpoint/best.pt").chmod(0o600)
    assert len({entry.sha256 for entry in digests}) == 1
    with tarfile.open(path) as tar:
        assert [(entry.name, entry.isreg()) for entry in tar] == [
            (name, True)
            for name in (
                *("checkpoint/best.pt", "checkpoint/last.pt", "checkpoint/results.csv"),
                *("metrics/expected.json", "metrics/metrics.json"),
            )
        ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("{}", {}),
        ("[]", {}),
        ('{"b": 1, "a": true}', {"a": "true", "b": "1"}),
        ('[{"name": "a", "value": "x"}, {"name": "b"}]', {"a": "x", "b": ""}),
        ('{"api-key": "x", "token": "", "aws_secret": "y"}', {"api-key": "***", "aws_secret": "***", "token": ""}),
        ('{"url": "https://u:p@h/?k=v"}', {"url": "https://***@h/?k=***"}),
    ],
)
def test_parameters_are_kept_without_secrets_when_read(text: str, kept: dict[str, str]) -> None:
    assert read_parameters(text) == kept


def test_the_readme_shows_scores_and_no_markup_when_names_are_hostile(bench: Bench) -> None:
    manifest = Manifest(name="planes", version=3, previous=2, lineage=Lineage(parameters={"epochs": "3"}), files={})
    card = ModelCard.read(bench.folder / "model").model_copy(update={"defaults": Defaults(**METRICS["defaults"])})
    text = write_readme(manifest, card, METRICS, "s3://u:hunter2@b/models")
    assert text.startswith("# planes, version 3\n\nFinds `plane`, `a'b\\|&lt;script>` in images.")
    assert "| all | 7 | 0.900 | 0.500 | 0.800 | 1 | 0.850 |" in text
    assert "| a \\| &lt;b> | 7 | 0.900 | 0.500 | 0.800 | – | – |" in text
    assert "confidence above 0.300 (0.450 for `plane`), of two that overlap by more than 0.600" in text
    assert "at most 200 an image" in text
    assert "hunter" not in text
    assert "--model-name=planes --version=3" in text
