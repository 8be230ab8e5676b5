"""The fields within a step's `config`: their rules in JSON Schema (2020-12), and shared ones.

`step_types.py` puts them together to the types of steps. Nothing is refused by these rules: files
hold templates in any place and keys that nobody has declared. They are for forms, for diagnostics,
and for programs that create steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from .model import Json

Schema: TypeAlias = Mapping[str, Any]
"""A rule in JSON Schema 2020-12."""

TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "number"}
MAP: Final[Schema] = {"type": "object"}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
MAPS: Final[Schema] = {"type": "array", "items": MAP}
POSITIVE: Final[Schema] = {"type": "integer", "minimum": 1}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
ANYTHING: Final[Schema] = {}

TOOLS: Final[Schema] = {
    "type": "array",
    "items": {
        **TEXT,
        "examples": "Read Grep Glob Write Edit Bash WebFetch WebSearch".split(),
    },
}
"""Names of tools; the examples are the usual ones, others may stand there as well."""


@dataclass(frozen=True, slots=True)
class ConfigField:
    """One field: its title and meaning for a form, and its rule.

    `default` is what a runner takes where the field is missing; None if it takes nothing. It is
    never written into a document. `is_required`: a step without the field cannot run.
    """

    title: str
    description: str
    rule: Schema
    default: "Json" = None
    examples: "tuple[Json, ...]" = ()
    is_required: bool = False

    @property
    def json_schema(self) -> dict[str, Any]:
        """Return the rule with the title, the description, the default and examples."""
        default = {} if self.default is None else {"default": self.default}
        examples = {"examples": list(self.examples)} if self.examples else {}
        named = {"title": self.title, "description": self.description}
        return {**named, **self.rule, **default, **examples}


ConfigFields: TypeAlias = Mapping[str, ConfigField]


def object_of(fields: ConfigFields) -> dict[str, Any]:
    """Return the rule of a map with these fields; others may stand beside them."""
    required = [name for name, each in fields.items() if each.is_required]
    properties = {name: each.json_schema for name, each in fields.items()}
    return {"type": "object", "properties": properties} | (
        {"required": required} if required else {}
    )


def words(*known: str) -> Schema:
    """Return the rule of a field that is one of these words."""
    return {"type": "string", "enum": list(known)}


def list_of(fields: ConfigFields) -> Schema:
    """Return the rule of a list of maps with these fields."""
    return {"type": "array", "items": object_of(fields)}


PRESETS: Final = words("development", "production", "analysis", "chat")

_CONDITION: Final = ConfigField(
    "Condition",
    "The step runs only while this holds: an expression, or a map of `and`, `or` and `not`.",
    {"anyOf": [TEXT, MAP, {"type": "array"}]},
    examples=("review.score > 7",),
)


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One kind of part of a prompt: the field it needs, and those it may have."""

    title: str
    description: str
    needs: str
    fields: ConfigFields

    def json_schema(self, type_: str) -> dict[str, Any]:
        """Return the rule of a part whose `type` is the given one."""
        rule = object_of(self.fields)
        kind = {"const": type_, "default": type_, "title": "Kind", "description": self.description}
        required = ["type", *rule.get("required", ())]
        properties = {"type": kind, **rule["properties"]}
        return {"title": self.title, **rule, "properties": properties, "required": required}


_SESSION_ID: Final = ConfigField(
    "Session", "The id of an earlier session.", TEXT, examples=("review",), is_required=True
)

PROMPT_PARTS: Final[Mapping[str, PromptPart]] = {
    "static": PromptPart(
        "Text",
        "Text as it stands, with templates filled in.",
        "content",
        {
            "content": ConfigField(
                "Text",
                "What the model reads; `{{…}}` is filled in.",
                TEXT,
                examples=("Summarize the diff.",),
                is_required=True,
            )
        },
    ),
    "file": PromptPart(
        "File",
        "The content of a file of the workspace.",
        "path",
        {
            "path": ConfigField(
                "Path",
                "Where the file is, from the workspace.",
                TEXT,
                examples=("src/main.py",),
                is_required=True,
            ),
            "variables": ConfigField("Variables", "Values for the names in the file.", MAP),
            "encoding": ConfigField("Encoding", "How the file is encoded.", TEXT, "utf-8"),
        },
    ),
    "previous_response": PromptPart(
        "From step",
        "The result of another step. This makes a connection from that step.",
        "step",
        {
            "step": ConfigField(
                "Step",
                "The name of the step whose result is read.",
                TEXT,
                examples=("summarize",),
                is_required=True,
            ),
            "extract": ConfigField(
                "Field", "The path of one field of the result.", TEXT, examples=("issues.0.title",)
            ),
            "strict": ConfigField("Strict", "A missing field is an error.", FLAG, default=True),
            "summary": ConfigField("Summary", "Summarize the result first.", FLAG),
            "max_length": ConfigField("Longest text", "Characters that are kept.", POSITIVE),
        },
    ),
    "session_context": PromptPart(
        "Session",
        "The last messages of an earlier session.",
        "session_id",
        {
            "session_id": _SESSION_ID,
            "include_last_n": ConfigField("Messages", "How many of them, newest last.", POSITIVE),
        },
    ),
    "claude_continue": PromptPart(
        "Continue",
        "Go on in an earlier session.",
        "session_id",
        {
            "session_id": _SESSION_ID,
            "new_prompt": ConfigField("Prompt", "What to say there.", TEXT),
        },
    ),
}
"""The kinds of parts of a prompt by their `type`."""

PROMPT_LIST: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": {"oneOf": [part.json_schema(type_) for type_, part in PROMPT_PARTS.items()]},
}


def prompt(*, is_required: bool = True) -> ConfigField:
    """Return the field of a prompt."""
    return ConfigField(
        "Prompt",
        "What the model is asked: parts that are joined in their order.",
        PROMPT_LIST,
        examples=([{"type": "static", "content": "Summarize the diff."}],),
        is_required=is_required,
    )


RETRIES: Final[ConfigFields] = {
    "max_retries": ConfigField("Retries", "How often to try again.", COUNT, 3),
    "backoff_strategy": ConfigField(
        "Backoff",
        "How the pauses between attempts grow.",
        words("linear", "exponential", "fixed"),
        "exponential",
    ),
    "base_delay_ms": ConfigField("First pause", "Milliseconds before the retry.", COUNT, 1000),
    "retry_conditions": ConfigField(
        "Retry on", "The errors after which to try again.", TEXTS, examples=(["timeout"],)
    ),
    "fallback_action": ConfigField(
        "Fallback",
        "What to do when every attempt has failed.",
        TEXT,
        "graceful_degradation",
        ("simplified_prompt", "use_cached_response", "emergency_response"),
    ),
}

_OPTIONS: Final[ConfigFields] = {
    "model": ConfigField(
        "Model", "A model's name or full id.", TEXT, examples=("sonnet", "opus", "haiku")
    ),
    "max_turns": ConfigField("Turns", "How many turns at most.", POSITIVE, examples=(3,)),
    "allowed_tools": ConfigField(
        "Allowed tools",
        "The tools that may be used; without this, all of them.",
        TOOLS,
        examples=(["Read", "Grep"],),
    ),
    "disallowed_tools": ConfigField(
        "Forbidden tools", "The tools that may not be used.", TOOLS, examples=(["Bash"],)
    ),
    "system_prompt": ConfigField("System prompt", "Replaces the usual one.", TEXT),
    "append_system_prompt": ConfigField(
        "Addition to the system prompt", "Stands after the usual one.", TEXT
    ),
    "output_format": ConfigField(
        "Output", "The format of the answer.", words("text", "json", "stream_json"), "json"
    ),
    "permission_mode": ConfigField(
        "Permissions",
        "What the model may do without being asked.",
        words("default", "accept_edits", "bypass_permissions", "plan"),
        "default",
    ),
    "cwd": ConfigField("Folder", "Where the model works.", TEXT, examples=("./workspace",)),
    "session_id": ConfigField("Session", "The id of a session to use.", TEXT),
    "resume_session": ConfigField("Resume", "Go on in that session.", FLAG),
    "timeout_ms": ConfigField("Time limit", "In milliseconds.", POSITIVE),
    "fallback_model": ConfigField("Other model", "Where the first is overloaded.", TEXT),
    "mcp_config": ConfigField("MCP servers", "The file that configures them.", TEXT),
    "permission_prompt_tool": ConfigField("Permission tool", "Who is asked for rights.", TEXT),
    "verbose": ConfigField("Verbose", "Log more.", FLAG),
    "debug_mode": ConfigField("Debug", "Log everything.", FLAG),
    "telemetry_enabled": ConfigField("Telemetry", "Send measurements.", FLAG),
    "cost_tracking": ConfigField("Costs", "Keep account of costs.", FLAG),
    "async_streaming": ConfigField("Streaming", "Handle the answer while it arrives.", FLAG),
    "stream_handler": ConfigField(
        "Stream handler",
        "Who handles it.",
        words("console", "file", "callback", "buffer", "simple", "debug"),
    ),
    "stream_buffer_size": ConfigField("Stream buffer", "How much is gathered.", POSITIVE),
    "retry_config": ConfigField("Retries", "What to do after a failure.", object_of(RETRIES)),
}

CLAUDE_OPTIONS: Final = ConfigField(
    "Options of Claude",
    "Options of the model; those of the pipeline's `defaults.claude_options` stand beneath.",
    object_of(_OPTIONS),
    examples=({"max_turns": 3, "allowed_tools": ["Read", "Grep"]},),
)

TOKEN_BUDGET: Final = ConfigField(
    "Token budget",
    "How much the model may write, and how freely.",
    object_of(
        {
            "max_output_tokens": ConfigField("Longest answer", "In tokens.", POSITIVE, 2048),
            "temperature": ConfigField("Temperature", "0 is the most predictable.", SHARE, 0.7),
            "top_p": ConfigField("Top p", "The share of likely tokens to choose from.", SHARE),
            "top_k": ConfigField("Top k", "How many tokens to choose from.", POSITIVE),
        }
    ),
    examples=({"max_output_tokens": 4096, "temperature": 0.2},),
)

FUNCTIONS: Final = ConfigField(
    "Functions",
    "Names of functions among `gemini_functions` of the pipeline.",
    TEXTS,
    examples=(["evaluate"],),
)

EVERY_STEP: Final[ConfigFields] = {
    "description": ConfigField("Description", "What the step is for.", TEXT),
    "role": ConfigField(
        "Role", "Whether it decides or does; it changes nothing.", words("brain", "muscle")
    ),
    "condition": _CONDITION,
    "output_to_file": ConfigField(
        "Output file", "Where the result is written, too.", TEXT, examples=("summary.json",)
    ),
    "output_schema": ConfigField(
        "Output schema", "The form of the result, as JSON Schema.", MAP, examples=({},)
    ),
    "timeout_seconds": ConfigField(
        "Time limit", "In seconds.", {"type": "number", "exclusiveMinimum": 0}, examples=(60,)
    ),
    "continue_on_error": ConfigField(
        "Go on after an error", "A failure does not end the pipeline.", FLAG
    ),
}
"""The fields that a step of any type may have."""
