from itertools import count

import pytest

from crdt.yaml.codec import read
from crdt.yaml.importer import find_root
from crdt.yaml.lint import detect_version
from crdt.yaml.reader import read_tree


def found(text: str) -> list[str]:
    numbers = count()
    imported = read(text, name="file", new_id=lambda: f"id{next(numbers)}")
    return [f"{one.severity} {one.code}" for one in imported.diagnostics]


def in_step(step: str) -> list[str]:
    return found(f"workflow: {{name: p, steps: [{step}]}}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{workflow: {name: p, steps: []}}", ["error missing-steps"]),
        ("{workflow: {name: p, steps: x}}", ["error missing-steps"]),
        ("{workflow: {name: null}}", ["error missing-steps", "error missing-name"]),
        ("{name: p, steps: [{name: a, type: break}]}", ["warning root-layout"]),
        (
            """workflow:
                 name: p
                 gemini_functions: {f: {description: d}, g: 1, h: {description: d, parameters: {}}}
                 steps: [{name: a, type: break, functions: [f, z]}]""",
            ["error bad-function", "error bad-function", "error unknown-function"],
        ),
    ],
)
def test_the_header(text: str, expected: list[str]) -> None:
    assert sorted(found(text)) == sorted(expected)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("{name: a, type: break}", []),
        ("{type: break}", ["error missing-name"]),
        ("{name: '', type: break}", ["error missing-name"]),
        ("{name: 1, type: break}", ["warning name-not-text"]),
        ("{name: a}", ["error missing-type"]),
        ("{name: a, type: '{{x}}'}", ["error unknown-type"]),
        ("{name: a, type: [b]}", ["error unknown-type"]),
        ("text", ["error step-not-mapping"]),
        ("{name: a, type: break}, {name: a, type: break}", ["error duplicate-step-name"]),
        ("{name: a, type: claude}", ["error missing-prompt"]),
        ("{name: a, type: claude, prompt: null}", ["error missing-prompt"]),
        ("{name: a, type: claude, prompt: x}", ["error prompt-not-list"]),
        ("{name: a, type: break, prompt: {}}", ["error prompt-not-list"]),
        ("{name: a, type: claude, prompt: [x]}", ["error bad-prompt-part"]),
        ("{name: a, type: claude, prompt: [{type: dynamic}]}", ["error bad-prompt-part"]),
        ("{name: a, type: claude, prompt: [{type: file}]}", ["error bad-prompt-part"]),
        ("{name: a, type: claude, prompt: [{type: static, content: x}]}", []),
        ("{name: a, type: claude_batch}", ["error missing-prompt"]),
        ("{name: a, type: claude_batch, tasks: []}", []),
        ("{name: a, type: claude_batch, prompt: x}", ["error prompt-not-list"]),
        ("{name: a, type: parallel_claude}", ["error missing-field"]),
        ("{name: a, type: for_loop, steps: []}", ["error missing-field"] * 2),
        ("{name: a, type: pipeline}", ["error missing-field"]),
        ("{name: a, type: pipeline, pipeline_file: x, pipeline: {}}", ["warning several-sources"]),
    ],
)
def test_steps(step: str, expected: list[str]) -> None:
    assert in_step(step) == expected


def test_steps_are_checked_at_any_depth_and_names_are_unique_per_list() -> None:
    body = "{name: a, type: break}, {name: b, type: what}"
    loop = f"name: a, type: for_loop, iterator: x, data_source: y, steps: [{body}]"
    assert in_step(f"{{{loop}}}") == ["error unknown-type"]


def test_dangling_references() -> None:
    prompt = "[{type: previous_response, step: x}, {type: static, content: '{{steps.y.z}}'}]"
    assert in_step(f"{{name: a, type: claude, prompt: {prompt}}}") == [
        "error dangling-reference",
        "warning dangling-reference",
    ]


@pytest.mark.parametrize(
    ("step", "version"),
    [
        ("{name: a, type: claude}", "v2"),
        ("{name: a, type: claude, on_error: continue}", "v1"),
        ("{name: a, type: claude, max_attempts: 2}", "v1"),
        ("{name: a, type: claude, retry: {max_attempts: 2}}", "v1"),
        ("{name: a, type: claude, on_error: {action: x}}", "v2"),
        ("{name: a, type: claude_smart, max_attempts: 2}", "v2"),
        ("{name: a, type: claude, max_attempts: 2, condition: {not: x}}", "v2"),
        ("{name: a, type: claude, max_attempts: 2, x: ['{{ steps.b }}']}", "v2"),
        ("{name: a, type: claude, max_attempts: 2, error_handler: []}", "v2"),
        ("{name: a, type: claude, max_attempts: 2, prompt: [{type: claude_continue}]}", "v2"),
    ],
)
def test_the_format_version_is_told_by_its_constructs(step: str, version: str) -> None:
    root = find_root(read_tree(f"workflow: {{name: p, steps: [{step}]}}").root)
    assert detect_version(root) == version


def test_a_header_of_version_two_decides() -> None:
    text = "workflow: {name: p, environment: {}, steps: [{name: a, type: claude, max_attempts: 2}]}"
    assert detect_version(find_root(read_tree(text).root)) == "v2"
