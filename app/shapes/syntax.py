"""The SQL that clients may write in `where` and `order_by`, as a tree.

Levels of operators are those of PostgreSQL (its manual, section 4.1.6), so that a text means what
it means there. Reading takes a time in proportion to the length of the text: a library that reads
all of SQL goes back and forth, and took two minutes for twenty nested brackets.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeAlias

from .errors import InvalidShape


@dataclass(frozen=True, slots=True)
class SyntaxLimits:
    """How long a text may be: characters, names and literals and operators, levels of nesting."""

    length: int = 4_000
    terms: int = 800
    depth: int = 40


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A column, perhaps with the names of its table and schema before it."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A literal in quotes: its type is what stands beside it."""

    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was written without quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$1` and so on."""

    number: int


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE, FALSE or NULL."""

    word: str


@dataclass(frozen=True, slots=True)
class Array:
    """`ARRAY[…]`."""

    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """`operand::type`; the type is as it was written, in lower case."""

    operand: "Node"
    type: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, by its name in lower case."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator, written as in SQL, as `NOT IN` or `= ANY`; AND, OR and || have many operands."""

    operator: str
    operands: tuple["Node", ...]


Node: TypeAlias = (
    ColumnName | Text | Number | Parameter | Constant | Array | Cast | Call | Operation
)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an ORDER BY; `suffix` is what follows the expression."""

    expression: Node
    suffix: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text: `kind` is the word in upper case, the operator, or one of `_KINDS`."""

    kind: str
    text: str
    position: int


_PATTERN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.$]))
    | (?P<parameter>\$[1-9][0-9]{0,4}(?![\w$]))
    | (?P<name>[A-Za-z_][A-Za-z0-9_$]*)
    | (?P<operator>::|\|\||<=|>=|<>|!=|@>|<@|&&|[-=<>(),.\[\]])
    """,
    re.VERBOSE,
)

_END: Final = "end"

_COMPARISONS: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})
_OTHERS: Final = frozenset({"||", "@>", "<@", "&&"})
_RANGES: Final = frozenset({"IN", "BETWEEN", "LIKE", "ILIKE"})
_CONSTANTS: Final = frozenset({"TRUE", "FALSE", "NULL"})
_LITERALS: Final = _CONSTANTS | {"text", "number", "parameter"}

# Words that cannot be names of columns without quotes: not all that PostgreSQL reserves, but all
# that have a meaning here.
_RESERVED: Final = _CONSTANTS | frozenset(
    "ALL AND ANY ARRAY AS ASC BETWEEN CASE CAST COLLATE DESC DISTINCT EXISTS FROM ILIKE IN IS LIKE "
    "NOT NULLS OR ORDER SELECT SIMILAR SOME WHERE".split()
)

_LONG_TYPES: Final = {
    ("DOUBLE",): ("PRECISION",),
    ("CHARACTER",): ("VARYING",),
    ("TIMESTAMP",): ("WITH", "TIME", "ZONE"),
}


def parse_condition(text: str, limits: SyntaxLimits) -> Node:
    """Read a condition. Raises InvalidShape, with the field `where`."""
    parser = _Parser(text, "where", limits)
    node = parser.expression()
    parser.expect(_END)
    return node


def parse_order(text: str, limits: SyntaxLimits) -> list[SortKey]:
    """Read what follows ORDER BY. Raises InvalidShape, with the field `order_by`."""
    parser = _Parser(text, "order_by", limits)
    keys = [parser.sort_key()]
    while parser.accept(","):
        keys.append(parser.sort_key())
    parser.expect(_END)
    return keys


class _Parser:
    """Descends by levels of operators, from the loosest; each method reads what binds tighter."""

    def __init__(self, text: str, field: str, limits: SyntaxLimits) -> None:
        self._field, self._depth, self._limits = field, 0, limits
        self._tokens = self._split(text)
        self._place = 0

    def expression(self) -> Node:
        """Read a whole expression."""
        self._deepen()
        node = self._chain("OR", self._conjunction)
        self._depth -= 1
        return node

    def sort_key(self) -> SortKey:
        """Read one key of an ORDER BY."""
        expression, suffix = self._joined(), ""
        if word := self.accept("ASC", "DESC"):
            suffix = f" {word.kind}"
        if self.accept("NULLS"):
            suffix += f" NULLS {self.expect('FIRST', 'LAST').kind}"
        return SortKey(expression, suffix)

    def accept(self, *kinds: str) -> _Token | None:
        """Read a token of one of these kinds, if there is one."""
        return self._accept_of(kinds)

    def _accept_of(self, kinds: Collection[str]) -> _Token | None:
        token = self._tokens[self._place]
        if token.kind not in kinds:
            return None
        self._place += 1
        return token

    def expect(self, *kinds: str) -> _Token:
        """Read a token of one of these kinds. Raises InvalidShape."""
        token = self.accept(*kinds)
        if token is None:
            raise self._expected(" or ".join(kinds))
        return token

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise self._error(f"expected {self._limits.depth} levels of nesting at most")

    def _chain(self, operator: str, operand: Callable[[], Node]) -> Node:
        operands = [operand()]
        while self.accept(operator):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Operation(operator, tuple(operands))

    def _conjunction(self) -> Node:
        return self._chain("AND", self._negation)

    def _negation(self) -> Node:
        if not self.accept("NOT"):
            return self._test()
        self._deepen()
        node = Operation("NOT", (self._negation(),))
        self._depth -= 1
        return node

    def _test(self) -> Node:
        """`… IS …`, which binds looser than a comparison."""
        node = self._comparison()
        if not self.accept("IS"):
            return node
        negation = "NOT " if self.accept("NOT") else ""
        if self.accept("DISTINCT"):
            self.expect("FROM")
            return Operation(f"IS {negation}DISTINCT FROM", (node, self._comparison()))
        word = self.expect("NULL", "TRUE", "FALSE", "UNKNOWN").kind
        return Operation(f"IS {negation}{word}", (node,))

    def _comparison(self) -> Node:
        node = self._range()
        operator = self._accept_of(_COMPARISONS)
        if operator is None:
            return node
        if quantifier := self.accept("ANY", "SOME", "ALL"):
            word = "ALL" if quantifier.kind == "ALL" else "ANY"
            return Operation(f"{operator.kind} {word}", (node, self._in_parentheses()))
        return Operation(operator.kind, (node, self._range()))

    def _range(self) -> Node:
        """IN, BETWEEN and LIKE, which bind tighter than a comparison."""
        node = self._joined()
        negation = ""
        if not self._begins_range(self._place):
            if not (self._begins_range(self._place + 1) and self.accept("NOT")):
                return node
            negation = "NOT "
        if self.accept("IN"):
            return Operation(f"{negation}IN", (node, *self._list("(", ")")))
        if self.accept("BETWEEN"):
            low = self._joined()
            self.expect("AND")
            return Operation(f"{negation}BETWEEN", (node, low, self._joined()))
        if word := self.accept("LIKE", "ILIKE"):
            return Operation(f"{negation}{word.kind}", (node, self._joined()))
        return node

    def _begins_range(self, place: int) -> bool:
        return self._tokens[min(place, len(self._tokens) - 1)].kind in _RANGES

    def _joined(self) -> Node:
        """The operators that have no level of their own, from left to right."""
        node = self._value()
        while operator := self._accept_of(_OTHERS):
            right = self._value()
            if isinstance(node, Operation) and node.operator == operator.kind == "||":
                node = Operation("||", (*node.operands, right))
            else:
                node = Operation(operator.kind, (node, right))
        return node

    def _value(self) -> Node:
        if self.accept("-"):
            return Number("-" + self.expect("number").text)
        node = self._primary()
        while self.accept("::"):
            node = Cast(node, self._type())
        return node

    def _primary(self) -> Node:
        token = self._accept_of(_LITERALS)
        if token is not None:
            return _literal(token)
        if self._tokens[self._place].kind == "(":
            return self._in_parentheses()
        if self.accept("ARRAY"):
            return Array(self._list("[", "]"))
        if self.accept("CAST"):
            return self._cast()
        return self._name()

    def _cast(self) -> Node:
        self.expect("(")
        operand = self.expression()
        self.expect("AS")
        node = Cast(operand, self._type())
        self.expect(")")
        return node

    def _name(self) -> Node:
        names = [self._identifier("a column, a literal or a parameter")]
        if self._tokens[self._place].kind == "(":
            return Call(names[0], self._list("(", ")"))
        while self.accept("."):
            names.append(self._identifier("a name"))
        return ColumnName(tuple(names))

    def _identifier(self, expected: str) -> str:
        token = self._tokens[self._place]
        if token.kind == "quoted":
            name = token.text[1:-1].replace('""', '"')
        elif token.text.isidentifier() and token.kind not in _RESERVED and token.kind != _END:
            # Without quotes, upper case is lower case.
            name = token.text.lower()
        else:
            raise self._expected(expected)
        self._place += 1
        return name

    def _type(self) -> str:
        """The name of a type; PostgreSQL has some of several words."""
        words = [self._identifier("a type")]
        for first, rest in _LONG_TYPES.items():
            if words[0].upper() in first and self.accept(rest[0]):
                words.extend(
                    [rest[0].lower(), *(self.expect(word).text.lower() for word in rest[1:])]
                )
        if self.accept("["):
            self.expect("]")
            return " ".join(words) + "[]"
        return " ".join(words)

    def _in_parentheses(self) -> Node:
        self.expect("(")
        node = self.expression()
        self.expect(")")
        return node

    def _list(self, opening: str, closing: str) -> tuple[Node, ...]:
        self.expect(opening)
        nodes = [self.expression()]
        while self.accept(","):
            nodes.append(self.expression())
        self.expect(closing)
        return tuple(nodes)

    def _split(self, text: str) -> list[_Token]:
        if len(text) > self._limits.length:
            raise self._error(f"expected {self._limits.length} characters at most, got {len(text)}")
        tokens, position = [], 0
        while match := _PATTERN.match(text, position):
            if match.lastgroup != "space":
                tokens.append(_token(match))
            position = match.end()
        if position < len(text):
            raise self._error(f"not understood from character {position + 1} on")
        if len(tokens) > self._limits.terms:
            raise self._error(f"expected {self._limits.terms} terms at most, got {len(tokens)}")
        return [*tokens, _Token(_END, "the end", position)]

    def _expected(self, what: str) -> InvalidShape:
        token = self._tokens[self._place]
        return self._error(
            f"expected {what} at character {token.position + 1}, got {token.text[:30]}"
        )

    def _error(self, message: str) -> InvalidShape:
        return InvalidShape({self._field: [message]})


def _token(match: re.Match[str]) -> _Token:
    kind, text = str(match.lastgroup), match[0]
    if kind == "name":
        kind = text.upper()
    elif kind == "operator":
        kind = "<>" if text == "!=" else text
    return _Token(kind, text, match.start())


def _literal(token: _Token) -> Node:
    match token.kind:
        case "text":
            return Text(token.text[1:-1].replace("''", "'"))
        case "number":
            return Number(token.text)
        case "parameter":
            return Parameter(int(token.text[1:]))
        case word:
            return Constant(word)
