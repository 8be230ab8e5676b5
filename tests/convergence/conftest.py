"""Every edit that a server makes aside is a large one here: it is written under several ids."""

import pytest

import crdt.updates.spread


@pytest.fixture(autouse=True)
def _few_structs_of_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crdt.updates.spread, "STRUCTS_OF_ONE", 3)
