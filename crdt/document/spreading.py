"""Spreads what the server writes into a document at once over several client ids."""

from collections.abc import Callable, Sequence

from crdt.updates.spread import spread

from .document import Document, random_client_id


def spread_edit(
    document: Document,
    updates: Sequence[bytes],
    new_client_id: Callable[[], int] = random_client_id,
) -> list[bytes]:
    """Return the updates of one edit of a document as `crdt/updates/spread.py` writes them.

    The document has the edit as it was, so it must be used no more: make the edit on a copy.
    """

    def unknown() -> int:
        while document.knows(client := new_client_id()):
            pass
        return client

    return [spread(update, document.doc.client_id, unknown) for update in updates]
