from uuid import UUID

from app.events import MAX_WAITING, RoomEvent, RoomEvents

ADA, BOB = UUID(int=1), UUID(int=2)
HERE, THERE = UUID(int=8), UUID(int=9)
NEWS = RoomEvent("comment.created", {"content": "hi"})


async def test_everybody_who_listens_to_a_pipeline_hears_of_it() -> None:
    events = RoomEvents()
    with events.listening(HERE, ADA) as ada, events.listening(HERE, BOB) as bob:
        events.tell(THERE, NEWS)
        events.tell(HERE, NEWS)
        assert events.seats() == {(ADA, HERE), (BOB, HERE)}
        assert await ada.next() == await bob.next() == NEWS
    assert events.seats() == set()


async def test_who_does_not_keep_up_is_sent_away_after_what_waits() -> None:
    events = RoomEvents()
    with events.listening(HERE, ADA) as ada:
        for _ in range(MAX_WAITING + 5):
            events.tell(HERE, NEWS)
        for _ in range(MAX_WAITING):
            assert await ada.next() == NEWS
        assert await ada.next() is None


async def test_who_loses_access_is_sent_away_and_nobody_else() -> None:
    events = RoomEvents()
    with events.listening(HERE, ADA) as ada, events.listening(HERE, BOB) as bob:
        events.review(HERE, {ADA: None, BOB: "readonly"})
        events.review(THERE, {BOB: None})
        events.tell(HERE, NEWS)
        assert await ada.next() is None
        assert await bob.next() == NEWS


async def test_the_end_of_a_pipeline_is_told() -> None:
    events = RoomEvents()
    with events.listening(HERE, ADA) as ada:
        events.withdraw(HERE)
        assert await ada.next() == RoomEvent("pipeline.deleted", {"pipeline_id": str(HERE)})
        assert await ada.next() is None


async def test_a_server_that_goes_down_sends_everybody_away() -> None:
    events = RoomEvents()
    with events.listening(HERE, ADA) as ada, events.listening(THERE, BOB) as bob:
        events.close()
        assert await ada.next() is None
        assert await bob.next() is None
