"""Prepares large stored documents in other processes, so that they are loaded in short steps here.

A state whose slices are stored, with few updates since, is loaded as it is. Otherwise another
process finds the slices of the state, or replays the updates since and makes a state of them.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from crdt.errors import PipeloomError
from crdt.updates.state_slices import MIN_STATE_BYTES, find_slices
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import SEED, Compute, replay

from .inspect_in_thread import CHEAP_BYTES

LONG_TAIL_BYTES: Final = 32 * 1024
"""Of so many bytes on, the updates since a state are replayed in another process."""

_logger = structlog.get_logger(__name__)


def pause() -> None:
    """Give the interpreter back after a slice, in a thread, to whoever waits for it."""
    # No longer: on a busy machine a thread that sleeps wakes up late, and there are many slices.
    time.sleep(0)


async def prepare(stored: StoredDocument, compute: Compute) -> StoredDocument:
    """Return what the same document is made from in short steps, found by `compute`.

    Where that fails, or updates cannot be applied, it is what was given.
    """
    if stored.size < MIN_STATE_BYTES:
        return stored
    based = _on_its_seed(stored)
    try:
        if _is_long(based.tail):
            return await compute(_merged, stored) or stored
        if based.state is None or based.slices:
            return based
        return replace(based, slices=await compute(find_slices, based.state))
    except PipeloomError as error:
        _logger.warning("room.load_not_prepared", error=str(error))
        return stored


def _on_its_seed(stored: StoredDocument) -> StoredDocument:
    """Take the first update for the state, where there is none."""
    if stored.state is not None or not stored.tail or stored.tail[0].seq != SEED:
        return stored
    seed, *tail = stored.tail
    return replace(stored, state=seed.payload, state_seq=SEED, tail=tail)


def _is_long(tail: Sequence[LoggedUpdate]) -> bool:
    """Whether the library may hold the interpreter for long at these updates."""
    sizes = [len(update.payload) for update in tail]
    return sum(sizes) >= LONG_TAIL_BYTES or max(sizes, default=0) >= CHEAP_BYTES


def _merged(stored: StoredDocument) -> StoredDocument | None:
    """Merge all of a stored document; None if updates are missing or cannot be applied."""
    document, left_out = replay(stored)
    if left_out:
        return None
    state, seq = document.encode(), stored.seq
    return StoredDocument(state, seq, (), document.waiting(), head=seq, slices=find_slices(state))
