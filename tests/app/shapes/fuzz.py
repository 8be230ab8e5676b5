"""Requests for shapes at random: such that are nearly right, and such that mean harm."""

import json
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus

from app.shapes.tables import TABLES
from tests.app.shapes.texts import a_condition, a_soup

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


def a_value(random: Random) -> str:
    kind = random.random()
    if kind < 0.2:
        return a_condition(random)
    if kind < 0.4:
        return a_soup(random)
    if kind < 0.5:
        return random.choice([*TABLES])
    return random.choice(JUNK)


def a_query(random: Random) -> bytes:
    """A query string: mostly a good beginning, and then anything."""
    pairs: list[tuple[str, str]] = []
    if random.random() < 0.9:
        pairs += [("table", random.choice([*TABLES])), ("offset", random.choice(("-1", "now")))]
    if random.random() < 0.3:
        pairs.append(("where", a_condition(random)))
    for _ in range(random.choice((0, 0, 1, 1, 2, 4))):
        pairs.append((random.choice(NAMES), a_value(random)))
    random.shuffle(pairs)
    encode = random.choice((quote, quote_plus))
    text = "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs).encode()
    if random.random() < 0.1:
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice((b"%", b"%ff", b"&", b"=", b";", b"%00")) + text[place:]
    return text


def a_body(random: Random) -> bytes:
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
        members |= {
            "where": a_condition(random),
            "params": {"1": "a", "2": "{a}", "3": "2020-01-01"},
        }
    text = json.dumps(members).encode()
    return (
        random.choice((b"", b"[]", b"{", b"\xff", b"nul", b"[" * 5000))
        if random.random() < 0.1
        else text
    )
