"""What the library adds to a page: bundled, minified, gzipped, without Yjs and the provider."""

import gzip

import pytest

from tests.clients.javascript import LIBRARY, compiled, run

READING = "openPipeline"
VERBS = "addStep, moveSteps, placeStep, patchConfig, connect, disconnect, remove, undoOf"
EDITING = f"{READING}, {VERBS}"
CANVAS = f"joinRoom, {VERBS}"


@pytest.mark.parametrize(
    ("names", "most"),
    [(READING, 5_400), (EDITING, 10_850), (CANVAS, 13_200), ("*", 18_200)],
    ids=str,
)
def test_a_page_loads_little_and_only_what_it_uses(names: str, most: int) -> None:
    wanted = "*" if names == "*" else f"{{ {names} }}"
    program = f'export {wanted} from "./src/index.js"'
    options = ("--bundle", "--minify", "--format=esm", "--target=es2022")
    esbuild = str(LIBRARY / "node_modules" / ".bin" / "esbuild")
    outside = ("--external:yjs", "--external:@hocuspocus/provider")
    bundled = run(esbuild, *options, *outside, cwd=compiled(), stdin=program)
    size = len(gzip.compress(bundled.encode(), 9))
    print(f"{names}: {size} bytes")
    assert 1_000 < size < most
