"""Expressions: conditions in `when` and `depends`, and what `fromExpression` and its kin choose.

The language is the part that Argo's two evaluators (govaluate for `when`, expr-lang for the rest) read alike:
literals, names, `a.b`, `a['b']`, `asInt(x)`, `!`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `&&`, `||`, `c ? a : b` and ( ).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.local.errors import ExpressionError
from workflows.local.lexer import CONDITION_TOKEN, ESCAPES, TOKEN, advice, tokens, unquote

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
POWERS = {"?": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, "<=": 5, ">": 5, ">=": 5, ".": 8, "[": 8}
PREFIX_POWER = 7
FUNCTIONS: dict[str, Callable[[str], object]] = {"asInt": int, "asFloat": float}
LITERALS: dict[str, object] = {"true": True, "false": False, "nil": None}

Evaluate = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression."""

    source: str
    names: frozenset[str]
    """The member paths it reads, such as `tasks.train.status`."""
    only_text: bool
    """Whether it is made of quoted text alone, as `when` must be."""
    evaluate: Evaluate
    """Return its value, given the variables as nested mappings.

    Raises:
        ExpressionError: If it reads a member of nothing, or compares what cannot be compared.
    """

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Return its value, which has to be true or false."""
        value = self.evaluate(scope)
        if not isinstance(value, bool):
            raise ExpressionError(f"expression {self.source!r} should be true or false, not {value!r}")
        return value


def parse(source: str) -> Expression:
    """Read `source`.

    Raises:
        ExpressionError: If it is not of the language above; it names the place.
    """
    return _read(_Parser(source))


def parse_condition(source: str) -> Expression:
    """Read a `when`, in which both sides are quoted, `==` and `!=` compare, and `&&`, `||`, ( ) join.

    Raises:
        ExpressionError: If it is anything else, for then Argo's govaluate and this engine would not agree.
    """
    found = _read(_Parser(source, CONDITION_TOKEN, {}))
    if not found.only_text:
        raise ExpressionError(
            f"condition {source!r} is not made of quoted text, ==, !=, &&, || and ()",
            hint="quote both sides: 'a' == 'b'",
        )
    return found


def _read(parser: "_Parser") -> Expression:
    evaluate, path = parser.expression(0)
    parser.read(path)
    if parser.kind != "end":
        raise parser.unexpected()
    return Expression(parser.source, frozenset(parser.names), parser.only_text, evaluate)


class _Parser:
    """A Pratt parser: each sign has a binding power, and `expression(power)` reads what binds tighter than `power`.

    Every method returns how to evaluate what was read, and its member path while it is one, so that `a.b['c']` is
    known as one name.
    """

    def __init__(self, source: str, pattern: re.Pattern[str] = TOKEN, escapes: Mapping[str, str] = ESCAPES) -> None:
        self.source = source
        self._escapes = escapes
        self.names: set[str] = set()
        self.only_text = True
        self._rest = tokens(source, pattern)
        self.advance()

    def advance(self) -> str:
        """Step to the next token and return the one left behind."""
        left = getattr(self, "token", "")
        self.kind, self.token, self.place = next(self._rest)
        return left

    def expect(self, sign: str) -> None:
        """Step over `sign`."""
        if self.token != sign or self.kind != "sign":
            raise self.unexpected(f"{sign!r} is missing")
        self.advance()

    def unexpected(self, why: str = "") -> ExpressionError:
        """Return the error for the current token."""
        found = f"{self.token!r} at character {self.place + 1}" if self.kind != "end" else "the end"
        return ExpressionError(
            f"expression {self.source!r}: unexpected {found}{', ' + why if why else ''}", hint=advice(self.source)
        )

    def read(self, path: str) -> None:
        """Note that the member `path` is read as a whole."""
        if path:
            self.names.add(path)

    def expression(self, power: int) -> tuple[Evaluate, str]:
        """Read an expression of signs that bind tighter than `power`."""
        left, path = self.operand()
        while self.kind == "sign" and POWERS.get(self.token, 0) > power:
            sign = self.advance()
            if sign in {".", "["}:
                left, path = self.member(left, path, sign)
            else:
                self.read(path)
                left, path = self.operator(left, sign), ""
        return left, path

    def operand(self) -> tuple[Evaluate, str]:
        """Read what stands before or between signs."""
        kind, token = self.kind, self.token
        if kind == "text":
            self.advance()
            text = unquote(token, self._escapes)
            return lambda _: text, ""
        if kind == "sign" and token == "(":  # noqa: S105  (a parenthesis)
            self.advance()
            inner, path = self.expression(0)
            self.expect(")")
            return inner, path
        if kind == "sign" and token == "!":  # noqa: S105  (a sign)
            self.only_text = False
            self.advance()
            inner, path = self.expression(PREFIX_POWER)
            self.read(path)
            return lambda scope: not _boolean(inner(scope), self.source), ""
        if kind not in {"number", "name"}:
            raise self.unexpected()
        self.only_text = False
        self.advance()
        if kind == "number":
            number = float(token) if "." in token else int(token)
            return lambda _: number, ""
        if token in LITERALS:
            return lambda _: LITERALS[token], ""
        return self.call(token) if token in FUNCTIONS else (lambda scope: self.variable(scope, token), token)

    def call(self, name: str) -> tuple[Evaluate, str]:
        """Read the argument of `asInt` or `asFloat`."""
        self.expect("(")
        inner, path = self.expression(0)
        self.read(path)
        self.expect(")")

        def convert(scope: Mapping[str, Any]) -> object:
            value = inner(scope)
            try:
                return FUNCTIONS[name](value)
            except (TypeError, ValueError):
                raise ExpressionError(f"expression {self.source!r}: {name} of {value!r}") from None

        return convert, ""

    def variable(self, scope: Mapping[str, Any], name: str) -> Any:
        """Return the variable `name`."""
        if name not in scope:
            raise ExpressionError(f"expression {self.source!r}: unknown name {name!r}")
        return scope[name]

    def member(self, left: Evaluate, path: str, sign: str) -> tuple[Evaluate, str]:
        """Read `.name` or `['name']`. A member that is not there is nil; a member of nil is an error."""
        kind, key = self.kind, self.token
        if kind != ("name" if sign == "." else "text"):
            raise self.unexpected("the name of a member is missing")
        self.advance()
        if sign == "[":
            key = key[1:-1]
            self.expect("]")

        def fetch(scope: Mapping[str, Any]) -> Any:
            holder = left(scope)
            if not isinstance(holder, Mapping):
                raise ExpressionError(f"expression {self.source!r}: cannot fetch {key!r} from {holder!r}")
            return holder.get(key)

        return fetch, f"{path}.{key}" if path else ""

    def operator(self, left: Evaluate, sign: str) -> Evaluate:
        """Read the right side of `sign`; `&&`, `||` and `?:` look at a side only when it counts."""
        source = self.source
        if sign == "?":
            self.only_text = False
            yes, yes_path = self.expression(0)
            self.expect(":")
            no, no_path = self.expression(0)
            self.read(yes_path)
            self.read(no_path)
            return lambda scope: yes(scope) if _boolean(left(scope), source) else no(scope)
        right, path = self.expression(POWERS[sign])
        self.read(path)
        if sign == "&&":
            return lambda scope: _boolean(left(scope), source) and _boolean(right(scope), source)
        if sign == "||":
            return lambda scope: _boolean(left(scope), source) or _boolean(right(scope), source)
        if sign == "==":
            return lambda scope: bool(left(scope) == right(scope))
        if sign == "!=":
            return lambda scope: bool(left(scope) != right(scope))
        self.only_text = False
        return lambda scope: _compare(left(scope), right(scope), sign, source)


def _boolean(value: object, source: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"expression {source!r}: {value!r} should be true or false")
    return value


def _compare(left: Any, right: Any, sign: str, source: str) -> bool:
    if isinstance(left, str) != isinstance(right, str) or left is None or right is None:
        raise ExpressionError(f"expression {source!r}: cannot compare {left!r} {sign} {right!r}")
    return COMPARISONS[sign](left, right)
