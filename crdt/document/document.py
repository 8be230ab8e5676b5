"""One CRDT document: takes any updates in any order, and says what is new in them.

The library's events do not show everything: it raises none for a struct whose parent is missing, so
that the update would seem to be known. So `library_document.py`, the only module that gives updates
and state vectors to the library, is given only what can be integrated at once, and the rest waits
in `crdt/updates/pending.py`.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from math import inf
from typing import Any, NamedTuple

from pycrdt import Doc

from crdt.errors import DocumentPoisoned, MalformedUpdate, Overloaded
from crdt.updates.delete_set import DeleteSet, includes_deletions
from crdt.updates.depth import DepthGuard, DepthWithin
from crdt.updates.format import Structs, has_structs, read_deletions, read_structs, read_update
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import RELEASED, REPLAYED, Limits
from crdt.updates.pending import Pending
from crdt.updates.stand_in import StandIn
from crdt.updates.state_slices import NO_SLICES, find_slices
from crdt.updates.state_vector import (
    EMPTY_STATE_VECTOR,
    StateVector,
    read_state_vector,
    write_state_vector,
)
from crdt.updates.surrogates.pair_index import PairIndex

from .library_document import LibraryDocument, check_decodable

TOO_EARLY = "a large update lacks what it builds on: reconnect"
"""The reason of Overloaded: on reconnecting, the client sends all that is missing in one update."""

DEAR_CHUNKS = 16
"""Of so many chunks on an update is dear in a document of one client: looking up 500 places in one
list of blocks takes the library as long as loading the document. Of a client that has written a
tenth, it is ten times as many (`Document.is_dear`)."""

DEAR_PARTS = 2_000
"""Of so many parts on an update whose dependencies are missing is dear: Python takes it apart."""

MAX_CLIENT_ID = 2**32 - 1
"""The greatest client id that every Yjs library keeps."""


class Merged(NamedTuple):
    """What became of a copy of a document (`Document.merged`); it can be pickled."""

    state: bytes
    slices: bytes
    pending: Pending
    pairs: PairIndex


class Document:
    """A replica of one pipeline's document. One thread at a time may use it, and it may be any.

    `client_id` is the Yjs client of the edits made here, by default a random one of 32 bits.
    """

    def __init__(self, client_id: int | None = None) -> None:
        own = random_client_id() if client_id is None else client_id
        self._library = LibraryDocument(own)
        self._pending = Pending()
        self._stand_in: StandIn | None = None
        # Not a bound method: with a cycle, the library's document would be freed when the garbage
        # collector finds it, perhaps with others, and the interpreter is held for all of them.
        self._depth_guard = DepthGuard(partial(_structs_of, weakref.ref(self)))
        self._recorded: list[Inspection] | None = None

    @property
    def doc(self) -> "Doc[Any]":
        """The library's document, for whoever reads and writes shared types."""
        return self._library.doc

    @property
    def generation(self) -> int:
        """How often the library's document was replaced: shared types are those of one of them."""
        return self._library.generation

    @property
    def version(self) -> int:
        """Counts the transactions that have changed something."""
        return self._library.version

    def measure_by(self, cpu_seconds: Callable[[], float]) -> None:
        """Limit the time of updates; `cpu_seconds` returns the CPU time of this thread in seconds.

        The caller brings it, since `crdt` reads no clock; without it, an update may take any time.
        """
        self._library.cpu_seconds = cpu_seconds

    def waiting(self) -> list[bytes]:
        """Encode the pending structs and deletions as updates.

        No encoding and no diff includes them, so a stored state or a peer needs them as well.
        """
        return self._pending.updates()

    def knows(self, client_id: int) -> bool:
        """Whether there are edits under a client id, also pending ones."""
        is_pending = any(client_id in one for one in self._pending.structs())
        return client_id in self._library.state or is_pending

    def load(self, state: bytes) -> None:
        """Load what this program itself encoded of a whole document, without checking it again.

        This is for a document that is still empty. Raises MalformedUpdate, if the state cannot be
        decoded, and DocumentPoisoned, if the library fails at it.
        """
        for _ in self.load_slices(state):
            pass

    def load_slices(self, state: bytes, slices: bytes = NO_SLICES) -> Iterator[None]:
        """Load as `load`, by iterating: slice by slice, in some milliseconds each.

        A state whose slices these are not is one slice. The document must not be used before the
        end. Raises as `load`; also if the slices are wrong: load another document without them.
        """
        return self._library.load_slices(state, slices)

    def prepare(self, everything: bytes | None = None) -> None:
        """Do now what the first update, and the first peer, after `load` would have to wait for.

        `everything` is what was loaded, if nothing came to it since: a peer that has nothing gets
        that, and nothing is encoded for it.
        """
        self._library.pairs.read()
        self._library.keep_diff(everything)

    def apply(self, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        """Merge an update, inspected before or not; return whether it brought anything new.

        Structs and deletions whose dependencies are missing count as new: they are pending and take
        effect when the dependencies arrive. So append the update to the log, and send it to others,
        as the bytes that were received.

        Raises MalformedUpdate if it cannot be decoded or nests shared types too deep, MessageTooBig
        if it exceeds another limit, and Overloaded if it is large and a dependency is missing: the
        document is untouched then. Raises DocumentPoisoned if the library panics, if only half of
        the update was applied, or if applying it takes longer than the limits allow.
        """
        found = update if isinstance(update, Inspection) else inspect_update(update, limits)
        if self._stand_in is not None and (filled := self._filled(found, limits)) is not None:
            changes = [self._apply(each, limits) for each in filled]
            return any(changes)
        changed = self._apply(found, limits)
        if changed and self._recorded is not None:
            self._recorded.append(found)
        return changed

    def is_dear(self, found: Inspection, limits: Limits) -> bool:
        """Whether merging an update may take long: do it in a copy, elsewhere (`replacement.py`).

        It must have been inspected in view of chunks: by `ACCEPTED` or `FOLLOWED`.
        """
        # What fills the place of lost edits is applied in parts, which no copy has.
        if self._stand_in is not None:
            return False
        if found.parts < DEAR_PARTS and len(found.chunks) < DEAR_CHUNKS:
            return False
        after = found.state_after(self._library.state)
        if after is None:
            return DEAR_PARTS <= found.parts <= limits.pending_parts
        if len(found.chunks) < DEAR_CHUNKS:
            return False
        clocks = {**self._library.state, **after}
        longest = max(clocks.get(one, 0) for one in (*found.required, *found.deletions, *after))
        return len(found.chunks) * longest >= DEAR_CHUNKS * sum(clocks.values())

    @contextmanager
    def recorded(self) -> Iterator[list[Inspection]]:
        """Record what is applied while the block runs, in a list that may be emptied."""
        self._recorded = recorded = list[Inspection]()
        try:
            yield recorded
        finally:
            self._recorded = None

    def merged(self) -> Merged:
        """Return all that another document needs to become this one."""
        self._library.pairs.read()
        state = self.encode()
        return Merged(state, find_slices(state), self._pending, self._library.pairs)

    def new_from(self, merged: Merged) -> "Iterator[Document]":
        """Load a document that is to replace this one: its own edits go on under the same id.

        Iterate as over `load_slices`; it is yielded after each slice, at least once.
        """
        document = Document(self.doc.client_id)
        for _ in document.load_slices(merged.state, merged.slices):
            yield document
        document._pending, document._library.pairs = merged.pending, merged.pairs
        document._library.keep_diff(merged.state)

    def replace_with(self, other: "Document", brings: Inspection, limits: Limits) -> None:
        """Become another document, which has all that is here and an update; do not use it then.

        Whoever keeps shared types must get them again (`generation`). Raises MalformedUpdate if the
        update nests shared types too deep: this document is untouched then.
        """
        is_all_here = brings.state_after(self._library.state) is not None
        self._check_depth(brings, limits, is_all_here=is_all_here)
        library, self._pending = other.give_up()
        self._library.replace_with(library)

    def give_up(self) -> tuple[LibraryDocument, Pending]:
        """Return all that this document is made of, for another one; it is not used any more."""
        return self._library, self._pending

    def release(self) -> None:
        """See `LibraryDocument.release`."""
        self._library.release()
        self._pending = Pending()

    def _apply(self, found: Inspection, limits: Limits) -> bool:
        library = self._library
        state_after = found.state_after(library.state)
        if found.types:
            # Before the library sees the update: a stack overflow would end the process.
            self._check_depth(found, limits, is_all_here=state_after is not None)
        if state_after is None:
            return self._apply_part(found, limits)
        changed = library.merge(found, limits)
        library.state.update(state_after)
        # Only now: what is released may depend on any struct of this update.
        if self._pending:
            self._merge_released_by(state_after, limits)
        return changed

    def _merge_released_by(self, clients: Iterable[int], limits: Limits) -> None:
        """Merge the pending structs that have waited for what these clients have written."""
        before = dict(self._library.state)
        released = self._pending.release(clients, self._library.state)
        self._merge_released(released, before, limits)

    def stand_in_for_lost(self, refused: Iterable[bytes] = ()) -> None:
        """Put a stand-in for all that pending structs lack: it is lost (`stand_in.py`).

        What comes after it in the log must be applied already, since that may bring some of it. At
        the `refused` updates the library fails: what they have is filled as well.
        """
        stand_in = self._stand_in = self._stand_in or StandIn(map(read_structs, refused))
        while gaps := self._gaps(stand_in):
            filling, waiting = stand_in.fill(gaps), self.waiting()
            stand_in.note_dependents(self._pending.structs())
            self._pending = Pending()
            for each in (*filling, *waiting):
                self.apply(each)

    def _gaps(self, stand_in: StandIn) -> DeleteSet:
        gaps = stand_in.affordable(self._pending.gaps(self._library.state))
        return gaps or stand_in.affordable(stand_in.refused_next(self._library.state))

    @property
    def is_damaged(self) -> bool:
        """Whether `stand_in_for_lost` was called."""
        return self._stand_in is not None

    @property
    def lacks_stand_in(self) -> bool:
        """Whether `stand_in_for_lost` was called, and would put more in now."""
        if self._stand_in is None:
            return False
        return bool(self._stand_in.affordable(self._pending.gaps(self._library.state)))

    def is_mended_by(self, update: bytes | Inspection) -> bool:
        """Whether an update has something of what is lost here: load the document anew with it."""
        if self._stand_in is None:
            return False
        found = update if isinstance(update, Inspection) else inspect_update(update)
        return self._stand_in.is_mended_by(found.update, found.structs)

    def without_stand_in(self, update: bytes) -> bytes:
        """Return an update without the parts of the stand-in that a client sends back."""
        if self._stand_in is None:
            return update
        return self._stand_in.taken_out(update, *read_update(update))

    def _filled(self, found: Inspection, limits: Limits) -> list[Inspection] | None:
        if self._stand_in is None:
            return None
        updates = self._stand_in.filled(found.update, found.structs, found.deletions)
        if updates is None:
            return None
        # Before the first of them is applied: they are checked one by one.
        self._check_depth(found, limits, is_all_here=False)
        return [inspect_update(each, limits) for each in updates]

    def _check_depth(self, found: Inspection, limits: Limits, *, is_all_here: bool) -> None:
        if not found.types:
            # Nothing lies deeper than before.
            return
        # A pending type may be integrated between any two of the types that arrive, so that the
        # depth within the update alone would be too low a bound: every type counts as a level.
        # But nobody else can know the ids of our own edit before it is here.
        is_alone = found.is_own or not self._pending
        depth = found.depth if is_all_here and is_alone else DepthWithin(found.types, found.types)
        if depth.deepest != depth.outer and not (found.is_own or self._lacks_all(found)):
            # What it says of elements that are here may not be true.
            depth = DepthWithin(depth.deepest, depth.deepest)
        self._depth_guard.check(depth, lambda: found.structs, limits)

    def _lacks_all(self, found: Inspection) -> bool:
        runs = found.structs.items()
        return all(self._library.state.get(one, 0) <= run[0].clock for one, run in runs if run)

    def _apply_part(self, found: Inspection, limits: Limits) -> bool:
        """Merge the part of an update that can be integrated, and the pending structs it releases.

        The rest of the update becomes pending. As in Yjs (src/utils/encoding.js: integrateStructs),
        a struct waits until everything it depends on is here.
        """
        # The room itself takes such an update apart, and its clients wait meanwhile.
        if found.parts > limits.pending_parts:
            raise Overloaded(TOO_EARLY)
        # At its release, an undecodable part would poison the document, and by the update of
        # somebody else.
        check_decodable(found.update)
        before = dict(self._library.state)
        ready, is_left = self._pending.add(
            found.update, found.structs, found.deletions, self._library.state
        )
        return self._merge_released(ready, before, limits) or is_left

    def _merge_released(self, updates: list[bytes], before: StateVector, limits: Limits) -> bool:
        """Merge released pending structs; return whether they changed anything.

        `before` is what the document has before. They were checked when they arrived. The updates
        that they make up now are inspected once more, to find what they cut, and, if a client's
        update releases them, where they can be split into chunks.
        """
        # An update from the log or another node must be applied whatever it costs.
        bounds = REPLAYED if limits.seconds == inf else RELEASED
        found = [inspect_update(update, bounds) for update in updates]
        return self._library.merge_released(found, before, bounds)

    def begin_measuring_depth(self) -> list[bytes] | None:
        """Return the updates of which `depth_of` is to be measured elsewhere; None if it is low."""
        if not self._depth_guard.is_loose:
            return None
        self._depth_guard.begin_measuring()
        return [self.diff(EMPTY_STATE_VECTOR), *self.waiting()]

    def tighten_depth(self, depth: int) -> None:
        """Take note of the depth that the document had at `begin_measuring_depth`."""
        self._depth_guard.tighten(depth)

    def all_structs(self) -> list[Structs]:
        """Read all structs, the pending ones too: seconds for a large document."""
        return [read_structs(self.encode()), *self._pending.structs()]

    def transact(self) -> AbstractContextManager[list[bytes]]:
        """Open one transaction for local edits; the list holds their one update afterwards.

        The list stays empty when nothing changed. Transactions are exclusive: open no other one and
        apply no update before this one ends. The library would make both one transaction and raise
        its only event at the end, so the update would be in neither list and `apply` would report
        that nothing is new.

        What the caller raises within ends the transaction but undoes nothing that was written
        before: check everything first, and write afterwards. Raises DocumentPoisoned, if the
        library panics, and for an edit that nests values too deep to be replayed.
        """
        return self._library.transact(self._count_own)

    def _count_own(self, updates: list[bytes]) -> None:
        """Enter an edit of our own in the bound of the depth, the clocks and what it releases."""
        try:
            for update in updates:
                found = inspect_update(update)
                self._check_depth(found, REPLAYED, is_all_here=True)
                self._library.note_own(found)
                if self._recorded is not None:
                    self._recorded.append(found)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"an edit of our own cannot be replayed: {error}") from error
        self._library.state = read_state_vector(self.doc.get_state())
        if self._pending:
            self._merge_released_by([self.doc.client_id], REPLAYED)

    def state_vector(self) -> bytes:
        """Encode what this replica has: the payload of SyncStep1 (y-protocols, sync.js)."""
        return self.doc.get_state()

    def wanted_from(self) -> bytes:
        """Encode the state vector of what a peer need not send: without what is lost here."""
        if self._stand_in is None:
            return self.state_vector()
        return write_state_vector(self._stand_in.lower(self._library.state))

    def clock_of(self, client_id: int) -> int:
        """Return how many elements of a client are here."""
        return self._library.state.get(client_id, 0)

    def state_vector_without(self, client_id: int) -> bytes:
        """Encode a state vector as if nothing of a client were here."""
        others = {one: clock for one, clock in self._library.state.items() if one != client_id}
        return write_state_vector(others)

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks: the payload of SyncStep2.

        The diff for a peer that has nothing is kept until the document changes, so that clients
        which join together cost one encoding. Raises MalformedUpdate for what is no state vector.
        """
        return self._library.diff(state_vector)

    def encode(self) -> bytes:
        """Encode everything but the pending structs and deletions as one update."""
        return self._library.encode()

    def contains(self, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        """Return whether an answer to our own state vector holds nothing new.

        Such an answer (a SyncStep2) repeats the peer's whole delete set, since a state vector does
        not count deletions, but no insertion that is here; so any insertion in it is new. Clients
        that reconnect without edits of their own send such answers. Raises MalformedUpdate if it
        cannot be decoded, and MessageTooBig if it has more than `limits.parts` parts.
        """
        if isinstance(update, Inspection):
            is_news = has_structs(update.update)
            return not is_news and includes_deletions(self._library.deletions(), update.deletions)
        if has_structs(update):
            return False
        deletions = read_deletions(update, limits.parts, limits.leftover_bytes)
        return not deletions or includes_deletions(self._library.deletions(), deletions)


def random_client_id() -> int:
    """Return a random client id of 32 bits, as Yjs does (src/utils/Doc.js: generateNewClientId).

    The library's own have 53 bits. Clients whose library keeps 32 of them (pycrdt before 0.13,
    y-py, ywasm) take what builds on such an id for something that is missing, and never show it.
    """
    library_id: int = Doc().client_id
    return library_id & MAX_CLIENT_ID


def _structs_of(document: "weakref.ref[Document]") -> list[Structs]:
    found = document()
    return [] if found is None else found.all_structs()
