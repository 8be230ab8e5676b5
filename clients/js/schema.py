"""Writes what the library knows of a pipeline, from the server's one schema.

That is `src/schema.ts`, and `src/explanations.ts` with the words for diagnostics, which only pages
that show them load. Run it from the root of the repository after a change of
`crdt/pipeline/fields.py` or of diagnostics: `python -m clients.js.schema`. A test fails until the
committed files are what this writes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from crdt.document.schema import CO_EDITED_TEXTS, LISTS_WITH_PROMPTS
from crdt.pipeline import fields, rows
from crdt.pipeline.fractional_index import MAX_ORDER
from crdt.pipeline.json_values import LARGEST_NUMBER, MAX_LEVELS
from crdt.validation.diagnostics import Code
from crdt.validation.entries import UNNAMED_PIPELINE, UNNAMED_STEP

SOURCES: Final = Path(__file__).parent / "src"

ABOUT: Final = (
    "// Written by `python -m clients.js.schema` from the server's one schema; do not edit."
)

HEADER: Final = f"""\
{ABOUT}
import type {{ Json, JsonObject }} from "./values.js";
"""

CONSTANTS: Final[Mapping[str, Any]] = {
    "STEP_TYPES": sorted(rows.STEP_TYPES),
    "UNSUPPORTED": rows.UNSUPPORTED,
    "STATUSES": fields.STATUSES,
    "MAIN_SLOT": fields.MAIN_SLOT,
    "UNNAMED_STEP": UNNAMED_STEP,
    "UNNAMED_PIPELINE": UNNAMED_PIPELINE,
    "CO_EDITED_TEXTS": sorted(CO_EDITED_TEXTS),
    "LISTS_WITH_PROMPTS": sorted(LISTS_WITH_PROMPTS),
    "MAX_NAME": fields.MAX_NAME,
    "MAX_TYPE": fields.MAX_TYPE,
    "MAX_PORT": fields.MAX_PORT,
    "MAX_SLOT": fields.MAX_SLOT,
    "MAX_TAG": fields.MAX_TAG,
    "MAX_TAGS": fields.MAX_TAGS,
    "MAX_ORDER": MAX_ORDER,
    "MAX_LEVELS": MAX_LEVELS,
    "LARGEST_NUMBER": LARGEST_NUMBER,
    "FARTHEST": fields.FARTHEST,
}

STRUCTURAL: Final = tuple(
    code
    for code in tuple(Code)[: tuple(Code).index(Code.UNDECODABLE_UPDATE)]
    if code is not Code.DELETED_WHILE_EDITED
)
"""What entries give rise to by themselves or by their places.

The library finds these itself, and takes all others from the document.
"""

TABLES: Final = {
    "STEP": (fields.STEP, fields.PLAIN_OF_STEP),
    "CONNECTION": (fields.CONNECTION, fields.PLAIN_OF_CONNECTION),
    "SETTINGS": (fields.SETTINGS, fields.PLAIN_OF_SETTINGS),
}


def written() -> Mapping[Path, str]:
    """Return the files with what is in them."""
    return {SOURCES / "schema.ts": _schema(), SOURCES / "explanations.ts": _explanations()}


def _schema() -> str:
    constants = [
        f"export const {name} = {_js(value)} as const;" for name, value in CONSTANTS.items()
    ]
    tables = [_table(name, *table) for name, table in TABLES.items()]
    return "\n".join([HEADER, *constants, "", KINDS, *tables, _diagnostics(), _interfaces()])


KINDS: Final = """\
/** Which values a field takes, and what stands for it where it is missing (`default`). */
export interface Field {
  readonly kind: "flag" | "text" | "choice" | "json" | "object" | "id" | "order" | "pair" | "tags";
  readonly default: Json;
  readonly required?: true;
  readonly nullable?: true;
  /** The same value in the document, in its column and in REST. */
  readonly plain?: true;
  /** Of a text: its longest length, in code points. */
  readonly limit?: number;
  readonly blank?: true;
  readonly words?: readonly string[];
  readonly keys?: readonly [string, string];
  readonly above?: number;
}
"""


def _table(name: str, table: Mapping[str, fields.Field], plain: Mapping[str, Any]) -> str:
    lines = [f"  {key}: {_field(each, is_plain=key in plain)}," for key, each in table.items()]
    body = "\n".join(lines)
    type_ = f"Readonly<Record<keyof {name.capitalize()}Fields, Field>>"
    return f"export const {name}: {type_} = {{\n{body}\n}};\n"


def _field(field: fields.Field, *, is_plain: bool) -> str:
    parts: dict[str, Any] = {
        **_kind(field.kind),
        "default": field.default,
    }
    flags = {"required": field.is_required, "nullable": field.is_nullable, "plain": is_plain}
    parts |= {name: True for name, is_set in flags.items() if is_set}
    return _js(parts)


def _kind(kind: fields.Kind) -> dict[str, Any]:
    match kind:
        case fields.Text():
            blank = {"blank": True} if kind.may_be_blank else {}
            return {"kind": "text", "limit": kind.limit, **blank}
        case fields.Choice():
            return {"kind": "choice", "words": kind.words}
        case fields.NumberPair():
            return {"kind": "pair", "keys": kind.keys, "above": kind.above}
    return {"kind": _SIMPLE[type(kind)][0]}


_SIMPLE: Final[Mapping[type, tuple[str, str]]] = {
    fields.Flag: ("flag", "boolean"),
    fields.AnyJson: ("json", "Json"),
    fields.JsonObject: ("object", "JsonObject"),
    fields.EntryId: ("id", "string"),
    fields.OrderKey: ("order", "string"),
    fields.Tags: ("tags", "readonly string[]"),
}
"""The kinds without parameters: their names here, and their types."""


def _diagnostics() -> str:
    about = "The codes of the diagnostics that this library finds, and how severe each is."
    return _constant(about, "SEVERITIES", {code: code.severity for code in STRUCTURAL})


def _explanations() -> str:
    words = {code: {"message": code.meaning, "suggestion": code.suggestion} for code in STRUCTURAL}
    about = "What the diagnostics mean that this library finds, and what to do about them."
    return f"{ABOUT}\n\n{_constant(about, 'EXPLANATIONS', words)}"


def _constant(about: str, name: str, members: Mapping[Code, Any]) -> str:
    lines = [f"  {code.value}: {_js(value)}," for code, value in members.items()]
    body = "\n".join(lines)
    return f"/** {about} */\nexport const {name} = {{\n{body}\n}} as const;\n"


def _interfaces() -> str:
    aliases = [
        "export type StepType = (typeof STEP_TYPES)[number];",
        "export type Status = (typeof STATUSES)[number];",
        "export type DiagnosticCode = keyof typeof SEVERITIES;",
    ]
    shapes = [_interface(name, TABLES[table][0], **extra) for name, table, extra in _SHAPES]
    return "\n".join([*aliases, "", *shapes])


_SHAPES: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    ("StepFields", "STEP", {"about": "What a step may be given; the rest has defaults."}),
    ("ConnectionFields", "CONNECTION", {"about": "What a connection may be given."}),
    ("SettingsFields", "SETTINGS", {"about": "What the settings may be given."}),
    (
        "Step",
        "STEP",
        {
            "about": "A step as the tables and REST show it: every field is there and of its type.",
            "complete": True,
            "without": ("order",),
            "more": {"id": "string", "supported": "boolean", "order_index": "number"},
        },
    ),
    (
        "Connection",
        "CONNECTION",
        {
            "about": "A connection as the tables and REST show it; both its ends exist.",
            "complete": True,
            "more": {"id": "string"},
        },
    ),
    (
        "Settings",
        "SETTINGS",
        {"about": "The pipeline's settings as the tables and REST show them.", "complete": True},
    ),
)


def _interface(
    name: str,
    table: Mapping[str, fields.Field],
    *,
    about: str,
    complete: bool = False,
    without: tuple[str, ...] = (),
    more: Mapping[str, str] | None = None,
) -> str:
    lines = [f"  readonly {key}: {type_};" for key, type_ in (more or {}).items()]
    for key, field in table.items():
        if key not in without:
            lines += [*_comment(field), f"  readonly {_member(key, field, complete=complete)};"]
    body = "\n".join(lines)
    return f"/** {about} */\nexport interface {name} {{\n{body}\n}}\n"


def _member(key: str, field: fields.Field, *, complete: bool) -> str:
    mark = "" if complete or field.is_required else "?"
    null = " | null" if field.is_nullable else ""
    return f"{key}{mark}: {_type(field.kind)}{null}"


def _comment(field: fields.Field) -> list[str]:
    return [f"  /** {field.description} */"] if field.description else []


def _type(kind: fields.Kind) -> str:
    match kind:
        case fields.Text():
            return "string"
        case fields.Choice():
            return " | ".join(map(_js, kind.words))
        case fields.NumberPair():
            first, second = kind.keys
            return f"{{ readonly {first}: number; readonly {second}: number }}"
    return _SIMPLE[type(kind)][1]


def _js(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for target, content in written().items():
        target.write_text(content)
