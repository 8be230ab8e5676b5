"""The example of the library for browsers, packed and tried in an empty project."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.clients.browser import LEAN, PLAYWRIGHT, browser
from tests.clients.browsers import MODULES, serving
from tests.clients.javascript import LIBRARY, ROOT, npm, run
from tests.interop.stock import node
from tests.server import Installation


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, the packed library and what it needs beside it."""
    folder = tmp_path_factory.mktemp("project")
    npm("run", "--silent", "build")
    packed = npm("pack", "--silent", "--pack-destination", str(folder)).split()[-1]
    shutil.unpack_archive(folder / packed, folder / "unpacked", "gztar")
    (folder / "node_modules").mkdir()
    for package in MODULES.iterdir():
        (folder / "node_modules" / package.name).symlink_to(package)
    shutil.move(folder / "unpacked" / "package", folder / "node_modules" / "pipeloom-client")
    for file in (LIBRARY / "example").iterdir():
        shutil.copy(file, folder)
    return folder


def test_the_example_is_short() -> None:
    assert len((LIBRARY / "example" / "main.tsx").read_text().splitlines()) < 60


def test_types_of_the_packed_library_are_checked_in_the_example(project: Path) -> None:
    # Types of style sheets come from the bundler.
    (project / "styles.d.ts").write_text('declare module "*.css";\n')
    check_types(project, "main.tsx", "styles.d.ts")


def check_types(folder: Path, *files: str) -> None:
    """Check types as in a project that Vite makes (`bundler`), those of the packages, too."""
    strict = ("--strict", "--noEmit", "--jsx", "react-jsx", "--target", "es2022", "--types", "")
    resolution = ("--module", "esnext", "--moduleResolution", "bundler")
    compiler = str(MODULES / "typescript7" / "bin" / "tsc")
    run(node(), compiler, *strict, *resolution, *files, cwd=folder)


def test_the_document_alone_needs_no_provider(project: Path, tmp_path: Path) -> None:
    packages = tmp_path / "node_modules"
    shutil.copytree(project / "node_modules" / "pipeloom-client", packages / "pipeloom-client")
    for needed in ("fractional-indexing", "lib0", "y-protocols", "y-websocket", "yjs"):
        (packages / needed).symlink_to(MODULES / needed)
    page = (ROOT / "docs" / "clients.md").read_text().split("\n## Without a room\n")[1]
    (tmp_path / "main.ts").write_text(page.split("```ts\n")[1].split("```")[0])
    check_types(tmp_path, "main.ts")
    esbuild = str(MODULES / ".bin" / "esbuild")
    run(esbuild, "main.ts", "--bundle", "--format=esm", "--outfile=main.js", cwd=tmp_path)


@pytest.fixture
def address(project: Path) -> Iterator[str]:
    """The example, bundled and served on a port of its own."""
    bundled = ("--bundle", "--format=esm", "--jsx=automatic", "--outfile=main.js")
    esbuild = str(MODULES / ".bin" / "esbuild")
    run(esbuild, "main.tsx", *bundled, "--log-level=error", cwd=project)
    everything = 'export * from "pipeloom-client/rest"'
    named = ("--bundle", "--global-name=rest", "--outfile=rest.js", "--log-level=error")
    run(esbuild, *named, cwd=project, stdin=everything)
    with serving(project) as address:
        yield f"{address}/index.html"


async def test_two_windows_edit_one_pipeline(
    address: str, database_url: str, tmp_path: Path
) -> None:
    program = browser()
    installation = Installation(database_url, tmp_path / "data")
    async with installation.serve() as server:
        pipeline, token = await installation.demo_pipeline(), await installation.token()
        given = {"url": server.http(""), "pipeline": pipeline, "token": token}
        playwright = (PLAYWRIGHT / "index.js").as_uri()
        script = str(ROOT / "tests" / "clients" / "browser.mjs")
        page = f"{address}#{urlencode(given)}"
        printed = await asyncio.to_thread(run, node(), script, program, page, playwright, LEAN)
    seen = json.loads(printed)
    assert seen["errors"] == []
    assert (seen["added"], seen["moved"]) == ("claude", True)
    assert seen["people"] == [seen["cursor"]]
    events = ["open", "first", "open", "second", "pipeline.deleted", "not_found"]
    assert seen["events"] == events
