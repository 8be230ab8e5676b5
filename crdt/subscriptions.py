"""Subscriptions that end with whoever made them.

The library keeps what observes a document in Rust, where Python's garbage collector cannot follow:
as long as anything observes it, a document lives, and whatever its callbacks hold. So callbacks
hold no owner, and each subscription is ended when its owner goes.
"""

import weakref
from typing import Any

from pycrdt import Array, Doc, Map, Subscription, Text

_spoiled: "weakref.WeakSet[Doc[Any]]" = weakref.WeakSet()


def spoil(doc: "Doc[Any]") -> None:
    """Leave the subscriptions of a document alone from now on."""
    # After a panic the library still holds the lock for which unsubscribing would wait for ever.
    _spoiled.add(doc)


def end_with(
    owner: object, observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription
) -> None:
    """End a subscription when its owner is gone; its callback must not hold the owner."""
    finalizer = weakref.finalize(owner, _end, observed, subscription)
    # At the end of the process there is nothing left to free.
    finalizer.atexit = False


def _end(observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription) -> None:
    doc = observed if isinstance(observed, Doc) else observed.doc
    if doc not in _spoiled:
        observed.unobserve(subscription)
