"""What every step promises, checked once for all of them."""

import shlex
from typing import Any

import pytest

from steps.catalog import STEPS
from steps.command_line import parse, parser_of
from steps.contract import Step, artifact_mark, as_text, choices, is_internal, site_default, split_fields
from workflows.argo.site import ROOT, read_site


@pytest.fixture(params=list(STEPS.values()), ids=list(STEPS))
def step(request: pytest.FixtureRequest) -> Step[Any, Any]:
    chosen: Step[Any, Any] = request.param
    return chosen


def test_every_field_says_what_it_is_when_read_in_a_form(step: Step[Any, Any]) -> None:
    fields = [*step.inputs.model_fields.items(), *step.outputs.model_fields.items()]
    assert [name for name, field in fields if not (field.description or "").strip().endswith((".", "`"))] == []


def test_summary_is_one_sentence_when_steps_are_listed(step: Step[Any, Any]) -> None:
    assert step.summary.endswith(".")
    assert len(step.summary) <= 120


def test_defaults_are_unchanged_when_spelled_as_text(step: Step[Any, Any]) -> None:
    parameters, _ = split_fields(step.inputs)
    given = [*_artifact_flags(step), *_required_flags(step)]
    spelled = [f"--{name}={as_text(field.default)}" for name, field in parameters.items() if not field.is_required()]
    assert parse(step, given + spelled) == parse(step, given)


def test_no_parameter_is_none_when_nothing_is_given(step: Step[Any, Any]) -> None:
    parameters, _ = split_fields(step.inputs)
    assert [name for name, field in parameters.items() if field.default is None] == []


def test_parameters_are_scalars_when_they_travel_as_text(step: Step[Any, Any]) -> None:
    for model in (step.inputs, step.outputs):
        parameters, _ = split_fields(model)
        kinds = {name: f.annotation for name, f in parameters.items() if not choices(f)}
        assert {name: kind for name, kind in kinds.items() if kind not in (str, int, float)} == {}


def test_optional_artifacts_default_to_none_when_absent(step: Step[Any, Any]) -> None:
    for name, field in step.inputs.model_fields.items():
        mark = artifact_mark(field)
        if mark:
            assert field.is_required() != mark.optional, name


def test_example_parses_when_typed(step: Step[Any, Any]) -> None:
    example = shlex.split(step.example)
    given = {word.split("=")[0] for word in example}
    flags = [word for word in example if word.split("=")[0] not in _artifact_names(step)]
    assert all(word.startswith("--") and "=" in word for word in example)
    assert {f"--{n}" for n, f in split_fields(step.inputs)[0].items() if f.is_required()} <= given
    parse(step, [*flags, *_artifact_flags(step)])


def test_help_tells_type_default_and_example_of_every_flag(step: Step[Any, Any]) -> None:
    text = " ".join(parser_of(step).format_help().split())
    for name in step.inputs.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert " ".join(f"python -m steps {step.name} {step.example}".split()) in text


def test_step_lives_in_the_folder_of_its_name(step: Step[Any, Any]) -> None:
    folder = step.name.replace("-", "_")
    assert step.entry.startswith(f"steps.{folder}.run:")
    assert type(step.inputs).__module__
    assert step.inputs.__module__ == f"steps.{folder}.contract"


def test_size_is_known_to_the_site_file_when_rendered(step: Step[Any, Any]) -> None:
    assert read_site().size(step.size)


def test_reference_page_names_every_field_when_read(step: Step[Any, Any]) -> None:
    page = (ROOT / "docs" / "reference" / f"step-{step.name}.md").read_text()
    for name, field in split_fields(step.inputs)[0].items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `--{name}` |"))
        assert " ".join((field.description or "").split()).replace("|", "\\|") in row
    for name in split_fields(step.outputs)[0]:
        assert f"| `{name}` |" in page


def test_only_a_parameter_is_internal(step: Step[Any, Any]) -> None:
    assert [n for n, f in split_fields(step.inputs)[1].items() if is_internal(f)] == []


def test_no_output_takes_the_name_of_the_record(step: Step[Any, Any]) -> None:
    assert "record" not in step.outputs.model_fields


def _artifact_names(step: Step[Any, Any]) -> set[str]:
    return {f"--{name}" for name in split_fields(step.inputs)[1]}


def _artifact_flags(step: Step[Any, Any]) -> list[str]:
    return [f"{name}={ROOT}" for name in sorted(_artifact_names(step))]


def _required_flags(step: Step[Any, Any]) -> list[str]:
    fields = split_fields(step.inputs)[0].items()
    return [f"--{name}={'s3://a/b' if site_default(field) else 1}" for name, field in fields if field.is_required()]
