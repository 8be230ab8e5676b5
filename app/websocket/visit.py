"""What has to be undone when a connection ends: with the call that it came by, or long after."""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any


class Visit:
    """As a block, ends with it, unless it was kept for longer.

    An `ExitStack` can do all that, at the price of 600 bytes, and some more for each block in it.
    """

    __slots__ = ("_ends", "is_kept")

    def __init__(self) -> None:
        self._ends: list[Callable[[], object]] = []
        self.is_kept = False

    def when_over(self, do: Callable[..., object], *arguments: Any) -> None:
        """Call something at the end; what was named last comes first."""
        self._ends.append(partial(do, *arguments) if arguments else do)

    def end(self) -> None:
        """Undo everything. Raises what one of these raises, after the others."""
        try:
            while self._ends:
                self._ends.pop()()
        finally:
            if self._ends:
                self.end()

    def __enter__(self) -> "Visit":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if not self.is_kept:
            self.end()
