"""`where` and `order_by` of clients: parsed, held to an allow-list, and written anew as SQL.

No text of a client reaches PostgreSQL. What is not in the list is refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from .errors import InvalidShape
from .tables import Table


@dataclass(frozen=True, slots=True)
class ConditionLimits:
    """How much a condition may ask of the server: characters, nesting, terms, parameters."""

    length: int = 8_000
    depth: int = 40
    terms: int = 400
    parameters: int = 400
    parameter_length: int = 100_000


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
    """What follows ORDER BY; empty if any order will do."""

    sql: str = ""


def compile_condition(
    text: str,
    parameters: Mapping[int, str],
    table: Table,
    limits: ConditionLimits,
    queryable: Collection[str] | None = None,
) -> Condition:
    """Turn a condition of a client on the rows of a table into SQL.

    `parameters` are the texts of `$1` …; `queryable` are the columns that it may name, by default
    all that may be asked for. Raises InvalidShape, with the field `where`.
    """
    del parameters, table, limits, queryable
    if not text.strip():
        return Condition()
    raise InvalidShape({"where": ["conditions are not understood yet"]})


def compile_order(text: str, table: Table, limits: ConditionLimits) -> Order:
    """Turn an `order_by` of a client into SQL. Raises InvalidShape, with the field `order_by`."""
    del table, limits
    if not text.strip():
        return Order()
    raise InvalidShape({"order_by": ["orders are not understood yet"]})
