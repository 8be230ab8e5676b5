"""Merges a dear update into a copy of a document, which then takes the document's place.

The library takes long for an update of many places in a document with long lists of blocks: their
number times their length. It loads the outcome in a hundredth of that time. So another process
merges the update into a copy, the document goes on meanwhile, and the copy catches up with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED, FOLLOWED, Limits
from crdt.updates.state_vector import EMPTY_STATE_VECTOR

from .document import Document, Merged

SIZE: Final = 2**40
"""What a copy counts for those who decide by size where to compute."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A document as bytes, and an update that is to be merged into it.

    `is_logged` is whether the log has the update already, so that no limit applies to it.
    """

    state: bytes
    waiting: Sequence[bytes]
    update: bytes
    is_logged: bool = False

    @property
    def size(self) -> int:
        """Large in any case, since its bytes do not show what merging costs."""
        return SIZE

    @classmethod
    def of(cls, document: Document, update: bytes, *, is_logged: bool = False) -> "Copy":
        """Copy a document as it is now."""
        state, waiting = document.diff(EMPTY_STATE_VECTOR), document.waiting()
        return cls(state, waiting, update, is_logged)


def merge(copy: Copy) -> Merged | None:
    """Merge the update into the copy; return the outcome, or None if the update brings nothing new.

    Raises what `Document.apply` raises.
    """
    limits = FOLLOWED if copy.is_logged else ACCEPTED
    found = inspect_update(copy.update, limits)
    document = Document()
    document.load(copy.state)
    for each in copy.waiting:
        document.apply(each)
    # It has no clock, so it may take any time: whoever waits for it ends the process.
    return document.merged() if document.apply(found, limits) else None


class Replacement:
    """A document that has all of another one and an update, and is to take its place.

    `recorded` are the updates that the other one has taken meanwhile (`Document.recorded`). Keep
    this object until the other document's content may be freed, which takes a while.
    """

    def __init__(self, document: Document, loaded: Document, recorded: list[Inspection]) -> None:
        self._document, self._loaded, self._recorded = document, loaded, recorded
        self._old = document.doc

    def catch_up(self, at_most: int) -> None:
        """Apply the first updates that were recorded, and take them out of the list."""
        first = self._recorded[:at_most]
        del self._recorded[:at_most]
        for each in first:
            self._loaded.apply(each)

    def take_place(self, brings: Inspection, limits: Limits) -> None:
        """Catch up and become the document, with the update that this one brings.

        Raises as `Document.replace_with`.
        """
        self.catch_up(len(self._recorded))
        self._old = self._document.doc
        self._document.replace_with(self._loaded, brings, limits)
