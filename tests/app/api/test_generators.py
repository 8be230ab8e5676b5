"""Whether generators of clients make whole clients of the OpenAPI document, and whether these work.

What they need of it is checked with every change. The generators of Python run in a soak, in an
environment of their own: one of them wants an older Typer than the program does. What
`openapi-typescript` makes is compiled with the library for browsers (`test_rest.py`).
"""

import asyncio
import compileall
import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.api.app import TAGS, openapi_document
from tests.commands import REPOSITORY
from tests.rounds import SOAK
from tests.server import Installation, Server

GENERATORS = REPOSITORY / ".venv" / "generators" / "bin"
TOUR = Path(__file__).with_name("generated_tour.py")
VERBS = ("get", "put", "post", "patch", "delete")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((f"{verb} {path}", item[verb]) for verb in VERBS if verb in item)


def test_operations_have_names_tags_and_words(document: dict[str, Any]) -> None:
    names = [one["operationId"] for _, one in operations(document)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)
    assert {tag for _, one in operations(document) for tag in one["tags"]} == {*TAGS}
    assert {len(one["tags"]) for _, one in operations(document)} == {1}
    assert all(one["summary"] and one["description"] for _, one in operations(document))
    assert document["servers"] == [{"url": "/api"}]


def test_all_refusals_are_problem_documents(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        assert {"400", "401", "422", "429", "503"} <= {*operation["responses"]}, where
        for status, answer in operation["responses"].items():
            if status >= "4":
                (kind,) = answer["content"]
                assert kind == "application/problem+json", (where, status)


def test_every_operation_wants_the_token(document: dict[str, Any]) -> None:
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert all(one["security"] for _, one in operations(document))


def test_parameters_have_one_type_and_answers_a_schema(document: dict[str, Any]) -> None:
    for where, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "anyOf" not in parameter["schema"], (where, parameter["name"])
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                assert content["schema"], (where, status, kind)


def test_files_are_texts(document: dict[str, Any]) -> None:
    paths = document["paths"]
    put, get = (paths["/pipelines/{pipeline_id}/yaml"][verb] for verb in ("put", "get"))
    answered = get["responses"]["200"]["content"]
    for content in (put["requestBody"]["content"], answered):
        assert content["application/yaml"]["schema"]["type"] == "string"
        assert content["text/yaml"]["schema"]["type"] == "string"
    assert "application/octet-stream" in put["requestBody"]["content"]
    assert paths["/validate"]["post"]["requestBody"] == put["requestBody"]


@pytest.mark.skipif(not SOAK, reason="the generators are installed by `make soak`")
async def test_a_generated_client_compiles_and_works(
    shared_installation: Installation,
    shared_server: Server,
    document: dict[str, Any],
    tmp_path: Path,
) -> None:
    source, folder = tmp_path / "openapi.json", tmp_path / "generated"
    source.write_text(json.dumps(document))
    command = ["openapi-python-client", "generate", "--path", str(source), "--meta", "none"]
    await done([*command, "--output-path", str(folder)])
    made = {one.stem for one in folder.glob("api/*/*.py")} - {"__init__"}
    assert made == {operation["operationId"] for _, operation in operations(document)}
    assert compileall.compile_dir(folder, quiet=1)
    tour = ["python", "-W", "error", str(TOUR)]
    token = await shared_installation.token()
    await done([*tour, shared_server.http(""), token], tmp_path)


@pytest.mark.skipif(not SOAK, reason="the generators are installed by `make soak`")
async def test_generated_models_compile(document: dict[str, Any], tmp_path: Path) -> None:
    source, target = tmp_path / "openapi.json", tmp_path / "models.py"
    source.write_text(json.dumps(document))
    kind = ["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel"]
    await done(["datamodel-codegen", "--input", str(source), "--output", str(target), *kind])
    example = document["components"]["schemas"]["Problem"]["example"]
    uses = f"import models; print(models.Problem(**{example!r}).code.value)"
    assert (await done(["python", "-W", "error", "-c", uses], tmp_path)).strip() == "not_found"


async def done(command: Sequence[str], folder: Path | None = None) -> str:
    """Run what must succeed in the environment of the generators; return what it printed."""
    run = [str(GENERATORS / command[0]), *command[1:]]
    environment = {**os.environ, "PYTHONPATH": str(folder or "")}
    ended = await asyncio.to_thread(
        subprocess.run, run, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
