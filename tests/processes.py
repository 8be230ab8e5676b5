"""What the operating system tells of processes (Linux: proc(5))."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

SPAWNED: Final = "spawn_main"
"""What the command line of a process started by `multiprocessing` names, or `comm` of its fork."""


def children(pid: int) -> list[int]:
    """The processes that a server started: others that serve, and a worker."""
    return [each for each in _all() if _is_child(each, pid) and _is_spawned(each)]


def command(pid: int) -> str:
    """The command line of a process; nothing if it has ended."""
    return _told(pid, "cmdline")


def alive(pids: Iterable[int]) -> list[int]:
    """Those of them that have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _all() -> list[int]:
    return [int(each.name) for each in Path("/proc").glob("[0-9]*")]


def _is_spawned(pid: int) -> bool:
    return SPAWNED in command(pid) or _told(pid, "comm").strip() == SPAWNED


def _is_child(pid: int, parent: int) -> bool:
    fields = _told(pid, "stat").rpartition(")")[2].split()
    return fields[1:2] == [str(parent)]


def _told(pid: int, what: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{what}").read_text()
    return ""
