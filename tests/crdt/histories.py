"""What several people did to one map, from a seed: their updates, and what it came to."""

import random
from typing import Any

from pycrdt import Doc, Map

EDITORS = 3


class History:
    """`updates` in the order they were made; `outcome` is what all of them come to."""

    def __init__(self, seed: int, edits: int = 25) -> None:
        self.random = random.Random(seed)
        self.docs: list[Doc[Any]] = [Doc(client_id=n + 1) for n in range(EDITORS)]
        self.updates: list[bytes] = []
        for number in range(edits):
            self._edit(self.random.choice(self.docs), number)
            if self.random.random() < 0.6:
                one, other = self.random.choices(self.docs, k=2)
                one.apply_update(other.get_update())
        for doc in self.docs:
            self.docs[0].apply_update(doc.get_update())
        self.outcome = content(self.docs[0])

    def _edit(self, doc: "Doc[Any]", number: int) -> None:
        root = doc.get("steps", type=Map)
        subscription = doc.observe(lambda event: self.updates.append(event.update))
        with doc.transaction():
            for _ in range(self.random.choice([1, 1, 1, 3])):
                self._change(root, number)
        doc.unobserve(subscription)

    def _change(self, root: "Map[Any]", number: int) -> None:
        key = self.random.choice("abcdefg")
        choice = self.random.random()
        if key in root and choice < 0.2:
            del root[key]
        elif key in root and choice < 0.6:
            root[key]["x"] = number
        else:
            root[key] = Map({"made": number})

    def shuffled(self) -> list[bytes]:
        return self.random.sample(self.updates, len(self.updates))


def content(doc: "Doc[Any]") -> Any:
    return doc.get("steps", type=Map).to_py() or {}
