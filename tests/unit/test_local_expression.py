from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.local.errors import ExpressionError
from workflows.local.expression import parse, parse_condition

SCOPE = {
    "tasks": {
        "run": {"status": "Succeeded", "outputs": {"parameters": {"n": "3"}}},
        "a-b": {"status": "Failed"},
        "off": {},
    },
    "inputs": {"parameters": {"device": "cpu"}},
    "lastRetry": {"exitCode": "75", "status": "Failed"},
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'a'", "a"),
        (r"'it\'s'", "it's"),
        ('"a\\n"', "a\n"),
        ("12", 12),
        ("1.5", 1.5),
        ("true", True),
        ("nil", None),
        ("tasks.run.status", "Succeeded"),
        ("tasks['a-b'].status", "Failed"),
        ('tasks["a-b"]["status"]', "Failed"),
        ("tasks.run.outputs.parameters.n", "3"),
        ("tasks.off.status", None),
        ("tasks.run.status == 'Succeeded' ? 'gpu' : 'cpu'", "gpu"),
        ("tasks.off.status == 'Succeeded' ? tasks.off.outputs.x : inputs.parameters.device", "cpu"),
        ("false ? 1 : true ? 2 : 3", 2),
        ("(false ? 1 : 2) == 2", True),
        ("asInt(lastRetry.exitCode) == 75", True),
        ("asInt(lastRetry.exitCode) >= 2 && lastRetry.status != 'Error'", True),
        ("asFloat('1e3') < 2", False),
        ("!(1 == 2) && !false", True),
        ("!tasks.off.status == nil ? 1 : 2", ExpressionError),
        ("true || tasks.off.outputs.x == 1", True),
        ("false && tasks.off.outputs.x == 1", False),
        ("false || true && false", False),
        ("'a' == 'b' == false", True),
        ("inputs.parameters.device == 'gpu' || tasks.run.status == 'Succeeded' ? 'gpu' : 'cpu'", "gpu"),
    ],
)
def test_expression_has_its_value_when_evaluated(source: str, value: object) -> None:
    expression = parse(source)
    if value is ExpressionError:
        with pytest.raises(ExpressionError):
            expression.evaluate(SCOPE)
    else:
        assert expression.evaluate(SCOPE) == value


@pytest.mark.parametrize(
    "source",
    [
        "",
        "'a' ==",
        "a b",
        "(a",
        "tasks.a-b.status",
        "a ?? b",
        "'open",
        "a ? b",
        "a[0]",
        "a.",
        "asInt('1'",
        "a, b",
        "1 + 2",
        "#",
    ],
)
def test_expression_is_refused_when_outside_of_the_language(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(source)
    assert caught.value.hint


def test_hint_shows_brackets_when_a_name_has_a_dash() -> None:
    with pytest.raises(ExpressionError, match=r"tasks\['my-task'\]"):
        parse("tasks.maybe-resize.status == 'x'")


@pytest.mark.parametrize(
    "source",
    ["tasks.off.outputs.x", "unknown", "1 < 'a'", "asInt('x')", "nil < 1", "'a' && true", "'a' ? 1 : 2", "asInt(nil)"],
)
def test_evaluation_fails_when_values_do_not_fit(source: str) -> None:
    with pytest.raises(ExpressionError):
        parse(source).evaluate(SCOPE)


def test_names_are_the_member_paths_when_parsed() -> None:
    source = "tasks['a-b'].status == 'x' ? tasks.run.outputs.artifacts.data : inputs.artifacts.data"
    assert parse(source).names == {"tasks.a-b.status", "tasks.run.outputs.artifacts.data", "inputs.artifacts.data"}


def test_holds_fails_when_the_value_is_no_truth() -> None:
    with pytest.raises(ExpressionError, match="true or false"):
        parse("'a'").holds({})


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("'a' == 'a'", True),
        ("'a' != 'a'", False),
        ("'' == ''", True),
        ("'true' == 'true' && ('x' != 'y' || 'a' == 'b')", True),
    ],
)
def test_condition_holds_when_its_texts_say_so(source: str, holds: bool) -> None:
    assert parse_condition(source).holds({}) is holds


@pytest.mark.parametrize(
    "source",
    [
        "a == 'a'",
        "1 == 1",
        "!('a' == 'b')",
        "'a' == 'b' ? 'c' == 'c' : 'd' == 'd'",
        "true",
        "'1' < '2'",
        "\"it's\" == 'x'",
        "'say \"x\"' == 'x'",
    ],
)
def test_condition_is_refused_when_not_made_of_quoted_text(source: str) -> None:
    with pytest.raises(ExpressionError, match="quote"):
        parse_condition(source)


BOOLEANS = st.recursive(
    st.sampled_from([("true", "True"), ("false", "False"), ("'a' == 'a'", "('a' == 'a')"), ("1 < 0", "(1 < 0)")]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} && {p[1][0]})", f"({p[0][1]} and {p[1][1]})")),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} || {p[1][0]})", f"({p[0][1]} or {p[1][1]})")),
        inner.map(lambda one: (f"!({one[0]})", f"(not {one[1]})")),
        st.tuples(inner, inner, inner).map(
            lambda p: (f"({p[0][0]} ? {p[1][0]} : {p[2][0]})", f"({p[1][1]} if {p[0][1]} else {p[2][1]})")
        ),
    ),
    max_leaves=12,
)


@given(BOOLEANS)
def test_truth_is_that_of_python_when_spelled_alike(pair: tuple[str, str]) -> None:
    ours, pythons = pair
    assert parse(ours).evaluate({}) is eval(pythons)


@given(st.text())
def test_parser_refuses_or_reads_when_given_any_text(text: str) -> None:
    with suppress(ExpressionError):
        parse(text)
