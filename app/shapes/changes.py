"""Which rows of which shapes a change concerns: only those are read again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from persistence.ports.shapes import RowsChanged, Values

from .parameters import Definition
from .scopes import Nobody, OnePipeline, Scope, Teams
from .tables import Table, Visibility

MOST_IDS: Final = 1_000
"""Ids in one condition; of more, all that belongs to their owners is read."""

_USER: Final = {"team_members": "user_id"}
_OWNER: Final = {
    Visibility.PIPELINES: "team_id",
    Visibility.TEAM_ROWS: "team_id",
    Visibility.PIPELINE_ROWS: "pipeline_id",
}


def id_column(table: Table) -> str:
    """The column that has the ids of `RowsChanged`."""
    return _USER.get(table.name, "id")


def owner_column(table: Table) -> str | None:
    """The column that has the owners of `RowsChanged`; None if rows of the table have none."""
    return _OWNER.get(table.visibility)


@dataclass(frozen=True, slots=True)
class Region:
    """Rows of one table: those with one of `ids` of one of `owners`, all of `wholes`; or all.

    `owners` is None for any. `xids` are the transactions that may have changed them.
    """

    ids: frozenset[str] = frozenset()
    owners: frozenset[str] | None = frozenset()
    wholes: frozenset[str] = frozenset()
    is_all: bool = False
    xids: frozenset[int] = frozenset()

    def __or__(self, other: "Region") -> "Region":
        """The smallest region that has both."""
        return self if other is NOTHING else joined((self, other))

    def has(self, id_: str | None, owner: str | None) -> bool:
        """Whether a row with this id and owner is in it."""
        return (
            self.is_all
            or owner in self.wholes
            or (id_ in self.ids and (self.owners is None or owner in self.owners))
        )

    def condition(self, table: Table) -> str | None:
        """SQL for the rows in it; None for all. The ids have been checked to be ids."""
        if self.is_all:
            return None
        owner = owner_column(table)
        terms = [_among(owner, self.wholes)] if owner and self.wholes else []
        if self.ids:
            term = _among(id_column(table), self.ids)
            # The key of a step begins with its pipeline.
            if owner and self.owners is not None:
                term = f"{_among(owner, self.owners)} AND {term}"
            terms.append(f"({term})")
        return " OR ".join(terms) or "FALSE"


ALL: Final = Region(is_all=True)
NOTHING: Final = Region()


def joined(regions: Sequence[Region]) -> Region:
    """The smallest region that has all of these, without those of the first two, three, …"""
    if regions and not regions[0].is_all and all(one is regions[0] for one in regions):
        # As it is with shapes that have read up to the same change.
        return regions[0]
    xids = frozenset[int]().union(*(one.xids for one in regions))
    if len(xids) > MOST_IDS:
        # After all rows the client is sent which transactions they show.
        return ALL
    if any(one.is_all for one in regions):
        return Region(is_all=True, xids=xids)
    owners: frozenset[str] | None = frozenset()
    for one in regions:
        owners = _joined(owners, one.owners)
    ids = frozenset[str]().union(*(one.ids for one in regions))
    wholes = frozenset[str]().union(*(one.wholes for one in regions))
    if len(ids) <= MOST_IDS:
        return Region(ids, owners, wholes, xids=xids)
    if owners is None:
        return Region(is_all=True, xids=xids)
    return Region(wholes=wholes | owners, xids=xids)


def _among(column: str, ids: Collection[str]) -> str:
    return f'"{column}" IN ({", ".join(f"{chr(39)}{one}{chr(39)}" for one in sorted(ids))})'


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that changed, by table; and of whom it is to be asked again what they see.

    `moved` are pipelines and `teams` teams that others may see now than before, `members` who is in
    these teams, `users` those who may be in other teams; each is None for any.
    """

    regions: Mapping[str, Region] = field(default_factory=dict)
    moved: frozenset[str] | None = frozenset()
    teams: frozenset[str] | None = frozenset()
    users: frozenset[str] | None = frozenset()
    members: frozenset[str] | None = frozenset()

    def of(self, table: Table) -> Region:
        """The rows of a table whose content or visibility has changed."""
        own = self.regions.get(table.name, NOTHING)
        match table.visibility:
            case Visibility.PIPELINE_ROWS:
                return own | self._of_moved()
            case Visibility.FELLOWS:
                return own | self._of_members()
            case Visibility.ORGANIZATIONS if "teams" in self.regions:
                return own | Region(is_all=True, xids=self.regions["teams"].xids)
        return own

    def _of_moved(self) -> Region:
        """Rows of pipelines that others see now than before."""
        pipelines = self.regions.get("pipelines", NOTHING)
        if self.moved is None:
            return Region(is_all=True, xids=pipelines.xids)
        return Region(wholes=self.moved, xids=pipelines.xids) if self.moved else NOTHING

    def _of_members(self) -> Region:
        """Users who have come into teams, or left."""
        members = self.regions.get("team_members", NOTHING)
        if members.is_all or members.wholes:
            return Region(is_all=True, xids=members.xids)
        return Region(members.ids, None, xids=members.xids) if members.ids else NOTHING

    @property
    def is_about_access(self) -> bool:
        """Whether somebody may see something else than before."""
        return any(some != frozenset() for some in (self.moved, self.teams, self.users))

    @property
    def concerned(self) -> frozenset[str] | None:
        """The users who may see something else than before by their teams; None is everybody."""
        return _joined(self.users, self.members)


def gathered(changed: Iterable[RowsChanged]) -> Changes:
    """Join what several transactions have changed."""
    regions: dict[str, Region] = {}
    moved: frozenset[str] | None = frozenset()
    teams: frozenset[str] | None = frozenset()
    users: frozenset[str] | None = frozenset()
    members: frozenset[str] | None = frozenset()
    for one in changed:
        regions[one.table] = regions.get(one.table, NOTHING) | _region(one)
        if one.table == "pipelines":
            moved = _joined(moved, one.moved)
        if one.table == "team_members":
            users = _joined(users, one.ids)
        if one.table == "teams":
            teams = _joined(teams, one.moved)
            # A server may still be announced to by triggers that name no members.
            members = _joined(members, frozenset() if one.moved == frozenset() else one.members)
    return Changes(regions, moved, teams, users, members)


def _region(change: RowsChanged) -> Region:
    xids = frozenset({change.xid})
    if change.ids is not None:
        return Region(change.ids, change.owners, xids=xids)
    if change.owners is not None:
        return Region(wholes=change.owners, xids=xids)
    return Region(is_all=True, xids=xids)


def _joined(some: frozenset[str] | None, more: frozenset[str] | None) -> frozenset[str] | None:
    return None if some is None or more is None else some | more


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a table: those of one owner, or the one with an id; without both all that are."""

    owner: str | None = None
    id: str | None = None

    def of(self, region: Region) -> Region | None:
        """What of a region may be in this part, before or after; None if nothing can be."""
        if region.is_all:
            return region
        if self.id is not None:
            is_in = self.id in region.ids or region.wholes
            return Region(frozenset({self.id}), None, xids=region.xids) if is_in else None
        if self.owner is None:
            return region if region.ids or region.wholes else None
        owner = frozenset({self.owner})
        is_owned = region.owners is None or self.owner in region.owners
        ids = region.ids if is_owned else frozenset[str]()
        wholes = region.wholes & owner
        owners = owner if is_owned else frozenset[str]()
        return Region(ids, owners, wholes, xids=region.xids) if ids or wholes else None


def parts_of(definition: Definition, scope: Scope) -> list[Part]:
    """The parts of its table where a shape can have rows.

    Only what is certain is left out: rows of other pipelines and teams than the shape's.
    """
    if isinstance(scope, Nobody):
        return []
    if isinstance(scope, OnePipeline) and definition.table.visibility is Visibility.PIPELINES:
        return [Part(id=str(scope.pipeline_id))]
    owners = owners_of(definition, scope)
    if owners is None or owner_column(definition.table) is None:
        return [Part()]
    return [Part(owner) for owner in sorted(owners)]


def owners_of(definition: Definition, scope: Scope) -> frozenset[str] | None:
    """The owners that rows of a shape can have; None if that is not known."""
    match definition.table.visibility, scope:
        case Visibility.PIPELINE_ROWS, OnePipeline(pipeline_id):
            return frozenset({str(pipeline_id)})
        case Visibility.PIPELINES | Visibility.TEAM_ROWS, Teams(team_ids):
            return frozenset(map(str, team_ids))
    return None


@dataclass(frozen=True, slots=True)
class Places:
    """Where in the values of a row that was read its id and its owner are."""

    id: int
    owner: int | None

    def within(self, region: Region, values: Values) -> bool:
        """Whether a row is in a region."""
        owner = None if self.owner is None else values[self.owner]
        return region.has(values[self.id], owner)
