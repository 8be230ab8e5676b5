"""Waiting that can be ended for everybody at once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Over(Exception):
    """What was waited for is not wanted any more."""


class Ending:
    """An end that comes for all who wait within it, and for those who begin to later."""

    def __init__(self) -> None:
        self._is_over = False
        self._scopes: set[asyncio.Timeout] = set()

    async def until_over(self, answer: Awaitable[T]) -> T:
        """Wait for something, which is cancelled at the end. Raises Over then."""
        try:
            async with asyncio.timeout(0 if self._is_over else None) as scope:
                self._scopes.add(scope)
                try:
                    return await answer
                finally:
                    self._scopes.discard(scope)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise Over from error

    def end(self) -> None:
        """End all waiting."""
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for scope in self._scopes:
            scope.reschedule(now)
