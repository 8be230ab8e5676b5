from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.api.app import api
from app.auth.tokens import LEEWAY, SESSION, Issued
from app.settings import Settings
from tests.app.api.house import TOKENS, ApiUser, House, Team, ask, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEEK = timedelta(days=7)


def a_session(caller: ApiUser, began: timedelta, length: timedelta = WEEK) -> Issued:
    """The first token of a session that began so long ago."""
    return TOKENS.begin_session(caller.user, length, datetime.now(UTC) - began)


async def renewed(house: House, token: str) -> httpx.Response:
    return await ask(house.app, "POST", "/session", token)


async def test_a_page_renews_its_token_by_itself(house: House, team: Team) -> None:
    first = a_session(team.member, timedelta(hours=11))
    second = the_json(await renewed(house, first.token))
    until, end = (datetime.fromisoformat(second[key]) for key in ("expires_at", "renewable_until"))
    assert until - first.expires_at > timedelta(hours=10)
    assert end == first.renewable_until.replace(microsecond=0)
    me = the_json(await ask(house.app, "GET", "/me", second["token"]))
    assert me["id"] == team.member.id
    third = the_json(await renewed(house, second["token"]))
    assert third["renewable_until"] == second["renewable_until"]


async def test_no_token_of_a_session_outlives_it(house: House, team: Team) -> None:
    late = a_session(team.member, SESSION - timedelta(hours=1), SESSION)
    last = the_json(await renewed(house, late.token))
    assert last["expires_at"] == last["renewable_until"]
    over = a_session(team.member, SESSION + LEEWAY / 2, SESSION)
    told = the_problem(await renewed(house, over.token), 403)
    assert "over" in told["detail"]


async def test_a_token_that_has_expired_is_not_renewed(house: House, team: Team) -> None:
    expired = a_session(team.member, SESSION + timedelta(minutes=1))
    the_problem(await renewed(house, expired.token), 401)


async def test_a_token_that_is_none_of_a_session_lasts_as_long_as_its_issuer_said(
    team: Team,
) -> None:
    told = the_problem(await team.owner.post("/session"), 403)
    assert "not one of a session" in told["detail"]


async def test_who_is_gone_gets_no_further_token(house: House) -> None:
    caller = await house.a_user("leaving")
    token = a_session(caller, timedelta(hours=1)).token
    await house.sql("DELETE FROM users WHERE id = $1", caller.user.id)
    the_problem(await renewed(house, token), 401)


async def test_where_an_issuer_makes_the_tokens_it_renews_them(house: House, team: Team) -> None:
    context = replace(house.made.context, renewer=None)
    app = Starlette(routes=[Mount("/api", api(context, TOKENS, Settings()))])
    token = a_session(team.member, timedelta(hours=1)).token
    told = the_problem(await ask(app, "POST", "/session", token), 403)
    assert "your issuer" in told["detail"]
