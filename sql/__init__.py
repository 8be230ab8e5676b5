"""The SQL of Pipeloom as text: the schema, its migrations, and the named queries."""

from collections.abc import Mapping
from importlib.resources import files

_HERE = files(__name__)


def schema() -> str:
    """The whole schema, as the migrations leave it."""
    return _HERE.joinpath("schema.sql").read_text(encoding="utf-8")


def queries() -> str:
    """The named queries, to be taken apart by `persistence/postgres/queries.py`."""
    return _HERE.joinpath("queries.sql").read_text(encoding="utf-8")


def api_queries() -> str:
    """The named queries of the API, which run as its user under row-level security."""
    return _HERE.joinpath("api.sql").read_text(encoding="utf-8")


def shape_queries() -> str:
    """The named queries of shapes, some of which are templates."""
    return _HERE.joinpath("shapes.sql").read_text(encoding="utf-8")


def role_script(group: str) -> str:
    """What makes a group role and its rights, such as `reader`; it may be run again.

    `electric_remove` is what takes those of `electric` back.
    """
    return _HERE.joinpath(f"{group}.sql").read_text(encoding="utf-8")


def migrations() -> Mapping[str, str]:
    """The SQL of every migration by its name ("0001_first"), in the order of application."""
    found = (file for file in _HERE.joinpath("migrations").iterdir() if file.name.endswith(".sql"))
    return {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in sorted(found, key=lambda file: file.name)
    }
