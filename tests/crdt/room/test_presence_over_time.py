"""Two nodes with people who look on, move, fall silent and leave: who sees whom, and until when.

The clients here keep time as awareness.js of y-protocols does: they renew a state that is 15
seconds old and forget one that did not come for 30, and look for both every three seconds.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from uuid import UUID

import pytest

from crdt.protocol.awareness_update import NULL, Entry, join_entries, read_entries, write_entry
from crdt.protocol.messages import AwarenessUpdate
from crdt.room.awareness import Awareness
from crdt.room.effects import Broadcast, Effect, Publish
from crdt.room.peer_messages import NodePresence
from crdt.room.presence_relay import PresenceRelay
from crdt.room.session import Session, UserProfile
from tests.rounds import SEED, rounds

LOOK, RENEW, FORGET, TICK = 3.0, 15.0, 30.0, 2.0
LATENCY = 0.5
"""Seconds that a message takes at most, between client and node or between nodes."""

SOON = 4 * LATENCY
"""When everybody knows of what a client has sent, and of who has closed."""

SILENT = FORGET + TICK + SOON
"""When everybody has forgotten a client that sends nothing and stays connected."""

NODE_FORGET = 7.0
"""Seconds after which the clients of a node are removed that publishes nothing."""

LONG = 150.0


class Time:
    """Calls functions at their times, in seconds, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), do))

    def run(self, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = until


class Node:
    """One server with the room, and the other one on its bus."""

    def __init__(self, name: str, time: Time, rng: Random) -> None:
        self._time, self._rng = time, rng
        self.clients: dict[int, Person] = {}
        self.relay = PresenceRelay(Awareness(), name)
        self.awareness = self.relay._awareness
        self.other: Node = self
        self.is_alive = True
        time.after(rng.uniform(0, TICK), self._tick)

    def _tick(self) -> None:
        if self.is_alive:
            self.execute(self.relay.tick(self._time.now))
            self._time.after(TICK, self._tick)

    def execute(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Broadcast(AwarenessUpdate(payload)):
                    for person in [*self.clients.values()]:
                        self._send(payload, person)
                case Publish(NodePresence() as presence):
                    self._publish(presence)

    def _send(self, payload: bytes, person: "Person") -> None:
        person.lag(lambda: person.receive(payload))

    def _publish(self, presence: NodePresence) -> None:
        other = self.other
        # A bus keeps the order of what one node publishes.
        self._time.after(
            LATENCY,
            lambda: (
                other.is_alive and other.execute(other.relay.receive_peer(presence, self._time.now))
            ),
        )


@dataclass
class Seen:
    """What a person knows of another one."""

    clock: int
    state: str
    at: float


@dataclass(eq=False)
class Person:
    """A y-websocket client."""

    number: int
    node: Node
    time: Time
    rng: Random
    since: float = 0.0
    clock: int = 0
    state: str = '{"x":0}'
    updated: float = 0.0
    is_silent: bool = False
    is_gone: bool = False
    since_changed: float = 0.0
    seen: dict[int, Seen] = field(default_factory=dict)
    _next: float = 0.0

    def lag(self, do: Callable[[], object]) -> None:
        """Do something a moment later, in the order of the calls: a socket keeps it."""
        self._next = max(self._next, self.time.now + self.rng.uniform(0, LATENCY))
        self.time.after(self._next - self.time.now, do)

    def join(self) -> None:
        self.since = self.time.now
        self.node.clients[self.number] = self
        encoded = self.node.awareness.encode_with_removed()
        self.lag(lambda: self.receive(encoded))
        self.say(self.state)
        self.time.after(self.rng.uniform(0, LOOK), self._look)

    def say(self, state: str) -> None:
        """Set a state, or the same one again."""
        self.clock, self.state, self.updated = self.clock + 1, state, self.time.now
        self._send([Entry(self.number, self.clock, state)])

    def _send(self, entries: list[Entry]) -> None:
        payload = join_entries([write_entry(each) for each in entries])
        self.lag(lambda: self._arrive(payload))

    def _arrive(self, payload: bytes) -> None:
        if self.number in self.node.clients and self.node.is_alive and not self.is_silent:
            session = Session(self.number, UserProfile(UUID(int=self.number)), "read-write")
            self.node.execute(self.node.relay.receive(session, payload, self.time.now))

    def receive(self, payload: bytes) -> None:
        """Apply an update as awareness.js does, and send back what it has changed."""
        if self.is_gone or self.is_silent:
            return
        news = [each for each in read_entries(payload) if self._takes(each)]
        if news:
            self._send(news)

    def _takes(self, entry: Entry) -> bool:
        client, clock, state = entry
        if client == self.number:
            if state == NULL and clock >= self.clock:
                self.clock = clock + 1
                self.say(self.state)
            else:
                self.clock = max(self.clock, clock)
            return False
        known = self.seen.get(client)
        before = known.clock if known else 0
        gone = clock == before and state == NULL and known is not None and known.state != NULL
        if not (clock > before or gone):
            return False
        self.seen[client] = Seen(clock, state, self.time.now)
        return True

    def _look(self) -> None:
        if self.is_gone:
            return
        if self.time.now - self.updated >= RENEW:
            self.say(self.state)
        for each in self.seen.values():
            if each.state != NULL and self.time.now - each.at >= FORGET:
                each.state = NULL
        self.time.after(LOOK, self._look)

    def leave(self) -> None:
        self.is_gone, self.since_changed = True, self.time.now
        del self.node.clients[self.number]
        if self.node.is_alive:
            self.node.execute(self.node.relay.leave(self.number))

    def fall_silent(self) -> None:
        self.is_silent, self.since_changed = True, self.time.now

    def sees(self, other: "Person") -> bool:
        found = self.seen.get(other.number)
        return found is not None and found.state != NULL


class Play:
    """What happens to the people of two nodes, as `rng` draws it."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.time = rng, Time()
        self.nodes = [Node(name, self.time, rng) for name in ("here", "there")]
        self.nodes[0].other, self.nodes[1].other = self.nodes[1], self.nodes[0]
        self.people: list[Person] = []

    def come(self) -> None:
        node = self.rng.choice([each for each in self.nodes if each.is_alive])
        person = Person(len(self.people) + 1, node, self.time, self.rng)
        self.people.append(person)
        person.join()

    def act(self) -> None:
        active = [each for each in self.people if not (each.is_gone or each.is_silent)]
        match self.rng.randrange(12):
            case 0:
                self.come()
            case 1 if len(active) > 3:
                self.rng.choice(active).leave()
            case 2 if len(active) > 3:
                self.rng.choice(active).fall_silent()
            case 3 | 4 if active:
                self.rng.choice(active).say(f'{{"x":{self.rng.randrange(3)}}}')

    def check(self) -> None:
        now = self.time.now
        watchers = [each for each in self.people if not (each.is_gone or each.is_silent)]
        for watcher in watchers:
            if now - watcher.since < SOON + TICK:
                continue
            for other in self.people:
                if other is not watcher:
                    self._check(watcher, other, now)

    def _check(self, watcher: Person, other: Person, now: float) -> None:
        is_there = not (other.is_gone or other.is_silent)
        told = f"{watcher.number} sees {other.number} at {now:.1f}"
        if is_there and now - other.since > SOON + TICK:
            assert watcher.sees(other), told
        if other.is_gone and now - other.since_changed > SOON:
            assert not watcher.sees(other), told
        if other.is_silent and now - other.since_changed > SILENT:
            assert not watcher.sees(other), told


@pytest.mark.parametrize("number", range(rounds(100, few=3)))
def test_who_is_there_is_seen_and_who_is_gone_is_not(number: int) -> None:
    print(f"seed {SEED}, play {number}")
    play = Play(Random(SEED * 1_000 + number))
    for _ in range(6):
        play.come()
    for second in range(1, int(LONG)):
        play.time.run(float(second))
        play.check()
        if play.rng.random() < 0.4:
            play.act()


@pytest.mark.parametrize("number", range(rounds(20, few=2)))
def test_who_was_at_a_node_that_died_is_gone_from_the_other(number: int) -> None:
    print(f"seed {SEED}, play {number}")
    play = Play(Random(SEED * 1_000 + number))
    for _ in range(8):
        play.come()
    play.time.run(30.0)
    dead, alive = play.nodes
    dead.is_alive = False
    lost = {*dead.clients.values()}
    play.people = [each for each in play.people if each not in lost]
    play.time.run(30.0 + NODE_FORGET + 2 * TICK + SOON)
    for watcher in alive.clients.values():
        assert not any(watcher.sees(each) for each in lost)
    play.check()
