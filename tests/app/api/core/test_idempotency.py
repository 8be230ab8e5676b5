"""Whether a POST that is sent again with its Idempotency-Key does nothing twice."""

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest

from persistence.errors import StoreUnavailable
from persistence.postgres.idempotency import PostgresIdempotencyKeys
from tests.app.api.house import ApiUser, House, Team, a_pipeline, ask, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def posted(user: ApiUser, path: str, key: str, body: Any) -> httpx.Response:
    return await user.post(path, body, headers={"idempotency-key": key})


async def test_a_repetition_gets_the_first_answer(team: Team) -> None:
    comments = f"{await a_pipeline(team)}/comments"
    bodies = {
        "/pipelines": {"team_id": team.id, "name": "once"},
        comments: {"content": "once"},
        f"{comments.removesuffix('comments')}steps": {"name": "once", "type": "claude"},
        f"{comments.removesuffix('comments')}fork": {},
        f"{comments.removesuffix('comments')}versions": {"name": "once"},
        "/templates": {"pipeline_id": comments.split("/")[2], "name": "once"},
        f"{team.path}/invitations": {"email": "once@example.org", "role": "member"},
        "/organizations": {
            "name": "once",
            "slug": f"once-{team.id}",
            "team": {"name": "once", "slug": "once"},
        },
    }
    for path, body in bodies.items():
        first = await posted(team.owner, path, f"key of {path}".replace(" ", "-"), body)
        assert first.status_code == 201, (path, first.text)
        again = await posted(team.owner, path, f"key of {path}".replace(" ", "-"), body)
        assert (again.status_code, again.content) == (201, first.content), path
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
    listed = await team.owner.read("/pipelines", params={"team": team.id})
    assert len([one for one in listed["items"] if one["name"] == "once"]) == 1


async def test_a_key_is_for_one_request_of_one_user(team: Team) -> None:
    body = {"team_id": team.id, "name": "mine"}
    first = await posted(team.owner, "/pipelines", "mine", body)
    other = await posted(team.owner, "/pipelines", "mine", {**body, "name": "other"})
    assert the_problem(other, 422)["code"] == "key_reused"
    theirs = await posted(team.member, "/pipelines", "mine", body)
    assert (theirs.status_code, theirs.json()["id"] != first.json()["id"]) == (201, True)


async def test_of_many_at_once_one_creates(house: House, team: Team) -> None:
    body = {"team_id": team.id, "name": "at once"}
    answers = await asyncio.gather(
        *(posted(team.owner, "/pipelines", "at-once", body) for _ in range(6))
    )
    made = {one.json()["id"] for one in answers if one.status_code == 201}
    refused = [the_problem(one, 409)["code"] for one in answers if one.status_code != 201]
    assert (len(made), {*refused} - {"key_in_use"}) == (1, set())
    rows = await house.sql("SELECT FROM pipelines WHERE name = 'at once'")
    assert len(rows) == 1


async def test_what_was_refused_is_tried_again(team: Team) -> None:
    body = {"team_id": team.id, "name": "again"}
    refused = await posted(team.viewer, "/pipelines", "again", body)
    assert the_problem(refused, 403)["code"] == "role_needed"
    changed = {"role": "member"}
    assert (
        await team.owner.patch(f"{team.path}/members/{team.viewer.id}", changed)
    ).status_code == 200
    assert (await posted(team.viewer, "/pipelines", "again", body)).status_code == 201


async def test_a_crash_after_the_commit_creates_nothing_twice(house: House, team: Team) -> None:
    body = {"team_id": team.id, "name": "crash"}
    made = (await posted(team.owner, "/pipelines", "crash", body)).json()["id"]
    # As a server leaves it that goes away before it has kept the answer.
    lost = (
        "UPDATE idempotency_keys SET status = NULL, headers = NULL, body = NULL WHERE digest = $1"
    )
    await house.sql(lost, sha256(b"crash").digest())
    running = the_problem(await posted(team.owner, "/pipelines", "crash", body), 409)
    assert running["code"] == "key_in_use"
    await house.sql("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
    problem = the_problem(await posted(team.owner, "/pipelines", "crash", body), 409)
    assert (problem["code"], problem["created"]) == ("key_done", made)


async def test_a_crash_before_the_commit_lets_another_try(house: House, team: Team) -> None:
    body = {"team_id": team.id, "name": "early"}
    await posted(team.owner, "/pipelines", "early", body)
    lost = (
        "UPDATE idempotency_keys SET status = NULL, subject_id = NULL, "
        "claimed_until = now() - interval '1 s' WHERE digest = $1"
    )
    await house.sql(lost, sha256(b"early").digest())
    again = await posted(team.owner, "/pipelines", "early", body)
    assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)


class Crash:
    """A server that goes away between what it writes and keeping the answer."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._house, self._monkeypatch = house, monkeypatch

    async def post(
        self,
        user: ApiUser,
        path: str,
        body: Any,
        meanwhile: Callable[[], Awaitable[None]] | None = None,
    ) -> httpx.Response:
        """Send a request whose answer is lost, then again; return what it is answered then.

        `meanwhile` is what others do in between: the key is in use for a while.
        """

        async def keep(*_: object) -> None:
            raise StoreUnavailable("the server was killed here")

        with self._monkeypatch.context() as crashing:
            crashing.setattr(PostgresIdempotencyKeys, "keep", keep)
            assert (await posted(user, path, "crash", body)).status_code == 503
        running = the_problem(await posted(user, path, "crash", body), 409)
        assert running["code"] == "key_in_use"
        if meanwhile is not None:
            await meanwhile()
        await self._house.sql("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
        return await posted(user, path, "crash", body)


@pytest.fixture
def crash(house: House, monkeypatch: pytest.MonkeyPatch) -> Crash:
    return Crash(house, monkeypatch)


async def test_a_step_is_added_once_whatever_crashes(team: Team, crash: Crash) -> None:
    steps = f"{await a_pipeline(team)}/steps"
    again = await crash.post(team.owner, steps, {"name": "once", "type": "claude"})
    [step] = (await team.owner.read(steps))["items"]
    problem = the_problem(again, 409)
    assert (problem["code"], problem["created"]) == ("key_done", step["id"])


async def test_a_step_that_somebody_deleted_meanwhile_stays_deleted(
    team: Team, crash: Crash
) -> None:
    steps = f"{await a_pipeline(team)}/steps"

    async def delete() -> None:
        [step] = (await team.member.read(steps))["items"]
        assert (await team.member.delete(f"{steps}/{step['id']}")).status_code == 204

    body = {"name": "once", "type": "claude"}
    again = the_problem(await crash.post(team.owner, steps, body, delete), 409)
    assert again["code"] == "key_done"
    assert (await team.owner.read(steps))["items"] == []


async def test_a_connection_is_added_once_whatever_crashes(team: Team, crash: Crash) -> None:
    path = await a_pipeline(team)
    one, other = [
        (await team.owner.made(f"{path}/steps", {"name": name, "type": "claude"}))["id"]
        for name in ("one", "other")
    ]
    body = {"from_step_id": one, "to_step_id": other}
    again = the_problem(await crash.post(team.owner, f"{path}/connections", body), 409)
    [connection] = (await team.owner.read(f"{path}/connections"))["items"]
    assert (again["code"], again["created"]) == ("key_done", connection["id"])


@pytest.mark.parametrize("others_save", [False, True])
async def test_a_version_is_saved_once_whatever_crashes(
    team: Team, crash: Crash, *, others_save: bool
) -> None:
    path = await a_pipeline(team)
    versions = f"{path}/versions"
    await team.owner.made(f"{path}/steps", {"name": "one", "type": "claude"})

    async def go_on() -> None:
        await team.member.made(f"{path}/steps", {"name": "two", "type": "claude"})
        await team.member.made(versions, {"name": "theirs"})

    meanwhile = go_on if others_save else None
    again = await crash.post(team.owner, versions, {"name": "once"}, meanwhile)
    saved = [one for one in (await team.owner.read(versions))["items"] if one["name"] == "once"]
    assert [one["version_number"] for one in saved] == [again.json()["version_number"]]


async def test_a_restore_does_not_undo_what_came_after_it(team: Team, crash: Crash) -> None:
    path = await a_pipeline(team)
    await team.owner.made(f"{path}/steps", {"name": "old", "type": "claude"})
    number = (await team.owner.made(f"{path}/versions", {"name": "old"}))["version_number"]
    await team.owner.made(f"{path}/steps", {"name": "gone", "type": "claude"})

    async def go_on() -> None:
        await team.member.made(f"{path}/steps", {"name": "later", "type": "claude"})

    restore = f"{path}/versions/{number}/restore"
    again = the_problem(await crash.post(team.owner, restore, None, go_on), 409)
    assert (again["code"], again["created"]) == ("key_done", path.rpartition("/")[2])
    steps = (await team.owner.read(f"{path}/steps"))["items"]
    assert {step["name"] for step in steps} == {"old", "later"}


async def test_a_long_answer_is_named_instead(team: Team) -> None:
    path, long = f"{await a_pipeline(team)}/steps", {"prompt": "x" * 20_000}
    body = {"name": "long", "type": "claude", "config": long}
    made = await posted(team.owner, path, "long", body)
    problem = the_problem(await posted(team.owner, path, "long", body), 409)
    assert (problem["code"], problem["created"]) == ("key_done", made.json()["id"])


async def test_secrets_are_not_kept(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    one, other = [await posted(team.owner, f"{path}/events/ticket", "t", None) for _ in range(2)]
    assert one.json()["ticket"] != other.json()["ticket"]
    assert (
        await house.sql("SELECT FROM idempotency_keys WHERE digest = $1", sha256(b"t").digest())
        == []
    )


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b"])
async def test_a_key_that_cannot_be_is_refused(team: Team, key: str) -> None:
    answer = await posted(team.owner, "/pipelines", key, {"team_id": team.id, "name": "bad"})
    assert the_problem(answer, 422)["errors"][0]["path"] == "header.idempotency-key"


async def test_a_stranger_has_no_keys(house: House) -> None:
    """The one path without a token takes no POST, whatever stands in the header."""
    headers = {"idempotency-key": "mine"}
    for key in ({}, headers):
        answer = await ask(house.app, "POST", "/openapi.json", "", headers=key)
        assert the_problem(answer, 405)["code"] == "method_not_allowed"
