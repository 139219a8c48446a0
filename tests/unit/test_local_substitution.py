import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.local.errors import ManifestError
from workflows.local.substitution import instantiate, replace, tags
from workflows.local.template import Template
from workflows.local.values import Arguments

CONTROLS = "".join(map(chr, {*range(0x20), 0x7F} - {8, 9, 10, 12, 13}))
SPEAKABLE = st.characters(exclude_characters=CONTROLS, exclude_categories=["Cs"])


def template(**changes: object) -> Template:
    body = {
        "name": "t",
        "inputs": {"parameters": [{"name": "a"}, {"name": "b", "default": "{{workflow.name}}!"}]},
        "container": {
            "command": ["echo"],
            "args": ["--a={{inputs.parameters.a}}", "{{ inputs.parameters.b }}", "{{item}}"],
        },
    }
    return Template.model_validate(body | changes)


def given_a(value: str) -> Arguments:
    return Arguments.model_validate({"parameters": [{"name": "a", "value": value}]})


def args(found: Template) -> list[str]:
    assert found.container
    return found.container.args


def test_inputs_are_put_in_when_given_or_defaulted() -> None:
    found = instantiate(template(), given_a("1"), {"workflow.name": "w"}, {})
    assert args(found) == ["--a=1", "w!", "{{item}}"]


def test_instantiation_fails_when_an_input_is_missing() -> None:
    with pytest.raises(ManifestError, match=r"inputs\.parameters\.a was not supplied"):
        instantiate(template(), Arguments(), {}, {})


def test_artifact_is_required_when_not_optional() -> None:
    one = template(inputs={"artifacts": [{"name": "data", "path": "/work/in"}]})
    with pytest.raises(ManifestError, match=r"inputs\.artifacts\.data was not supplied"):
        instantiate(one, Arguments(), {}, {})
    unlocated = Arguments.model_validate({"artifacts": [{"name": "data", "from": "{{tasks.a.outputs.artifacts.x}}"}]})
    with pytest.raises(ManifestError, match="missing location"):
        instantiate(one, unlocated, {}, {})


def test_artifact_keeps_its_path_when_located_by_the_caller() -> None:
    one = template(
        inputs={"artifacts": [{"name": "data", "path": "/work/in"}]},
        container={"command": ["ls", "{{inputs.artifacts.data.path}}"]},
    )
    passed = Arguments.model_validate({"artifacts": [{"name": "data", "s3": {"key": "k"}, "path": "/elsewhere"}]})
    found = instantiate(one, passed, {}, {})
    assert found.container
    assert found.container.command == ["ls", "/work/in"]
    assert found.inputs.artifacts[0].s3


@given(st.text(alphabet=SPEAKABLE))
def test_value_survives_when_it_holds_anything(value: str) -> None:
    found = replace(json.dumps({"x": "<{{a}}>"}), {"a": value})
    assert json.loads(found) == {"x": f"<{value}>"}


@given(st.text(alphabet=st.characters(exclude_characters="{}" + CONTROLS, exclude_categories=["Cs"])))
def test_argument_reaches_the_command_when_it_holds_anything(value: str) -> None:
    assert args(instantiate(template(), given_a(value), {}, {}))[0] == f"--a={value}"


def test_tag_stays_when_it_has_no_value() -> None:
    assert replace("{{a}} {{b}}", {"a": "1"}) == "1 {{b}}"


def test_strict_replacement_fails_when_another_task_left_nothing() -> None:
    with pytest.raises(ManifestError, match=r"failed to resolve \{\{tasks\.x\.outputs\.parameters\.y\}\}"):
        replace("{{tasks.x.outputs.parameters.y}}", {}, strict=True)
    assert replace("{{tasks.x.outputs.artifacts.y}} {{item}}", {}, strict=True)


def test_tags_are_found_when_padded() -> None:
    assert list(tags("{{a}} and {{ b.c }} and {d}")) == ["a", "b.c"]


@pytest.mark.parametrize("character", ["\x01", "\x07", "\x0b", "\x7f"])
def test_control_character_is_an_error_when_a_tag_stands_for_it(character: str) -> None:
    with pytest.raises(ManifestError, match="control character"):
        replace('"{{a}}"', {"a": f"x{character}"})
