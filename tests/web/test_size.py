"""What a browser loads before somebody can edit, by the manifest that Vite writes."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.web.built import build_page

MOST_SCRIPT = 220_000
MOST_STYLE = 20_000


def chunks(manifest: dict[str, Any], name: str) -> Iterator[str]:
    """A chunk and what it imports at once; what it imports later is left out."""
    yield name
    for imported in manifest[name].get("imports", ()):
        yield from chunks(manifest, imported)


def size(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9))


def test_the_first_load_of_an_open_pipeline_is_small() -> None:
    page = build_page()
    manifest = json.loads((page / "manifest.json").read_text())
    names = {*chunks(manifest, "index.html"), *chunks(manifest, "src/editor/Editor.tsx")}
    scripts = {manifest[name]["file"] for name in names}
    styles = {style for name in names for style in manifest[name].get("css", ())}
    script = sum(size(page / file) for file in scripts)
    style = sum(size(page / file) for file in styles)
    print(f"{script} bytes of script, {style} of style")
    assert 100_000 < script < MOST_SCRIPT
    assert 5_000 < style < MOST_STYLE


def test_the_list_of_pipelines_loads_nothing_of_the_editor() -> None:
    page = build_page()
    manifest = json.loads((page / "manifest.json").read_text())
    names = {*chunks(manifest, "index.html"), *chunks(manifest, "src/home/Home.tsx")}
    script = sum(size(page / manifest[name]["file"]) for name in names)
    print(f"{script} bytes of script")
    assert 50_000 < script < MOST_SCRIPT / 2
