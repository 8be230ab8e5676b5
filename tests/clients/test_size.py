"""What the library adds to a page: bundled, minified, gzipped, without Yjs and the provider."""

import gzip
import subprocess

import pytest

from tests.clients.javascript import LIBRARY, compiled

READING = "openPipeline"
CANVAS = "joinRoom, addStep, moveSteps, connect, disconnect, remove, undoOf"


@pytest.mark.parametrize(
    ("names", "most"), [(READING, 6_000), (CANVAS, 13_500), ("*", 17_000)], ids=str
)
def test_a_page_loads_little_and_only_what_it_uses(names: str, most: int) -> None:
    wanted = "*" if names == "*" else f"{{ {names} }}"
    program = f'export {wanted} from "./src/index.js"'
    options = ("--bundle", "--minify", "--format=esm", "--target=es2022")
    bundled = subprocess.run(
        [
            LIBRARY / "node_modules" / ".bin" / "esbuild",
            *options, "--external:yjs", "--external:@hocuspocus/provider",
        ],
        input=program, cwd=compiled(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    size = len(gzip.compress(bundled.stdout.encode(), 9))
    print(f"{names}: {size} bytes")
    assert 1_000 < size < most
