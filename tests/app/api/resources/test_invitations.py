"""Invitations to a team: the same answers whoever exists, and nobody gets in without accepting."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg  # type: ignore[import-untyped]
import httpx
import pytest
import pytest_asyncio

from persistence.ports.directory import Role
from persistence.postgres.queries import API_QUERIES, QUERIES
from tests.app.api.conftest import a_house
from tests.app.api.house import ROLES, ApiUser, House, Team, all_items, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

GUESSES = 100
PER_HOUR = 120


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server where one may guess as often as the test does, and a little more."""
    limits = {"max_invitations_per_hour": PER_HOUR, "max_invitations_per_team": GUESSES + 1}
    async with a_house(postgres_server, template_database, **limits) as made:
        yield made


def path_of(team: Team) -> str:
    return f"{team.path}/invitations"


async def invited(team: Team, who: ApiUser, role: Role = "member") -> Any:
    return await team.owner.made(path_of(team), {"email": who.user.email, "role": role})


def shape(answer: httpx.Response) -> str:
    """An answer without what is of the invitation or of the moment, of which the kind remains."""
    own = ("id", "email", "user_id", "created_at", "expires_at")
    body = {key: type(one) if key in own else one for key, one in answer.json().items()}
    headers = {
        name: {"location": len(value), "transaction-id": ""}.get(name, value)
        for name, value in answer.headers.items()
        if name not in ("ratelimit", "content-length", "x-request-id")
    }
    return f"{answer.status_code} {sorted(body.items())} {sorted(headers.items())}"


@pytest.mark.parametrize("path", ["invitations", "members"])
@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_a_hundred_guesses_show_nothing(house: House, team: Team, path: str, by: str) -> None:
    """Half of them exist: answers and lists are the same as for the other half."""
    known = [await house.a_user("secret") for _ in range(GUESSES // 2)]
    hits = [one.user.email if by == "email" else one.id for one in known]
    misses = [f"secret-{n}x@example.org" if by == "email" else str(uuid4()) for n in range(50)]
    guesses = [one for pair in zip(hits, misses, strict=True) for one in pair]
    answers = [await team.owner.post(f"{team.path}/{path}", {by: one}) for one in guesses]
    assert {answer.status_code for answer in answers} == {201 if path == "invitations" else 202}
    assert len({shape(answer) for answer in answers}) == 1
    again = await team.owner.post(f"{team.path}/{path}", {by: hits[0]})
    assert shape(again) == shape(answers[0])
    listed = await all_items(team.admin, path_of(team), 30)
    assert sorted(one[by] for one in listed) == sorted(guesses)
    assert {tuple(one) for one in listed} == {tuple(again.json())}
    assert len(await all_items(team.viewer, f"{team.path}/members", 30)) == len(ROLES)
    told = "".join(answer.text for answer in answers) + str(listed)
    assert "Secret" not in told
    assert [one.id in told for one in known] == [by == "user_id"] * len(known)


async def test_guessing_takes_no_longer_for_those_who_exist(house: House, team: Team) -> None:
    """Shown by the plans, not by the clock: no index of addresses is searched.

    Of the users only those are read whom the caller sees; the function that invites reads none.
    """
    (function,) = await house.sql("SELECT prosrc FROM pg_proc WHERE proname = 'invite'")
    assert "users" not in function["prosrc"]
    connection = await asyncpg.connect(house.dsn)
    try:
        await connection.execute("BEGIN; SET LOCAL enable_seqscan = off")
        await connection.execute(QUERIES["become_api_user"], team.owner.user.id, "", "")
        for name in ("is_member", "colleague"):
            rows = await connection.fetch(
                f"EXPLAIN {API_QUERIES[name]}", UUID(team.id), None, "a@example.org"
            )
            plan = "\n".join(row[0] for row in rows)
            assert "team_members" in plan
            assert "users_email_key" not in plan
    finally:
        await connection.close()


async def test_the_list_is_of_open_invitations_newest_first(house: House, team: Team) -> None:
    people = [await house.a_user("bob") for _ in range(5)]
    made = [await invited(team, one, "viewer") for one in people]
    listed = await all_items(team.admin, path_of(team), 2)
    assert listed == made[::-1]
    assert listed[0]["invited_by"] == {"id": team.owner.id, "name": "Owner", "avatar_url": None}
    await team.admin.delete(f"{path_of(team)}/{made[1]['id']}")
    await house.sql("UPDATE invitations SET expires_at = now() WHERE id = $1", UUID(made[0]["id"]))
    assert await all_items(team.admin, path_of(team), 2) == made[:1:-1]
    for gone in made[:2]:
        the_problem(await team.admin.get(f"{path_of(team)}/{gone['id']}"), 404)
        the_problem(await team.admin.delete(f"{path_of(team)}/{gone['id']}"), 404)


async def test_who_is_invited_again_has_one_invitation_and_the_last_role(
    house: House, team: Team
) -> None:
    bob = await house.a_user("bob")
    first = await invited(team, bob, "viewer")
    second = await team.admin.made(
        path_of(team), {"email": bob.user.email.upper(), "role": "admin"}
    )
    assert (second["id"], second["role"]) == (first["id"], "admin")
    assert second["expires_at"] > first["expires_at"]
    (invitation,) = (await bob.read("/me/invitations"))["items"]
    assert (invitation["role"], invitation["invited_by"]["name"]) == ("admin", "Admin")


async def test_the_team_does_not_see_who_declined(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    before = await invited(team, bob)
    await bob.post(f"/me/invitations/{before['id']}/decline")
    assert await all_items(team.owner, path_of(team), 9) == [before]
    assert (await invited(team, bob))["id"] == before["id"]
    assert (await bob.read("/me/invitations"))["items"] == []
    await team.owner.delete(f"{path_of(team)}/{before['id']}")
    await invited(team, bob)
    assert (await bob.read("/me/invitations"))["items"] == [], "withdrawn and given again"
    await house.sql("UPDATE invitations SET declined_at = now() - interval '14 days'")
    await invited(team, bob)
    assert len((await bob.read("/me/invitations"))["items"]) == 1


@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_members_are_not_invited(team: Team, by: str) -> None:
    wanted = team.viewer.user.email.upper() if by == "email" else team.viewer.id
    refusal = await team.admin.post(path_of(team), {by: wanted})
    assert the_problem(refusal, 409)["code"] == "conflict"


async def test_admins_neither_invite_owners_nor_touch_such_invitations(
    house: House, team: Team
) -> None:
    bob = await house.a_user("bob")
    one = await invited(team, bob, "owner")
    refusals = [
        await team.admin.post(path_of(team), {"email": "a@example.org", "role": "owner"}),
        await team.admin.post(path_of(team), {"email": bob.user.email, "role": "viewer"}),
        await team.admin.delete(f"{path_of(team)}/{one['id']}"),
    ]
    for refusal in refusals:
        assert the_problem(refusal, 403)["roles"] == ["owner"]
    assert await all_items(team.admin, path_of(team), 9) == [one]


@pytest.mark.parametrize("role", ["admin", "member", None])
async def test_an_invitation_ends_with_the_right_to_give_it(
    house: House, team: Team, role: Role | None
) -> None:
    """An owner who goes, or becomes less, leaves no way in for somebody else."""
    second, bob = await house.a_user("second"), await house.a_user("bob")
    await house.directory.add_member(UUID(team.id), second.user.id, "owner")
    await second.made(path_of(team), {"email": bob.user.email, "role": "owner"})
    await second.made(path_of(team), {"email": "other@example.org"})
    where = f"{team.path}/members/{second.id}"
    await (team.owner.patch(where, {"role": role}) if role else team.owner.delete(where))
    left = [one["email"] for one in await all_items(team.owner, path_of(team), 9)]
    assert left == (["other@example.org"] if role == "admin" else [])
    assert (await bob.read("/me/invitations"))["items"] == []


async def test_who_gets_in_by_another_way_is_not_invited_any_more(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    await invited(team, bob)
    await house.directory.add_member(UUID(team.id), bob.user.id, "viewer")
    assert await all_items(team.owner, path_of(team), 9) == []
    assert (await bob.read("/me/invitations"))["items"] == []


async def test_a_team_has_so_many_open_invitations(house: House, team: Team) -> None:
    one = await team.owner.made(path_of(team), {"user_id": str(uuid4())})
    await house.sql(
        "INSERT INTO invitations (team_id, user_id, role, invited_by, created_at, expires_at) "
        "SELECT $1, gen_random_uuid(), 'viewer', $2, now() - interval '2 hours', now() + '1 day' "
        "FROM generate_series(1, $3)",
        UUID(team.id), team.owner.user.id, GUESSES,
    )  # fmt: skip
    refusal = the_problem(await team.owner.post(path_of(team), {"email": "a@example.org"}), 403)
    assert (refusal["quota"], refusal["limit"]) == ("invitations_per_team", GUESSES + 1)
    await team.owner.delete(f"{path_of(team)}/{one['id']}")
    await team.owner.made(path_of(team), {"email": "a@example.org"})


async def given(house: House, team: Team, count: int, ago: str) -> None:
    """Have the audit log say that the owner has given invitations."""
    await house.sql(
        "INSERT INTO audit_log (at, organization_id, team_id, actor_id, address, action, "
        "subject_id) SELECT now() - $5::text::interval, $1, $2, $3, '', 'invitation.created', "
        "gen_random_uuid() FROM generate_series(1, $4)",
        UUID(team.organization_id), UUID(team.id), team.owner.user.id, count, ago,
    )  # fmt: skip


async def test_renewing_an_invitation_is_giving_one(house: House, team: Team) -> None:
    await given(house, team, PER_HOUR, "61 minutes")
    await given(house, team, PER_HOUR - 2, "10 minutes")
    address = {"email": "a@example.org"}
    again = (await team.owner.made(path_of(team), address))["id"]
    assert (await team.owner.made(path_of(team), address))["id"] == again
    the_problem(await team.owner.post(path_of(team), address), 429)


async def test_a_user_gives_so_many_invitations_an_hour(house: House, team: Team) -> None:
    """Also of those that were withdrawn or renewed since, and over all teams."""
    await given(house, team, PER_HOUR, "50 minutes")
    for path in ("invitations", "members"):
        refusal = await team.owner.post(f"{team.path}/{path}", {"email": "a@example.org"})
        detail = the_problem(refusal, 429)["detail"]
        assert "PIPELOOM_MAX_INVITATIONS_PER_HOUR" in detail
        assert 590 <= int(refusal.headers["retry-after"]) <= 600
    await team.admin.made(path_of(team), {"email": "a@example.org"})


async def test_what_has_expired_is_deleted_by_the_way(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    # A few are deleted at a time, so none of other tests may expire with it.
    await house.sql("DELETE FROM invitations")
    await invited(team, bob)
    await house.sql("UPDATE invitations SET expires_at = now() - interval '1 s'")
    await invited(await house.a_team(), bob)
    assert await house.sql("SELECT FROM invitations WHERE team_id = $1", UUID(team.id)) == []


async def test_who_is_meant_is_said_in_one_way(team: Team) -> None:
    refused = the_problem(await team.admin.post(path_of(team), json={"role": "viewer"}), 422)
    assert refused["detail"] == "body: expected either user_id or email"
