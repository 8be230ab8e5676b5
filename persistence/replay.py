"""From the log back to the document.

Everything here is computation that may take a while: call it in a thread.
"""

from collections.abc import Collection, Iterable

from crdt.document import Document
from crdt.errors import DocumentPoisoned, MalformedUpdate

from .ports import LoggedUpdate, StoredDocument


class PoisonousUpdate(DocumentPoisoned):
    """The library panicked at update `seq`; the document must be loaded anew, without it."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"the CRDT library panicked at update {seq}: load the document anew")
        self.seq = seq


def replay(stored: StoredDocument) -> tuple[Document, list[int]]:
    """Replay a stored document; return it with the numbers of the updates left out.

    An update at which the library panics spoils the document: it is replayed without that one.
    """
    poisonous: set[int] = set()
    while True:
        document = Document()
        if stored.state is not None:
            document.apply(stored.state)
        try:
            return document, apply_all(document, stored.tail, poisonous)
        except PoisonousUpdate as poison:
            poisonous.add(poison.seq)


def apply_all(
    document: Document, updates: Iterable[LoggedUpdate], poisonous: Collection[int] = ()
) -> list[int]:
    """Apply updates in order; return the numbers of those left out. Raises PoisonousUpdate."""
    return [
        update.seq
        for update in updates
        if update.seq in poisonous or not _applies(document, update)
    ]


def _applies(document: Document, update: LoggedUpdate) -> bool:
    try:
        document.apply(update.payload)
    except MalformedUpdate:
        return False
    except DocumentPoisoned as error:
        raise PoisonousUpdate(update.seq) from error
    return True
