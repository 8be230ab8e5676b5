"""Counts what clients send to rooms, and what is refused for its size."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.telemetry.metrics import counters, reject
from crdt.errors import PipelineTooLarge, StorageFull
from crdt.protocol.messages import AwarenessUpdate, ClientMessage, SyncStep2, Update


@contextmanager
def refusals_counted() -> Iterator[None]:
    """Count an edit that is refused for the size of its document."""
    try:
        yield
    except PipelineTooLarge as error:
        reject("storage_full" if isinstance(error, StorageFull) else "too_large")
        raise


def count_message(message: ClientMessage) -> None:
    """Count a message of a client: presence or a change of the document."""
    if isinstance(message, Update):
        counters.updates_in += 1
    elif isinstance(message, AwarenessUpdate):
        counters.awareness_in += 1
    elif isinstance(message, SyncStep2):
        counters.updates_in += 1
