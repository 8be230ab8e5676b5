"""The library's panics as errors, and subscriptions that end with their owners.

PyO3, the library's binding to Rust, raises a panic as a BaseException, which `except Exception`
does not catch; afterwards the document's own lock may be held for ever.
"""

import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from pycrdt import Array, Doc, Map, Subscription, Text

from crdt.errors import DocumentPoisoned, MalformedUpdate


class _Panics:
    """Turns panics of the library, which derive from BaseException alone, into DocumentPoisoned.

    This is a class and no generator function, so that one instance serves all updates.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        # It is defined where no import reaches it.
        if type(error).__name__ == "PanicException":
            raise DocumentPoisoned(f"the CRDT library panicked: {error}") from error


class _Decoding(_Panics):
    """Turns the library's errors about bytes it cannot read into MalformedUpdate, too."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise MalformedUpdate(f"update cannot be decoded: {error}") from error
        super().__exit__(kind, error, trace)


_PANICS: Final = _Panics()
DECODING: Final = _Decoding()
"""Turns what the library raises at bytes into MalformedUpdate, and panics into DocumentPoisoned."""


def panics_fenced() -> AbstractContextManager[None]:
    """Turn panics of the library into DocumentPoisoned: for whoever reads or edits shared types."""
    return _PANICS


_spoiled: "weakref.WeakSet[Doc[Any]]" = weakref.WeakSet()


def spoil(doc: "Doc[Any]") -> None:
    """Leave the subscriptions of a document alone from now on."""
    # After a panic the library still holds the lock for which unsubscribing would wait for ever.
    _spoiled.add(doc)


def end_with(
    owner: object, observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription
) -> Callable[[], object]:
    """End a subscription when its owner is freed; its callback must not hold the owner.

    Without this, the library would call back for an owner that nobody uses any more. Returns what
    ends it earlier, and no longer keeps what is observed in memory then.
    """
    finalizer = weakref.finalize(owner, _end, observed, subscription)
    # At the end of the process there is nothing left to free.
    finalizer.atexit = False
    return finalizer


def _end(observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription) -> None:
    doc = observed if isinstance(observed, Doc) else observed.doc
    if doc not in _spoiled:
        observed.unobserve(subscription)
