"""What is asked of Electric: written anew from what a request was parsed to, never passed on.

Electric follows the log of PostgreSQL past all policies, so the condition alone says who sees what.
It has no subqueries: rows that leave by one are announced in a way that most clients do not know.
So ids that depend on other tables are looked up first, and stand in the condition.
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from persistence.ports.shapes import RowQuery

from .errors import InvalidShape
from .gatekeeper import Since
from .parameters import Definition, ShapeRequest, Subset
from .scopes import Nobody, OnePipeline, Scope, Teams, predicate
from .tables import TABLES, Table, Visibility

LONGEST: Final = 9_900
"""Bytes of a path with its query. Electric's server refuses a first line of more than 10,000."""

MOST_IDS: Final = 300
"""Ids in a condition; with more of them it would be too long in any case."""

_LISTED: Final[Mapping[Visibility, tuple[Table, str]]] = {
    Visibility.PIPELINE_ROWS: (TABLES["pipelines"], "pipeline_id"),
    Visibility.FELLOWS: (TABLES["users"], "id"),
    Visibility.ORGANIZATIONS: (TABLES["organizations"], "id"),
}
"""Whose ids rows are seen by, and the column that has them."""

_SAFE: Final = "(),'*"
"""Characters that a query may have as they are (RFC 3986, section 3.4); conditions have many."""


@dataclass(frozen=True, slots=True)
class ElectricShape:
    """A shape of Electric, by its parameters `table`, `columns` …: who has equal ones shares it."""

    items: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> bytes:
        """Different for each shape."""
        return sha256(json.dumps(self.items).encode()).digest()


@dataclass(frozen=True, slots=True)
class ElectricView:
    """The shape of Electric that somebody may have now, and since when they are in its teams."""

    shape: ElectricShape
    since: Since = ()

    @property
    def digest(self) -> bytes:
        """Different for each shape, its teams, and each moment of coming into them."""
        moments = [[str(team), None if at is None else at.isoformat()] for team, at in self.since]
        return sha256(self.shape.digest + json.dumps(moments).encode()).digest()


@dataclass(frozen=True, slots=True)
class ElectricRequest:
    """The query of a request to Electric, and the body of a POST; None is a GET."""

    query: str
    body: bytes | None


def listing(scope: Scope, table: Table) -> RowQuery | None:
    """What has to be read before the condition can be written: ids; None if nothing has to."""
    if not isinstance(scope, Teams) or table.visibility not in _LISTED:
        return None
    listed, _ = _LISTED[table.visibility]
    conditions = (predicate(scope, listed),)
    return RowQuery(listed.name, ("id",), conditions, order='"id"', limit=MOST_IDS + 1)


def electric_shape(definition: Definition, scope: Scope, ids: Sequence[str]) -> ElectricShape:
    """The shape of a definition for those in a scope; `ids` are what `listing` found.

    Raises InvalidShape if they are too many.
    """
    if len(ids) > MOST_IDS:
        raise too_long(definition.table)
    where = flat_predicate(scope, definition.table, ids)
    if definition.condition.sql != "TRUE":
        where = f"({where}) AND ({definition.condition.sql})"
    return ElectricShape(
        (
            ("table", f"public.{definition.table.name}"),
            ("columns", ",".join(f'"{column}"' for column in definition.columns)),
            ("where", where),
            ("replica", definition.replica),
            ("log", definition.log),
        )
    )


def flat_predicate(scope: Scope, table: Table, ids: Iterable[str]) -> str:
    """`predicate` without subqueries. Ids pass through UUID, so they are nothing else."""
    listed = [f"'{UUID(one)}'" for one in ids]
    query = listing(scope, table)
    if isinstance(scope, Nobody) or (query is not None and not listed):
        # Of a key it is true of no row; that FALSE alone is a condition is not documented.
        return f'"{table.key[0]}" IS NULL'
    if query is not None:
        return f'"{_LISTED[table.visibility][1]}" IN ({",".join(listed)})'
    if isinstance(scope, OnePipeline) and table.visibility is Visibility.PIPELINE_ROWS:
        return f"\"pipeline_id\" = '{scope.pipeline_id}'"
    return predicate(scope, table)


def electric_request(
    shape: ElectricShape, request: ShapeRequest, handle: str | None, secret: str, path: str
) -> ElectricRequest:
    """What to ask Electric at a path. Raises InvalidShape if that is too long for it."""
    items = [*shape.items, ("offset", str(request.offset))]
    if handle is not None:
        items.append(("handle", handle))
    if request.live:
        items.append(("live", "true"))
        if request.sse:
            items.append(("live_sse", "true"))
        items.append(("cursor", "" if request.cursor is None else str(request.cursor)))
    query = urlencode([*items, ("secret", secret)], safe=_SAFE)
    if len(path) + 1 + len(query) > LONGEST:
        raise too_long(request.definition.table)
    subset = request.subset
    return ElectricRequest(
        query, None if subset is None else _body(subset, request.definition.table)
    )


def _body(subset: Subset, table: Table) -> bytes:
    # Within `subset`, nothing in it can take the place of a parameter of the query.
    asked: dict[str, object] = {"where": subset.condition.sql}
    if subset.condition.sql == "TRUE":
        asked["where"] = f'"{table.key[0]}" IS NOT NULL'
    if subset.order.sql:
        asked["order_by"] = subset.order.sql
    if subset.limit is not None:
        asked["limit"] = subset.limit
    if subset.offset is not None:
        asked["offset"] = subset.offset
    return json.dumps({"subset": asked}).encode()


def too_long(table: Table) -> InvalidShape:
    """What is said of a shape whose condition Electric would not take."""
    remedy = (
        "ask for the rows of one pipeline: pipeline_id = '…'"
        if table.visibility is Visibility.PIPELINE_ROWS
        else "ask for fewer rows by a shorter condition"
    )
    return InvalidShape({"where": [f"is too long together with what you may see: {remedy}"]})


class Handles:
    """The handles that clients get: Electric's, with something new and a proof of the view.

    Whoever leaves a team and returns would otherwise be given a handle once more that was declared
    over meanwhile, which clients refuse. And a handle of another shape, or of before they left, is
    recognized here.
    """

    def __init__(self, secret: str) -> None:
        self._key = sha256(b"handles of shapes " + secret.encode()).digest()

    def wrapped(self, handle: str, view: ElectricView, nonce: str) -> str:
        """The handle for a client; `nonce` has letters and digits, and was never given before."""
        return f"{handle}.{nonce}.{self._proof(handle, view, nonce)}"

    def unwrapped(self, given: str, view: ElectricView) -> str | None:
        """Electric's handle, None if the client's is none of this view."""
        handle, _, rest = given.partition(".")
        nonce, _, proof = rest.partition(".")
        expected = self._proof(handle, view, nonce)
        return handle if hmac.compare_digest(proof.encode(), expected.encode()) else None

    def _proof(self, handle: str, view: ElectricView, nonce: str) -> str:
        text = f"{handle}.{nonce}.".encode() + view.digest
        return hmac.new(self._key, text, "sha256").hexdigest()[:32]
