"""Sockets are counted from the moment they are accepted, and some are left for probes."""

import resource

import pytest
from structlog.testing import capture_logs

from app.processes.sockets import (
    FEWEST,
    OWN_FILES,
    PROBE_FILES,
    REMIND_SECONDS,
    Sockets,
    most_sockets,
)

ADA, BOB, PROXY = "192.0.2.1", "192.0.2.2", "127.0.0.1"


def surplus(sockets: Sockets, address: str) -> bool:
    accepted = sockets.accept(address)
    assert accepted is not None
    return accepted.is_surplus


def test_an_address_has_so_many_and_others_have_theirs() -> None:
    sockets = Sockets(10, 2)
    assert [surplus(sockets, ADA) for _ in range(3)] == [False, False, True]
    assert not surplus(sockets, BOB)


def test_a_proxy_stands_for_many() -> None:
    sockets = Sockets(10, 2, lambda address: address == PROXY)
    assert [surplus(sockets, PROXY) for _ in range(5)] == [False] * 5


def test_what_is_closed_makes_room() -> None:
    sockets = Sockets(10, 1)
    first = sockets.accept(ADA)
    assert first is not None
    sockets.close(first)
    assert sockets.open == 0
    assert not surplus(sockets, ADA)


def test_beyond_the_limit_probes_find_room_and_then_nobody() -> None:
    sockets = Sockets(2, 100)
    assert [surplus(sockets, ADA) for _ in range(2 + PROBE_FILES)] == [False] * 2 + [
        True
    ] * PROBE_FILES
    assert sockets.accept(BOB) is None
    assert sockets.open == 2 + PROBE_FILES


def test_it_is_logged_once_a_minute() -> None:
    now = 0.0
    sockets = Sockets(0, 100, monotonic=lambda: now)
    with capture_logs() as logged:
        sockets.accept(ADA)
        sockets.accept(ADA)
        now = REMIND_SECONDS
        sockets.accept(BOB)
    assert [(line["event"], line["open"], line["address"]) for line in logged] == [
        ("sockets.too_many", 0, ADA),
        ("sockets.too_many", 2, BOB),
    ]


@pytest.mark.parametrize(
    ("limits", "raised", "most"),
    [
        ((1024, 4096), [(4096, 4096)], 4096 - OWN_FILES - PROBE_FILES),
        ((256, 256), [], 256 - OWN_FILES - PROBE_FILES),
        ((64, 64), [], FEWEST),
    ],
)
def test_there_is_room_for_what_the_system_allows(
    monkeypatch: pytest.MonkeyPatch,
    limits: tuple[int, int],
    raised: list[tuple[int, int]],
    most: int,
) -> None:
    asked_for: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, to: asked_for.append(to))
    assert (most_sockets(), asked_for) == (most, raised)
    assert most_sockets(files_each=2) == max(FEWEST, most // 2)
