"""Types and unit tests of the page, and what it imports."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.clients.javascript import LIBRARY, npm
from tests.web.built import WEB

IMPORTS: Final = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']|url\("([^"]+)"\)""")


def test_types_and_unit_tests_pass() -> None:
    npm("run", "--silent", "check", cwd=WEB)
    printed = npm("test", "--silent", cwd=WEB)
    assert re.search(r"Tests .*\d+ passed", printed)


def read(file: Path) -> Any:
    return json.loads(file.read_text())


def imported() -> Iterator[tuple[Path, str]]:
    """Every module or style sheet that the page's source names, with the file that does."""
    for file in (WEB / "src").rglob("*.*"):
        if file.suffix in {".ts", ".tsx", ".css"}:
            for found in IMPORTS.finditer(file.read_text()):
                yield file, found[1] or found[2]


def entry_points() -> set[str]:
    exports = read(LIBRARY / "package.json")["exports"]
    return {f"pipeloom-client{name.removeprefix('.')}" for name in exports}


def test_the_page_imports_its_packages_and_the_public_library_and_nothing_else() -> None:
    package = read(WEB / "package.json")
    names = {*package["dependencies"], *package["devDependencies"]}
    seen = list(imported())
    assert ("pipeloom-client/react" in {name for _, name in seen}) is True
    for file, name in seen:
        if name.startswith("."):
            assert (file.parent / name).resolve().is_relative_to(WEB / "src"), f"{file}: {name}"
        elif name.startswith("pipeloom-client"):
            assert name in entry_points(), f"{file}: {name} is no entry point of the library"
        elif not name.startswith("node:"):
            assert any(name == each or name.startswith(f"{each}/") for each in names), f"{file}"


def test_what_a_browser_keeps_is_asked_for_in_one_place() -> None:
    """In a frame of another site its name alone is an error."""
    files = [*(WEB / "src").rglob("*.ts"), *(WEB / "src").rglob("*.tsx")]
    assert [it.name for it in files if "localStorage" in it.read_text()] == ["local.ts"]


def test_types_are_read_from_every_entry_point_of_the_library() -> None:
    paths = read(WEB / "tsconfig.json")["compilerOptions"]["paths"]
    assert {name for name in paths if name.startswith("pipeloom-client")} == entry_points()


def test_packages_that_page_and_library_share_have_the_same_versions() -> None:
    page, library = (read(each / "package-lock.json")["packages"] for each in (WEB, LIBRARY))
    shared = ("yjs", "@hocuspocus/provider", "@xyflow/react", "react", "y-indexeddb", "y-protocols")
    for name in shared:
        key = f"node_modules/{name}"
        assert page[key]["version"] == library[key]["version"], name


def test_colours_come_from_the_tokens() -> None:
    colour = re.compile(r"#[0-9a-f]{3,8}\b|\brgb\(|\bhsl\(", re.IGNORECASE)
    named = {
        f"{file.relative_to(WEB)}: {found[0]}"
        for file in (WEB / "src").rglob("*.css")
        if file.name != "tokens.css"
        for found in colour.finditer(file.read_text())
    }
    assert named == set()
