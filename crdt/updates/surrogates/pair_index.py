"""Which surrogate pairs the texts of a document hold: where an update must not cut unnoticed."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from crdt.errors import ProtocolError

from ..delete_set import DeleteSet, merge_ranges
from ..inspection import Inspection
from ..state_vector import StateVector, read_state_vector, write_state_vector
from .cuts import cuts
from .pairs import Pairs, pairs_in

Span: TypeAlias = tuple[int, int]

_NOTHING: Final = array("I")


class PairIndex:
    """The surrogate pairs of one document that nothing has cut.

    It may still hold pairs that were deleted together with what they lay in.
    """

    def __init__(self) -> None:
        self._lows: dict[int, array[int]] = {}
        self._unread: list[bytes] = []

    def load(self, state: bytes) -> None:
        """Note the state that a document was loaded from, which is read when it is first needed.

        Many documents are loaded only to look at them, and finding the pairs takes a while.
        """
        self._unread.append(state)

    def read(self) -> None:
        """Read what was loaded, which may take a while, so that the next update need not do it."""
        while self._unread:
            self._extend(pairs_in(self._unread.pop(0)), {})

    @property
    def is_empty(self) -> bool:
        """Whether the document has no pairs for certain."""
        return not (self._lows or self._unread)

    def cut_by(self, updates: Sequence[Inspection], state: StateVector) -> Pairs:
        """Return the pairs, in the document and in the updates, that merging the updates cuts.

        `state` is what the document has before. The server's own edits are of whole characters.
        """
        self.read()
        updates = [update for update in updates if not update.is_own]
        known = [each for each in (self._lows, *(update.pairs for update in updates)) if each]
        cut: dict[int, set[int]] = {}
        if known:
            for update, before in _in_turn(updates, state):
                for client, clock in cuts(update.update, update.structs, update.deletions, before):
                    for pairs in known:
                        if client in pairs and _contains(pairs[client], clock):
                            cut.setdefault(client, set()).add(clock)
        return {client: sorted(lows) for client, lows in cut.items()}

    def holds_any(self, pairs: Pairs) -> bool:
        """Whether any of these pairs is in the document."""
        return any(
            _contains(self._lows.get(one, _NOTHING), low) for one in pairs for low in pairs[one]
        )

    def lowered(self, state_vector: bytes) -> bytes:
        """Return a state vector that ends before the pairs within which it ended.

        The library cannot encode half a pair, and would leave out both halves.
        """
        self.read()
        if not self._lows:
            return state_vector
        try:
            clocks = read_state_vector(state_vector)
        except ProtocolError:
            # The library refuses it with a better reason.
            return state_vector
        halved = {
            one: low for one, low in clocks.items() if _contains(self._lows.get(one, _NOTHING), low)
        }
        if not halved:
            return state_vector
        return write_state_vector({**clocks, **{one: low - 1 for one, low in halved.items()}})

    def merged(self, updates: Sequence[Inspection], state: StateVector) -> None:
        """Note updates that were merged into the document, which had `state` before."""
        if self._unread:
            self._unread += (update.update for update in updates)
            return
        for update, before in _in_turn(updates, state):
            if update.pairs:
                self._extend(update.pairs, before)
            if self._lows and update.deletions:
                self._delete(update.deletions)

    def discard(self, pairs: Pairs) -> None:
        """Forget pairs, because they were replaced."""
        for client, lows in pairs.items():
            self._remove(client, ((low, low + 1) for low in lows))

    def _extend(self, pairs: Pairs, state: StateVector) -> None:
        for client, lows in pairs.items():
            held = self._lows.setdefault(client, array("I"))
            # Clocks only grow, so what is new of a client stands behind what was here.
            held.extend(lows[bisect_left(lows, state.get(client, 0)) :])

    def _delete(self, deletions: DeleteSet) -> None:
        for client in self._lows.keys() & deletions.keys():
            # Both halves must lie in the range: a pair that it cuts was replaced before.
            spans = ((start + 1, stop) for start, stop in merge_ranges(deletions[client]))
            self._remove(client, spans)

    def _remove(self, client: int, spans: Iterable[Span]) -> None:
        """Remove the low surrogates within spans (start, stop), which ascend."""
        held = self._lows.get(client, _NOTHING)
        kept, done = array("I"), 0
        for start, stop in spans:
            first = bisect_left(held, start, done)
            last = bisect_left(held, stop, first)
            if first < last:
                kept.extend(held[done:first])
                done = last
        if done:
            self._lows[client] = kept + held[done:]
            if not self._lows[client]:
                del self._lows[client]


def _in_turn(
    updates: Sequence[Inspection], state: StateVector
) -> Iterable[tuple[Inspection, StateVector]]:
    """Return updates to be merged in their order, each with what the document has before it."""
    befores = [state]
    for update in updates[:-1]:
        befores.append({**befores[-1], **(update.state_after(befores[-1]) or {})})
    return zip(updates, befores, strict=False)


def _contains(lows: Sequence[int], clock: int) -> bool:
    place = bisect_left(lows, clock)
    return place < len(lows) and lows[place] == clock
