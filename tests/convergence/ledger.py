"""What the log has committed, kept beside the store, to hold every acknowledgement against."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from crdt.document.document import Document
from crdt.protocol.lib0 import Reader
from crdt.updates.delete_set import DeleteSet, includes_deletions
from crdt.updates.format import read_deletions, read_structs
from persistence.ports.update_log import NewUpdate


@dataclass
class _Account:
    document: Document = field(default_factory=Document)
    payloads: set[bytes] = field(default_factory=set)
    insertions: DeleteSet = field(default_factory=lambda: defaultdict(list))


class Ledger:
    """The committed updates of every pipeline."""

    def __init__(self) -> None:
        self._accounts: defaultdict[UUID, _Account] = defaultdict(_Account)

    def enter(self, updates: Iterable[NewUpdate]) -> None:
        """Take note of a commit."""
        for update in updates:
            self.enter_one(update.pipeline_id, update.payload)

    def enter_one(self, pipeline_id: UUID, payload: bytes) -> None:
        """Take note of one update."""
        account = self._accounts[pipeline_id]
        account.document.apply(payload)
        account.payloads.add(payload)
        for client, ranges in _insertions(payload).items():
            account.insertions[client] += ranges

    def document(self, pipeline_id: UUID) -> Document:
        """What the log of a pipeline adds up to."""
        return self._accounts[pipeline_id].document

    def has(self, pipeline_id: UUID, update: bytes) -> bool:
        """Whether all that an update inserts and deletes is in the log, in whatever bytes."""
        account = self._accounts[pipeline_id]
        if update in account.payloads:
            return True
        if not includes_deletions(account.insertions, _insertions(update)):
            return False
        # Not the deletions of the log alone: what is inserted into a deleted map is deleted too.
        document = account.document
        known: DeleteSet = defaultdict(list)
        for each in (document.encode(), *document.waiting()):
            for client, ranges in read_deletions(each).items():
                known[client] += ranges
        return includes_deletions(known, read_deletions(update))


def _insertions(update: bytes) -> DeleteSet:
    structs = read_structs(update)
    return {client: [(s.clock, s.length) for s in found] for client, found in structs.items()}


def clocks(state_vector: bytes) -> dict[int, int]:
    """Decode a state vector: client -> clock."""
    reader = Reader(state_vector)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}
