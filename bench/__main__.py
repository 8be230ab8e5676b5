"""Runs every bench with its defaults, one after the other: about thirty-five minutes."""

import subprocess
import sys
from pathlib import Path

BENCHES = (
    "edit_to_row",
    "projection_cost",
    "fan_out",
    "hot_path",
    "ramp",
    "joins",
    "event_loop",
    "catching_up",
    "server_edits",
    "large_edits",
    "dear_edits",
    "idle",
    "slow_consumers",
    "search",
    "shapes",
    "canvas",
)
LONGEST_SECONDS = 600


def main() -> int:
    """Run the benches named on the command line, or all; return how many failed."""
    failed = 0
    for name in sys.argv[1:] or BENCHES:
        print(f"\n== bench.{name}", flush=True)
        failed += _run(name) != 0
    return failed


def _run(name: str) -> int:
    command = (sys.executable, "-m", f"bench.{name}")
    repository = Path(__file__).parent.parent
    return subprocess.run(command, cwd=repository, timeout=LONGEST_SECONDS, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
