"""What `pipeloom settings` does: it lists what can be set, as `app/settings.py` declares it."""

import ast
import inspect
import json
import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Annotated, Final, cast

import typer

from app.settings import Settings, load_settings, shown, variable

from .common import print_message
from .variables import unknown_variables

UNITS: Final = ("bytes", "characters", "days", "per second", "seconds")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its variable, its default, what it does, in which unit, and what it is now.

    `value` is what the environment sets, "-" if it sets nothing; of a secret only that it is set.
    """

    name: str
    default: str
    unit: str
    meaning: str
    value: str


def settings(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print lines of JSON.")] = False
) -> None:
    """List everything that can be set by the environment: default, unit, and what it does.

    What the environment sets stands in brackets; of secrets only that they are set.
    """
    for message in unknown_variables(os.environ):
        print_message(f"pipeloom: {message}")
    for one in listed(load_settings()):
        typer.echo(json.dumps(asdict(one), ensure_ascii=False) if as_json else _text(one))


def listed(loaded: Settings) -> Iterator[Setting]:
    """Every setting, in the order in which they are declared."""
    meanings, chosen = described(), loaded.chosen
    for name, field in Settings.model_fields.items():
        meaning, unit = meanings[name]
        default = shown(name, field.default)
        yield Setting(variable(name), default, unit, meaning, chosen.get(name, "-"))


def described() -> dict[str, tuple[str, str]]:
    """What each setting does, and its unit: the text below its declaration.

    It is read from the source when it is asked for, since no other command needs it.
    """
    source = textwrap.dedent(inspect.getsource(Settings))
    declared = cast("ast.ClassDef", ast.parse(source).body[0])
    found = {}
    for one, text in pairwise(declared.body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            found[one.target.id] = _split(_literal(text))
    return found


def _literal(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


def _split(text: str) -> tuple[str, str]:
    """A text and the unit in brackets at its end, if there is one."""
    found = re.fullmatch(rf"(.*) \(({'|'.join(UNITS)})\)", text)
    return (found[1], found[2]) if found else (text, "")


def _text(one: Setting) -> str:
    default = " ".join(part for part in (one.default, one.unit) if part)
    now = "" if one.value == "-" else f"  [{one.value}]"
    return f"{one.name:<40} {default:<22} {one.meaning}{now}"
