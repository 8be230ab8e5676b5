"""Whole pipelines made up from a seed: valid ones, as versions and files hold them."""

from dataclasses import replace
from random import Random

from crdt.pipeline.fractional_index import fresh_keys, keys_between
from crdt.pipeline.model import Connection, Json, Pipeline, PipelineSettings, Point, Size, Step
from crdt.pipeline.placement import children_of, walk
from tests.crdt.entries import key

TYPES = ["claude", "gemini", "for_loop", "teleport"]
PROMPTS: list[Json] = [
    "weave the warp",
    "weave the 😀 warp",
    [{"type": "static", "content": "é"}, "bare"],
    [{"type": "static", "content": "éé"}, {"type": "previous_response", "step": "step 1"}],
    {"template": "x"},
    None,
]


def any_pipeline(rng: Random, most: int = 8) -> Pipeline:
    """A valid pipeline of a few steps, out of few enough ids that two of them share some."""
    ids = rng.sample([key(number) for number in range(1, 12)], rng.randint(0, most))
    steps: dict[str, Step] = {}
    for place, id_ in enumerate(ids):
        parent = rng.choice([None, None, *ids[:place]])
        slot = rng.choice(["steps", "on_error"]) if parent else "steps"
        steps[id_] = _any_step(rng, id_, parent, slot)
    return Pipeline(_any_settings(rng), _with_orders(rng, steps), _any_connections(rng, ids))


def edited(pipeline: Pipeline, rng: Random) -> Pipeline:
    """The same pipeline but for one step's prompt, name and order."""
    if not pipeline.steps:
        return pipeline
    step = pipeline.steps[rng.choice([*pipeline.steps])]
    changed = replace(step, name=f"{step.name}!", config={**step.config, "prompt": "new"})
    return replace(pipeline, steps={**pipeline.steps, step.id: changed})


def renumbered(pipeline: Pipeline, by: int = 1000) -> Pipeline:
    """The same pipeline told with other ids and orders, as a file tells it; no connections."""
    ids = {id_: key(by + at) for at, id_ in enumerate(pipeline.steps)}
    steps = {
        ids[s.id]: replace(
            s, id=ids[s.id], parent_step_id=s.parent_step_id and ids[s.parent_step_id]
        )
        for s in pipeline.steps.values()
    }
    lines = [line for slots in children_of(pipeline.steps).values() for line in slots.values()]
    for line in lines:
        for step, order in zip(line, keys_between("a0", None, len(line)), strict=True):
            steps[ids[step.id]] = replace(
                steps[ids[step.id]], order=order, position=Point(-1, -1), size=Size(1, 1)
            )
    return Pipeline(pipeline.settings, steps)


def outline(pipeline: Pipeline) -> list[tuple[object, ...]]:
    """What a file says of the steps, in reading order."""
    names = {step.id: step.name for step in pipeline.steps.values()}
    return [
        (
            step.name,
            step.type,
            step.enabled,
            names.get(step.parent_step_id or ""),
            step.slot,
            step.config,
        )
        for step in walk(children_of(pipeline.steps))
    ]


def _any_step(rng: Random, id_: str, parent: str | None, slot: str) -> Step:
    return Step(
        id_,
        f"step {int(id_[-2:], 16)}" if rng.random() < 0.9 else f"other {id_[-2:]}",
        rng.choice(TYPES),
        enabled=rng.random() < 0.8,
        parent_step_id=parent,
        slot=slot,
        position=Point(rng.randrange(900), rng.choice([0.5, 7.0])),
        config={"prompt": rng.choice(PROMPTS), "options": {"t": rng.choice([1, 1.5, True])}},
        source=rng.choice([{}, {}, {"explicit": ["enabled"]}]),
    )


def _with_orders(rng: Random, steps: dict[str, Step]) -> dict[str, Step]:
    orders = fresh_keys(len(steps))
    rng.shuffle(orders)
    return {
        step.id: replace(step, order=order)
        for step, order in zip(steps.values(), orders, strict=True)
    }


def _any_settings(rng: Random) -> PipelineSettings:
    return PipelineSettings(
        rng.choice(["Loom", "Weft"]),
        description=rng.choice([None, "a loom", "a big loom"]),
        status=rng.choice(["draft", "active"]),
        tags=tuple(rng.sample(["a", "b", "c", "d"], rng.randint(0, 3))),
        config={"k": rng.choice([1, [1, {"x": None}]])},
        defaults=rng.choice([{}, {"model": {"name": "m"}}]),
        source=rng.choice([{}, {"layout": "bare"}]),
    )


def _any_connections(rng: Random, ids: list[str]) -> dict[str, Connection]:
    ends = {(rng.choice(ids), rng.choice(ids)) for _ in range(rng.randint(0, 4))} if ids else set()
    found = [
        Connection(key(100 + number), start, end, path_data=rng.choice([None, {"p": [1]}]))
        for number, (start, end) in enumerate(sorted(ends))
    ]
    return {one.id: one for one in found}
