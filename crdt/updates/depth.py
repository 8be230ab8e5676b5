"""How deep the shared types of one document lie within each other.

The library prints and deletes nested shared types by recursion, and a stack overflow ends the
whole process (measured with a stack of 8 MiB: 12,000 nested arrays, 20,000 nested maps). A level
costs a client nine bytes and may arrive in any number of updates, parents after children too.

So every document keeps a bound on its depth, present and to come, whatever pending updates will
attach where: an update raises it by as many levels as lie within it, and where something waits, by
one for each shared type. Only when the bound gets near the
limit is the whole document read to find a lower one. Confessed: the limits assume a stack of
8 MiB, which threads have neither on musl nor by `ulimit -s`. A stored state is not counted, since
reading one of 10,000 steps takes seconds: someone may add 1,000 levels per stored state, unnoticed
until the next reading, and needs about a dozen of those. A document nested that deep is read again
for every shared type that arrives, until somebody deletes what is so deep.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain
from operator import attrgetter
from typing import NamedTuple

from crdt.errors import MalformedUpdate

from .format import Id, Struct, Structs
from .limits import ACCEPTED, Limits


class Depth(NamedTuple):
    """A bound on how deep shared types lie, in two parts.

    `settled` holds for those whose surroundings are all here; each of the `early` ones may come to
    lie in any other and make it one deeper.
    """

    settled: int
    early: int


class DepthGuard:
    """The bound on one document's depth. `read` reads all its structs, those that wait too."""

    def __init__(self, read: Callable[[], Sequence[Structs]]) -> None:
        self._read = read
        self._bound = 0

    def check(self, levels: int, structs: Structs, limits: Limits) -> None:
        """Take note of an update, or refuse it if it would nest anything too deep.

        `levels` is by how much its structs can make the document deeper. Raises MalformedUpdate.
        """
        bound = self._bound + levels
        if bound > ACCEPTED.depth:
            depth = depth_bound(*self._read(), structs)
            _refuse_beyond(limits, depth)
            bound = sum(depth)
        self._bound = bound


def _refuse_beyond(limits: Limits, depth: Depth) -> None:
    # Apart: or else types that wait for ever would keep out those of everybody else.
    if depth.settled > limits.depth:
        raise MalformedUpdate(
            f"expected shared types nested at most {limits.depth} deep, got {depth.settled}"
        )
    if depth.early > limits.early:
        raise MalformedUpdate(
            f"expected at most {limits.early} shared types before their parents, got {depth.early}"
        )


def depth_bound(*sources: Structs) -> Depth:
    """Bound the depth that a document made of these structs and no others can ever have.

    Where two sources tell two stories of one element, the deeper counts. Raises MalformedUpdate
    if structs lie within themselves.
    """
    surroundings = _Surroundings(sources)
    depths = [surroundings.depth(struct) for struct in surroundings.types()]
    settled = 1 + max((depth for depth in depths if depth is not None), default=-1)
    return Depth(settled, depths.count(None))


def depth_within(structs: Structs) -> int:
    """How many shared types lie in each other at most, as far as these structs tell.

    Raises MalformedUpdate if structs lie within themselves.
    """
    surroundings = _Surroundings([structs], outside=0)
    return max((1 + (surroundings.depth(each) or 0) for each in surroundings.types()), default=0)


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


class _Surroundings:
    """Finds how many shared types lie around a struct.

    `outside` is how many lie around elements that are lacking, None if that is not known: the
    answer is None then, too.
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
        return (struct for struct in self._all if struct.nests)

    def depth(self, struct: Struct) -> int | None:
        stack = [struct]
        while stack:
            top = stack[-1]
            lacking = [each for each in self._around(top) if id(each) not in self._depths]
            if lacking:
                self._enter(top)
                stack += lacking
            else:
                self._depths[id(top)] = self._settle(top)
                stack.pop()
        return self._depths[id(struct)]

    def _enter(self, struct: Struct) -> None:
        if id(struct) in self._open:
            raise MalformedUpdate("expected shared types one in another, got some in themselves")
        self._open.add(id(struct))

    def _settle(self, struct: Struct) -> int | None:
        depth = 0
        for element in struct.surroundings:
            found = self._at(element)
            if not found and self._outside is None:
                return None
            for each in found:
                outer = self._depths[id(each)]
                if outer is None:
                    return None
                depth = max(depth, outer + struct.member)
        return depth

    def _around(self, struct: Struct) -> Iterable[Struct]:
        return (each for element in struct.surroundings for each in self._at(element))

    def _at(self, element: Id) -> list[Struct]:
        client, clock = element
        structs = self._clients.get(client)
        return structs.at(clock) if structs else []
