"""Which cells of the matrix of clients and arrangements of servers a run plays.

A test over all clients and all arrangements has nine cells. `make soak` plays all of them;
`make test` plays three, in which each client and each arrangement occurs once. Of a test over
arrangements alone it plays one, and so of a test at three nodes, where the other clients are at the
other nodes. The seed of the run and the name of the test decide which.
"""

from typing import Final
from zlib import crc32

import pytest

from tests.interop.providers import VERSIONS
from tests.interop.servers import ARRANGEMENTS, ONE_NODE
from tests.rounds import SEED

CLIENTS: Final = ("version", "live_version")
"""The fixtures that stand for the version of a Hocuspocus provider."""


def is_played(item: pytest.Item) -> bool:
    """Whether a test is in the part of the matrix that is played in this run."""
    chosen = item.callspec.params if hasattr(item, "callspec") else {}
    if "running" not in chosen or is_for_one_node_only(item):
        return True
    places = [VERSIONS.index(chosen[name]) for name in CLIENTS if name in chosen]
    if chosen["running"] in ARRANGEMENTS:
        places.append(ARRANGEMENTS.index(chosen["running"]))
    if not places:
        return True
    assert isinstance(item, pytest.Function)
    return (SEED + crc32(str(item.originalname).encode()) + sum(places)) % 3 == 0


def is_for_one_node_only(item: pytest.Item) -> bool:
    """Whether a test has no other arrangement than one node."""
    return any(
        mark.args[:2] == ("running", [ONE_NODE]) for mark in item.iter_markers("parametrize")
    )
