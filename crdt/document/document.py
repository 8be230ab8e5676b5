"""One CRDT document: the only module that gives updates and state vectors to the library.

The library is pycrdt, which wraps yrs, the port of Yjs to Rust. Updates are those of the Yjs update
format, version 1. Four of the library's properties shape this module:

- It reports malformed bytes as ValueError, which becomes MalformedUpdate here.
- It panics at some updates that can be decoded. A panic is a BaseException, which `except
  Exception` does not catch, and leaves the document in doubt: it becomes DocumentPoisoned, and so
  does a change that takes too long or fails halfway. Such a document must be loaded anew.
- Its events do not show everything: it raises none for a struct whose parent is missing, so that
  the update would seem to be known. So it is given only what it can integrate at once, and the rest
  waits in `crdt/updates/pending.py`.
- It cannot roll a transaction back.
- It loses text where an update cuts a surrogate pair, so the pair is replaced before
  (`crdt/updates/surrogates`). It can replace no text in place: a document that holds such a pair is
  loaded anew, and whoever keeps shared types of it must get them again (`generation`).
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from math import inf
from typing import Any, NamedTuple

from pycrdt import Doc, TransactionEvent, merge_updates

from crdt.errors import DocumentPoisoned, MalformedUpdate, Overloaded
from crdt.updates.delete_set import DeleteSet, includes_deletions
from crdt.updates.depth import DepthGuard, DepthWithin
from crdt.updates.format import Structs, has_structs, read_deletions, read_structs, read_update
from crdt.updates.inspection import Inspection, StateVector, inspect_update
from crdt.updates.limits import PART_SECONDS, RELEASED, REPLAYED, Limits
from crdt.updates.pending import Pending, read_state_vector, write_state_vector
from crdt.updates.stand_in import StandIn
from crdt.updates.state_slices import NO_SLICES, find_slices, sliced
from crdt.updates.surrogates.pair_index import PairIndex
from crdt.updates.surrogates.pairs import Pairs, replace_pairs

from .library import DECODING, end_with, panics_fenced, spoil

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

EMPTY_STATE_VECTOR = b"\x00"
"""The state vector of a peer that has nothing: a varUint, the number of clients, which is 0."""


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
        self.generation = 0
        """How often the library's document was replaced: shared types are those of one of them."""
        # The same as the library's state vector, kept here so that no update has to ask for it.
        self._state: StateVector = {}
        self._pending = Pending()
        self._stand_in: StandIn | None = None
        # Not a bound method: with a cycle, the library's document would be freed when the garbage
        # collector finds it, perhaps with others, and the interpreter is held for all of them.
        self._depth_guard = DepthGuard(partial(_structs_of, weakref.ref(self)))
        self._changed = False
        self.version = 0
        """Counts the transactions that have changed something."""
        self._own: list[bytes] | None = None
        self.cpu_seconds: Callable[[], float] = lambda: 0.0
        """Returns the CPU time of this thread in seconds.

        The caller sets it, since `crdt` reads no clock; until then an update may take any time.
        """
        self._everything: bytes | None = None
        self._deleted: DeleteSet | None = None
        self._recorded: list[Inspection] | None = None
        self._pairs = PairIndex()
        own = random_client_id() if client_id is None else client_id
        self._observe(Doc(client_id=own, allow_multithreading=True))

    def _observe(self, doc: "Doc[Any]") -> None:
        self.doc = doc
        # The library keeps callbacks in Rust, out of the garbage collector's sight: one that held
        # the document would keep it in memory for ever.
        self._unobserve = end_with(self, doc, doc.observe(partial(_notice, weakref.ref(self))))

    def notice(self, event: TransactionEvent) -> None:
        """Note that a transaction was committed which changed something; the library calls this."""
        self._changed = True
        self.version += 1
        self._everything = self._deleted = None
        if self._own is not None:
            self._own.append(event.update)

    def waiting(self) -> list[bytes]:
        """Encode the pending structs and deletions as updates.

        No encoding and no diff includes them, so a stored state or a peer needs them as well.
        """
        return self._pending.updates()

    def knows(self, client_id: int) -> bool:
        """Whether there are edits under a client id, also pending ones."""
        return client_id in self._state or any(client_id in one for one in self._pending.structs())

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
        found = sliced(state, slices) if slices else None
        for update in (state,) if found is None else found:
            self._merge(update)
            yield
        self._state = read_state_vector(self.doc.get_state())
        if found is not None and self._state != found.state_vector:
            raise MalformedUpdate("a slice of a state depends on a later one")
        self._pairs.load(state)

    def prepare(self, everything: bytes | None = None) -> None:
        """Do now what the first update, and the first peer, after `load` would have to wait for.

        `everything` is what was loaded, if nothing came to it since: a peer that has nothing gets
        that, and nothing is encoded for it.
        """
        self._pairs.read()
        self._everything = everything

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
        after = found.state_after(self._state)
        if after is None:
            return DEAR_PARTS <= found.parts <= limits.pending_parts
        if len(found.chunks) < DEAR_CHUNKS:
            return False
        clocks = {**self._state, **after}
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
        self._pairs.read()
        state = self.encode()
        return Merged(state, find_slices(state), self._pending, self._pairs)

    def new_from(self, merged: Merged) -> "Iterator[Document]":
        """Load a document that is to replace this one: its own edits go on under the same id.

        Iterate as over `load_slices`; it is yielded after each slice, at least once.
        """
        document = Document(self.doc.client_id)
        for _ in document.load_slices(merged.state, merged.slices):
            yield document
        document._pending, document._pairs = merged.pending, merged.pairs
        document._everything = merged.state

    def replace_with(self, other: "Document", brings: Inspection, limits: Limits) -> None:
        """Become another document, which has all that is here and an update; do not use it then.

        Whoever keeps shared types must get them again (`generation`). Raises MalformedUpdate if the
        update nests shared types too deep: this document is untouched then.
        """
        is_all_here = brings.state_after(self._state) is not None
        self._check_depth(brings, limits, is_all_here=is_all_here)
        self._unobserve()
        doc, self._state, self._pending, self._pairs, self._everything = other.give_up()
        self._observe(doc)
        self._deleted = None
        self.generation += 1
        self.version += 1

    def give_up(self) -> "tuple[Doc[Any], StateVector, Pending, PairIndex, bytes | None]":
        """Return all that this document is made of, for another one; it is not used any more."""
        self._unobserve()
        return self.doc, self._state, self._pending, self._pairs, self._everything

    def release(self) -> None:
        """Free what the library has of it: this is an empty document then, and not used any more.

        What uses a document may be part of cycles. The garbage collector would free several large
        ones at once, whenever it comes by, and the interpreter is held for all of them.
        """
        self._unobserve()
        self._observe(Doc(client_id=self.doc.client_id, allow_multithreading=True))
        self._state, self._pending, self._pairs = {}, Pending(), PairIndex()
        self._everything = self._deleted = None
        self.generation += 1

    def _apply(self, found: Inspection, limits: Limits) -> bool:
        state_after = found.state_after(self._state)
        if found.types:
            # Before the library sees the update: a stack overflow would end the process.
            self._check_depth(found, limits, is_all_here=state_after is not None)
        if state_after is None:
            return self._apply_part(found, limits)
        changed = self._merge_found(found, limits)
        self._state.update(state_after)
        # Only now: what is released may depend on any struct of this update.
        if self._pending:
            before = dict(self._state)
            released = self._pending.release(state_after, self._state)
            self._merge_released(released, before, limits)
        return changed

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
        gaps = stand_in.affordable(self._pending.gaps(self._state))
        return gaps or stand_in.affordable(stand_in.refused_next(self._state))

    @property
    def is_damaged(self) -> bool:
        """Whether `stand_in_for_lost` was called."""
        return self._stand_in is not None

    @property
    def lacks_stand_in(self) -> bool:
        """Whether `stand_in_for_lost` was called, and would put more in now."""
        stand_in = self._stand_in
        return stand_in is not None and bool(stand_in.affordable(self._pending.gaps(self._state)))

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
        return all(self._state.get(one, 0) <= run[0].clock for one, run in runs if run)

    def _apply_part(self, found: Inspection, limits: Limits) -> bool:
        """Merge the part of an update that can be integrated, and the pending structs it releases.

        The rest of the update becomes pending. As in Yjs (src/utils/encoding.js: integrateStructs),
        a struct waits until everything it depends on is here.
        """
        # The room itself takes such an update apart, and its clients wait meanwhile.
        if found.parts > limits.pending_parts:
            raise Overloaded(TOO_EARLY)
        with DECODING:
            # The result is not used. This only makes the library decode the update now: at its
            # release, an undecodable part would poison the document, and by somebody else's update.
            merge_updates(found.update)
        before = dict(self._state)
        ready, is_left = self._pending.add(
            found.update, found.structs, found.deletions, self._state
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
        return self._merge_whole(found, before, bounds, self._merge_in_chunks)

    def _merge_in_chunks(self, updates: Sequence[Inspection], limits: Limits) -> bool:
        chunks = chain.from_iterable(each.chunks or (each.update,) for each in updates)
        parts = sum(each.parts for each in updates)
        return self._merge_all(chunks, limits.seconds + PART_SECONDS * parts)

    def _merge_whole(
        self,
        updates: Sequence[Inspection],
        before: StateVector,
        limits: Limits,
        merge: Callable[[Sequence[Inspection], Limits], bool],
    ) -> bool:
        """Merge updates without cutting a surrogate pair: see `crdt/updates/surrogates`.

        `merge` does it when all pairs that they cut are replaced, in them and in the document,
        which has the state vector `before`. All of the updates are looked at before the first is
        merged, so that the document is replaced once at most. Returns whether anything changed.
        """
        cut = self._pairs.cut_by(updates, before)
        if cut:
            updates = [_without(each, cut, limits) for each in updates]
        if cut and self._pairs.holds_any(cut):
            changed = self._replaced(cut, lambda: merge(updates, limits))
        else:
            changed = merge(updates, limits)
        self._pairs.merged(updates, before)
        return changed

    def _replaced(self, cut: Pairs, merge: Callable[[], bool]) -> bool:
        """Replace pairs of the document, then merge something; return whether anything changed.

        If that is refused, the document is as it was before.
        """
        state = self.diff(EMPTY_STATE_VECTOR)
        mended = replace_pairs(state, cut)
        # The pairs may be gone with the map in which they were.
        if mended is state:
            self._pairs.discard(cut)
            return merge()
        doc, unobserve = self.doc, self._unobserve
        self._observe(Doc(client_id=doc.client_id, allow_multithreading=True))
        try:
            self._merge(mended)
            merge()
        except MalformedUpdate:
            self._unobserve()
            self.doc, self._unobserve = doc, unobserve
            raise
        unobserve()
        self.generation += 1
        self._pairs.discard(cut)
        return True

    def _merge_found(self, found: Inspection, limits: Limits) -> bool:
        """Merge an update whose dependencies are all here, in chunks if it might take long."""
        if self._pairs.is_empty and not found.pairs:
            # Without a tuple and a call for what nearly every update is.
            return self._merge_one((found,), limits) if found.chunks else self._merge(found.update)
        return self._merge_whole((found,), self._state, limits, self._merge_one)

    def _merge_one(self, updates: Sequence[Inspection], limits: Limits) -> bool:
        (found,) = updates
        if not found.chunks:
            return self._merge(found.update)
        with DECODING:
            # The result is not used. This only makes the library decode the whole update before its
            # first chunk is applied: afterwards it could not be refused any more.
            merge_updates(found.update)
        return self._merge_in_chunks(updates, limits)

    def _merge_all(self, updates: Iterable[bytes], seconds: float = inf) -> bool:
        """Merge updates in order within a time, in seconds; return whether they changed anything.

        The time is checked between two updates, since nothing can interrupt the library within one.
        Raises DocumentPoisoned when it is over, or when one of them cannot be decoded: those before
        it are applied and cannot be taken back.
        """
        changed, stop = False, self.cpu_seconds() + seconds
        try:
            for update in updates:
                if self.cpu_seconds() > stop:
                    raise DocumentPoisoned(f"an update takes more than {seconds:.1f} s")
                changed |= self._merge(update)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"part of an update is no update: {error}") from error
        return changed

    def _merge(self, update: bytes) -> bool:
        """Apply an update whose dependencies are all here; return whether it changed anything."""
        self._changed = False
        # No context manager: entering one takes as long as the library takes for the update.
        try:
            self.doc.apply_update(update)
        except BaseException as error:
            self._refuse_update(error)
            raise
        return self._changed

    def _refuse_update(self, error: BaseException) -> None:
        """Raise what an error of the library means for an update, if it means anything."""
        with self._spoiling(), DECODING:
            if not isinstance(error, RuntimeError):
                raise error
        # The library raises this at a struct whose parent is no shared type. It has integrated the
        # structs before it, if there are any: an event or the clocks show that.
        if self._changed or read_state_vector(self.doc.get_state()) != self._state:
            raise DocumentPoisoned(f"half an update was applied: {error}") from error
        raise MalformedUpdate(f"update cannot be applied: {error}") from error

    @contextmanager
    def _spoiling(self) -> Iterator[None]:
        """Mark the library's document as spoiled when it was poisoned."""
        try:
            yield
        except DocumentPoisoned:
            spoil(self.doc)
            raise

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

    @contextmanager
    def transact(self) -> Iterator[list[bytes]]:
        """Open one transaction for local edits; the list holds their one update afterwards.

        The list stays empty when nothing changed. Transactions are exclusive: open no other one and
        apply no update before this one ends. The library would make both one transaction and raise
        its only event at the end, so the update would be in neither list and `apply` would report
        that nothing is new.

        What the caller raises within ends the transaction but undoes nothing that was written
        before: check everything first, and write afterwards. Raises DocumentPoisoned, if the
        library panics, and for an edit that nests values too deep to be replayed.
        """
        own: list[bytes] = []
        self._own = own
        try:
            with self._spoiling(), panics_fenced(), self.doc.transaction():
                yield own
        finally:
            self._own = None
        self._count_own(own)

    def _count_own(self, updates: list[bytes]) -> None:
        """Enter an edit of our own in the bound of the depth, the clocks and what it releases."""
        try:
            for update in updates:
                found = inspect_update(update)
                self._check_depth(found, REPLAYED, is_all_here=True)
                self._pairs.merged((found,), self._state)
                if self._recorded is not None:
                    self._recorded.append(found)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"an edit of our own cannot be replayed: {error}") from error
        self._state = read_state_vector(self.doc.get_state())
        if self._pending:
            before = dict(self._state)
            released = self._pending.release([self.doc.client_id], self._state)
            self._merge_released(released, before, REPLAYED)

    def state_vector(self) -> bytes:
        """Encode what this replica has: the payload of SyncStep1 (y-protocols, sync.js)."""
        return self.doc.get_state()

    def wanted_from(self) -> bytes:
        """Encode the state vector of what a peer need not send: without what is lost here."""
        if self._stand_in is None:
            return self.state_vector()
        return write_state_vector(self._stand_in.lower(self._state))

    def clock_of(self, client_id: int) -> int:
        """Return how many elements of a client are here."""
        return self._state.get(client_id, 0)

    def state_vector_without(self, client_id: int) -> bytes:
        """Encode a state vector as if nothing of a client were here."""
        others = {one: clock for one, clock in self._state.items() if one != client_id}
        return write_state_vector(others)

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks: the payload of SyncStep2.

        The diff for a peer that has nothing is kept until the document changes, so that clients
        which join together cost one encoding. Raises MalformedUpdate for what is no state vector.
        """
        if state_vector != EMPTY_STATE_VECTOR:
            return self._diff(self._pairs.lowered(state_vector))
        if self._everything is None:
            self._everything = self._diff(state_vector)
        return self._everything

    def _diff(self, state_vector: bytes) -> bytes:
        with DECODING:
            return self.doc.get_update(state_vector)

    def encode(self) -> bytes:
        """Encode everything but the pending structs and deletions as one update."""
        return self._diff(EMPTY_STATE_VECTOR)

    def contains(self, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        """Return whether an answer to our own state vector holds nothing new.

        Such an answer (a SyncStep2) repeats the peer's whole delete set, since a state vector does
        not count deletions, but no insertion that is here; so any insertion in it is new. Clients
        that reconnect without edits of their own send such answers. Raises MalformedUpdate if it
        cannot be decoded, and MessageTooBig if it has more than `limits.parts` parts.
        """
        if isinstance(update, Inspection):
            is_news = has_structs(update.update)
            return not is_news and includes_deletions(self._all_deleted(), update.deletions)
        if has_structs(update):
            return False
        deletions = read_deletions(update, limits.parts, limits.leftover_bytes)
        return not deletions or includes_deletions(self._all_deleted(), deletions)

    def _all_deleted(self) -> DeleteSet:
        if self._deleted is None:
            self._deleted = read_deletions(self._diff(self.state_vector()))
        return self._deleted


def _without(update: Inspection, cut: Pairs, limits: Limits) -> Inspection:
    mended = replace_pairs(update.update, cut)
    return update if mended is update.update else inspect_update(mended, limits)


def random_client_id() -> int:
    """Return a random client id of 32 bits, as Yjs does (src/utils/Doc.js: generateNewClientId).

    The library's own have 53 bits. Clients whose library keeps 32 of them (pycrdt before 0.13,
    y-py, ywasm) take what builds on such an id for something that is missing, and never show it.
    """
    library_id: int = Doc().client_id
    return library_id & MAX_CLIENT_ID


def _notice(document: "weakref.ref[Document]", event: TransactionEvent) -> None:
    if (noticing := document()) is not None:
        noticing.notice(event)


def _structs_of(document: "weakref.ref[Document]") -> list[Structs]:
    found = document()
    return [] if found is None else found.all_structs()
