"""What the trace of a request to the API tells."""

import json
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.main import application
from tests.app.api.house import ApiUser, House, Team, a_pipeline, the_json, the_problem
from tests.app.telemetry.test_otel import TRACE, TRACEPARENT

pytestmark = pytest.mark.asyncio(loop_scope="module")


def traced(house: House, caller: ApiUser) -> ApiUser:
    """The same caller at a server that was started while somebody traces."""
    return replace(caller, app=application(house.made))


def served(exported: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if span.kind.name == "SERVER"]


async def test_an_edit_tells_who_edited_what_and_continues_the_caller_s_trace(
    house: House, team: Team, exported: InMemorySpanExporter
) -> None:
    path = await a_pipeline(team)
    member = traced(house, team.member)
    headers = {"x-request-id": "abc-1", **TRACEPARENT}
    the_json(await member.patch(path, {"name": "Weft"}, headers=headers))
    (span,) = served(exported)
    assert span.name == "PATCH /api/pipelines/{pipeline_id}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "PATCH",
        "url.path": f"/api{path}",
        "http.route": "/api/pipelines/{pipeline_id}",
        "http.response.status_code": 200,
        "pipeloom.request_id": "abc-1",
        "pipeloom.pipeline_id": path.removeprefix("/pipelines/"),
        "user.id": member.id,
    }
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    loads = [one for one in exported.get_finished_spans() if one.name == "room.load"]
    assert [one.parent and one.parent.span_id for one in loads] == [span.context.span_id]


async def test_a_refusal_by_the_middleware_is_traced_without_the_token(
    house: House, team: Team, exported: InMemorySpanExporter
) -> None:
    stranger = replace(traced(house, team.member))
    stranger.token = "not.a.token"
    the_problem(await stranger.get("/me", params={"token": team.member.token}), 401)
    the_problem(await traced(house, team.member).get("/nowhere"), 404)
    refused, lost = served(exported)
    assert (refused.name, lost.name) == ("GET", "GET")
    told = json.dumps([span.to_json() for span in served(exported)])
    assert "not.a.token" not in told
    assert team.member.token not in told
