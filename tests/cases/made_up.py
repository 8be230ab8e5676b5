"""Cases made up from a seed: edits of documents in which steps refer to each other."""

import random
from typing import Any

from tests.cases.cases import Case
from tests.crdt.entries import key

STEPS, WIRES, NEW = [*map(key, range(1, 9))], [*map(key, range(20, 26))], key(50)
NAMES = ["draft", "größe", "my step", "x-1", "loop", "_2", "長さ", "a.b", "state", "2nd"]
PIECES = [
    *["{{", "}}", " ", "  ", "\xa0", "steps.", "state.", "previous_response:", "variables."],
    *["(", ")"],
    *["'", '"', "[0]", "[", ".x", ".", ":", "-", "_", "😀", "\n", "== 1", "context", "not", "step"],
    *NAMES,
]  # fmt: skip
TYPES = ["claude", "for_loop", "switch", "pipeline", "data_transform", "set_variable", "mine"]
SLOTS = ["steps", "pipeline.steps", "default", 'cases:"x"']
ORDERS = ["a0", "a1", "a2", "a1V", "b00", "Zz", "!", "a10", ""]
KEYS = [
    *["condition", "expression", "data_source", "input_source", "note", "outputs", "description"],
    *["prompt", "tasks", "operations", "pipeline", "break_condition", "options"],
]  # fmt: skip


class Author:
    """Somebody who writes pipelines that make little sense."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def case(self) -> Case:
        """A document and a few edits of it."""
        document = {
            "pipeline": {"name": "P"},
            "steps": {key: self.step() for key in STEPS},
            "connections": {key: {"ends": self.ends()} for key in WIRES},
        }
        return {"document": document, "calls": [self.call() for _ in range(4)]}

    def step(self) -> dict[str, Any]:
        return {
            "name": self.pick(NAMES),
            "type": self.pick(TYPES),
            "order": self.pick(ORDERS),
            "parent_step_id": self.pick([None, None, *STEPS]),
            "slot": self.pick(SLOTS),
            "config": self.config(),
        }

    def ends(self) -> dict[str, Any]:
        ports = {"from_output": self.pick(["output", "x"]), "to_input": self.pick(["input", "y"])}
        return {"from_step_id": self.pick(STEPS), "to_step_id": self.pick(STEPS), **ports}

    def config(self) -> dict[str, Any]:
        return {key: self.value(key) for key in self.random.sample(KEYS, 4)}

    def value(self, key: str) -> Any:
        match key:
            case "prompt":
                return self.pick([self.text(), [self.part() for _ in range(3)]])
            case "tasks":
                return self.pick([[{"prompt": [self.part()]}, self.text()], 3])
            case "operations":
                return [{"right_source": self.text(), "condition": self.text()}]
            case "outputs":
                return [self.text(), {"path": self.text()}]
            case "pipeline" | "options":
                return {self.pick(["a", "b"]): self.text(), "n": self.pick([1, 2.5, None])}
        return self.text()

    def part(self) -> dict[str, Any]:
        kind = self.pick(["static", "previous_response"])
        return {"type": kind, "content": self.text(), "step": self.pick([*NAMES, self.text()])}

    def text(self) -> str:
        name = self.pick(NAMES)
        if self.random.random() < 0.6:
            return f"{{{{ steps.{name}.x }}}} {name}.y {{{{ {name}[0] }}}} '{name}'"
        pieces = [self.pick(PIECES) for _ in range(self.pick([1, 3, 8]))]
        inside = "".join(pieces)
        return self.pick([inside, "{{ steps." + inside + " }}", "{{" + inside + "}}" + inside])

    def call(self) -> list[Any]:
        step, target = self.pick([*STEPS, NEW]), self.pick(STEPS)
        before = self.pick([None, None, *STEPS])
        calls: list[list[Any]] = [
            ["renameStep", {"id": step, "name": self.pick(NAMES)}],
            ["renameStep", {"id": step, "name": self.pick(NAMES)}],
            ["patchConfig", {"id": step, "patch": {**self.config(), self.pick(KEYS): None}}],
            ["patchStep", {"id": step, "name": self.pick(NAMES), "config": self.config()}],
            ["placeStep", {"id": step, "parent": target, "slot": self.pick(SLOTS)}],
            ["placeStep", {"id": step, "before": before}],
            ["addStep", {"id": NEW, **self.step(), "order": self.pick(["a1", "a1V"])}],
            ["connect", {"id": NEW, **self.ends()}],
            ["patchConnection", {"id": self.pick(WIRES), **self.ends()}],
            ["remove", {"ids": [target]}],
        ]
        return self.pick(calls)
