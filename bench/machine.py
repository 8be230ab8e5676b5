"""What the figures were measured on, and the CPU time of processes (Linux: proc(5))."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("pycrdt", "uvicorn", "uvloop", "websockets", "asyncpg")

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PARENT, _USER_TIME, _SYSTEM_TIME = 1, 11, 12
"""Fields of /proc/PID/stat, counted from the one after the program's name."""


def describe() -> str:
    """Cores, load and versions: without them no figure means anything."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{os.cpu_count()} cores ({_processor()}), load {os.getloadavg()[0]:.1f}, "
        f"{platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, {libraries}"
    )


def cpu_seconds(process_id: int) -> float:
    """User and system time of a process and all its threads, in steps of 10 ms."""
    fields = _stat(process_id)
    return (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) / _TICKS_PER_SECOND


def resident_bytes(process_id: int) -> int:
    """Memory that a process has in RAM."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def family(parent: int) -> Iterator[int]:
    """A process and its children."""
    yield parent
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit() and _parent(int(directory.name)) == parent:
            yield int(directory.name)


def _parent(process_id: int) -> int | None:
    try:
        return int(_stat(process_id)[_PARENT])
    except OSError:  # it ended meanwhile
        return None


def _stat(process_id: int) -> list[str]:
    text = Path(f"/proc/{process_id}/stat").read_text()
    return text.rpartition(")")[2].split()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")
