from pathlib import Path

import pytest

from steps.errors import ParameterError
from steps.runtime import ModelCard
from steps.serve.capture.recorder import NoCapture
from steps.serve.contract import ServeInputs
from steps.serve.limits import Limits
from steps.serve.models.origin import FolderOrigin, RegistryOrigin
from steps.serve.settings import API_KEYS, capture_of, limits_of, origins_of, workers_of
from tests.factories_model import write_model


def inputs(**given: object) -> ServeInputs:
    return ServeInputs.model_validate(given)


def ignore(*_: str) -> None:
    """Hear nothing."""


def test_limits_are_those_of_the_server_when_no_flag_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(API_KEYS, raising=False)
    assert limits_of(inputs()) == Limits()


def test_limits_follow_the_flags_when_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEYS, "one, two")
    limits = limits_of(
        inputs(max_bytes=5, max_held_bytes=1, formats="PNG,JPEG", cors_origins="https://a.example, https://b.example")
    )
    assert (limits.body_bytes, limits.held_bytes, limits.formats) == (5, 5, ("PNG", "JPEG"))
    assert [key.get_secret_value() for key in limits.api_keys] == ["one", "two"]
    assert limits.cors_origins == ("https://a.example", "https://b.example")


def test_models_are_pinned_by_name_when_there_are_several(tmp_path: Path) -> None:
    first, second = origins_of(inputs(registry=str(tmp_path), model_name="planes@3,ships"))
    assert isinstance(first, RegistryOrigin)
    assert isinstance(second, RegistryOrigin)
    assert (first.name, first.pinned, first.moves) == ("planes", 3, False)
    assert (second.name, second.pinned, second.moves) == ("ships", 0, True)


def test_model_comes_from_the_folder_when_one_is_given(tmp_path: Path) -> None:
    (origin,) = origins_of(inputs(model_folder=str(tmp_path), model_name="planes"))
    assert isinstance(origin, FolderOrigin)
    assert (origin.folder, origin.name) == (tmp_path, "planes")


@pytest.mark.parametrize(
    "given",
    [
        {"model_name": "planes,planes"},
        {"model_name": "planes,ships", "version": 2},
        {"model_name": "planes,ships", "model_folder": "models"},
    ],
)
def test_flags_are_refused_when_they_contradict_each_other(given: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="--model-name=planes"):
        origins_of(inputs(registry=str(tmp_path), **given))


@pytest.mark.parametrize("name", ["", "Planes", "planes@0", "planes@x", "planes,", "a b"])
def test_name_is_refused_when_it_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="model_name"):
        inputs(model_name=name)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (4, 2), (8, 3), (16, 5)])
def test_workers_fill_the_cores_when_none_are_given(monkeypatch: pytest.MonkeyPatch, cores: int, workers: int) -> None:
    monkeypatch.setattr("steps.serve.settings.available_cores", lambda: cores)
    assert workers_of(inputs()) == workers
    assert workers_of(inputs(workers=7)) == 7


def test_nothing_is_captured_when_no_place_is_named() -> None:
    assert isinstance(capture_of(inputs(capture_random=0.5), ignore), NoCapture)


def test_capture_is_refused_when_nothing_says_what_to_capture(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="nothing says what to capture"):
        capture_of(inputs(capture=str(tmp_path)), ignore)


@pytest.mark.parametrize(("near", "floor"), [(0.1, 0.2), (0.5, 0.01), (0, 1.0)])
def test_floor_is_below_the_threshold_when_near_misses_count(tmp_path: Path, near: float, floor: float) -> None:
    given = inputs(capture=str(tmp_path), capture_threshold=0.3, capture_near=near, capture_random=0.1)
    capture = capture_of(given, ignore)
    assert capture.floor(ModelCard.read(write_model(tmp_path / "model"))) == pytest.approx(floor)
    capture.close()
