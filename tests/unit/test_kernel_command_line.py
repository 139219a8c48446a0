"""From one contract: flags, help, and errors that name the flag, the value and what would be right."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steps.catalog import STEPS
from steps.command_line import parse, parser_of
from steps.contract import Step
from steps.errors import ParameterError


def test_unknown_flag_is_refused_when_it_is_a_prefix_of_a_known_one() -> None:
    with pytest.raises(ParameterError, match="unrecognized arguments: --sourc=x"):
        parse(STEPS["ingest"], ["--sourc=x"])


def test_all_faults_are_named_at_once_when_several_values_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    flags = [f"--dataset={tmp_path}/d", f"--splits={tmp_path}/d", "--epochs=0", "--image-size=33", "--device=tpu"]

    with pytest.raises(ParameterError) as caught:
        parse(STEPS["train"], flags)

    assert "--epochs='0': input should be greater than or equal to 1" in caught.value.message
    assert "--image-size='33': input should be a multiple of 32" in caught.value.message
    assert "--device='tpu': input should be 'cpu' or 'gpu'" in caught.value.message
    assert "Passes over the training images" in caught.value.hint


def test_missing_artifact_is_named_with_the_place_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEP_WORK", str(tmp_path))

    with pytest.raises(ParameterError, match=rf"--dataset: no file or folder at '{tmp_path}/in/dataset'"):
        parse(STEPS["split"], [])


def test_optional_artifact_is_none_when_it_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_WORK", str(tmp_path))
    (tmp_path / "in" / "metrics").mkdir(parents=True)

    inputs = parse(STEPS["report"], [])

    assert inputs.metrics == tmp_path / "in" / "metrics"
    assert inputs.intake is None


@pytest.mark.parametrize(
    "text", ['a "quoted" name', "ünï cödé 图", "[1, 2]", "null", "-dash", "a=b,c", " spaced ", "%d"]
)
def test_text_arrives_unchanged_when_it_looks_like_something_else(text: str) -> None:
    assert parse(STEPS["ingest"], [f"--source={text}"]).source == text


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_help_tells_every_flag_with_its_default_and_an_example(step: Step[Any, Any]) -> None:
    text = " ".join(parser_of(step).format_help().split())

    for name, field in step.inputs.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert (field.description or "").split()[0] in text
    assert "example:" in text


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['steps', '--help']\n"
        "try:\n    import runpy; runpy.run_module('steps', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'torch', 'boto3', 'rich', 'pydantic_settings', 'onnxruntime', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_near_name_is_offered_when_the_step_is_unknown() -> None:
    done = subprocess.run([sys.executable, "-m", "steps", "trian"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "did you mean 'train'?" in done.stderr
    assert "Traceback" not in done.stderr
