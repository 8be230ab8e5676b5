"""Values of the encoding "any" are skipped, and refused if they nest too deep."""

from collections.abc import Callable

import pytest

from crdt.errors import MalformedUpdate
from crdt.protocol.lib0 import var_string
from crdt.updates.any_values import MAX_NESTING
from crdt.updates.format import read_structs
from tests.crdt.raw_updates import (
    deep_array,
    deep_behind_members,
    deep_object,
    in_root,
    update,
    value,
)


@pytest.mark.parametrize("deep", [deep_array, deep_object, deep_behind_members])
def test_a_value_nested_too_deep_is_refused(deep: Callable[[int], bytes]) -> None:
    allowed, hostile = (
        update(in_root(8, value(deep(depth)))) for depth in (MAX_NESTING, MAX_NESTING + 1)
    )
    read_structs(allowed)
    with pytest.raises(MalformedUpdate, match="nested at most 500 deep"):
        read_structs(hostile)


def test_options_of_a_document_inside_are_values_too() -> None:
    hostile = update(in_root(9, var_string("guid") + deep_object(20_000)))
    with pytest.raises(MalformedUpdate, match="nested"):
        read_structs(hostile)
