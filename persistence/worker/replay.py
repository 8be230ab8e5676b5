"""Makes documents from the update log.

A stored state only shortens loading. If the CRDT library cannot read it, the document is made from
its updates alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import ParamSpec, Protocol, TypeAlias, TypeVar
from uuid import UUID

import structlog

from crdt.document.document import Document, random_client_id
from crdt.document.library import panics_fenced
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.updates.state_slices import NO_SLICES
from persistence.ports.update_log import LoggedUpdate, StoredDocument, UpdateLog

P = ParamSpec("P")
T = TypeVar("T")

Applied: TypeAlias = Callable[[LoggedUpdate], None]
"""Called with each update when it is in a document."""

NewClientId: TypeAlias = Callable[[], int]
"""Makes the Yjs client of edits by the server: at random, so that no two of them are the same."""


class Compute(Protocol):
    """Runs a computation beside the event loop, and returns or raises what it does."""

    async def __call__(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a task with its arguments."""
        ...


SEED = 1
"""The number of a document's first update, which the server made and which no limit applies to."""

_logger = structlog.get_logger(__name__)


class PoisonousUpdate(DocumentPoisoned):
    """The library panicked at `update`, number `seq`; load the document anew, without it."""

    def __init__(self, logged: LoggedUpdate) -> None:
        seq = logged.seq
        super().__init__(f"the CRDT library panicked at update {seq}: load the document anew")
        self.seq, self.update = seq, logged.payload


async def compute(task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a computation on a document in a thread, so that the loop goes on.

    Raises DocumentPoisoned if the CRDT library panics.
    """
    return await asyncio.to_thread(_fenced, partial(task, *args, **kwargs))


def _fenced(task: Callable[[], T]) -> T:
    with panics_fenced():
        return task()


async def load(
    log: UpdateLog,
    pipeline_id: UUID,
    make: Callable[[StoredDocument], T],
    *,
    until: int | None = None,
    compute: Compute = compute,
    prepare: Callable[[StoredDocument], Awaitable[StoredDocument]] | None = None,
) -> T:
    """Load a document and `make` something of it by `compute`, in a thread: it may take a while.

    The document is the present one, or that which the updates up to number `until` make. What was
    stored of it may be prepared by `prepare`: `make` is called with what that returns.
    `make` is called again without the stored state if that one turns out to be unusable.
    Raises PipelineNotFound, StoreUnavailable.
    """
    stored = await _stored(log, pipeline_id, until)
    if prepare is not None:
        stored = await prepare(stored)
    try:
        return await compute(make, stored)
    except (MalformedUpdate, DocumentPoisoned) as error:
        if stored.state is None:
            raise
        _logger.error("state.unusable", pipeline_id=str(pipeline_id), error=str(error))
    return await compute(make, await _all_updates(log, pipeline_id, until))


async def _stored(log: UpdateLog, pipeline_id: UUID, until: int | None) -> StoredDocument:
    stored = await log.load(pipeline_id)
    if until is None:
        return stored
    if stored.state_seq > until:
        # Nothing can be taken out of a stored state again, so it does not help here.
        return await _all_updates(log, pipeline_id, until)
    tail = [update for update in stored.tail if update.seq <= until]
    return replace(stored, tail=tail, head=until)


async def _all_updates(log: UpdateLog, pipeline_id: UUID, until: int | None) -> StoredDocument:
    # Numbers count from 1 without a gap, so the number of the last one limits how many there are;
    # where some are missing, later ones come in their place.
    updates = await log.since(pipeline_id, 0, until)
    if until is not None:
        updates = [update for update in updates if update.seq <= until]
    return StoredDocument(None, 0, updates, head=until or 0)


def replay(
    stored: StoredDocument,
    new_client_id: NewClientId = random_client_id,
    watch: Callable[[Document], Applied] = lambda _: _ignore,
    pause: Callable[[], None] = lambda: None,
) -> tuple[Document, list[int]]:
    """Replay a stored document; return it with the numbers of the updates left out.

    These are the ones that cannot be applied, and the ones whose rows are missing. A stand-in fills
    their place, so that later edits of their authors can be seen (`crdt/updates/stand_in.py`).

    `new_client_id` makes the id of the edits made in it, another one if the document knows it.
    `watch` is given the document as it was stored, before the updates since; again with another one
    where that must be made anew. `pause` is called after each slice of a state.

    Raises MalformedUpdate or DocumentPoisoned if the stored state is unusable. An update at which
    the library panics leaves the document unusable, so it is replayed without that one, as if it
    were missing; but nobody is asked for it again.
    """
    refused: dict[int, bytes] = {}
    begin = partial(_begun, stored, new_client_id, pause)
    may_stand_in = True
    while True:
        document, left_out = _with_tail(begin, stored, refused, watch)
        # After all updates: a later one may have what these had.
        if left_out and may_stand_in and not (may_stand_in := _stands_in(document, refused)):
            continue
        if not document.knows(document.doc.client_id):
            return document, left_out


def _with_tail(
    begin: Callable[[], Document],
    stored: StoredDocument,
    refused: dict[int, bytes],
    watch: Callable[[Document], Applied],
) -> tuple[Document, list[int]]:
    """Apply the updates since to what was stored; return it with the numbers of those left out.

    The document is begun anew after each update at which the library panics: these are `refused`.
    """
    while True:
        document = begin()
        try:
            left_out = apply_all(document, stored.tail, refused, watch(document))
        except PoisonousUpdate as error:
            refused[error.seq] = error.update
        else:
            return document, sorted([*stored.missing, *left_out])


def _begun(
    stored: StoredDocument, new_client_id: NewClientId, pause: Callable[[], None]
) -> Document:
    """Load the stored state, slice by slice, and what waits beside it. Raises as `replay`."""
    document = Document(new_client_id())
    try:
        if stored.state is not None:
            for _ in document.load_slices(stored.state, stored.slices):
                pause()
        for update in stored.waiting:
            document.apply(update)
    except (MalformedUpdate, DocumentPoisoned):
        if not stored.slices:
            raise
        return _begun(replace(stored, slices=NO_SLICES), new_client_id, pause)
    return document


def _stands_in(document: Document, refused: Mapping[int, bytes]) -> bool:
    """Let a document go on without what it lacks; return False if the library fails at that."""
    try:
        document.stand_in_for_lost(refused.values())
    except (MalformedUpdate, DocumentPoisoned) as error:
        _logger.error("document.no_stand_in", error=str(error))
        return False
    return True


def _ignore(_update: LoggedUpdate) -> None:
    """Do nothing at an update that was applied."""


def apply_all(
    document: Document,
    updates: Iterable[LoggedUpdate],
    refused: Collection[int] = (),
    applied: Applied = _ignore,
) -> list[int]:
    """Apply updates in order; return the numbers of those left out. Raises PoisonousUpdate.

    Left out are the `refused` ones, which were poisonous before, and those that cannot be read.
    """
    left_out = []
    for update in updates:
        if update.seq not in refused and _applies(document, update):
            applied(update)
        else:
            left_out.append(update.seq)
    return left_out


def _applies(document: Document, update: LoggedUpdate) -> bool:
    try:
        if update.seq == SEED:
            document.load(update.payload)
        else:
            document.apply(update.payload)
    except MalformedUpdate:
        return False
    except DocumentPoisoned as error:
        raise PoisonousUpdate(update) from error
    return True
