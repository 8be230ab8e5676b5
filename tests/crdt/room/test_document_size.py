from pycrdt import Map

from crdt.document.document import Document
from crdt.room.document_size import MEASURE_EVERY, DocumentSize

LIMIT = 1000


def grown(document: Document, size: DocumentSize, text: str) -> None:
    with document.transact() as updates:
        document.doc.get("steps", type=Map)["text"] = text
    for update in updates:
        size.add(update)


def test_what_was_stored_and_every_update_since_counts() -> None:
    document, size = Document(client_id=1), DocumentSize(LIMIT, stored=0)
    grown(document, size, "x" * 900)
    assert not size.is_beyond(document, 0)
    with document.transact() as updates:
        document.doc.get("steps", type=Map)["more"] = "y" * 200
    size.add(updates[0])
    assert size.is_beyond(document, 0)


def test_what_was_overwritten_does_not_count() -> None:
    document, size = Document(client_id=1), DocumentSize(LIMIT, stored=5000)
    for number in range(20):
        grown(document, size, f"{number:200}")
    assert not size.is_beyond(document, 0)


def test_a_document_is_measured_now_and_then_only() -> None:
    document, size = Document(client_id=1), DocumentSize(LIMIT)
    grown(document, size, "x" * 2000)
    assert size.is_beyond(document, 0)
    grown(document, size, "x")
    assert size.is_beyond(document, MEASURE_EVERY / 2)
    assert not size.is_beyond(document, MEASURE_EVERY)
