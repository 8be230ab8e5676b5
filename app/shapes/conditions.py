"""`where` and `order_by` of clients: held to an allow-list, and written anew as SQL.

No text of a client reaches PostgreSQL but within a literal. What is written has parentheses around
each operation, and depends on the row alone: no other table, no clock. Operators, functions and
casts are such that no value of a row is an error, since a shape must outlive any row.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from .errors import InvalidShape
from .syntax import (
    Array,
    Call,
    Cast,
    ColumnName,
    Constant,
    Node,
    Number,
    Operation,
    Parameter,
    SyntaxLimits,
    Text,
    parse_condition,
    parse_order,
)
from .tables import Table


@dataclass(frozen=True, slots=True)
class ConditionLimits:
    """How much a condition or an order may ask of the server; lengths are characters."""

    syntax: SyntaxLimits = field(default_factory=SyntaxLimits)
    parameters: int = 400
    parameter_length: int = 100_000
    sort_keys: int = 10


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as SQL: two with equal SQL are the same.

    `equalities` are the columns that must equal a literal, with its text: terms `column = literal`
    that the condition is a conjunction of.
    """

    sql: str = "TRUE"
    equalities: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def equal_to(self, column: str) -> str | None:
        """The text that a column must equal; None if the condition does not say."""
        return next((text for name, text in self.equalities if name == column), None)


@dataclass(frozen=True, slots=True)
class Order:
    """What follows ORDER BY, with the primary key at the end; empty if any order will do."""

    sql: str = ""


def compile_condition(
    text: str, parameters: Mapping[int, str], table: Table, limits: ConditionLimits
) -> Condition:
    """Turn a condition of a client on the rows of a table into SQL.

    `parameters` are the texts of `$1` …. Raises InvalidShape, with the field `where` or `params`.
    """
    _check_parameters(parameters, limits)
    if not text.strip():
        return Condition()
    node = _parse_condition(text, limits.syntax)
    writer = _Writer(table, parameters, "where")
    written = writer.write(node)
    if written.kind not in {None, "bool"}:
        raise InvalidShape({"where": [f"expected a condition, got {written.kind}"]})
    return Condition(written.sql, tuple(_equalities(node, writer)))


def compile_order(text: str, table: Table, limits: ConditionLimits) -> Order:
    """Turn an `order_by` of a client into SQL. Raises InvalidShape, with the field `order_by`."""
    if not text.strip():
        return Order()
    keys = parse_order(text, limits.syntax)
    if len(keys) > limits.sort_keys:
        raise InvalidShape({"order_by": [f"expected {limits.sort_keys} columns at most"]})
    writer = _Writer(table, {}, "order_by")
    written = [f"{writer.write_key(key.expression)}{key.suffix}" for key in keys]
    # Else a page that follows another could begin with rows of that one.
    return Order(", ".join([*written, *(f'"{name}"' for name in table.key)]))


# What a long text becomes is not kept: 500 short ones are a few megabytes.
_CACHED_LENGTH: Final = 500


def _parse_condition(text: str, limits: SyntaxLimits) -> Node:
    parse = _parse_cached if len(text) <= _CACHED_LENGTH else parse_condition
    return parse(text, limits)


_parse_cached: Final = lru_cache(maxsize=500)(parse_condition)


def _check_parameters(parameters: Mapping[int, str], limits: ConditionLimits) -> None:
    if len(parameters) > limits.parameters:
        raise InvalidShape({"params": [f"expected {limits.parameters} parameters at most"]})
    if sum(map(len, parameters.values())) > limits.parameter_length:
        raise InvalidShape({"params": [f"expected {limits.parameter_length} characters at most"]})


@dataclass(frozen=True, slots=True)
class _Written:
    """SQL, and of what kind its value is: see `_KINDS`; None for a literal of no type yet."""

    sql: str
    kind: str | None


_KINDS: Final = {
    "text": "text",
    "varchar": "text",
    "character varying": "text",
    "uuid": "uuid",
    "bool": "bool",
    "boolean": "bool",
    "int2": "number",
    "int4": "number",
    "int8": "number",
    "smallint": "number",
    "int": "number",
    "integer": "number",
    "bigint": "number",
    "float4": "number",
    "float8": "number",
    "real": "number",
    "double precision": "number",
    "numeric": "number",
    "decimal": "number",
    "date": "time",
    "timestamp": "time",
    "timestamptz": "time",
    "timestamp with time zone": "time",
    "json": "json",
    "jsonb": "json",
}
"""Types by what they can be compared with; an array has `[]` behind the kind of its elements."""

_SAFE_CASTS: Final = {
    "number": frozenset({"numeric", "decimal", "float8", "double precision"}),
    "time": frozenset({"date", "timestamp", "timestamptz", "timestamp with time zone"}),
}
"""What values of rows may be cast to besides text: types that have all of them."""

_CLOCK: Final = re.compile("now|today|tomorrow|yesterday", re.IGNORECASE)
"""Texts that PostgreSQL reads as a time that depends on when it reads them."""

_ENDS_IN_ESCAPE: Final = re.compile(r"(?<!\\)(\\\\)*\\\Z")
"""An odd number of backslashes at the end: no pattern of LIKE, since nothing is escaped."""

_COMPARISONS: Final = frozenset({"=", "<>", "<", ">", "<=", ">="})


class _Writer:
    """Writes the nodes of a condition on one table."""

    def __init__(self, table: Table, parameters: Mapping[int, str], field_name: str) -> None:
        self._table, self._parameters, self._field = table, parameters, field_name

    def write(self, node: Node) -> _Written:
        """Write an expression. Raises InvalidShape."""
        match node:
            case ColumnName(names):
                return self._column(names)
            case Text() | Parameter() | Number() | Constant():
                return self._literal(node)
            case Array(elements):
                return self._array(elements)
            case Cast(operand, kind):
                return self._cast(operand, kind)
            case Call(function, arguments):
                return self._call(function, arguments)
            case Operation():
                return self._operation(node.operator, node.operands)

    def write_key(self, node: Node) -> str:
        """Write a key of an order. Raises InvalidShape, also for what could be a number."""
        if not isinstance(node, ColumnName | Call):
            raise self._error("expected names of columns, each with ASC, DESC or NULLS LAST")
        written = self.write(node)
        if written.kind is not None and written.kind.startswith("json"):
            raise self._error("expected columns that have an order, got jsonb")
        return written.sql

    def text_of(self, node: Text | Parameter) -> str:
        """The text of a literal. Raises InvalidShape."""
        if isinstance(node, Text):
            return node.text
        text = self._parameters.get(node.number)
        if text is None:
            raise InvalidShape({"params": [f"expected a value of ${node.number}"]})
        return text

    def _column(self, names: tuple[str, ...]) -> _Written:
        *prefix, name = names
        column = self._table.column(name)
        if column is None or prefix not in ([], [self._table.name], ["public", self._table.name]):
            known = ", ".join(column.name for column in self._table.columns)
            shown = "".join(c if c.isprintable() else "?" for c in ".".join(names)[:50])
            raise self._error(f"there is no column {shown}; there are {known}")
        return _Written(f'"{column.name}"', _KINDS[column.type] + "[]" * column.dims)

    def _literal(self, node: Text | Parameter | Number | Constant) -> _Written:
        match node:
            case Number(text):
                return _Written(text, "number")
            case Constant(word):
                return _Written(word, None if word == "NULL" else "bool")
        return _Written(_quoted(self.text_of(node)), None)

    def _array(self, elements: tuple[Node, ...]) -> _Written:
        written = [self.write(element) for element in elements]
        kind = self._common(written) or "text"
        if kind.endswith("[]"):
            raise self._error("expected an array of one dimension")
        return _Written(f"ARRAY[{_listed(written)}]", kind + "[]")

    def _cast(self, operand: Node, kind: str) -> _Written:
        target = _KINDS.get(kind.removesuffix("[]"))
        if target is None or target == "json":
            raise self._error(f"expected a cast to one of {', '.join(_KINDS)}, got {kind[:50]}")
        becomes = target + "[]" * kind.endswith("[]")
        written = self.write(operand)
        if _is_literal(operand):
            self._check_clock(written.sql, becomes)
        elif becomes != "text" and kind not in _SAFE_CASTS.get(written.kind or "", ()):
            raise self._error(f"expected a literal or a cast to text before ::{kind}")
        return _Written(f"({written.sql}::{kind})", becomes)

    def _call(self, function: str, arguments: tuple[Node, ...]) -> _Written:
        written = [self.write(argument) for argument in arguments]
        sql = f"{function}({_listed(written)})"
        match function:
            case "lower" | "upper" | "length" if len(written) == 1:
                self._require(written, "text")
                return _Written(sql, "number" if function == "length" else "text")
            case "cardinality" if len(written) == 1 and (written[0].kind or "").endswith("[]"):
                return _Written(sql, "number")
            case "concat":
                return _Written(sql, "text")
            case "coalesce":
                return _Written(sql, self._common(written) or "text")
        raise self._error(
            "expected lower(text), upper(text), length(text), cardinality(array), concat(…) or "
            f"coalesce(…), got {function[:50]}(…)"
        )

    def _operation(self, operator: str, operands: tuple[Node, ...]) -> _Written:
        written = [self.write(operand) for operand in operands]
        plain = operator.removeprefix("NOT ")
        if operator in {"AND", "OR", "||"}:
            self._require(written, "text" if operator == "||" else "bool")
            sql = f" {operator} ".join(w.sql for w in written)
            return _Written(f"({sql})", "text" if operator == "||" else "bool")
        if len(written) == 1:
            return self._test(operator, written[0])
        if plain in {"LIKE", "ILIKE"}:
            self._check_pattern(written, operands[1])
        elif operator in {"@>", "<@", "&&"}:
            self._check_arrays(operator, written)
        elif operator.endswith((" ANY", " ALL")):
            return self._quantified(operator, *written)
        else:
            self._common(written)
        return _Written(f"({_infix(operator, written)})", "bool")

    def _test(self, operator: str, written: _Written) -> _Written:
        if not operator.endswith("NULL"):
            self._require([written], "bool")
        sql = f"NOT {written.sql}" if operator == "NOT" else f"{written.sql} {operator}"
        return _Written(f"({sql})", "bool")

    def _quantified(self, operator: str, value: _Written, array: _Written) -> _Written:
        if array.kind is not None and not array.kind.endswith("[]"):
            raise self._error(f"expected an array after {operator}, got {array.kind}")
        # A literal becomes an array of what stands before it.
        self._common([value, _Written(array.sql, array.kind and array.kind.removesuffix("[]"))])
        return _Written(f"({value.sql} {operator} ({array.sql}))", "bool")

    def _check_pattern(self, written: list[_Written], pattern: Node) -> None:
        self._require(written, "text")
        pattern = pattern.operand if isinstance(pattern, Cast) else pattern
        if not isinstance(pattern, Text | Parameter) or _ENDS_IN_ESCAPE.search(
            self.text_of(pattern)
        ):
            raise self._error("expected a literal after LIKE that does not end in an escape")

    def _check_arrays(self, operator: str, written: list[_Written]) -> None:
        kind = self._common(written)
        if kind is None or not kind.endswith("[]"):
            raise self._error(f"expected arrays around {operator}, got {kind or 'literals'}")

    def _require(self, written: Iterable[_Written], kind: str) -> None:
        for one in written:
            if one.kind not in {None, kind}:
                raise self._error(f"expected {kind}, got {one.kind} in {one.sql[:50]}")

    def _common(self, written: list[_Written]) -> str | None:
        """The kind that all of these have; None if all are literals. Raises InvalidShape."""
        # In the order in which they were written, which a set does not keep.
        kinds = dict.fromkeys(one.kind for one in written if one.kind is not None)
        if len(kinds) > 1:
            raise self._error(f"cannot compare {' with '.join(kinds)}")
        kind = next(iter(kinds), None)
        if kind is not None and kind.startswith("json"):
            raise self._error("expected types that can be compared, got jsonb: cast it to text")
        for one in written:
            if one.kind is None:
                self._check_clock(one.sql, kind)
        return kind

    def _check_clock(self, literal: str, kind: str | None) -> None:
        """Raise InvalidShape if this literal, read as a value of this kind, depends on the time."""
        if kind is None or not kind.startswith("time"):
            return
        # In the text of an array a backslash may stand before any character.
        if word := _CLOCK.search(literal.replace("\\", "")):
            raise self._error(f"expected a fixed time, got {word[0]}")

    def _error(self, message: str) -> InvalidShape:
        return InvalidShape({self._field: [message]})


def _infix(operator: str, written: list[_Written]) -> str:
    first, *others = written
    if operator.endswith("IN"):
        return f"{first.sql} {operator} ({_listed(others)})"
    if operator.endswith("BETWEEN"):
        return f"{first.sql} {operator} {others[0].sql} AND {others[1].sql}"
    return f"{first.sql} {operator} {others[0].sql}"


def _is_literal(node: Node) -> bool:
    if isinstance(node, Array):
        return all(map(_is_literal, node.elements))
    return isinstance(node, Text | Parameter | Number | Constant)


def _listed(written: Iterable[_Written]) -> str:
    return ", ".join(one.sql for one in written)


def _quoted(text: str) -> str:
    """A literal that reads the same whatever standard_conforming_strings is."""
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"


def _equalities(node: Node, writer: _Writer) -> Iterable[tuple[str, str]]:
    match node:
        case Operation("AND", operands):
            for operand in operands:
                yield from _equalities(operand, writer)
        case Operation("=", (left, right)):
            for column, literal in ((left, right), (right, left)):
                text = literal.operand if isinstance(literal, Cast) else literal
                if isinstance(column, ColumnName) and isinstance(text, Text | Parameter):
                    yield column.names[-1], writer.text_of(text)
