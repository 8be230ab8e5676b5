"""Conditions at random: such that mean something, and soups of pieces of SQL."""

from collections.abc import Callable
from random import Random

VALUES = {
    "text": ["name", '"status"', "pipelines.description", "'weave'", "'x%'", "$1", "NULL", "''"],
    "bool": ["is_template", "true", "FALSE", "NULL", "'t'"],
    "uuid": ["id", '"team_id"', "created_by", "'3f2504e0-4f89-11d3-9a0c-0305e82c3301'"],
    "number": ["length(name)", "cardinality(tags)", "3", "-1.5", "1e2", "'2'"],
    "time": ["created_at", "updated_at", "published_at", "$3", "'2020-02-02 10:00+02'"],
    "array": ["tags", "$2", "'{b}'", "ARRAY['a', name]", "ARRAY['a']"],
}


def a_condition(random: Random, depth: int = 3) -> str:
    """A condition with few parentheses, so that the levels of operators matter."""
    if depth == 0 or random.random() < 0.2:
        return _term(random)
    left, right = a_condition(random, depth - 1), a_condition(random, depth - 1)
    return random.choice(
        (
            f"{left} AND {right}",
            f"{left} OR {right}",
            f"NOT {left}",
            f"({left})",
            f"({left}) = ({right})",
            f"({left}) IS TRUE",
            f"NOT ({left}) IS NOT NULL",
        )
    )


def _term(random: Random) -> str:
    kind = random.choice(list(VALUES))
    values = [_value(random, kind) for _ in range(4)]
    a, b, c, d = values
    choices = [
        f"{a} {random.choice(('=', '<>', '<', '>', '<=', '>=', '!='))} {b}",
        f"{a} IS NULL",
        f"{a} IS NOT NULL",
        f"{a} IS DISTINCT FROM {b}",
        f"{a} IN ({b}, {c}, {d})",
        f"{a} NOT IN ({b}, {c})",
        f"{a} BETWEEN {b} AND {c}",
        f"{a} NOT BETWEEN {b} AND {c}",
        f"{a} = {b} IS NOT TRUE",
        f"NOT {a} = {b}",
    ]
    if kind == "text":
        choices += [f"{a} LIKE 'w%'", f"{a} NOT ILIKE $1", f"{a} = ANY(tags)", f"{a} <> ALL($2)"]
    if kind == "bool":
        choices += [a, f"NOT {a}", f"{a} = NOT {b}"]
    if kind == "array":
        choices += [f"{a} @> {b}", f"{a} <@ {b}", f"{a} && {b}"]
    return random.choice(choices)


def _value(random: Random, kind: str) -> str:
    value = random.choice(VALUES[kind])
    if kind != "text" or random.random() < 0.7:
        return value
    other = random.choice(VALUES["text"])
    wraps: list[Callable[[], str]] = [
        lambda: f"lower({value})",
        lambda: f"{value} || {other}",
        lambda: f"coalesce({value}, {other})",
        lambda: f"concat({value}, {other})",
        lambda: f"({value})",
        lambda: f"{value}::text",
        lambda: f"id::text || {value}",
    ]
    return random.choice(wraps)()


PIECES = (
    "SELECT FROM WHERE UNION ALL AND OR NOT IN ANY IS NULL TRUE LIKE BETWEEN ARRAY CAST AS CASE "
    "WHEN THEN END EXISTS users steps pipelines public.users pg_sleep(1) now() current_user name "
    "id tags team_id is_template created_at 'x' '' ' \" $1 $2 $9 $ 1 -1 0x1F 1e5 1e999 . , ; ( ) "
    "[ ] { } :: ::text ::regclass ::uuid[] = <> < > <= >= != || + - * / % ^ ~ ! @ @> <@ && -- /* "
    "*/ \\ \\' E' U&' $$ $a$ N'x' B'1' \u2028 \u00a0 \U0001f642 \u0130 \u017f * pipelines.* "
    "name.id lower( ROW( COLLATE \"C\" INTERVAL DATE 'now' OPERATOR(pg_catalog.=) LATERAL VARIADIC"
).split(" ")


def a_soup(random: Random) -> str:
    """Any text: a condition in which pieces of SQL were put, or nothing but such pieces."""
    if random.random() < 0.3:
        return " ".join(random.choices(PIECES, k=random.randint(1, 12)))
    pieces = a_condition(random).split(" ")
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        place = random.randrange(len(pieces) + 1)
        replaced = random.choice((0, 0, 1))
        pieces[place : place + replaced] = [random.choice(PIECES)]
    return (
        random.choice((" ", "", "\n")).join(pieces) if random.random() < 0.1 else " ".join(pieces)
    )
