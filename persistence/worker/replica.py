"""A document beside the rows made from it, as a worker caches it between two projections.

Everything here computes and may take a while: call it in a thread, one call at a time.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from crdt.document.schema import PipelineReader
from crdt.pipeline.rows import Diagnostic, RowChanges, Rows
from crdt.validation.diagnostics import PIPELINE, Code
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from persistence.ports.update_log import LoggedUpdate, StoredDocument

from .projector import difference
from .replay import apply_all, replay

_UNDECODABLE: Final = (Code.UNDECODABLE_UPDATE.value, PIPELINE)


class Replica:
    """One document up to update `seq`, and the valid rows of exactly that content.

    `state_seq` is the last update in the state that the log has stored. An update that cannot be
    decoded is left out and reported; the log keeps it.
    """

    def __init__(self, stored: StoredDocument) -> None:
        """Load a document. Raises MalformedUpdate or DocumentPoisoned if its state is unusable."""
        self._document, undecodable = replay(stored)
        self._undecodable = _diagnostic(undecodable)
        self._reader = PipelineReader(self._document)
        self._valid = read_valid(self._reader, Meaning())
        self.seq, self.state_seq = stored.seq, stored.state_seq

    def changes_from(self, stored: Rows) -> RowChanges:
        """Return the changes that turn the `stored` rows into the valid ones of this document."""
        return difference(stored, self._wanted(stored))

    def advance(self, updates: Sequence[LoggedUpdate]) -> RowChanges:
        """Apply the updates that follow `seq`; return what they change in the rows.

        Raises PoisonousUpdate; whatever it raises, the replica must be dropped.
        """
        undecodable = _diagnostic(apply_all(self._document, updates))
        changes = self._take_touched()
        self.seq = updates[-1].seq
        if undecodable is None:
            return changes
        self._undecodable = undecodable
        return replace(changes, diagnostics=[*changes.diagnostics, undecodable])

    def encode(self) -> tuple[bytes, list[bytes]]:
        """Encode the merge of the updates 1..seq, and what of them waits for its predecessors."""
        return self._document.encode(), self._document.waiting()

    def _take_touched(self) -> RowChanges:
        reader, touched = self._reader, self._reader.take_touched()
        steps = {key: reader.step(key) for key in touched.steps}
        connections = {key: reader.connection(key) for key in touched.connections}
        if touched.settings:
            return self._valid.update(
                settings=reader.settings(), steps=steps, connections=connections
            )
        return self._valid.update(steps=steps, connections=connections)

    def _wanted(self, stored: Rows) -> Rows:
        """Return the valid rows with the diagnostic about updates that the document lacks.

        An undecodable update may come before the stored state, where a load does not see it. So a
        diagnostic that the tables already have stays.
        """
        rows = self._valid.rows()
        undecodable = self._undecodable or stored.diagnostics.get(_UNDECODABLE)
        if undecodable is None:
            return rows
        return replace(rows, diagnostics={**rows.diagnostics, _UNDECODABLE: undecodable})


def _diagnostic(undecodable: Sequence[int]) -> Diagnostic | None:
    if not undecodable:
        return None
    message = f"Update {undecodable[-1]} of the log cannot be decoded; the tables go on without it."
    return Code.UNDECODABLE_UPDATE.about(PIPELINE, message)
