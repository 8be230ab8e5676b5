import pytest

from persistence.postgres.columns import TABLES, column_names, fill_in_columns
from persistence.postgres.pool import Pool

BESIDE_ROWS = {"id", "pipeline_id", "created_at", "updated_at"}
"""Columns that an edit does not change."""

OF_PIPELINES = {
    "team_id", "created_by", "parent_pipeline_id", "published_at", "deleted_at", "deleted_by",
}  # fmt: skip
"""Columns of a pipeline that stand in no document."""


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_a_column_for_every_field_of_its_rows(pool: Pool, table: str) -> None:
    rows = await pool._driver.fetch(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name = $1",
        table,
    )
    beside = BESIDE_ROWS | (OF_PIPELINES if table == "pipelines" else set())
    assert {row["column_name"] for row in rows} - beside == {*column_names(TABLES[table])} - {"id"}


def test_phrases_stand_for_columns() -> None:
    names = column_names(TABLES["connections"])
    assert fill_in_columns("SELECT {columns of connections}") == f"SELECT {', '.join(names)}"
    content = [name for name in names if name != "id"]
    assert fill_in_columns("{content of connections}") == ", ".join(content)
    assert fill_in_columns("{content of connections in c}") == ", ".join(
        f"c.{name}" for name in content
    )
    numbers = range(2, 2 + len(names))
    assert fill_in_columns("{parameters of connections from 2}") == ", ".join(
        f"${number}" for number in numbers
    )


def test_other_braces_are_left_alone() -> None:
    assert (
        fill_in_columns("SELECT '{}'::jsonb, '{a}'::text[]") == "SELECT '{}'::jsonb, '{a}'::text[]"
    )


def test_a_table_without_rows_is_no_table() -> None:
    with pytest.raises(KeyError, match="users"):
        fill_in_columns("SELECT {columns of users}")
