import random
from typing import Any

import pytest
from pycrdt import Array, Map, Text

from crdt.document.document import Document
from crdt.document.schema import root_map, to_json
from crdt.document.write import (
    CONFIG,
    CONNECTION_SHAPE,
    STEP_SHAPE,
    storable,
    write_entry,
    write_list,
    write_map,
)
from crdt.pipeline.model import Json
from tests.rounds import some

VALUES: list[Json] = [None, True, 0, 1, 1.5, "", "é", "x", [], ["a", "b"], {}, {"k": [1]}]


class Page:
    """A document with one root map to write into."""

    def __init__(self, client_id: int = 1) -> None:
        self.document = Document(client_id)
        self.root = root_map(self.document, "m")

    def write(self, key: str, wanted: Json, shape: Any = CONFIG) -> list[bytes]:
        with self.document.transact() as updates:
            write_entry(self.root, key, storable(wanted), shape)
        return updates

    @property
    def content(self) -> Any:
        return to_json(self.root)


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.mark.parametrize("value", VALUES)
def test_a_value_that_is_there_is_not_written(page: Page, value: Json) -> None:
    for key in ("prompt", "tasks", "options"):
        assert len(page.write(key, value)) == 1
        assert page.write(key, value) == []
        assert page.content[key] == value


@pytest.mark.parametrize("held", VALUES)
@pytest.mark.parametrize("wanted", VALUES)
def test_any_value_gives_way_to_any_other(page: Page, held: Json, wanted: Json) -> None:
    for shape in (CONFIG, STEP_SHAPE, CONNECTION_SHAPE):
        page.write("prompt", held, shape)
        page.write("prompt", wanted, shape)
        found = page.content["prompt"]
        assert (found, type(found)) == (wanted, type(wanted))


def test_true_is_not_one_but_one_is_one_point_nought(page: Page) -> None:
    page.write("n", 1)
    assert page.write("n", 1.0) == []
    assert len(page.write("n", True)) == 1


def test_a_text_is_edited_and_a_list_of_parts_too(page: Page) -> None:
    part = {"type": "static", "content": "weave the warp"}
    page.write("prompt", [part, {"type": "previous_response", "step": "a"}])
    prompt = page.root["prompt"]
    assert isinstance(prompt, Array)
    content = prompt[0]["content"]
    page.write("prompt", ["first", part | {"content": "weave the weft"}])
    assert isinstance(content, Text)
    assert page.content["prompt"] == ["first", {"type": "static", "content": "weave the weft"}]


def test_what_others_write_into_another_part_meanwhile_survives(page: Page) -> None:
    parts: list[Json] = [{"content": f"part {number}"} for number in range(4)]
    page.write("prompt", parts)
    other = Page(2)
    other.document.load(page.document.encode())
    with other.document.transact() as typed:
        other.root["prompt"][3]["content"].insert(0, "their ")
    page.write("prompt", [{"content": "new"}, *parts[1:]])
    page.document.apply(typed[0])
    contents = [part["content"] for part in page.content["prompt"]]
    assert contents == ["new", "part 1", "part 2", "their part 3"]


def test_a_map_is_merged_key_by_key(page: Page) -> None:
    page.write("options", {"a": 1, "b": {"deep": 1}})
    other = Page(2)
    other.document.load(page.document.encode())
    with other.document.transact() as theirs:
        other.root["options"]["c"] = 3
    page.write("options", {"b": {"deep": 2}})
    page.document.apply(theirs[0])
    assert page.content["options"] == {"b": {"deep": 2}, "c": 3}


def test_what_is_one_value_is_replaced_as_one(page: Page) -> None:
    page.root["position"] = Map({"x": 1, "y": 2})
    page.write("position", {"x": 1, "y": 3}, STEP_SHAPE)
    assert type(page.root["position"]) is dict
    page.root["ends"] = Map({"from_step_id": "a"})
    page.write("ends", {"from_step_id": "a"}, CONNECTION_SHAPE)
    assert type(page.root["ends"]) is dict


def test_a_map_loses_what_is_not_wanted(page: Page) -> None:
    page.write("options", {"a": 1, "b": 2})
    with page.document.transact():
        write_map(page.root, {"other": 1})
    assert page.content == {"other": 1}


@pytest.mark.parametrize("seed", some(range(100), few=25))
def test_any_list_becomes_any_other(seed: int) -> None:
    rng, page = random.Random(seed), Page()
    items: list[Json] = [1, "x", {"a": 1}, {"a": 2}, [1], None]
    one, other = ([*rng.choices(items, k=rng.randint(0, 8))] for _ in range(2))
    page.root["tasks"] = Array()
    for wanted in (one, other):
        write_list(page.root["tasks"], wanted, CONFIG)
        assert page.content["tasks"] == wanted, f"seed {seed}"


def test_tags_that_others_add_meanwhile_survive(page: Page) -> None:
    with page.document.transact():
        page.root["tags"] = Array(["a", "b"])
    other = Page(2)
    other.document.load(page.document.encode())
    with other.document.transact() as theirs:
        other.root["tags"].append("theirs")
    page.write("tags", ["a", "c"])
    page.document.apply(theirs[0])
    assert sorted(page.content["tags"]) == ["a", "c", "theirs"]


def test_what_the_library_cannot_take_becomes_what_it_can(page: Page) -> None:
    page.write("n", [2**70, 10**400, "\ud800", {"k\udfff": -(2**60)}, (1, 2)])
    assert page.content["n"] == [
        2.0**70,
        None,
        "\N{REPLACEMENT CHARACTER}",
        {"k\ufffd": -(2.0**60)},
        [1, 2],
    ]
