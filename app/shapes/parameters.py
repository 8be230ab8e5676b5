"""What a request asks for, read from its query and its body: every fuzzed one ends in InvalidShape.

The names and their rules are those of the HTTP API of ElectricSQL 1.7 (`/v1/shape`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qsl

from .conditions import Condition, ConditionLimits, Order, compile_condition, compile_order
from .errors import InvalidShape
from .tables import TABLES, Table

Replica: TypeAlias = Literal["default", "full"]
Log: TypeAlias = Literal["full", "changes_only"]

LAST: Final = 2**63 - 1
"""The operation of an offset `n_inf`: after all of its transaction."""


class Offset(NamedTuple):
    """A position in the log of a shape; compared as tuples are."""

    tx: int
    op: int

    def __str__(self) -> str:
        return f"{self.tx}_{'inf' if self.op == LAST else self.op}"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a shape is, apart from who may see it. `columns` have the order of the table."""

    table: Table
    columns: tuple[str, ...]
    condition: Condition = field(default_factory=Condition)
    replica: Replica = "default"
    log: Log = "full"


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows that are asked for once: those of the shape that meet a condition of their own."""

    condition: Condition = field(default_factory=Condition)
    order: Order = field(default_factory=Order)
    limit: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class ShapeRequest:
    """A request for a shape.

    `expired_handle` is one that the client must not be given again.
    `offset` is "-1" for all from the beginning, "now" for what comes. `handle` is None with these
    two. `cursor` is what the client was given last, and None at its first live request.
    """

    definition: Definition
    offset: Offset | Literal["-1", "now"]
    handle: str | None = None
    expired_handle: str | None = None
    live: bool = False
    sse: bool = False
    cursor: int | None = None
    subset: Subset | None = None


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How long a query and a body may be, in bytes; values in its JSON, parameters, and rows."""

    query: int = 64_000
    body: int = 500_000
    values: int = 20_000
    parameters: int = 500
    rows: int = 5_000
    condition: ConditionLimits = field(default_factory=ConditionLimits)


_IGNORED: Final = frozenset(
    {"secret", "api_secret", "source_id", "expired_handle", "cache-buster", "queryable_columns"}
    | {"subset__where_expr", "subset__order_by_expr"}
)
"""What clients and proxies of Electric send that means nothing here."""

_SUBSET: Final = ("where", "params", "limit", "offset", "order_by")

_KNOWN: Final = frozenset(
    {"table", "columns", "where", "params", "replica", "log", "offset", "handle", "live", "cursor"}
    | {"live_sse", "experimental_live_sse", *(f"subset__{name}" for name in _SUBSET)}
)

_DEFINING: Final = frozenset({"table", "columns", "where", "params", "replica", "log"})
"""What of these says which shape it is, beside the numbered parameters."""

# What long texts become is not kept: 500 short ones are a few megabytes.
_CACHED_LENGTH: Final = 500

_EXPRESSIONS: Final = frozenset({"where_expr", "order_by_expr"})
"""The same as `where` and `order_by` once more as trees, for servers that prefer these."""

_PARAMETER: Final = re.compile(r"(params|subset__params)\[([1-9][0-9]{0,4})\]")
_OFFSET: Final = re.compile("([0-9]{1,18})_([0-9]{1,18}|inf)")
_IDENTIFIER: Final = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([A-Za-z_][A-Za-z0-9_$]*))\s*')
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_HANDLE_LENGTH: Final = 200


def parse_request(query: bytes, body: bytes | None, limits: RequestLimits) -> ShapeRequest:
    """Read a GET (`body` None) or POST, whose JSON body asks for a subset. Raises InvalidShape."""
    given = _read_query(query, limits)
    subset = _subset_in_query(given) if body is None else _subset_in_body(given, body, limits)
    definition = _definition(given, limits)
    request = ShapeRequest(
        definition,
        _offset(given),
        handle=_handle(given),
        expired_handle=given.get("expired_handle"),
        live=_is_true(given, "live"),
        sse=_is_true(given, "live_sse") or _is_true(given, "experimental_live_sse"),
        cursor=_cursor(given),
        subset=None if subset is None else _compile_subset(subset, definition.table, limits),
    )
    return _consistent(request)


def parse_deletion(query: bytes, limits: RequestLimits) -> tuple[Definition, str | None]:
    """Read a DELETE: which shape, and its handle if that was given. Raises InvalidShape."""
    given = _read_query(query, limits)
    return _definition(given, limits), given.get("handle") or None


def _read_query(query: bytes, limits: RequestLimits) -> dict[str, str]:
    """Read the parameters; those of `params` are `params[1]` …, however they were written."""
    if len(query) > limits.query:
        raise InvalidShape({"query": [f"expected {limits.query} bytes at most: send a POST"]})
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=limits.parameters,
        )
    except ValueError:
        raise InvalidShape({"query": ["expected UTF-8 and not so many parameters"]}) from None
    given: dict[str, str] = {}
    for name, value in pairs:
        _check_known(name)
        _check_text(name, value)
        # Which of two would count is for each program on the way to guess.
        if given.setdefault(name, value) != value:
            raise InvalidShape({name: ["was given twice, with different values"]})
    return given


def _check_known(name: str) -> None:
    if name not in _KNOWN and name not in _IGNORED and not _PARAMETER.fullmatch(name):
        raise InvalidShape({_printable(name): ["unknown parameter"]})


def _check_text(name: str, value: str) -> None:
    """Raise InvalidShape for what PostgreSQL has no text of."""
    if _NO_TEXT.search(value):
        raise InvalidShape({name: ["expected Unicode text without NUL"]})


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:50]) or "query"


def _definition(given: Mapping[str, str], limits: RequestLimits) -> Definition:
    """Read what the shape is, which is the same in all requests of a client for it."""
    asked = tuple(
        (name, value)
        for name, value in given.items()
        if name in _DEFINING or name.startswith("params[")
    )
    is_short = sum(len(name) + len(value) for name, value in asked) <= _CACHED_LENGTH
    return (_definition_cached if is_short else _definition_of)(asked, limits)


def _definition_of(asked: Sequence[tuple[str, str]], limits: RequestLimits) -> Definition:
    given = dict(asked)
    table = _table(given.get("table"))
    return Definition(
        table,
        _columns(given.get("columns"), table),
        compile_condition(
            given.get("where", ""), _parameters(given, "params"), table, limits.condition
        ),
        cast(Replica, _one_of(given, "replica", ("default", "full"))),
        cast(Log, _one_of(given, "log", ("full", "changes_only"))),
    )


_definition_cached: Final = lru_cache(maxsize=500)(_definition_of)


def _table(text: str | None) -> Table:
    names = _identifiers(text or "", ".")
    if names and len(names) == 2 and names[0] == "public":
        names = names[1:]
    table = TABLES.get(names[0]) if names and len(names) == 1 else None
    if table is None:
        raise InvalidShape({"table": [f"expected one of {', '.join(TABLES)}"]})
    return table


def _columns(text: str | None, table: Table) -> tuple[str, ...]:
    if text is None:
        return table.default
    asked = _identifiers(text, ",")
    if asked is None:
        raise InvalidShape({"columns": ["expected names of columns, separated by commas"]})
    for name in asked:
        if table.column(name) is None:
            known = ", ".join(column.name for column in table.columns)
            raise InvalidShape(
                {"columns": [f"there is no {_printable(name)} in {table.name}: {known}"]}
            )
    if missing := [name for name in table.key if name not in asked]:
        raise InvalidShape({"columns": [f"must include the primary key: {', '.join(missing)}"]})
    return tuple(column.name for column in table.columns if column.name in asked)


def _identifiers(text: str, separator: str) -> list[str] | None:
    """Read SQL identifiers; None if the text is something else."""
    found, position = [], 0
    while match := _IDENTIFIER.match(text, position):
        quoted, plain = match[1], match[2]
        # Without quotes, upper case is lower case.
        found.append(plain.lower() if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if position == len(text):
            return found
        if text[position] != separator:
            return None
        position += 1
    return None


def _parameters(given: Mapping[str, str], name: str) -> dict[int, str]:
    """The parameters of a condition, of `name[1]` … or of an object or array in JSON."""
    numbered = {
        int(match[2]): value
        for key, value in given.items()
        if (match := _PARAMETER.fullmatch(key)) and match[1] == name
    }
    if (text := given.get(name)) is None:
        return numbered
    if numbered:
        raise InvalidShape({name: [f"expected either {name} or {name}[1] …"]})
    return _numbered(name, _json(name, text))


def _json(name: str, text: str | bytes) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidShape({name: ["expected JSON"]}) from None


def _refuse_constant(_text: str) -> object:
    raise ValueError("NaN and Infinity are no JSON (RFC 8259, section 6)")


def _numbered(name: str, value: object) -> dict[int, str]:
    items: Mapping[object, object]
    if isinstance(value, list):
        items = {str(number): item for number, item in enumerate(value, 1)}
    elif isinstance(value, dict):
        items = value
    else:
        raise InvalidShape({name: ['expected an object: {"1": "first", "2": "second"}']})
    numbers = {}
    for key, item in items.items():
        if not re.fullmatch("[1-9][0-9]{0,4}", str(key)):
            raise InvalidShape({name: ["expected the numbers of parameters, from 1, as names"]})
        numbers[int(str(key))] = _scalar(name, item)
    return numbers


def _scalar(name: str, value: object) -> str:
    """The text of a parameter, as PostgreSQL reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        raise InvalidShape({name: ["expected texts as values of parameters"]})
    _check_text(name, value)
    return value


def _one_of(given: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    value = given.get(name, values[0])
    if value not in values:
        raise InvalidShape({name: [f"expected {' or '.join(values)}"]})
    return value


def _offset(given: Mapping[str, str]) -> Offset | Literal["-1", "now"]:
    text = given.get("offset")
    if text == "-1":
        return "-1"
    if text == "now":
        return "now"
    match = _OFFSET.fullmatch(text or "")
    if match is None:
        raise InvalidShape({"offset": ["expected -1, now, or the electric-offset of an answer"]})
    return Offset(int(match[1]), LAST if match[2] == "inf" else int(match[2]))


def _handle(given: Mapping[str, str]) -> str | None:
    if given["offset"] in {"-1", "now"}:
        return None
    handle = given.get("handle", "")
    if not handle or len(handle) > _HANDLE_LENGTH:
        raise InvalidShape({"handle": ["expected the electric-handle that came with the offset"]})
    return handle


def _is_true(given: Mapping[str, str], name: str) -> bool:
    """Any value but "false" is true, as Electric has it."""
    return given.get(name, "false") != "false"


def _cursor(given: Mapping[str, str]) -> int | None:
    text = given.get("cursor", "")
    if text and not re.fullmatch("[0-9]{1,18}", text):
        raise InvalidShape({"cursor": ["expected the electric-cursor of an answer"]})
    return int(text) if text else None


def _subset_in_query(given: Mapping[str, str]) -> dict[str, object] | None:
    """The subset that a query asks for, by the names of a body; None if it asks for none."""
    found: dict[str, object] = {
        name: given[f"subset__{name}"] for name in _SUBSET if f"subset__{name}" in given
    }
    parameters = _parameters(given, "subset__params")
    if parameters or "params" in found:
        found["params"] = {str(number): text for number, text in parameters.items()}
    return found or None


def _subset_in_body(
    given: Mapping[str, str], body: bytes, limits: RequestLimits
) -> dict[str, object]:
    """The subset that a body asks for. It may say nothing else: what is synced is in the query."""
    if len(body) > limits.body:
        raise InvalidShape({"body": [f"expected {limits.body} bytes at most"]})
    if _subset_in_query(given) is not None:
        raise InvalidShape({"body": ["expected a subset in the query or in the body, not in both"]})
    # Each value takes an object of Python: a body of nothing else would hold up everybody.
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > limits.values:
        raise InvalidShape({"body": [f"expected {limits.values} values at most"]})
    value = _json("body", body or b"{}")
    if not isinstance(value, dict):
        raise InvalidShape({"body": ["expected an object"]})
    for name in value:
        if name not in _SUBSET and name not in _EXPRESSIONS:
            raise InvalidShape({_printable(name): [f"expected {', '.join(_SUBSET)} only"]})
    return {name: value[name] for name in _SUBSET if value.get(name) is not None}


def _compile_subset(given: Mapping[str, object], table: Table, limits: RequestLimits) -> Subset:
    parameters = _numbered("params", given.get("params", {}))
    subset = Subset(
        compile_condition(_text(given, "where"), parameters, table, limits.condition),
        compile_order(_text(given, "order_by"), table, limits.condition),
        _count(given, "limit", limits.rows),
        _count(given, "offset", LAST),
    )
    if subset.order.sql == "" and (subset.limit is not None or subset.offset is not None):
        raise InvalidShape({"order_by": ["is required where there is a limit or an offset"]})
    return subset


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise InvalidShape({name: ["expected a text"]})
    _check_text(name, value)
    return value


def _count(given: Mapping[str, object], name: str, most: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    text = "" if isinstance(value, bool) else str(value)
    if not re.fullmatch("[0-9]{1,18}", text):
        raise InvalidShape({name: ["expected a number that is not negative"]})
    return min(int(text), most)


def _consistent(request: ShapeRequest) -> ShapeRequest:
    """Raise InvalidShape for parameters that contradict each other."""
    if request.live and request.handle is None:
        raise InvalidShape({"live": ["can only be asked for with the offset of an answer"]})
    if request.sse and not request.live:
        raise InvalidShape({"live_sse": ["can only be asked for with live=true"]})
    if request.live and request.subset is not None:
        raise InvalidShape({"live": ["cannot be asked for together with a subset"]})
    return request
