"""The registry of tables is what the database has and what users may read."""

import pytest

from app.shapes.tables import TABLES, Column
from persistence.postgres.pool import Pool

DENIED = {
    "users": {"preferences", "email_unproven"},
    "pipeline_versions": {
        "state",
        "pipeline_snapshot",
        "steps_snapshot",
        "connections_snapshot",
    },
}
"""What nobody gets as a shape: a new column belongs here or in the registry."""

COLUMNS = """
    SELECT
        a.attname, coalesce(e.typname, t.typname) AS type, (e.oid IS NOT NULL)::int AS dims,
        a.attnotnull, array_position(i.indkey::int[], a.attnum::int) AS pk_index,
        has_column_privilege('pipeloom_api', a.attrelid, a.attnum, 'SELECT') AS readable
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
    JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attnum
"""


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change no schema."""
    return emptied_database_url


@pytest.mark.parametrize("name", TABLES)
async def test_the_registry_is_the_database(pool: Pool, name: str) -> None:
    table = TABLES[name]
    found = await pool._driver.fetch(COLUMNS, name)
    readable = {row["attname"] for row in found if row["readable"]}
    defaults = {column.name: column.is_default for column in table.columns}

    assert table.columns == tuple(
        Column(
            row["attname"],
            row["type"],
            row["dims"],
            row["attnotnull"],
            row["pk_index"],
            defaults.get(row["attname"], True),
        )
        for row in found
        if row["attname"] not in DENIED.get(name, set())
    )
    assert {column.name for column in table.columns} <= readable


def test_every_request_gets_the_key_of_its_rows() -> None:
    for table in TABLES.values():
        assert set(table.key) <= set(table.default)
        assert table.depends_on <= set(TABLES)
    assert TABLES["steps"].key == ("pipeline_id", "id")
