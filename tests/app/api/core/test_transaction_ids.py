"""Whether each answer to a write names the transaction that has written the rows.

Triggers on all tables record which transaction did what, as those behind shapes do.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from app.api.app import openapi_document
from app.api.core.transaction_ids import HEADER, WRITES_NOTHING, Writes
from app.api.resources import document_edits
from app.services.projection_watch import ProjectionWatch
from tests.app.api.conftest import a_house
from tests.app.api.house import ApiUser, House, Team, a_pipeline, a_step

pytestmark = pytest.mark.asyncio(loop_scope="module")

Write: TypeAlias = Callable[[House, Team], Awaitable[httpx.Response]]

FILE = "workflow:\n  name: filed\n  steps:\n    - name: one\n      type: claude\n"
YAML = {"content-type": "application/yaml"}
CASES: dict[str, tuple[Write, frozenset[str]]] = {}
"""By operation and what is special about it: how to ask it, and what its transaction does."""

RECORDED = "CREATE TABLE recorded (what text, transaction_id bigint, id text)"
RECORD = """
CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO recorded VALUES (
        TG_TABLE_NAME || ' ' || lower(TG_OP), pg_current_xact_id()::xid::text::bigint,
        to_jsonb(coalesce(NEW, OLD)) ->> 'id'
    );
    RETURN NULL;
END $$;
"""
TABLES = (
    *("users", "organizations", "teams", "team_members", "pipelines", "steps", "connections"),
    *("comments", "pipeline_templates", "pipeline_versions", "invitations", "invitation_links"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server whose database records who writes what."""
    async with a_house(postgres_server, template_database) as made:
        await made.sql(RECORDED)
        await made.sql(RECORD)
        for table in TABLES:
            await made.sql(
                f"CREATE TRIGGER record AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION record()"
            )
        yield made


async def what_was_done(house: House, answer: httpx.Response) -> set[str]:
    """What the transaction has done that an answer names."""
    assert answer.status_code < 300, (answer.status_code, answer.text)
    number = answer.headers[HEADER]
    assert re.fullmatch("[0-9]{1,10}", number)
    rows = await house.sql("SELECT * FROM recorded WHERE transaction_id = $1", int(number))
    for row in rows:
        await require_xmin(house, row["what"], row["id"], int(number))
    return {row["what"] for row in rows}


async def require_xmin(house: House, what: str, id_: str | None, number: int) -> None:
    """What a transaction wrote has it as xmin, unless a later one has written it again."""
    table, _, how = what.partition(" ")
    if how == "delete" or id_ is None:
        return
    later = "SELECT FROM recorded WHERE id = $1 AND transaction_id > $2"
    if not await house.sql(later, id_, number):
        rows = await house.sql(f"SELECT xmin::text FROM {table} WHERE id = $1", UUID(id_))
        assert number in [int(row["xmin"]) for row in rows], what


def case(operation: str, *done: str) -> Callable[[Write], Write]:
    def note(write: Write) -> Write:
        CASES[operation] = write, frozenset(done)
        return write

    return note


@case("PATCH /me", "users update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.patch("/me", {"name": "Renamed"})


@case("POST /organizations", "organizations insert", "teams insert", "team_members insert")
async def _(_: House, team: Team) -> httpx.Response:
    body = {"name": "O", "slug": f"o-{team.id}", "team": {"name": "T", "slug": "t"}}
    return await team.owner.post("/organizations", body)


@case("PATCH /organizations/{organization_id}", "organizations update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.patch(f"/organizations/{team.organization_id}", {"name": "Renamed"})


@case("POST /teams", "teams insert", "team_members insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.post("/teams", {"organization_id": team.organization_id, "name": "T"})


@case("PATCH /teams/{team_id}", "teams update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.patch(team.path, {"name": "Renamed"})


@case("DELETE /teams/{team_id}", "teams update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.delete(team.path)


@case("POST /deleted-teams/{team_id}/restore", "teams update")
async def _(_: House, team: Team) -> httpx.Response:
    await team.owner.delete(team.path)
    return await team.owner.post(f"/deleted-teams/{team.id}/restore")


@case("POST /teams/{team_id}/members", "team_members insert")
async def _(_: House, team: Team) -> httpx.Response:
    made = await team.owner.made(
        "/teams", {"organization_id": team.organization_id, "name": "Other", "slug": "other"}
    )
    return await team.owner.post(f"/teams/{made['id']}/members", {"user_id": team.member.id})


@case("PATCH /teams/{team_id}/members/{user_id}", "team_members update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.patch(f"{team.path}/members/{team.viewer.id}", {"role": "member"})


@case("DELETE /teams/{team_id}/members/{user_id}", "team_members delete")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.delete(f"{team.path}/members/{team.viewer.id}")


async def invited(team: Team, who: ApiUser) -> Any:
    return await team.owner.made(f"{team.path}/invitations", {"email": who.user.email})


@case("POST /teams/{team_id}/invitations", "invitations insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.post(f"{team.path}/invitations", {"email": "new@example.org"})


@case("DELETE /teams/{team_id}/invitations/{invitation_id}", "invitations update")
async def _(house: House, team: Team) -> httpx.Response:
    made = await invited(team, await house.a_user())
    return await team.owner.delete(f"{team.path}/invitations/{made['id']}")


@case("POST /me/invitations/{invitation_id}/accept", "team_members insert")
async def _(house: House, team: Team) -> httpx.Response:
    who = await house.a_user()
    made = await invited(team, who)
    return await who.post(f"/me/invitations/{made['id']}/accept")


@case("POST /me/invitations/{invitation_id}/decline")
async def _(house: House, team: Team) -> httpx.Response:
    who = await house.a_user()
    made = await invited(team, who)
    return await who.post(f"/me/invitations/{made['id']}/decline")


async def a_link(team: Team) -> Any:
    return await team.owner.made(f"{team.path}/invitation-links", {})


@case("POST /teams/{team_id}/invitation-links", "invitation_links insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.post(f"{team.path}/invitation-links", {})


@case("DELETE /teams/{team_id}/invitation-links/{link_id}", "invitation_links update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.owner.delete(f"{team.path}/invitation-links/{(await a_link(team))['id']}")


@case("POST /invitation-links/accept", "team_members insert", "invitation_links update")
async def _(house: House, team: Team) -> httpx.Response:
    link = await a_link(team)
    return await (await house.a_user()).post("/invitation-links/accept", {"secret": link["secret"]})


@case("POST /invitation-links/join", "users insert", "team_members insert")
async def _(house: House, team: Team) -> httpx.Response:
    link, guest = await a_link(team), await house.a_user()
    guest.token = link["secret"]
    body = {"email": f"{link['id']}@example.org", "name": "New"}
    return await guest.post("/invitation-links/join", body)


# The row is inserted by an earlier transaction than its content.
@case("POST /pipelines", "pipelines update", "steps insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post("/pipelines", {"team_id": team.id, "yaml": FILE})


@case("POST /pipelines, empty", "pipelines insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post("/pipelines", {"team_id": team.id, "name": "empty"})


@case("POST /pipelines/{pipeline_id}/fork", "pipelines update", "steps insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post(f"{await a_pipeline(team, yaml=FILE)}/fork")


@case("PATCH /pipelines/{pipeline_id}", "pipelines update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.patch(await a_pipeline(team), {"name": "renamed"})


@case("DELETE /pipelines/{pipeline_id}", "pipelines update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.delete(await a_pipeline(team))


@case("POST /deleted-pipelines/{pipeline_id}/restore", "pipelines update")
async def _(_: House, team: Team) -> httpx.Response:
    path = await a_pipeline(team)
    await team.member.delete(path)
    return await team.member.post(f"/deleted-{path.lstrip('/')}/restore")


@case("POST /pipelines/{pipeline_id}/steps", "steps insert", "pipelines update")
async def _(_: House, team: Team) -> httpx.Response:
    body = {"name": "one", "type": "claude"}
    return await team.member.post(f"{await a_pipeline(team)}/steps", body)


@case("PATCH /pipelines/{pipeline_id}/steps/{step_id}", "steps update")
async def _(_: House, team: Team) -> httpx.Response:
    path = await a_pipeline(team)
    step = await a_step(team, path, "one")
    return await team.member.patch(f"{path}/steps/{step}", {"name": "two"})


@case("DELETE /pipelines/{pipeline_id}/steps/{step_id}", "steps delete")
async def _(_: House, team: Team) -> httpx.Response:
    path = await a_pipeline(team)
    return await team.member.delete(f"{path}/steps/{await a_step(team, path, 'one')}")


async def a_connection(team: Team) -> tuple[str, httpx.Response]:
    path = await a_pipeline(team)
    one, two = [await a_step(team, path, name) for name in ("one", "two")]
    ends = {"from_step_id": one, "to_step_id": two}
    answer = await team.member.post(f"{path}/connections", ends)
    return f"{path}/connections/{answer.json()['id']}", answer


@case("POST /pipelines/{pipeline_id}/connections", "connections insert")
async def _(_: House, team: Team) -> httpx.Response:
    return (await a_connection(team))[1]


@case("PATCH /pipelines/{pipeline_id}/connections/{connection_id}", "connections update")
async def _(_: House, team: Team) -> httpx.Response:
    path, _answer = await a_connection(team)
    return await team.member.patch(path, {"from_output": "other"})


@case("DELETE /pipelines/{pipeline_id}/connections/{connection_id}", "connections delete")
async def _(_: House, team: Team) -> httpx.Response:
    path, _answer = await a_connection(team)
    return await team.member.delete(path)


async def a_comment(team: Team) -> str:
    path = f"{await a_pipeline(team)}/comments"
    return f"{path}/{(await team.member.made(path, {'content': 'so'}))['id']}"


@case("POST /pipelines/{pipeline_id}/comments", "comments insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post(f"{await a_pipeline(team)}/comments", {"content": "so"})


@case("PATCH /pipelines/{pipeline_id}/comments/{comment_id}", "comments update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.patch(await a_comment(team), {"resolved": True})


@case("DELETE /pipelines/{pipeline_id}/comments/{comment_id}", "comments delete")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.delete(await a_comment(team))


@case("PUT /pipelines/{pipeline_id}/yaml", "steps insert", "pipelines update")
async def _(_: House, team: Team) -> httpx.Response:
    path = f"{await a_pipeline(team)}/yaml"
    return await team.member.ask("PUT", path, content=FILE, headers=YAML)


@case("POST /pipelines/{pipeline_id}/versions", "pipeline_versions insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post(f"{await a_pipeline(team)}/versions", {"name": "one"})


@case("POST /pipelines/{pipeline_id}/versions/{number}/restore", "steps delete")
async def _(_: House, team: Team) -> httpx.Response:
    path = await a_pipeline(team)
    await team.member.made(f"{path}/versions", {"name": "one"})
    await a_step(team, path, "one")
    return await team.member.post(f"{path}/versions/1/restore")


async def a_template(team: Team) -> str:
    pipeline = (await a_pipeline(team, yaml=FILE)).rpartition("/")[2]
    made = await team.member.made("/templates", {"pipeline_id": pipeline, "name": "t"})
    return f"/templates/{made['id']}"


@case("POST /templates", "pipeline_templates insert")
async def _(_: House, team: Team) -> httpx.Response:
    pipeline = (await a_pipeline(team)).rpartition("/")[2]
    return await team.member.post("/templates", {"pipeline_id": pipeline, "name": "t"})


@case("PATCH /templates/{template_id}", "pipeline_templates update")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.patch(await a_template(team), {"name": "renamed"})


@case("DELETE /templates/{template_id}", "pipeline_templates delete")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.admin.delete(await a_template(team))


# The use of the template is counted by a transaction after these.
@case("POST /templates/{template_id}/instantiate", "pipelines update", "steps insert")
async def _(_: House, team: Team) -> httpx.Response:
    return await team.member.post(f"{await a_template(team)}/instantiate", {"team_id": team.id})


def operations() -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, item in openapi_document()["paths"].items()
        for method in item
        if method in ("post", "put", "patch", "delete") and not WRITES_NOTHING.fullmatch(path)
    }


async def test_every_write_has_a_case_and_is_documented() -> None:
    assert {name.partition(",")[0] for name in CASES} == operations()
    paths = openapi_document()["paths"]
    for operation in operations():
        method, _, path = operation.partition(" ")
        answers = paths[path][method.lower()]["responses"].items()
        assert all(HEADER in answer["headers"] for status, answer in answers if status < "3")


@pytest.mark.parametrize("name", CASES)
async def test_a_write_names_its_transaction(house: House, team: Team, name: str) -> None:
    write, done = CASES[name]
    assert await what_was_done(house, await write(house, team)) >= done


async def test_a_write_that_changes_nothing_names_none(house: House, team: Team) -> None:
    path, connection = await a_pipeline(team, "same"), (await a_connection(team))[0]
    step, comment = await a_step(team, path, "one"), await a_comment(team)
    template = await a_template(team)
    writes = {
        path: {"name": "same"},
        f"{path}/steps/{step}": {"name": "one"},
        connection: {"from_output": (await team.member.read(connection))["from_output"]},
        comment: {"content": "so", "resolved": False},
        template: {"name": "t"},
        "/me": {"name": team.member.user.name},
    }
    for at, body in writes.items():
        answer = await team.member.patch(at, body)
        assert (answer.status_code, answer.headers.get(HEADER)) == (200, None), at
        read = await team.member.get(at)
        assert read.headers["etag"] == answer.headers["etag"]
        assert HEADER not in read.headers
    for at, body in {
        team.path: {"name": (await team.owner.read(team.path))["name"]},
        f"{team.path}/members/{team.viewer.id}": {"role": "viewer"},
    }.items():
        answer = await team.owner.patch(at, body)
        assert (answer.status_code, answer.headers.get(HEADER)) == (200, None), at


async def test_a_file_that_is_there_already_names_no_transaction(house: House, team: Team) -> None:
    path = f"{await a_pipeline(team)}/yaml"
    put = [await team.member.ask("PUT", path, content=FILE, headers=YAML) for _ in range(3)]
    assert [HEADER in one.headers for one in put] == [True, False, False]
    version = f"{path.removesuffix('/yaml')}/versions"
    saved = [await team.member.post(version, {"name": "one"}) for _ in range(2)]
    assert [HEADER in one.headers for one in saved] == [True, False]
    restored = await team.member.post(f"{version}/1/restore")
    assert (restored.status_code, restored.headers.get(HEADER)) == (200, None)


async def test_what_is_refused_or_only_read_names_none(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    stale = await team.owner.patch(team.path, {"name": "x"}, headers={"if-match": '"other"'})
    refused = [
        stale,
        await team.viewer.post(f"{path}/comments", {"content": "x"}),
        await team.member.post("/validate", content=FILE, headers=YAML),
        await team.member.post(f"{path}/events/ticket"),
        await team.member.get(path),
    ]
    assert [one.status_code for one in refused] == [412, 403, 200, 200, 200]
    assert not any(HEADER in one.headers for one in refused)


async def test_a_repetition_names_the_first_transaction(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    for at, body in {
        f"{path}/steps": {"name": "once", "type": "claude"},
        f"{path}/comments": {"content": "once"},
        "/pipelines": {"team_id": team.id, "name": "once"},
    }.items():
        key = {"idempotency-key": f"once-{at.rpartition('/')[2]}"}
        first, again = [await team.member.post(at, body, headers=key) for _ in range(2)]
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers[HEADER] == first.headers[HEADER], at


async def test_an_edit_whose_projection_is_not_announced_names_none(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while a worker of an older program runs, or when the announcement is lost."""
    path = await a_pipeline(team)

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(ProjectionWatch, "wait", nothing)
    made = await team.member.post(f"{path}/steps", {"name": "one", "type": "claude"})
    assert (made.status_code, made.headers.get(HEADER)) == (201, None)
    # Of a new pipeline the transaction that has made its row is known even so.
    body = {"team_id": team.id, "name": "new"}
    answer = await team.member.post("/pipelines", body)
    assert await what_was_done(house, answer) == {"pipelines insert"}


async def test_an_answer_before_the_projection_names_none(
    house: House, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await a_pipeline(team)
    monkeypatch.setattr(document_edits, "PROJECTION_SECONDS", 0.0)
    made = await team.member.post(f"{path}/steps", {"name": "one", "type": "claude"})
    assert (made.status_code, made.headers.get(HEADER)) == (202, None)


async def test_pages_of_other_origins_may_read_it(house: House, team: Team) -> None:
    answer = await team.member.patch(
        "/me", {"name": "Other"}, headers={"origin": "http://127.0.0.1"}
    )
    assert HEADER in answer.headers["access-control-expose-headers"]


async def test_the_first_rows_count_and_the_document_more() -> None:
    writes = Writes()
    assert writes.transaction_id is None
    writes.note_rows(7)
    writes.note_rows(8)
    assert writes.transaction_id == 7
    writes.of_document = 9
    assert writes.transaction_id == 9
