"""Tests that promise a time run alone: after all others, one after the other, in one process.

A promise of a second that is measured beside other tests says nothing of Pipeloom. A test that
asserts that something takes at most so long is marked `@pytest.mark.timed`. Where pytest runs in
several processes (`-n`), these processes share all other tests first; then all but one of them end,
and that one runs the timed tests.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from xdist.scheduler import WorkStealingScheduling
from xdist.workermanage import WorkerController

MARKER: Final = "timed"
IDS: Final = "timed_ids"
"""The key under which a worker process is given the file for the ids of the timed tests."""


class TimedLast(WorkStealingScheduling):
    """Work stealing for everything but the timed tests, then these for the last process."""

    def __init__(self, config: pytest.Config, ids: Path) -> None:
        super().__init__(config)
        self._ids = ids
        self._timed: list[int] | None = None
        """The indices of the timed tests until they are handed out; None before the collection."""

        self._died = 0
        """How many processes died that pytest-xdist has not replaced yet."""

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out."""
        return not self._timed and super().tests_finished

    @property
    def has_pending(self) -> bool:
        """Whether something is left to do."""
        return bool(self._timed) or super().has_pending

    def add_node(self, node: WorkerController) -> None:
        """See `WorkStealingScheduling.add_node`."""
        super().add_node(node)
        self._died = max(0, self._died - 1)

    def remove_node(self, node: WorkerController) -> str | None:
        """See `WorkStealingScheduling.remove_node`."""
        self._died += bool(self.node2pending[node])
        return super().remove_node(node)

    def check_schedule(self) -> None:
        """Hand out what is due."""
        if self.collection is None:
            return
        if self._timed is None:
            self._set_timed_apart(self.collection)
        up = [node for node in self.nodes if not node.shutting_down]
        if self._timed and len(up) == len(self.nodes) == 1 and not self._died:
            self.pending.extend(self._timed)
            self._timed = []
        if not self._timed:
            super().check_schedule()
            return
        self._hand_out_pending(up)
        if self.steal_requested_from_node or any(len(self.node2pending[one]) > 2 for one in up):
            super().check_schedule()
        else:
            # Whoever is at its last test begins it only when it knows that no other follows.
            for node in up[1:]:
                if len(self.node2pending[node]) < 2:
                    node.shutdown()

    def _hand_out_pending(self, up: Sequence[WorkerController]) -> None:
        idle = [node for node in up if len(self.node2pending[node]) < 2]
        for left, node in zip(range(len(idle), 0, -1), idle, strict=True):
            self._send_tests(node, len(self.pending) // left)

    def _set_timed_apart(self, collection: Sequence[str]) -> None:
        timed = set(json.loads(self._ids.read_text()))
        self._timed = [index for index in self.pending if collection[index] in timed]
        self.pending = [index for index in self.pending if collection[index] not in timed]


def register(config: pytest.Config) -> None:
    """Add to a run of pytest what its process needs."""
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(Worker(Path(config.workerinput[IDS])))
    else:
        folder = TemporaryDirectory(prefix="pipeloom-")
        config.add_cleanup(folder.cleanup)
        config.pluginmanager.register(Controller(Path(folder.name)))


class Controller:
    """The plugin of the process that hands the tests out."""

    def __init__(self, folder: Path) -> None:
        self._ids = folder / f"{IDS}.json"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker process where to write."""
        node.workerinput[IDS] = str(self._ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> WorkStealingScheduling | None:
        """Use our scheduler unless --dist asks for a special one."""
        ordinary = config.getoption("dist") in {"load", "worksteal"}
        return TimedLast(config, self._ids) if ordinary else None


class Worker:
    """The plugin of a process that runs tests."""

    def __init__(self, ids: Path) -> None:
        self._ids = ids

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write down which tests are timed; every worker process finds the same."""
        ids = [item.nodeid for item in session.items if item.get_closest_marker(MARKER)]
        mine = self._ids.with_suffix(f".{session.config.workerinput['workerid']}")  # type: ignore[attr-defined]
        mine.write_text(json.dumps(ids))
        mine.replace(self._ids)
