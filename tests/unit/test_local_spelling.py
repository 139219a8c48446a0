"""Spelling of values, as Argo's own JSON and names have it."""

import pytest

from workflows.local.spelling import elements, item_of, json_text, value_text


@pytest.mark.parametrize(
    ("source", "text", "label"),
    [
        ('"a b"', "a b", "a b"),
        ('"say \\"x\\""', 'say "x"', 'say \\"x\\"'),
        ('"\\u00e9\\n"', "é\n", "\\u00e9\\n"),
        ('"(x)"', "(x)", "x"),
        ("2.50", "2.50", "2.50"),
        ("1e2", "1e2", "1e2"),
        ("null", "null", "[]"),
        ("true", "true", "true"),
        ('[1, ["a b", 2]]', '[1,["a b",2]]', '[1 ["a b",2]]'),
        ('{"b": "<", "a": {"d": 1, "c": 2}}', '{"a":{"d":1,"c":2},"b":"\\u003c"}', 'a:{"d":1,"c":2},b:<'),
    ],
)
def test_item_keeps_its_spelling_when_read_from_a_list(source: str, text: str, label: str) -> None:
    [item] = elements(f" [ {source} ]")
    assert (item.text, item.label) == (text, label)


def test_members_are_items_when_the_item_is_a_map() -> None:
    item = item_of({"name": "é", "sizes": [1, 2.5], "none": None, "": ""})
    assert {name: one.text for name, one in item.members.items()} == {
        "name": "é",
        "sizes": "[1,2.5]",
        "none": "null",
        "": "",
    }
    assert not item_of("{").members
    assert list(elements("[]")) == []


@pytest.mark.parametrize("text", ["", "plain", "[1", '{"a": 1}', "1"])
def test_list_is_refused_when_it_is_none(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        list(elements(text))


def test_markup_is_escaped_when_spelled_as_json() -> None:
    assert json_text({"é": "<b>&"}) == '{"é":"\\u003cb\\u003e\\u0026"}'


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (12.0, "12"), (1.5, "1.5"), (3, "3"), (None, ""), ("x", "x"), (-0.25, "-0.25")]
)
def test_value_is_spelled_as_by_go_when_an_expression_gives_it(value: object, text: str) -> None:
    assert value_text(value) == text
