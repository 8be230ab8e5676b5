"""Links by which whoever has one joins: as a user who is here, or as somebody new."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.routing import Mount

from app.api.app import api
from app.api.core.guests import AT_ONCE
from app.settings import Settings
from tests.app.api.conftest import a_house
from tests.app.api.house import TOKENS, ApiUser, House, Team, all_items, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEWCOMER = {"email": "new@example.org", "name": "New"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server of its own: addresses are counted here."""
    async with a_house(postgres_server, template_database) as made:
        yield made


async def a_link(team: Team, by: str = "owner", **wanted: Any) -> dict[str, Any]:
    made: dict[str, Any] = await team.people[by].made(f"{team.path}/invitation-links", wanted)
    return made


async def accept(user: ApiUser, secret: str) -> httpx.Response:
    return await user.post("/invitation-links/accept", {"secret": secret})


async def offer(app: Any, secret: str, address: str) -> httpx.Response:
    """What a link offers, to somebody who may have no token."""
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {secret}"}
        return await client.get("/api/invitation-links/offer", headers=headers)


async def join(
    house: House, secret: str, body: Any = NEWCOMER, address: str = "192.0.2.1"
) -> httpx.Response:
    """As somebody without a token, from an address of their own."""
    transport = httpx.ASGITransport(house.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        headers = {"Authorization": f"Bearer {secret}"}
        return await client.post("/api/invitation-links/join", json=body, headers=headers)


async def role_of(team: Team, user_id: str) -> Any:
    members = await all_items(team.owner, f"{team.path}/members", 100)
    return {one["id"]: one["role"] for one in members}.get(user_id)


async def test_a_link_is_shown_once_and_lets_so_many_in(house: House, team: Team) -> None:
    link = await a_link(team, role="viewer", max_uses=2)
    assert link["path"] == f"/#invitation={link['secret']}"
    listed = await all_items(team.admin, f"{team.path}/invitation-links", 100)
    assert [(one["id"], one["uses"], one["max_uses"]) for one in listed] == [(link["id"], 0, 2)]
    assert link["secret"] not in str(listed)
    stored = await house.sql("SELECT * FROM invitation_links WHERE id = $1", link["id"])
    audit = await house.sql("SELECT * FROM audit_log WHERE subject_id = $1", link["id"])
    assert link["secret"] not in f"{stored} {audit}"
    people = [await house.a_user("guest") for _ in range(5)]
    answers = await asyncio.gather(*(accept(one, link["secret"]) for one in people))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 404, 404, 404]
    inside = next(one for one, got in zip(people, answers, strict=True) if got.is_success)
    assert await role_of(team, inside.id) == "viewer"
    assert await all_items(team.owner, f"{team.path}/invitation-links", 100) == []


async def test_who_has_a_link_sees_what_it_offers(house: House, team: Team) -> None:
    link = await a_link(team, by="admin", role="viewer", max_uses=1)
    shown = the_json(await offer(house.app, link["secret"], "192.0.2.40"))
    about = the_json(await team.owner.get(team.path))
    assert (shown["team_id"], shown["team_name"]) == (team.id, about["name"])
    assert (shown["role"], shown["uses_left"]) == ("viewer", 1)
    assert shown["invited_by"]["id"] == team.admin.id
    assert shown["expires_at"] == link["expires_at"]
    assert shown["gives_accounts"] is True
    await accept(team.outsider, link["secret"])
    # Used up it still says to which team: members open it again.
    assert the_json(await offer(house.app, link["secret"], "192.0.2.40"))["uses_left"] == 0


async def test_who_is_a_member_stays_as_they_are(team: Team) -> None:
    link = await a_link(team, role="viewer", max_uses=1)
    for _ in range(2):
        assert the_json(await accept(team.admin, link["secret"]))["id"] == team.id
    assert await role_of(team, team.admin.id) == "admin"
    assert the_json(await accept(team.outsider, link["secret"]))["id"] == team.id


@pytest.mark.parametrize(
    ("by", "role", "status"),
    [("owner", "owner", 201), ("admin", "admin", 201), ("admin", "owner", 403),
     ("member", "viewer", 403), ("viewer", "viewer", 403), ("outsider", "viewer", 404)],
)  # fmt: skip
async def test_a_link_gives_one_s_own_role_at_most(
    team: Team, by: str, role: str, status: int
) -> None:
    user = team.people[by]
    answer = await user.post(f"{team.path}/invitation-links", {"role": role})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("end", ["revoked", "expired", "demoted", "left", "deleted"])
async def test_a_link_that_has_ended_lets_nobody_in(house: House, team: Team, end: str) -> None:
    link = await a_link(team, by="admin", role="member")
    match end:
        case "revoked":
            gone = await team.owner.delete(f"{team.path}/invitation-links/{link['id']}")
            assert gone.status_code == 204
        case "expired":
            await house.sql(
                "UPDATE invitation_links SET expires_at = now() WHERE id = $1", link["id"]
            )
        case "demoted":
            await team.owner.patch(f"{team.path}/members/{team.admin.id}", {"role": "member"})
        case "left":
            await team.admin.delete(f"{team.path}/members/{team.admin.id}")
        case "deleted":
            await team.owner.delete(team.path)
    is_known = end in ("revoked", "expired")
    shown = the_problem(
        await offer(house.app, link["secret"], "192.0.2.2"), 404 if is_known else 401
    )
    detail = shown["detail"]
    assert (end if is_known else "not known here") in detail
    assert detail.endswith(". Ask whoever sent it to you for a new one")
    joined = the_problem(await join(house, link["secret"], address="192.0.2.2"), 401)
    accepted = the_problem(await accept(team.outsider, link["secret"]), 404)
    assert joined["detail"] == accepted["detail"] == detail


async def test_of_a_link_that_is_used_up_it_is_said_that_it_is(house: House, team: Team) -> None:
    link = await a_link(team, max_uses=1)
    await accept(await house.a_user("guest"), link["secret"])
    accepted = the_problem(await accept(team.outsider, link["secret"]), 404)
    joined = the_problem(await join(house, link["secret"], address="192.0.2.9"), 401)
    assert joined["detail"] == accepted["detail"]
    assert joined["detail"].startswith("as many people have joined by this invitation")


async def test_a_secret_that_nobody_has_made_is_not_told_from_one_whose_team_is_gone(
    house: House, team: Team
) -> None:
    link = await a_link(team)
    await team.owner.delete(team.path)
    answers = [
        (await offer(house.app, secret, "192.0.2.10"), await accept(team.outsider, secret))
        for secret in (link["secret"], "x" * 43, "short")
    ]
    said = {tuple(one.content for one in pair) for pair in answers}
    assert len(said) == 1, said


async def test_somebody_new_gets_an_account_and_a_session(house: House, team: Team) -> None:
    link = await a_link(team)
    joined = await join(house, link["secret"])
    assert joined.status_code == 201, joined.text
    assert joined.json()["team_id"] == team.id
    claims = await TOKENS.verify(joined.json()["token"])
    assert claims.renewable_until is not None
    assert await role_of(team, str(claims.user_id)) == "member"
    entries = await house.sql(
        "SELECT address, actor_id FROM audit_log WHERE subject_id = $1", claims.user_id
    )
    assert [(one["address"], one["actor_id"]) for one in entries] == [("192.0.2.1", None)]
    again = the_problem(await join(house, link["secret"]), 409)
    assert "sign in" in again["detail"]


async def test_a_typed_address_gets_no_invitation_of_whoever_has_it(
    house: House, team: Team
) -> None:
    other = await house.a_team()
    invited = {"email": "victim@example.org", "role": "admin"}
    await other.owner.made(f"{other.path}/invitations", invited)
    await team.owner.made(f"{team.path}/invitations", invited)
    body = {"email": "victim@example.org", "name": "Eve"}
    joined = await join(house, (await a_link(team))["secret"], body, "192.0.2.3")
    claims = await TOKENS.verify(joined.json()["token"])
    eve = replace(team.outsider)
    eve.token = joined.json()["token"]
    assert await all_items(eve, "/me/invitations", 100) == []
    assert await role_of(team, str(claims.user_id)) == "member"
    # Nor does she close it.
    assert len(await all_items(team.owner, f"{team.path}/invitations", 100)) == 1


async def test_who_has_no_link_sends_nothing_that_is_read(house: House) -> None:
    for number, secret in enumerate(("", "x" * 43, "x" * 500, TOKENS_LIKE)):
        the_problem(await join(house, secret, {"bad": 1}, f"192.0.2.1{number}"), 401)
        the_problem(await offer(house.app, secret, f"192.0.2.1{number}"), 401)


TOKENS_LIKE = "eyJhbGciOiJIUzI1NiJ9.e30.x"


async def test_an_address_asks_so_often(house: House, team: Team) -> None:
    link = await a_link(team)
    for _ in range(AT_ONCE):
        await join(house, "x" * 43, address="2001:db8::1")
    refused = await join(house, link["secret"], address="2001:db8::2")
    assert the_problem(refused, 429)["code"] == "too_many_requests"
    assert int(refused.headers["retry-after"]) > 0
    # Looking at a link is counted by itself.
    the_json(await offer(house.app, link["secret"], "2001:db8::3"))
    elsewhere = await join(house, link["secret"], {"email": "e@x.org", "name": "E"}, "192.0.2.20")
    assert elsewhere.status_code == 201


async def test_where_an_issuer_makes_the_tokens_there_are_no_accounts(
    house: House, team: Team
) -> None:
    context = replace(house.made.context, renewer=None)
    app = Starlette(routes=[Mount("/api", api(context, TOKENS, Settings()))])
    there = replace(house, app=app)
    link = await a_link(team)
    told = the_problem(await join(there, link["secret"], address="192.0.2.30"), 403)
    assert "issuer" in told["detail"]
    shown = the_json(await offer(app, link["secret"], "192.0.2.30"))
    assert shown["gives_accounts"] is False


async def test_no_secret_is_kept_for_a_request_that_is_sent_again(house: House, team: Team) -> None:
    key = {"Idempotency-Key": "once"}
    path = f"{team.path}/invitation-links"
    first, second = [await team.owner.post(path, {}, headers=key) for _ in range(2)]
    assert first.json()["secret"] != second.json()["secret"]
    kept = await house.sql("SELECT row_to_json(k)::text AS row FROM idempotency_keys AS k")
    assert first.json()["secret"] not in str(kept)
