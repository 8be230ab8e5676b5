"""The span of a client that joins."""

from functools import partial

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from app.auth.admission import AdmittedClient
from app.telemetry import spans
from app.websocket.join_span import JoinSpan
from crdt.errors import Forbidden
from crdt.protocol.messages import ClientMessage, QueryAwareness, SyncStep1
from crdt.room.session import UserProfile
from tests.app.fakes import PIPELINE, USER, Replica, turns
from tests.app.rooms.test_hub import GatedStore, Node, node, replica, store
from tests.contracts.stores import NOON

__all__ = ["node", "replica", "store"]

VISITOR = AdmittedClient(UserProfile(USER), PIPELINE, "read-write", NOON, 0)


def joins(exported: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if span.name == "room.join"]


async def test_it_ends_when_the_document_is_on_its_way(
    exported: InMemorySpanExporter, node: Node, store: GatedStore, replica: Replica
) -> None:
    visit = await node.enter()
    with JoinSpan("y-websocket") as join_span:
        join_span.admit(VISITOR)
        handle = join_span.enter(visit.room, partial(visit.room.receive_message, visit.session))
        store.writing.open.clear()
        visit.edit(replica.set("name", "Weft"))
        handle(QueryAwareness(), None)
        handle(SyncStep1(b"\x00"), None)
        await turns()
        assert joins(exported) == [], "the SyncStep2 still waits for the commit"
        store.writing.open.set()
        await turns(20)
        assert len(joins(exported)) == 1
        handle(SyncStep1(b"\x00"), None)
    (span,) = joins(exported)
    assert [event.name for event in span.events] == ["authenticated", "loaded", "synced"]
    assert dict(span.attributes or {}) == {
        "pipeloom.protocol": "y-websocket",
        "user.id": str(USER),
        "pipeloom.pipeline_id": str(PIPELINE),
    }


async def test_loading_is_part_of_it(exported: InMemorySpanExporter, node: Node) -> None:
    with JoinSpan("y-websocket") as join_span, join_span.current():
        await node.hub.open(PIPELINE)
    load, join = exported.get_finished_spans()
    assert load.name == "room.load"
    assert load.parent is not None
    assert join.context is not None
    assert load.parent.span_id == join.context.span_id


async def test_who_may_not_come_in_is_told_of(exported: InMemorySpanExporter) -> None:
    join_span = JoinSpan("hocuspocus")
    join_span.fail(Forbidden("not you"))
    join_span.fail(LookupError())
    with join_span.current():
        assert spans.ids() == {}
    (span,) = joins(exported)
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "Forbidden"


async def test_a_client_that_leaves_early_ends_it(exported: InMemorySpanExporter) -> None:
    with JoinSpan("y-websocket"):
        pass
    (span,) = joins(exported)
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())


async def test_an_error_on_the_way_ends_it(exported: InMemorySpanExporter) -> None:
    with pytest.raises(Forbidden), JoinSpan("y-websocket"):
        raise Forbidden
    (span,) = joins(exported)
    assert span.status.status_code is StatusCode.ERROR


async def test_messages_take_the_short_way_while_nobody_traces(node: Node) -> None:
    room = await node.hub.open(PIPELINE)

    def handle(_: ClientMessage) -> None: ...

    assert JoinSpan("y-websocket").enter(room, handle) is handle
