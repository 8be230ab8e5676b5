"""What can be wrong with a document's content, and how it is reported.

Every code stands in `Code`, with its severity, its meaning and what to do about it; the
documentation lists them from here. Of what the tables cannot hold as it stands, an error leaves
something out and a warning shows it in another shape. Of what the tables hold and a runner does
not understand (`crdt/validation/meaning.py`), an error fails in a run and a warning surprises.

There is at most one diagnostic per code and subject: several findings of one code share it, and
`path` leads to the first of them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from crdt.pipeline.json_values import scrubbed
from crdt.pipeline.model import Json
from crdt.pipeline.rows import Diagnostic, Severity

PIPELINE: Final = "pipeline"
"""The subject of diagnostics about the settings, or about the document as a whole."""

MAX_SUBJECT_KEY, MAX_SHOWN = 200, 60
"""Longest key in a subject, and longest piece of a text in a message, in characters."""

MAX_POINTER: Final = 500
"""Longest path in a diagnostic, in characters."""


class Code(StrEnum):
    """The stable codes of diagnostics."""

    severity: Severity
    meaning: str
    suggestion: str

    def __new__(cls, code: str, severity: Severity, meaning: str, suggestion: str) -> "Code":
        member = str.__new__(cls, code)
        member._value_, member.severity = code, severity
        member.meaning, member.suggestion = meaning, suggestion
        return member

    INVALID_KEY = (
        "invalid_key",
        "error",
        "The key is not a lower-case UUID; the tables leave the entry out.",
        "Add the entry again under a new UUID in lower case.",
    )
    NOT_A_MAP = (
        "not_a_map",
        "error",
        "The entry is not a map of fields; the tables leave it out.",
        "Delete the entry, and add it again as a map.",
    )
    MISSING_NAME = (
        "missing_name",
        "warning",
        "The name is missing, empty or not a text; a placeholder stands for it.",
        "Give the step or the pipeline a name.",
    )
    UNSUPPORTED_TYPE = (
        "unsupported_type",
        "warning",
        "The step's type is not one that Pipeline YAML v2 knows; the type is 'unsupported'.",
        "Choose one of the types of Pipeline YAML v2.",
    )
    INVALID_VALUE = (
        "invalid_value",
        "warning",
        "A field holds a value of the wrong kind; its default stands for it.",
        "Set the field to a value of the kind that is expected.",
    )
    TEXT_CUT = (
        "text_cut",
        "warning",
        "A text is longer than its column; its beginning stands for it.",
        "Shorten the text.",
    )
    UNSTORABLE_TEXT = (
        "unstorable_text",
        "warning",
        "A text holds characters PostgreSQL cannot store; U+FFFD stands for each.",
        "Remove the control characters and half characters from the text.",
    )
    UNSTORABLE_NUMBER = (
        "unstorable_number",
        "warning",
        "A number is not finite or beyond 1e308; null stands for it.",
        "Write the number as a text, or a smaller one.",
    )
    NESTED_TOO_DEEP = (
        "nested_too_deep",
        "warning",
        "A value is nested deeper than 64 levels; null stands for what lies deeper.",
        "Flatten the value.",
    )
    DANGLING_PARENT = (
        "dangling_parent",
        "warning",
        "The parent step is not in the tables; the step stands at the top level.",
        "Move the step into a step that exists, or to the top level.",
    )
    PARENT_CYCLE = (
        "parent_cycle",
        "warning",
        "The step lies inside itself; the smallest id of the cycle stands at the top level.",
        "Move one of the steps out of the others.",
    )
    DUPLICATE_NAME = (
        "duplicate_name",
        "warning",
        "A sibling with a smaller id has the same name; a number is added to this one.",
        "Rename one of the steps.",
    )
    UNUSABLE_ORDER = (
        "unusable_order",
        "warning",
        "No order key can be made beside this one; the step stands where its characters put it.",
        "Move the step.",
    )
    DANGLING_CONNECTION = (
        "dangling_connection",
        "error",
        "An end of the connection is no step of the tables; the tables leave it out.",
        "Delete the connection, or bring back the step at its end.",
    )
    DUPLICATE_CONNECTION = (
        "duplicate_connection",
        "error",
        "The same connection has a smaller id, too; the tables leave this one out.",
        "Delete one of the connections.",
    )
    DELETED_WHILE_EDITED = (
        "deleted_while_edited",
        "warning",
        "Somebody edited the step while another one deleted it; a version still has it.",
        "Restore that version to have the step back.",
    )
    UNDECODABLE_UPDATE = (
        "undecodable_update",
        "error",
        "An update in the log is missing or cannot be decoded; the document goes on without it.",
        "Keep a backup of the log; restore a version where something is missing in the editor.",
    )

    MISSING_FIELD = (
        "missing_field",
        "error",
        "A runner needs a field that the step does not have.",
        "Fill the field in.",
    )
    INVALID_PROMPT = (
        "invalid_prompt",
        "error",
        "The prompt is not a list of parts that a runner knows, each with what it needs.",
        "Make the prompt a list of parts of the known types.",
    )
    DANGLING_REFERENCE = (
        "dangling_reference",
        "warning",
        "A name in the step means another step, and none that it can read has that name.",
        "Correct the name, or give it to the step that is meant.",
    )
    AMBIGUOUS_REFERENCE = (
        "ambiguous_reference",
        "warning",
        "A name in the step may mean several steps; the nearest and first one is taken.",
        "Give the steps different names.",
    )
    UNREACHABLE_STEP = (
        "unreachable_step",
        "warning",
        "No run ever comes to the step.",
        "Move the step to where it runs, or delete it.",
    )
    DATA_CYCLE = (
        "data_cycle",
        "warning",
        "Steps outside of a loop read each other's output, so none of them can run first.",
        "Remove one of the references, or put the steps into a loop.",
    )

    def about(
        self,
        subject: str,
        message: str,
        *,
        path: str = "",
        suggestion: str = "",
        severity: Severity | None = None,
    ) -> Diagnostic:
        """Make the diagnostic of this code: what was found, where, and what to do about it.

        `path` is a JSON pointer (RFC 6901) from the subject's entry in the document, "" for the
        entry as a whole. Suggestion and severity are those of the code unless given.
        """
        return Diagnostic(
            code=self.value,
            subject=subject,
            severity=severity or self.severity,
            message=message,
            path=path,
            suggestion=suggestion or self.suggestion,
        )


def pointer(*path: str | int) -> str:
    """Write a path as a JSON pointer (RFC 6901, section 3): ("a/b", 0) is "/a~1b/0".

    Long paths are cut at a segment's end, so that a client's keys do not fill the tables.
    """
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    text = ""
    for part in escaped:
        if len(text) + len(part) >= MAX_POINTER:
            break
        text += f"/{part}"
    return text


def step_subject(key: str) -> str:
    """Name a step of the document, whatever its key."""
    return f"step:{_printable(key)}"


def connection_subject(key: str) -> str:
    """Name a connection of the document, whatever its key."""
    return f"connection:{_printable(key)}"


def _printable(key: str) -> str:
    """Return the key, or a beginning and a digest of it; different keys never look the same."""
    clean = scrubbed(key)
    if clean == key and len(key) <= MAX_SUBJECT_KEY and "~" not in key:
        return key
    return shortened(key, MAX_SUBJECT_KEY)


def shortened(text: str, length: int) -> str:
    """Cut a text to `length` characters, the last 33 of them "~" and a digest of the whole."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{scrubbed(text[: length - len(digest) - 1])}~{digest}"


def shown(value: Json) -> str:
    """Describe a storable value for a message, in a few words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.15g}"
        case str():
            return f'"{value}"' if len(value) <= MAX_SHOWN else f'"{value[:MAX_SHOWN]}…"'
        case Mapping():
            return "a map" if value else "an empty map"
        case Sequence():
            return "a list" if value else "an empty list"
