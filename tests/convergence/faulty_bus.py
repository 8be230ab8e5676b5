"""A bus between nodes that drops, repeats, delays and reorders what they publish, by a seed."""

from collections.abc import Callable
from random import Random
from uuid import UUID

from app.bus.base import Handler, OnSubscribed, Unsubscribe, do_nothing
from app.bus.memory import MemoryBus
from crdt.room.peer_messages import PeerMessage

DROPPED, REPEATED = 0.15, 0.1


class FaultyBus:
    """What is on its way between nodes; the play delivers it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.is_faulty = True
        self.views: list[NodeBus] = []
        self.waiting: list[Callable[[], None]] = []

    def view(self) -> "NodeBus":
        """The bus as another node sees it."""
        self.views.append(NodeBus(self))
        return self.views[-1]

    def send(self, sender: "NodeBus", pipeline_id: UUID, message: PeerMessage) -> None:
        for view in self.views:
            if view is not sender:
                for _ in range(self._copies()):
                    self.waiting.append(lambda view=view: view.apply_remote(pipeline_id, message))  # type: ignore[misc]

    def _copies(self) -> int:
        chance = self.random.random() if self.is_faulty else 1.0
        return 0 if chance < DROPPED else 2 if chance < DROPPED + REPEATED else 1

    def deliver_one(self) -> None:
        """Deliver any one message; the oldest if the bus is well."""
        place = self.random.randrange(len(self.waiting)) if self.is_faulty else 0
        self.waiting.pop(place)()


class NodeBus(MemoryBus):
    """The bus as one node sees it."""

    def __init__(self, bus: FaultyBus) -> None:
        super().__init__()
        self._bus = bus
        self._is_dead = False

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """See `Bus.publish`."""
        if not self._is_dead:
            super().publish(pipeline_id, message, sender)
            self._bus.send(self, pipeline_id, message)

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed = do_nothing
    ) -> Unsubscribe:
        """See `Bus.subscribe`."""
        return super().subscribe(pipeline_id, handler, on_subscribed)

    def apply_remote(self, pipeline_id: UUID, message: PeerMessage) -> None:
        """Receive what another node published."""
        if not self._is_dead:
            self._subscriptions.deliver(pipeline_id, message)

    def die(self) -> None:
        """Send and receive nothing more."""
        self._is_dead = True
        self._bus.views.remove(self)
