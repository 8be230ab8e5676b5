"""How deep the shared types of one document lie within each other.

The library prints and deletes nested shared types by recursion, and a stack overflow ends the
whole process (measured with a stack of 8 MiB: 12,000 nested arrays, 20,000 nested maps). A level
costs a client nine bytes, and levels may arrive in any number of updates, children before parents.

So every document keeps an upper bound of its depth, now and later, wherever its pending structs
will be integrated. Of what an update brings into root types, such as a new step, the depth is
known. For what it brings into others it raises the bound by as many levels as lie within the
update; and while structs are pending, by one for each shared type. Only when the bound reaches the
limit, the whole document is read to find a lower one. For ten thousand steps that takes more than a
second, so whoever has the document does it before, elsewhere (`DepthGuard.is_loose`).

Confessed: the limits assume a stack of 8 MiB, which threads have neither on musl nor by
`ulimit -s`. A stored state is not counted, since reading one of 10,000 steps takes seconds: someone
may add 1,000 levels per stored state, unnoticed until the document is read, and needs about a dozen
of those. A document nested that deep is read again for every shared type that arrives, until
somebody deletes what is so deep.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import Final, NamedTuple

from crdt.errors import MalformedUpdate

from .format import Id, Struct, Structs, read_structs
from .limits import ACCEPTED, Limits


class Depth(NamedTuple):
    """An upper bound of how deep shared types lie: the sum of both fields.

    `known` holds for the types whose dependencies are all here. Each of the `pending` types may be
    integrated in any other one and make it one level deeper.
    """

    known: int
    pending: int


class DepthWithin(NamedTuple):
    """How many shared types lie within each other, as far as the structs of one update show.

    `deepest` is that of all of them, and `outer` that of those that lie in something else.
    """

    deepest: int
    outer: int


NO_DEPTH: Final = DepthWithin(0, 0)


class DepthGuard:
    """The bound of one document's depth. `read` reads all its structs, the pending ones too."""

    def __init__(self, read: Callable[[], Sequence[Structs]]) -> None:
        self._read = read
        self._bound = self._raised = self._measured = 0

    @property
    def is_loose(self) -> bool:
        """Whether the bound has risen so far that it is worth while to find a lower one."""
        return self._bound - self._measured > ACCEPTED.depth // 2

    def begin_measuring(self) -> None:
        """Take note of what comes from now on; see `tighten`."""
        self._raised = 0

    def tighten(self, depth: int) -> None:
        """Lower the bound, since the document was no deeper than this at `begin_measuring`."""
        self._measured = depth
        self._bound = min(self._bound, depth + self._raised)

    def check(self, depth: DepthWithin, structs: Callable[[], Structs], limits: Limits) -> None:
        """Raise the bound for an update, or refuse it if it would nest anything too deep.

        `depth` is that of its types, those that lie in the document by how much they can make it
        deeper; `structs` reads them. Raises MalformedUpdate when a limit is exceeded; the bound
        stays as it was.
        """
        bound = max(self._bound + depth.outer, depth.deepest)
        if bound > ACCEPTED.depth:
            found = depth_bound(*self._read(), structs())
            _refuse_beyond(limits, found)
            bound = sum(found)
        self._bound = bound
        self._raised = max(self._raised + depth.outer, depth.deepest)


def _refuse_beyond(limits: Limits, depth: Depth) -> None:
    # Two limits: with one for both, types that stay pending for ever would count against the types
    # of everybody else.
    if depth.known > limits.depth:
        raise MalformedUpdate(
            f"expected shared types nested at most {limits.depth} deep, got {depth.known}"
        )
    if depth.pending > limits.pending_types:
        raise MalformedUpdate(
            f"expected at most {limits.pending_types} shared types before their parents,"
            f" got {depth.pending}"
        )


def depth_of(updates: Sequence[bytes]) -> int:
    """Return a bound of the depth of a document that is made of these updates and no others."""
    return sum(depth_bound(*map(read_structs, updates)))


def depth_bound(*sources: Structs) -> Depth:
    """Return a bound of the depth that a document of these structs and no others can ever have.

    Where two sources differ about an element, the deeper counts. Raises MalformedUpdate if structs
    lie within themselves.
    """
    finder = _Depths(sources)
    depths = [finder.depth(struct) for struct in finder.types()]
    known = 1 + max((depth for depth in depths if depth is not None), default=-1)
    return Depth(known, depths.count(None))


def depth_within(structs: Structs) -> DepthWithin:
    """Find how deep the shared types in an update lie within each other.

    Raises MalformedUpdate if structs lie within themselves.
    """
    finder = _Depths([structs], outside=_OUTSIDE)
    depths = [1 + (finder.depth(each) or 0) for each in finder.types()]
    outer = max((depth - _OUTSIDE for depth in depths if depth > _OUTSIDE), default=0)
    inner = max((depth for depth in depths if depth <= _OUTSIDE), default=0)
    return DepthWithin(max(inner, outer), outer)


_OUTSIDE: Final = 2**40
"""Stands for the depth of what lies outside of an update: more than any depth within it."""


class _ClientStructs:
    """The structs of one client from several sources; they may overlap."""

    def __init__(self, structs: list[Struct]) -> None:
        structs.sort(key=_CLOCK)
        self._structs = structs
        self._clocks = [struct.clock for struct in structs]
        self._reach = list(accumulate((struct.end for struct in structs), max))

    def at(self, clock: int) -> list[Struct]:
        """Return every struct that holds the client's element."""
        found = []
        index = bisect_right(self._clocks, clock) - 1
        while index >= 0 and self._reach[index] > clock:
            if self._structs[index].end > clock:
                found.append(self._structs[index])
            index -= 1
        return found


_CLOCK = attrgetter("clock")


class _Depths:
    """Finds the depth of structs: how many shared types each of them lies in.

    `outside` is the depth of elements that none of the sources has. If that is None, unknown, the
    depth of what depends on them is None, too.
    """

    def __init__(self, sources: Iterable[Structs], outside: int | None = None) -> None:
        self._outside = outside
        together: defaultdict[int, list[Struct]] = defaultdict(list)
        for source in sources:
            for client, structs in source.items():
                together[client] += structs
        self._all = list(chain.from_iterable(together.values()))
        self._clients = {client: _ClientStructs(found) for client, found in together.items()}
        self._depths: dict[int, int | None] = {}
        self._open: set[int] = set()

    def types(self) -> Iterable[Struct]:
        return (struct for struct in self._all if struct.is_type)

    def depth(self, struct: Struct) -> int | None:
        # Without recursion: what this finds out is whether recursion would overflow the stack.
        stack = [struct]
        while stack:
            top = stack[-1]
            missing = [each for each in self._dependencies(top) if id(each) not in self._depths]
            if missing:
                self._enter(top)
                stack += missing
            else:
                self._depths[id(top)] = self._depth(top)
                stack.pop()
        return self._depths[id(struct)]

    def _enter(self, struct: Struct) -> None:
        if id(struct) in self._open:
            raise MalformedUpdate("expected shared types one in another, got some in themselves")
        self._open.add(id(struct))

    def _depth(self, struct: Struct) -> int | None:
        depth = 0
        for element in struct.dependencies:
            found = self._at(element)
            if not found:
                if self._outside is None:
                    return None
                # In a type that lies in so many, or beside what does.
                depth = max(depth, self._outside)
            for each in found:
                outer = self._depths[id(each)]
                if outer is None:
                    return None
                depth = max(depth, outer + struct.is_child)
        return depth

    def _dependencies(self, struct: Struct) -> Iterable[Struct]:
        return (each for element in struct.dependencies for each in self._at(element))

    def _at(self, element: Id) -> list[Struct]:
        client, clock = element
        structs = self._clients.get(client)
        return structs.at(clock) if structs else []
