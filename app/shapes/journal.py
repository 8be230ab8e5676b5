"""What has changed, noted once for however many shapes: each finds out later what it lacks.

Pure. A change has a number, and whoever has read up to a number asks for what came after it.
"""

from collections import OrderedDict
from collections.abc import Collection, Hashable
from itertools import takewhile
from typing import Final, Generic, TypeVar

from .changes import ALL, MOST_IDS, NOTHING, Region

ENTRY_BYTES: Final = 300
"""About what an id, an owner or a transaction takes in a journal."""

Key = TypeVar("Key", bound=Hashable)


class _Latest(Generic[Key]):
    """The keys that were noted last, MOST_IDS at most, each with the number of the last time."""

    __slots__ = ("_lost", "_numbers")

    def __init__(self) -> None:
        self._numbers: OrderedDict[Key, int] = OrderedDict()
        self._lost = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def note(self, keys: Collection[Key], number: int) -> None:
        numbers = self._numbers
        for key in keys:
            numbers[key] = number
            numbers.move_to_end(key)
        while len(numbers) > MOST_IDS:
            _, self._lost = numbers.popitem(last=False)

    def since(self, number: int) -> frozenset[Key] | None:
        """The keys that were noted after a number; None if they are more than are kept."""
        if self._lost > number:
            return None
        later = takewhile(lambda item: item[1] > number, reversed(self._numbers.items()))
        return frozenset(key for key, _ in later)

    def forget(self, number: int) -> None:
        """Forget what was noted up to a number, which nobody asks for any more."""
        while self._numbers and next(iter(self._numbers.values())) <= number:
            self._numbers.popitem(last=False)


class Journal:
    """The changes of some rows of one table, as regions. `newest` is the number of the last one.

    What it keeps has a bound, which is that of a region: rows one by one up to MOST_IDS of them,
    then all of their owners; transactions up to MOST_IDS, then all rows.
    """

    __slots__ = ("_all", "_any_owner", "_asked", "_ids", "_owners", "_wholes", "_xids", "newest")

    def __init__(self) -> None:
        self._ids, self._owners, self._wholes = _Latest[str](), _Latest[str](), _Latest[str]()
        self._xids = _Latest[int]()
        # When rows of any owner changed last, and when all rows may have.
        self._any_owner = self._all = 0
        self.newest = 0
        # Most shapes have read up to the same number, so the last answer is also the next one.
        self._asked = (0, NOTHING)

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        kept = len(self._ids) + len(self._owners) + len(self._wholes) + len(self._xids)
        return ENTRY_BYTES * kept

    def note(self, number: int, region: Region) -> None:
        """Note a change by a number that is greater than all before it."""
        self.newest, self._asked = number, (number, NOTHING)
        self._ids.note(region.ids, number)
        self._wholes.note(region.wholes, number)
        self._xids.note(region.xids, number)
        if region.is_all:
            self._all = number
        if region.owners is None:
            self._any_owner = number
        else:
            self._owners.note(region.owners, number)

    def since(self, number: int) -> Region:
        """What was noted after a number: the region that `joined` makes of it, or a larger one."""
        if number >= self.newest:
            return NOTHING
        asked, region = self._asked
        if asked != number:
            region = self._since(number)
            self._asked = (number, region)
        return region

    def _since(self, number: int) -> Region:
        xids, wholes = self._xids.since(number), self._wholes.since(number)
        if xids is None:
            # After all rows the client is sent which transactions they show.
            return ALL
        if self._all > number or wholes is None:
            return Region(is_all=True, xids=xids)
        ids = self._ids.since(number)
        owners = None if self._any_owner > number else self._owners.since(number)
        if ids is not None:
            return Region(ids, owners, wholes, xids=xids)
        if owners is None:
            return Region(is_all=True, xids=xids)
        return Region(wholes=wholes | owners, xids=xids)

    def forget(self, number: int) -> None:
        """Forget what was noted up to a number: everybody has read that."""
        for kept in (self._ids, self._owners, self._wholes):
            kept.forget(number)
        self._xids.forget(number)
