"""The types of steps of Pipeline YAML v2: what each is called, what it needs, what it may have.

This is the one table of step types. `rows.py` takes the names from it, `crdt/yaml/slots.py` the
slots, the diagnostics of missing fields what is required, and `GET /api/step-types` everything, as
JSON Schema (2020-12).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .config_fields import (
    ANYTHING,
    CLAUDE_OPTIONS,
    EVERY_STEP,
    FLAG,
    FUNCTIONS,
    MAP,
    MAPS,
    NUMBER,
    POSITIVE,
    PRESETS,
    PROMPT_LIST,
    RETRIES,
    TEXT,
    TEXTS,
    TOKEN_BUDGET,
    ConfigField,
    ConfigFields,
    list_of,
    object_of,
    prompt,
    words,
)
from .fields import MAIN_SLOT, STEP

if TYPE_CHECKING:
    from .model import Json, JsonMap

Family: TypeAlias = Literal["model", "flow", "data", "other"]
"""What steps look like on a canvas: they ask a model, hold other steps, or work on data."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Slot:
    """A list of a step that holds other steps (docs/document-model.md, Slots).

    `is_keyed`: there are many of them, one for each key of a map; the key in JSON follows the name
    and a colon.
    """

    name: str
    title: str
    description: str
    is_required: bool = False
    is_keyed: bool = False


@dataclass(frozen=True, slots=True)
class StepType:
    """One type. `one_of` are fields of which a step needs at least one, whichever."""

    title: str
    description: str
    family: Family
    fields: ConfigFields = field(default_factory=dict)
    example: "JsonMap" = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    one_of: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[str, ...]:
        """The fields and the slots without which a step of this type cannot run."""
        fields = (name for name, each in self.fields.items() if each.is_required)
        return (*fields, *(slot.name for slot in self.slots if slot.is_required))


EVERY_SLOT: Final = (
    Slot("error_handler", "Error handler", "Steps that run when this one has failed."),
    Slot("on_error", "On error", "The same, as earlier files call it."),
)
"""The slots that a step of any type may have."""

_BODY: Final = Slot(MAIN_SLOT, "Body", "The steps that are repeated.", is_required=True)

_PRESET: Final = "A named set of options, beneath those of the step."
_INSTRUCTION: Final = {"type": "static", "content": "List the risks of this change."}
_PROMPT: Final = {"prompt": [_INSTRUCTION]}


def _preset(default: str) -> ConfigField:
    return ConfigField("Preset", _PRESET, PRESETS, default)


def _claude(title: str, description: str, example: "JsonMap", **more: ConfigField) -> StepType:
    fields = {"prompt": prompt(), **more, "claude_options": CLAUDE_OPTIONS}
    return StepType(title, description, "model", fields, {**_PROMPT, **example})


_MODEL: Final = ConfigField(
    "Model", "The model's name.", TEXT, examples=("gemini-2.5-flash", "gemini-2.5-pro")
)
_TIMEOUT: Final = ConfigField("Time limit", "In milliseconds.", POSITIVE, 120_000)

_GEMINI: Final[ConfigFields] = {
    "prompt": prompt(),
    "model": _MODEL,
    "token_budget": TOKEN_BUDGET,
    "functions": FUNCTIONS,
    "timeout_ms": _TIMEOUT,
}

_SESSION: Final[ConfigFields] = {
    "session_name": ConfigField("Session name", "By which later steps find it.", TEXT),
    "persist": ConfigField("Keep", "Keep the session after the run.", FLAG, default=True),
    "continue_on_restart": ConfigField("Resume", "Go on in it after a restart.", FLAG),
    "checkpoint_frequency": ConfigField("Checkpoint every", "In messages.", POSITIVE, 5),
    "max_turns": ConfigField("Turns", "How many turns at most.", POSITIVE),
    "description": ConfigField("Description", "What the session is for.", TEXT),
}

_TURNS: Final[ConfigFields] = {
    "turn": ConfigField("Turn", "Its number, from 1.", POSITIVE),
    "prompt": prompt(is_required=False),
    "claude_options": CLAUDE_OPTIONS,
}

_EXTRACTION: Final[ConfigFields] = {
    "use_content_extractor": ConfigField("Extract", "Extract content at all.", FLAG, default=True),
    "format": ConfigField(
        "Format",
        "The form of what is extracted.",
        words("text", "json", "structured", "summary", "markdown"),
        "text",
    ),
    "post_processing": ConfigField(
        "Afterwards",
        "What else to take from the answer.",
        TEXTS,
        examples=(["extract_code_blocks", "extract_links", "generate_summary"],),
    ),
    "max_summary_length": ConfigField("Longest summary", "In characters.", POSITIVE),
    "include_metadata": ConfigField("Metadata", "Add metadata.", FLAG, default=False),
}

_TASK: Final[ConfigFields] = {
    "id": ConfigField("Id", "By which its result is found.", TEXT, examples=("style",)),
    "prompt": ConfigField("Prompt", "What it is asked.", {"anyOf": [PROMPT_LIST, TEXT]}),
    "file": ConfigField("File", "A file to work on.", TEXT),
    "output_to_file": ConfigField("Output file", "Where its result is written, too.", TEXT),
    "claude_options": CLAUDE_OPTIONS,
}

_TASKS_EXAMPLE: "Final[list[Json]]" = [
    {"id": "style", "prompt": [{"type": "static", "content": "Review the style."}]},
    {"id": "tests", "prompt": [{"type": "static", "content": "Review the tests."}]},
]

_BATCH: Final[ConfigFields] = {
    "max_parallel": ConfigField("At a time", "How many tasks run at a time.", POSITIVE, 3),
    "timeout_per_task": ConfigField("Time limit", "Milliseconds for each task.", POSITIVE, 60_000),
    "consolidate_results": ConfigField(
        "Consolidate", "Put the results together.", FLAG, default=True
    ),
}

_NESTED: Final[ConfigFields] = {
    "inherit_context": ConfigField("Context", "It sees the outer results.", FLAG, default=False),
    "inherit_providers": ConfigField("Providers", "It uses the outer providers.", FLAG),
    "inherit_functions": ConfigField("Functions", "It uses the outer functions.", FLAG),
    "workspace_dir": ConfigField("Workspace", "Where it works.", TEXT),
    "checkpoint_enabled": ConfigField("Checkpoints", "It saves its progress.", FLAG),
    "timeout_seconds": ConfigField("Time limit", "In seconds.", POSITIVE, 300),
    "max_retries": ConfigField("Retries", "How often it is run again.", {"type": "integer"}),
    "continue_on_error": ConfigField("Go on", "Its failure does not end the outer one.", FLAG),
    "max_depth": ConfigField("Depth", "How deep pipelines may nest.", POSITIVE, 10),
    "max_total_steps": ConfigField("Steps", "How many it may run in all.", POSITIVE, 1000),
    "memory_limit_mb": ConfigField("Memory", "In megabytes.", POSITIVE, 1024),
    "enable_tracing": ConfigField("Tracing", "Record what it does.", FLAG),
}

_PARALLEL: Final[ConfigFields] = {
    "parallel": ConfigField("In parallel", "Work on several items at a time.", FLAG),
    "max_parallel": ConfigField("At a time", "How many.", POSITIVE, 5),
    "batch_size": ConfigField("Batch", "How many items go together.", POSITIVE),
    "ordered_results": ConfigField("Ordered", "Results in the order of the items.", FLAG),
}

_LOOP: Final[ConfigFields] = {
    "max_iterations": ConfigField("Most rounds", "The loop ends after so many.", POSITIVE, 100),
    "break_on_error": ConfigField("Stop at an error", "The loop ends.", FLAG, default=True),
    "break_condition": ConfigField("Break when", "The loop ends when this holds.", TEXT),
    "continue_condition": ConfigField("Skip when", "The round ends when this holds.", TEXT),
}

_OPERATION: Final[ConfigFields] = {
    "operation": ConfigField(
        "Operation",
        "What is done.",
        words(
            *"filter map aggregate join group_by sort unique flatten extract validate".split(),
            "sanitize",
        ),
        is_required=True,
    ),
    "field": ConfigField("Field", "The field of each item.", TEXT),
    "condition": ConfigField("Condition", "Which items stay.", TEXT, examples=("severity > 3",)),
    "expression": ConfigField("Expression", "What becomes of an item.", TEXT),
    "mapping": ConfigField("Mapping", "New values for old ones.", MAP),
    "function": ConfigField(
        "Function",
        "How items are put together.",
        words("sum", "average", "count", "max", "min", "first", "last", "unique"),
        "sum",
    ),
    "left_field": ConfigField("Left field", "Of a join: the field of the item.", TEXT),
    "right_source": ConfigField("Right source", "Of a join: where the others are.", TEXT),
    "join_key": ConfigField("Join key", "Of a join: the field of the others.", TEXT),
    "order": ConfigField("Order", "Of a sort.", words("asc", "desc"), "asc"),
}

_OUTPUT_FIELD: Final = ConfigField("Result", "The name under which the result is found.", TEXT)

_OPERATIONS: Final = words(
    *"copy move delete validate list convert stream_copy stream_process wait".split()
)
_CONVERSIONS: Final = words(
    *"csv_to_json json_to_csv yaml_to_json json_to_yaml xml_to_json json_to_xml".split()
)

TYPES: Final[Mapping[str, StepType]] = {
    "claude": _claude("Claude", "Asks Claude once.", {}),
    "gemini": StepType("Gemini", "Asks Gemini once.", "model", _GEMINI, _PROMPT),
    "claude_smart": _claude(
        "Claude, smart",
        "Asks Claude with options that fit the environment.",
        {"preset": "analysis"},
        preset=_preset("development"),
        environment_aware=ConfigField("By environment", "Adapt to it.", FLAG, default=True),
    ),
    "claude_session": _claude(
        "Claude, session",
        "Asks Claude in a session that later steps can go on in.",
        {"session_config": {"session_name": "review", "persist": True}},
        session_config=ConfigField("Session", "How the session is kept.", object_of(_SESSION)),
        conversation=ConfigField("Conversation", "Several turns in order.", list_of(_TURNS)),
        preset=_preset("analysis"),
    ),
    "claude_extract": _claude(
        "Claude, extract",
        "Asks Claude, and extracts content from the answer.",
        {"extraction_config": {"format": "structured"}},
        extraction_config=ConfigField("Extraction", "What to take.", object_of(_EXTRACTION)),
        schema=ConfigField("Schema", "The form of what is extracted.", MAP),
        preset=_preset("analysis"),
    ),
    "claude_batch": StepType(
        "Claude, batch",
        "Asks Claude several things, some at a time.",
        "model",
        {
            "tasks": ConfigField("Tasks", "What to ask.", list_of(_TASK)),
            "prompt": prompt(is_required=False),
            "batch_config": ConfigField("Batch", "How tasks are run.", object_of(_BATCH)),
            "preset": _preset("development"),
            "claude_options": CLAUDE_OPTIONS,
        },
        {"tasks": _TASKS_EXAMPLE, "batch_config": {"max_parallel": 2}},
        one_of=("prompt", "tasks"),
    ),
    "claude_robust": _claude(
        "Claude, robust",
        "Asks Claude, tries again after failures, and has a fallback.",
        {"retry_config": {"max_retries": 5, "backoff_strategy": "exponential"}},
        retry_config=ConfigField("Retries", "What to do after a failure.", object_of(RETRIES)),
        preset=_preset("production"),
    ),
    "parallel_claude": StepType(
        "Claude, parallel",
        "Asks Claude several things at the same time.",
        "model",
        {
            "parallel_tasks": ConfigField(
                "Tasks", "What to ask.", list_of(_TASK), is_required=True
            ),
            "parallel_config": ConfigField("Parallel", "How tasks are run.", MAP),
            "claude_options": CLAUDE_OPTIONS,
        },
        {"parallel_tasks": _TASKS_EXAMPLE},
    ),
    "gemini_instructor": StepType(
        "Gemini, structured",
        "Asks Gemini for an answer of a given form.",
        "model",
        {
            **_GEMINI,
            "schema": ConfigField("Schema", "The form of the answer.", MAP),
            "validation_mode": ConfigField(
                "Validation", "How exactly it must fit.", words("strict", "loose")
            ),
        },
        {**_PROMPT, "schema": {"risks": "list"}},
    ),
    "pipeline": StepType(
        "Pipeline",
        "Runs another pipeline: of a file, or one that stands in this step.",
        "flow",
        {
            "pipeline_file": ConfigField(
                "File", "The file of the pipeline.", TEXT, examples=("./review.yaml",)
            ),
            "pipeline": ConfigField("Inline", "The header of the pipeline in this step.", MAP),
            "pipeline_ref": ConfigField("Reference", "The name of a known pipeline.", TEXT),
            "inputs": ConfigField(
                "Inputs", "Values for it.", MAP, examples=({"diff": "{{steps.read.result}}"},)
            ),
            "outputs": ConfigField(
                "Outputs",
                "Which results come back: names, or maps of `path` and `as`.",
                {"type": "array", "items": {"anyOf": [TEXT, MAP]}},
            ),
            "config": ConfigField("Limits", "How it is run.", object_of(_NESTED)),
        },
        {"pipeline_file": "./review.yaml", "inputs": {"diff": "{{steps.read.result}}"}},
        slots=(
            Slot("pipeline.steps", "Steps", "The steps of the pipeline in this step."),
            Slot("pipeline.workflow.steps", "Steps", "The same, under a key `workflow`."),
        ),
        one_of=("pipeline_file", "pipeline", "pipeline_ref"),
    ),
    "for_loop": StepType(
        "For each",
        "Runs the steps inside it once for each item of a list.",
        "flow",
        {
            "iterator": ConfigField(
                "Item name", "By which the steps call the item.", TEXT, "item", ("file",), True
            ),
            "data_source": ConfigField(
                "Items",
                "Where the list is: a step and a field, a template, or the list itself.",
                {"anyOf": [TEXT, {"type": "array"}]},
                examples=("previous_response:find:files",),
                is_required=True,
            ),
            **_PARALLEL,
            **_LOOP,
        },
        {"iterator": "file", "data_source": "find:files"},
        slots=(_BODY,),
    ),
    "while_loop": StepType(
        "While",
        "Runs the steps inside it again and again while a condition holds.",
        "flow",
        {
            "condition": ConfigField(
                "Condition",
                "Another round begins while this holds.",
                {"anyOf": [TEXT, MAP]},
                examples=("check.passed == false",),
                is_required=True,
            ),
            **_LOOP,
        },
        {"condition": "check.passed == false", "max_iterations": 5},
        slots=(_BODY,),
    ),
    "switch": StepType(
        "Switch",
        "Runs the steps of one of several cases.",
        "flow",
        {
            "expression": ConfigField(
                "Expression",
                "The value that decides.",
                TEXT,
                examples=("classify.kind",),
                is_required=True,
            )
        },
        {"expression": "classify.kind"},
        slots=(
            Slot("cases", "Case", "The steps for one value.", is_required=True, is_keyed=True),
            Slot("default", "Otherwise", "The steps for every other value."),
        ),
    ),
    "data_transform": StepType(
        "Transform data",
        "Filters, maps, joins or sorts the result of a step.",
        "data",
        {
            "input_source": ConfigField(
                "Input",
                "Where the data is: a step and a field, or a variable.",
                TEXT,
                examples=("previous_response:review:issues",),
                is_required=True,
            ),
            "operations": ConfigField("Operations", "In their order.", list_of(_OPERATION)),
            "output_field": _OUTPUT_FIELD,
            "output_format": ConfigField(
                "Output", "The form of the result.", words("json", "string", "count"), "json"
            ),
        },
        {
            "input_source": "previous_response:review:issues",
            "operations": [{"operation": "filter", "condition": "severity > 3"}],
            "output_field": "severe",
        },
    ),
    "file_ops": StepType(
        "Files",
        "Copies, moves, deletes, checks or converts files.",
        "data",
        {
            "operation": ConfigField("Operation", "What is done.", _OPERATIONS, is_required=True),
            "source": ConfigField("From", "A path, or several.", {"anyOf": [TEXT, TEXTS, MAP]}),
            "destination": ConfigField("To", "A path.", TEXT),
            "path": ConfigField("Path", "A file or a folder.", TEXT),
            "files": ConfigField("Files", "What is checked: maps with a `path`.", MAPS),
            "format": ConfigField("Conversion", "Of a convert.", _CONVERSIONS),
            "pattern": ConfigField("Pattern", "Which files.", TEXT, examples=("*.md",)),
            "recursive": ConfigField("Recursive", "Also in the folders below.", FLAG),
            "processor": ConfigField(
                "Processor",
                "Of a stream_process.",
                words("identity", "uppercase", "lowercase", "trim", "replace"),
            ),
            "replacement": ConfigField("Replacement", "Of the processor `replace`.", TEXT),
            "duration_seconds": ConfigField("Pause", "Of a wait.", NUMBER),
            "output_field": _OUTPUT_FIELD,
        },
        {"operation": "copy", "source": "draft.md", "destination": "final.md"},
    ),
    "codebase_query": StepType(
        "Query the code",
        "Finds files, functions and dependencies in a code base.",
        "data",
        {
            "queries": ConfigField(
                "Queries",
                "By the name under which each result is found.",
                {"type": "object", "additionalProperties": {"type": ["object", "array"]}},
                is_required=True,
            ),
            "codebase_context": ConfigField("Context", "Add what the project is.", FLAG),
            "workspace_dir": ConfigField("Folder", "Where the code is.", TEXT),
        },
        {"queries": {"tests": {"find_files": [{"pattern": "test_*.py"}]}}},
    ),
    "set_variable": StepType(
        "Set variables",
        "Sets variables that later steps read.",
        "data",
        {
            "variables": ConfigField("Variables", "Values by name.", MAP, examples=({"round": 1},)),
            "scope": ConfigField(
                "Scope", "Who sees them.", words("global", "session", "loop", "local"), "global"
            ),
        },
        {"variables": {"round": 1}},
    ),
    "checkpoint": StepType(
        "Checkpoint",
        "Saves the state of the run, or loads it.",
        "other",
        {
            "checkpoint_name": ConfigField("Checkpoint name", "By which it is found.", TEXT),
            "state": ConfigField("State", "What is saved.", MAP),
            "action": ConfigField("Action", "Save or load.", words("save", "load"), "save"),
            "include_workspace": ConfigField("Workspace", "Save its files, too.", FLAG),
            "compress": ConfigField("Compress", "Compress what is saved.", FLAG),
        },
        {"checkpoint_name": "reviewed"},
        slots=(Slot("on_not_found", "Not found", "Steps that run if there is none to load."),),
    ),
    "test_echo": StepType(
        "Echo",
        "Returns a value, or fails: for tests of pipelines.",
        "other",
        {
            "value": ConfigField("Value", "What it returns.", ANYTHING, examples=("hello",)),
            "fail": ConfigField("Fail", "It fails instead.", FLAG, default=False),
            "error_message": ConfigField("Message", "With which it fails.", TEXT),
        },
        {"value": "hello"},
    ),
    "break": StepType("Break", "Ends the loop around it.", "flow"),
    "continue": StepType("Continue", "Ends the round of the loop around it.", "flow"),
    "bash": StepType(
        "Shell command",
        "Runs a command.",
        "other",
        {"command": ConfigField("Command", "What is run.", TEXT, examples=("make test",))},
        {"command": "make test"},
    ),
}
"""Every type by its name: the documented eighteen, and those that real files use besides."""


def config_schema(type_: StepType) -> dict[str, Any]:
    """Return the JSON Schema of the `config` of a step of this type.

    It names no slots: steps inside a step are entries of their own in the document.
    """
    rule = object_of({**EVERY_STEP, **type_.fields})
    one_of = {"anyOf": [{"required": [name]} for name in type_.one_of]} if type_.one_of else {}
    # An inline pipeline may have steps and no header: then nothing of it stands in `config`.
    alternatives = {} if any("." in slot.name for slot in type_.slots) else one_of
    return {"title": "Settings", **rule, **alternatives}


def step_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a step of a type, as its map in the document is.

    Raises KeyError for a name that is not in `TYPES`.
    """
    type_ = TYPES[name]
    properties = {
        **{field: each.json_schema for field, each in STEP.items()},
        "type": {"const": name, "default": name, "title": "Type", "description": "Of the step."},
        "config": config_schema(type_),
    }
    return {
        "$schema": DIALECT,
        "title": type_.title,
        "description": type_.description,
        "type": "object",
        "properties": properties,
        "required": [field for field, each in STEP.items() if each.is_required],
        "examples": [{"name": f"my_{name}", "type": name, "config": type_.example}],
    }
