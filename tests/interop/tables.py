"""What a document says the tables must hold, and what they hold."""

import json
from typing import Any

from tests.server import Installation, eventually

CAUGHT_UP = """
SELECT d.head_seq = c.seq FROM pipeline_documents d JOIN projection_cursors c USING (pipeline_id)
WHERE pipeline_id = $1
"""
STEPS = """
SELECT id::text, name, type, enabled, position_x AS x, position_y AS y, config
FROM steps WHERE pipeline_id = $1
"""
CONNECTIONS = """
SELECT id::text, from_step_id::text, to_step_id::text, from_output, to_input
FROM connections WHERE pipeline_id = $1
"""


async def tables_of(installation: Installation, pipeline_id: str) -> dict[str, Any]:
    """Wait until the tables have caught up with the log; return their rows by id."""
    async with installation.sql() as sql:

        async def caught_up() -> bool:
            return bool(await sql.fetchval(CAUGHT_UP, pipeline_id))

        await eventually("tables as new as the log", caught_up)
        name = await sql.fetchval("SELECT name FROM pipelines WHERE id = $1", pipeline_id)
        steps = [dict(row) for row in await sql.fetch(STEPS, pipeline_id)]
        ends = [dict(row) for row in await sql.fetch(CONNECTIONS, pipeline_id)]
    return {
        "name": name,
        "steps": {row.pop("id"): {**row, "config": json.loads(row["config"])} for row in steps},
        "connections": {row.pop("id"): row for row in ends},
    }


def expected_tables(document: dict[str, Any]) -> dict[str, Any]:
    """The rows of a valid document; of its connections, those whose steps both exist."""
    steps, connections = document["steps"], document["connections"]
    return {
        "name": document["pipeline"]["name"],
        "steps": {
            key: {
                "name": step["name"],
                "type": step["type"],
                "enabled": step["enabled"],
                "x": step["position"]["x"],
                "y": step["position"]["y"],
                "config": step["config"],
            }
            for key, step in steps.items()
        },
        "connections": {
            key: ends
            for key, ends in ((key, value["ends"]) for key, value in connections.items())
            if ends["from_step_id"] in steps and ends["to_step_id"] in steps
        },
    }
