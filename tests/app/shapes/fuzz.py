"""Requests for shapes at random: such that are nearly right, and such that mean harm."""

import json
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus

from app.shapes.tables import TABLES
from tests.app.shapes.texts import a_condition, a_soup
from tests.app.shapes.worlds import World

NAMES = (
    *("table", "offset", "where", "params", "params[1]", "params[2]", "columns", "handle"),
    *("replica", "log", "live", "live_sse", "experimental_live_sse", "cursor", "secret"),
    *("expired_handle", "cache-buster", "queryable_columns", "subset__where", "subset__params"),
    *("subset__params[1]", "subset__limit", "subset__offset", "subset__order_by"),
    *("subset__where_expr", "source_id", "api_secret", "schema", "table[]", "Table", "", "\0"),
)

JUNK = (
    *("", "0", "-1", "now", "0_0", "0_inf", "1_1", "99999999999999999_0", "true", "false", "full"),
    *("steps", '"public"."steps"', "users", "pipeline_updates", "pg_catalog.pg_authid", "steps--"),
    *("id,pipeline_id", '"id","pipeline_id","state"', "*", "id) FROM users --", "{}", "[]", "null"),
    *(
        '{"1": "x"}',
        '{"1": null}',
        "[[[[",
        '{"a":' * 200,
        "1" * 5000,
        "\u202e",
        "\ud7ff",
        "%",
        "\0",
    ),
    *("1=1) OR (1=1", "true", "name", "' OR ''='", "id ASC", "1; DROP TABLE users", "name DESC"),
)


ORDERS = ("", "id", "name DESC NULLS LAST", "1; DROP TABLE users", "random()", "nothing")
NUMBERS = ("", "0", "1", "5000", "5001", "-1", "9" * 30, "1.5", "x", "NaN")


def conditions(random: Random, world: World) -> tuple[str, ...]:
    """Conditions that name what is there, and what looks like conditions."""
    team, pipeline = random.choice(world.teams), random.choice(world.pipelines)
    return (
        *("", "true", "1=1) OR (1=1", f"pipeline_id = '{pipeline}'", f"team_id = '{team}'"),
        *(f"pipeline_id = '{pipeline}' OR true", "id IN (SELECT id FROM users)", "$1 = $1"),
        *(f'"team_id" = \'{team}\' AND "name" IS NOT NULL', "name LIKE $1", "pg_sleep(9)"),
        *(
            "deleted_at IS NOT NULL",
            "--",
            "';",
            '"name" = ANY($1)',
            "NOT (id IS NULL)",
            "((((",
            "é",
        ),
    )


def fitting(random: Random, world: World) -> dict[str, tuple[str, ...]]:
    """What is of the kind that a parameter takes, much of it wrong."""
    pipeline = str(random.choice(world.pipelines))
    return {
        "table": ("pg_authid", "pipeline_updates", "public.steps", '"users"', "a.b.c", ""),
        "offset": ("-1", "now", "0_0", "0_inf", "9" * 18 + "_0", "1_1_1", "-2", ""),
        "handle": ("", "1-1", "x" * 300, "💥"),
        "live": ("true", "false", ""),
        "live_sse": ("true", "false"),
        "columns": ("id", "id,name", "state", "id,preferences", "pipeline_id,id,name", "", '"'),
        "where": conditions(random, world),
        "params": ('{"1":"a"}', '["a"]', "[]", "{", "null", '{"1":null}', '{"x":1}'),
        "params[1]": (pipeline, "a", "", "{a,b}", "\\"),
        "params[2]": ("a",),
        "replica": ("full", "default", "half"),
        "log": ("changes_only", "full", "none"),
        "cursor": ("", "20", "x"),
        "subset__where": conditions(random, world),
        "subset__order_by": ORDERS,
        "subset__limit": NUMBERS,
        "subset__offset": NUMBERS,
        "subset__params": ('{"1":"a"}', "[", '{"1":{}}'),
        "expired_handle": ("x",),
    }


def a_value(random: Random) -> str:
    kind = random.random()
    if kind < 0.2:
        return a_condition(random)
    if kind < 0.4:
        return a_soup(random)
    if kind < 0.5:
        return random.choice([*TABLES])
    return random.choice(JUNK)


def aimed(random: Random, world: World) -> list[tuple[str, str]]:
    """Ask for what is of one team or pipeline, whoever sees it."""
    pipeline, team = random.choice(world.pipelines), random.choice(world.teams)
    rows = ("steps", "connections", "comments", "pipeline_versions")
    table, column, id_ = random.choice(
        (
            ("pipelines", "id", pipeline),
            (random.choice(rows), "pipeline_id", pipeline),
            ("teams", "id", team),
            (random.choice(("pipelines", "team_members", "pipeline_templates")), "team_id", team),
        )
    )
    more = random.choice(("", " AND true", " OR true"))
    return [("table", table), ("offset", "-1"), ("where", f"{column} = '{id_}'{more}")]


def a_query(random: Random, world: World) -> bytes:
    """A query string: mostly a good beginning, and then what fits, or anything."""
    pairs: list[tuple[str, str]] = []
    fits = fitting(random, world)
    kind = random.random()
    if kind < 0.25:
        pairs += aimed(random, world)
    elif kind < 0.9:
        pairs += [("table", random.choice([*TABLES])), ("offset", random.choice(("-1", "now")))]
    if kind > 0.25 and random.random() < 0.3:
        pairs.append(("where", a_condition(random)))
    for _ in range(random.choice((0, 0, 1, 1, 2, 4))):
        if random.random() < 0.5:
            name = random.choice([*fits])
            pairs.append((name, random.choice(fits[name])))
        else:
            pairs.append((random.choice(NAMES), a_value(random)))
    random.shuffle(pairs)
    encode = random.choice((quote, quote_plus))
    text = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs).encode()
    return _broken(random, text) if random.random() < 0.1 else text


def _broken(random: Random, text: bytes) -> bytes:
    place = random.randrange(len(text) + 1)
    junk = random.choice((b"%", b"%ff", b"&", b"&&", b"=", b";", b"%00", b"+", b"%7f"))
    return text[:place] + junk + text[place:]


def a_body(random: Random, world: World) -> bytes:
    """The body of a POST: a subset, or what else a server could be made to read in it."""
    members: dict[str, Any] = {}
    names = ("where", "params", "limit", "offset", "order_by", "where_expr", "table", "columns")
    for _ in range(random.randint(0, 4)):
        name = random.choice((*names, "subset", "secret", "replica", ""))
        members[name] = random.choice(
            (
                a_value(random),
                {"1": a_value(random)},
                {"where": "true", "table": "users"},
                random.choice((0, 1, -1, 2.5, 10**30, True, None, [], ["x"], {"1": [1]}, "\ud800")),
            )
        )
    if random.random() < 0.5:
        members |= _a_subset(random, world)
    text = json.dumps(members).encode()
    if random.random() < 0.1:
        return random.choice((text[:-1], b"", b"[]", b"{", b"\xff", b"nul", b"[" * 5000))
    return text


def _a_subset(random: Random, world: World) -> dict[str, Any]:
    """What is nearly right in a body, or right."""
    if random.random() < 0.5:
        return {"where": a_condition(random), "params": {"1": "a", "2": "{a}", "3": "2020-01-01"}}
    wanted: dict[str, Any] = {
        "where": random.choice(conditions(random, world)),
        "order_by": random.choice(ORDERS),
        "limit": random.choice((1, 5, -1, None, "x", 10**30, True)),
        "offset": random.choice((0, 1, None, -1)),
        "params": random.choice(({"1": "a"}, ["a"], "a", None, {"1": ["a"]})),
    }
    return {name: wanted[name] for name in random.sample([*wanted], random.randint(0, 4))}
