"""Somebody who writes anything anywhere, from a seed."""

import random
from collections.abc import Callable

from crdt.pipeline.model import MISSING, Json
from crdt.validation.valid_pipeline import Entries
from tests.crdt.entries import key

JUNK: list[Json] = [None, True, 0, -1, 2.5, "", "x", "\0", [], ["x"], {}, {"x": None}, 10**400]


class Vandal:
    """Makes up entries that are likely to get in each other's way."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.step_keys = [*map(key, range(1, 9)), "no uuid"]
        self.wire_keys = [*map(key, range(20, 28)), "no uuid"]

    def junk_or(self, value: Json) -> Json:
        return self.random.choice(JUNK) if self.random.random() < 0.08 else value

    def any_step(self) -> Json:
        pick = self.random.choice
        fields: dict[str, Json] = {
            "name": self.junk_or(pick(["x", "y", "x (2)", "z" * 600, "z" * 601])),
            "type": self.junk_or(pick(["claude", "{{t}}"])),
            "enabled": self.junk_or(pick([True, False])),
            "parent_step_id": self.junk_or(pick([None, *self.step_keys])),
            "slot": self.junk_or(pick(["steps", "else"])),
            "order": self.junk_or(pick(["a0", "a1", "a2", "a3"])),
            "position": self.junk_or({"x": pick([1, 1.0, 2]), "y": 0}),
            "size": self.junk_or({"width": 10, "height": pick([0, 10])}),
            "config": self.junk_or({"k": pick([1, 1.0, True, "v", [True], [1]])}),
        }
        for gone in self.random.sample(list(fields), self.random.choice([0, 0, 0, 1, 3])):
            del fields[gone]
        return self.junk_or(fields)

    def any_wire(self) -> Json:
        pick = self.random.choice
        ends = {
            "from_step_id": self.junk_or(pick(self.step_keys[:4])),
            "to_step_id": self.junk_or(pick(self.step_keys[:4])),
            "to_input": self.junk_or("i"),
        }
        return self.junk_or({"ends": self.junk_or(ends), "path_data": self.junk_or(None)})

    def any_settings(self) -> Json:
        fields = ("name", "status", "tags", "config", "description", "is_template")
        return self.junk_or({field: self.random.choice(JUNK) for field in fields})

    def entries(self, keys: list[str], make: Callable[[], Json]) -> Entries:
        some = self.random.sample(keys, self.random.choice([0, 1, 1, 2, 5]))
        return {each: MISSING if self.random.random() < 0.25 else make() for each in some}
