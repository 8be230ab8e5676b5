"""The tables that are to be had as shapes, and which of their columns: what is not named is denied.

A column without a name here is never read, whatever a client asks for: bytes of documents, the
preferences of users. A test compares this with the database, so that a new column is decided about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Visibility(Enum):
    """By what a user sees a row, as the SELECT policies of `sql/schema.sql` have it."""

    FELLOWS = "the user, and everybody with whom the user shares a team"
    ORGANIZATIONS = "the organizations of the user's teams"
    TEAMS = "the user's teams"
    TEAM_ROWS = "rows of the user's teams"
    PIPELINES = "the pipelines of the user's teams that are not deleted"
    PIPELINE_ROWS = "rows of the pipelines that the user sees"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be asked for.

    `type` is the name in `pg_type` (of an array that of its elements, with `dims` dimensions), and
    `pk_index` the place in the primary key, from 0. `is_default` says whether a request that names
    no columns gets it.
    """

    name: str
    type: str
    dims: int = 0
    not_null: bool = False
    pk_index: int | None = None
    is_default: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table that may be asked for; `columns` have the order of the database."""

    name: str
    visibility: Visibility
    columns: tuple[Column, ...]
    depends_on: frozenset[str] = frozenset()
    """The other tables by whose changes rows become visible and vanish."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key, in its order."""
        keys = [column for column in self.columns if column.pk_index is not None]
        return tuple(c.name for c in sorted(keys, key=lambda column: column.pk_index or 0))

    @property
    def default(self) -> tuple[str, ...]:
        """The columns of a request that names none."""
        return tuple(column.name for column in self.columns if column.is_default)

    def column(self, name: str) -> Column | None:
        """Return the column of this name, or None if there is none that may be asked for."""
        return next((column for column in self.columns if column.name == name), None)


def _columns(text: str) -> tuple[Column, ...]:
    """Read `name type marks`: `[]` an array, `!` NOT NULL, `0` … in the key, `?` not by default."""
    return tuple(_column(*line.split()) for line in text.strip().splitlines())


def _column(name: str, kind: str, *marks: str) -> Column:
    places = [int(mark) for mark in marks if mark.isdigit()]
    return Column(
        name,
        kind.removesuffix("[]"),
        dims=int(kind.endswith("[]")),
        not_null="!" in marks,
        pk_index=places[0] if places else None,
        is_default="?" not in marks,
    )


_TIMES: Final = """
    created_at timestamptz !
    updated_at timestamptz !
"""

_MEMBERS: Final = frozenset({"team_members", "teams"})

_OF_PIPELINES: Final = _MEMBERS | {"pipelines"}

_ALL: Final = (
    Table(
        "users",
        Visibility.FELLOWS,
        _columns("""
            id uuid ! 0
            email text ! ?
            name text !
            avatar_url text
            created_at timestamptz ! ?
            updated_at timestamptz ! ?
        """),
        _MEMBERS,
    ),
    Table(
        "organizations",
        Visibility.ORGANIZATIONS,
        _columns("""
            id uuid ! 0
            name text !
            slug text !
            settings jsonb !
            created_at timestamptz !
        """),
        _MEMBERS,
    ),
    Table(
        "teams",
        Visibility.TEAMS,
        _columns("""
            id uuid ! 0
            organization_id uuid !
            name text !
            slug text !
            settings jsonb !
            created_at timestamptz !
            deleted_at timestamptz
            deleted_by uuid
            purged_at timestamptz
        """),
        frozenset({"team_members"}),
    ),
    Table(
        "team_members",
        Visibility.TEAM_ROWS,
        _columns("""
            team_id uuid ! 0
            user_id uuid ! 1
            role text !
            joined_at timestamptz !
            from_groups bool !
        """),
        frozenset({"teams"}),
    ),
    Table(
        "pipelines",
        Visibility.PIPELINES,
        _columns(f"""
            id uuid ! 0
            team_id uuid !
            created_by uuid
            name text !
            description text
            yaml_version text !
            status text !
            config jsonb !
            defaults jsonb !
            authentication jsonb !
            tags text[] !
            is_template bool !
            parent_pipeline_id uuid
            {_TIMES.strip()}
            published_at timestamptz
            deleted_at timestamptz
            deleted_by uuid
        """),
        _MEMBERS,
    ),
    Table(
        "steps",
        Visibility.PIPELINE_ROWS,
        _columns(f"""
            id uuid ! 1
            pipeline_id uuid ! 0
            name text !
            type text !
            declared_type text
            enabled bool !
            config jsonb !
            position_x float8 !
            position_y float8 !
            width float8 !
            height float8 !
            parent_step_id uuid
            slot text !
            order_index int4 !
            {_TIMES.strip()}
        """),
        _OF_PIPELINES,
    ),
    Table(
        "connections",
        Visibility.PIPELINE_ROWS,
        _columns(f"""
            id uuid ! 1
            pipeline_id uuid ! 0
            from_step_id uuid !
            to_step_id uuid !
            from_output text !
            to_input text !
            path_data jsonb
            {_TIMES.strip()}
        """),
        _OF_PIPELINES,
    ),
    Table(
        "pipeline_templates",
        Visibility.TEAM_ROWS,
        _columns(f"""
            id uuid ! 0
            team_id uuid !
            created_by uuid
            source_pipeline_id uuid
            name text !
            description text
            category text
            icon text
            pipeline_config jsonb !
            default_values jsonb !
            usage_count int4 !
            {_TIMES.strip()}
        """),
        _MEMBERS,
    ),
    Table(
        "comments",
        Visibility.PIPELINE_ROWS,
        _columns(f"""
            id uuid ! 0
            pipeline_id uuid !
            step_id uuid
            parent_id uuid
            user_id uuid
            content text !
            resolved bool !
            resolved_by uuid
            {_TIMES.strip()}
        """),
        _OF_PIPELINES,
    ),
    Table(
        "pipeline_versions",
        Visibility.PIPELINE_ROWS,
        _columns("""
            id uuid ! 0
            pipeline_id uuid !
            version_number int4 !
            seq int8 !
            name text
            change_summary text
            created_by uuid
            created_at timestamptz !
            bytes int8 !
        """),
        _OF_PIPELINES,
    ),
)

TABLES: Final[Mapping[str, Table]] = {table.name: table for table in _ALL}
