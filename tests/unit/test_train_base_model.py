import hashlib
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.errors import InputError, ModelError
from steps.toolchain import go_offline
from steps.train.base_model import TINY, find_base_model

ARCHITECTURE = TINY.read_text()


@pytest.fixture(autouse=True)
def offline(tmp_path: Path) -> Iterator[None]:
    before = dict(os.environ)
    go_offline(tmp_path / "settings")
    yield
    os.environ.clear()
    os.environ.update(before)


def _find(tmp_path: Path, name: str, sha256: str = "") -> Path:
    return find_base_model(name, sha256, tmp_path / "base").file


def test_tiny_has_the_size_it_promises(tmp_path: Path) -> None:
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415

    model = DetectionModel(str(_find(tmp_path, "tiny")), nc=2, verbose=False)
    assert 260_000 < sum(parameter.numel() for parameter in model.parameters()) < 275_000


@pytest.mark.parametrize("name", ["yolo11n.yaml", "yolov8s.yaml", "yolov10n.yaml", "yolov9t.yaml", "yolo26n.yaml"])
def test_architectures_of_ultralytics_are_found_by_name(tmp_path: Path, name: str) -> None:
    assert _find(tmp_path, name).name == name


def test_a_misspelt_architecture_is_answered_with_one_that_exists(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no architecture 'yolo111n.yaml'") as refusal:
        _find(tmp_path, "yolo111n.yaml")
    assert "did you mean 'yolo" in refusal.value.hint


def test_weights_by_bare_name_are_refused_when_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no file 'yolo11n.pt' here, and nothing is fetched"):
        _find(tmp_path, "yolo11n.pt")


@pytest.mark.parametrize("name", ["", "big", "model.onnx", "../tiny"])
def test_other_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no base model"):
        _find(tmp_path, name)


@pytest.mark.parametrize("name", ["yolo11n-seg.yaml", "yolo11n-pose.yaml", "yolo11n-obb.yaml", "rtdetr-l.yaml"])
def test_architectures_for_another_task_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="not in a detection head"):
        _find(tmp_path, name)


def test_an_architecture_at_a_path_is_taken_when_its_digest_fits(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ARCHITECTURE)
    assert _find(tmp_path, str(path), hashlib.sha256(ARCHITECTURE.encode()).hexdigest()) == path


def test_a_base_model_is_refused_when_its_digest_is_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ARCHITECTURE)
    for name in (str(path), "tiny", "yolo11n.yaml"):
        with pytest.raises(InputError, match="sha256"):
            _find(tmp_path, name, "0" * 64)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "is not an ultralytics architecture"),
        ("nc: 2", "is not an ultralytics architecture"),
        ("backbone: []\nhead: []", "is not an ultralytics architecture"),
        (ARCHITECTURE + "activation: __import__('os').system('true')", "asks for the activation"),
        (ARCHITECTURE + "activation: nn.SiLU(__import__('os').system('true'))", "asks for the activation"),
        (ARCHITECTURE.replace("SPPF, [64, 5]", "TorchVision, [64, resnet18]"), "downloads weights"),
    ],
)
def test_an_architecture_is_refused_when_it_is_broken_or_would_run_code(
    tmp_path: Path, content: str, complaint: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ModelError, match=complaint):
        _find(tmp_path, str(path))


def test_an_architecture_may_name_an_activation(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(ARCHITECTURE + "activation: nn.LeakyReLU(0.1, inplace=True)")
    assert _find(tmp_path, str(path)) == path


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploded",)


def test_weights_that_would_run_code_are_refused_unexecuted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError, match="not a checkpoint that loads safely"):
        _find(tmp_path, str(path))
    assert not (tmp_path / "exploded").exists()


def test_a_base_model_is_told_without_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = tmp_path / "buckets" / "models"
    bucket.mkdir(parents=True)
    (bucket / "mine.yaml").write_text(ARCHITECTURE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"file://{tmp_path}/buckets")
    found = find_base_model("s3://models/mine.yaml", "", tmp_path / "base")
    assert found.told == "s3://models/mine.yaml"
    assert not found.has_weights
