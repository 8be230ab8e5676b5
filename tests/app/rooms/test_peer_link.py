"""What a room publishes, and how often."""

from app.rooms.inspect_in_thread import LARGE_BYTES
from app.rooms.peer_link import PeerLink
from crdt.room.peer_messages import Committed, NodePresence, PeerMessage, PresenceQuery
from tests.app.fakes import PIPELINE, Journal, JournalBus, presence

ME, OTHER = 7, 8


def linked(seconds: float = 0.0) -> tuple[PeerLink, Journal, list[PeerMessage]]:
    """A link that is open, what it publishes, and what it receives."""
    journal: Journal = []
    received: list[PeerMessage] = []
    link = PeerLink(JournalBus(journal), PIPELINE, "here", received.append, seconds)
    link.open()
    return link, journal, received


async def test_others_are_asked_for_their_presence_when_the_link_opens() -> None:
    _, journal, received = linked()
    assert (journal, received) == ([("bus", PresenceQuery("here"))], [])


async def test_a_large_update_is_published_by_its_number_only() -> None:
    link, journal, _ = linked()
    link.publish_committed(1, b"small")
    link.publish_committed(2, bytes(LARGE_BYTES))
    assert journal[1:] == [("bus", Committed(1, b"small")), ("bus", Committed(2, None))]


async def test_presence_is_published_together_and_a_complete_one_at_once() -> None:
    link, journal, _ = linked(seconds=10.0)
    first = presence(ME, 1, "{}").payload
    complete = NodePresence("here", first, is_complete=True)
    link.publish(NodePresence("here", first, is_complete=False))
    link.publish(NodePresence("here", presence(OTHER, 1, "{}").payload, is_complete=False))
    link.publish(complete)
    link.close()
    assert journal[1:] == [
        ("bus", NodePresence("here", first, is_complete=False)),
        ("bus", complete),
    ]
