"""Mends a document before a version of it is saved, whoever saves it: a worker or a server.

The repair is appended as that of a worker is, only if nothing came between; see `mending.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.editing.repair import Moment, repair
from crdt.validation.reading import read_valid
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import NewUpdate, StoredDocument, UpdateLog

from .log_check import warning_of
from .replay import Compute, compute, load, replay

TRIES: Final = 5
"""How often a document is mended anew before a version, if others go on editing it."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Make(Protocol[T_co]):
    """Makes something of a document, its last update, and a warning if it lacks any."""

    def __call__(self, document: Document, seq: int, *, warning: str = "") -> T_co:
        """Make it."""
        ...


async def load_mended(
    log: UpdateLog,
    pipeline_id: UUID,
    now: datetime,
    make: Make[T],
    reservation: UUID | None = None,
    *,
    compute: Compute = compute,
) -> tuple[T, bool]:
    """Load a document for a version of it, and `make` that of the document and its last number.

    If there is something to mend, that is done before, and whether it was is returned; the
    diagnostics in the document follow later. Where others edit all the time, the version is of the
    document as it is. `reservation` is the edit for which the caller has reserved the document.
    Raises PipelineNotFound, StoreUnavailable.
    """
    is_mended = False
    for _ in range(TRIES):
        make_mended = partial(_mended_or_made, now, make)
        loaded = await load(log, pipeline_id, make_mended, compute=compute)
        if not isinstance(loaded, _Repair):
            return loaded, is_mended
        edit = NewUpdate(pipeline_id, SYSTEM.id, loaded.update, now)
        seq = await log.append_if_last(edit, loaded.seq, reservation)
        is_mended = is_mended or seq is not None
    return await load(log, pipeline_id, partial(_as_it_is, make), compute=compute), is_mended


@dataclass(frozen=True, slots=True)
class _Repair:
    """What a document at update `seq` needs before a version is made of it."""

    seq: int
    update: bytes


def _as_it_is(make: Make[T], stored: StoredDocument) -> T:
    document, left_out = replay(stored)
    return make(document, stored.seq, warning=warning_of(left_out))


def _mended_or_made(now: datetime, make: Make[T], stored: StoredDocument) -> "T | _Repair":
    document, left_out = replay(stored)
    if left_out:
        # What it lacks may have been lost: nothing follows from that.
        return make(document, stored.seq, warning=warning_of(left_out))
    reader = PipelineReader(document)
    update = repair(document, reader, read_valid(reader), Moment(now))
    return make(document, stored.seq) if update is None else _Repair(stored.seq, update)
