"""The browser of the tests: found where it is, and installed where it is not.

`python -m tests.clients.browser` installs one unless there is one, and fails with what to do if it
cannot. `make test` runs that once and goes on in any case: then the tests that need it fail.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tests.apt import APT, is_debian, is_root, succeeds
from tests.clients.javascript import LIBRARY
from tests.interop.stock import node

VARIABLE: Final = "PIPELOOM_TEST_BROWSER"
NAMES: Final = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
PLAYWRIGHT: Final = LIBRARY / "node_modules" / "playwright-core"
REMEDY: Final = (
    f"expected a browser that starts, found none: install one of {', '.join(NAMES)}, "
    "or run `make browser`, which says why it cannot install one, "
    f"or name the program in {VARIABLE}"
)

# Chromium heeds the last switch of this name only: it has to name what Playwright disables, too.
OF_PLAYWRIGHT: Final = (
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades",
    "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints",
    "PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning",
)  # fmt: skip
# With each window a browser loads two pages for the menus of its address field, and it keeps a
# process for the page that may come next: half of what an empty page costs, and nobody sees them.
OF_WINDOWS: Final = (
    "SpareRendererForSitePerProcess", "WebUIOmniboxAimPopup", "WebUIOmniboxPopup",
)  # fmt: skip
LEAN: Final = f"--disable-features={','.join(OF_PLAYWRIGHT + OF_WINDOWS)}"
"""The switch that spares a browser what no test looks at."""

VERSION_SECONDS: Final = 30
CHROMIUM: Final = (*APT, "install", "-y", "--no-install-recommends", "chromium")


def found() -> str | None:
    """The program of a browser that starts. One that the environment names is the only choice."""
    named = os.environ.get(VARIABLE)
    return next(filter(_starts, [named] if named else _candidates()), None)


def browser() -> str:
    """The program of a browser; without one, an AssertionError says what to do."""
    program = found()
    assert program is not None, REMEDY
    return program


def install() -> None:
    """Install Chromium, in the first way that leads to one that starts."""
    for way in _ways():
        if all(map(succeeds, way)) and found():
            return


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    script = "console.log(require(process.argv[1]).chromium.executablePath())"
    with suppress(subprocess.SubprocessError):
        yield subprocess.check_output([node(), "-e", script, str(PLAYWRIGHT)], text=True).strip()


def _starts(program: str) -> bool:
    # Ubuntu's `chromium-browser` may be a script that only asks for snap; libraries may be missing.
    with suppress(OSError, subprocess.SubprocessError):
        command = [program, "--version"]
        subprocess.run(command, capture_output=True, check=True, timeout=VERSION_SECONDS)
        return True
    return False


def _ways() -> Iterator[list[tuple[str, ...]]]:
    has_apt = shutil.which("apt-get") is not None
    # Elsewhere the package of that name is another thing: Ubuntu's installs snap.
    if is_root() and has_apt and is_debian():
        yield [CHROMIUM]
        yield [(*APT, "update"), CHROMIUM]
    libraries = ("--with-deps",) if is_root() and has_apt else ()
    yield [(node(), str(PLAYWRIGHT / "cli.js"), "install", "--no-shell", *libraries, "chromium")]


def main() -> str | None:
    """Return what to do if there is no browser in the end, for `sys.exit`."""
    if found():
        return None
    if not os.environ.get(VARIABLE):
        print("installing Chromium for the tests of the library for browsers", flush=True)
        install()
    return None if found() else REMEDY


if __name__ == "__main__":
    sys.exit(main())
