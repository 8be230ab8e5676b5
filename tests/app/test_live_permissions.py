"""Permissions that change while people are connected: real sockets, a real server, plain SQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from app.auth.tokens import LEEWAY
from app.main import TICK_SECONDS
from app.rooms.live_room import LAST_ACKS_SECONDS
from crdt.protocol.messages import SyncStep1
from tests.app.bystander import undisturbed
from tests.app.conftest import SECRET
from tests.app.issuer import FAMILIES, Publisher, Signer, published, publishing, signer
from tests.editor import Editor, joined, visiting
from tests.rounds import some
from tests.server import OWNER, Installation, Server, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPTLY = 1.0
"""Seconds within which a change must have reached everybody."""

_numbers = count(1)


@dataclass(frozen=True)
class Member:
    """Somebody in the demo team, and what can happen to them in SQL."""

    id: UUID
    team: UUID
    installation: Installation

    def token(self, lives: timedelta = timedelta(hours=1)) -> str:
        end = datetime.now(UTC) + lives
        return jwt.encode({"sub": str(self.id), "exp": end}, SECRET, "HS256")

    async def becomes(self, role: str) -> None:
        await self._execute(
            "UPDATE team_members SET role = $3 WHERE team_id = $1 AND user_id = $2", role
        )

    async def leaves(self) -> None:
        await self._execute("DELETE FROM team_members WHERE team_id = $1 AND user_id = $2")

    async def _execute(self, statement: str, *args: object) -> None:
        async with self.installation.sql() as sql:
            await sql.execute(statement, self.team, self.id, *args)


async def a_member(installation: Installation, role: str) -> Member:
    """Somebody new in the demo team."""
    async with installation.sql() as sql:
        team = await sql.fetchval("SELECT id FROM teams WHERE slug = 'demo'")
        user = await sql.fetchval(
            "INSERT INTO users (email, name) VALUES ($1, 'New') RETURNING id",
            f"new{next(_numbers)}@demo.pipeloom",
        )
        await sql.execute("INSERT INTO team_members VALUES ($1, $2, $3)", team, user, role)
    return Member(user, team, installation)


async def new_step(editor: Editor) -> str:
    """Edit; return the new step's id."""
    key = str(uuid4())
    await editor.edit(lambda _: editor.steps.update({key: {"name": key}}))
    return key


async def is_refused(editor: Editor) -> bool:
    """Edit until an answer has come, either way; whether it was a refusal."""
    refusals, waiting = len(editor.refusals), len(editor.unechoed)
    await new_step(editor)
    await editor.until(
        "an answer",
        lambda: len(editor.refusals) > refusals or len(editor.unechoed) == waiting,
    )
    return len(editor.refusals) > refusals


@asynccontextmanager
async def connected(server: Server, pipeline_id: str, member: Member) -> AsyncIterator[Editor]:
    async with joined(server.room(pipeline_id, member.token())) as editor:
        yield editor


@pytest.mark.timed
async def test_a_member_made_a_viewer_stays_and_edits_no_more(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    member = await a_member(shared_installation, "member")
    async with connected(shared_server, pipeline_id, member) as editor, joined(room) as owner:
        kept = await new_step(editor)
        await editor.until_echoed()
        await member.becomes("viewer")
        await eventually("a refusal", lambda: is_refused(editor), within=PROMPTLY)
        refused = await new_step(editor)
        written = await new_step(owner)
        await editor.until("an edit of the owner", lambda: written in editor.steps)
        assert editor.is_open
        assert kept in owner.steps
        assert refused not in owner.steps


@pytest.mark.timed
async def test_a_viewer_made_a_member_edits_in_place(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    member = await a_member(shared_installation, "viewer")
    async with connected(shared_server, pipeline_id, member) as editor, joined(room) as owner:
        early = await new_step(editor)
        await editor.until("a refusal", lambda: bool(editor.refusals))
        await member.becomes("admin")

        async def may() -> bool:
            return not await is_refused(editor)

        await eventually("an edit that is taken", may, within=PROMPTLY)
        late = await new_step(editor)
        await owner.until("all edits", lambda: {early, late} <= set(owner.steps.keys()))


@pytest.mark.parametrize("how", ["leaves", "is deleted", "loses the team"])
@pytest.mark.timed
async def test_who_is_no_member_any_more_is_closed_with_4403(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str, how: str
) -> None:
    member = await a_member(shared_installation, "member")
    async with (
        connected(shared_server, pipeline_id, member) as editor,
        shared_installation.sql() as sql,
    ):
        kept = await new_step(editor)
        await editor.until_echoed()
        async with undisturbed(room) as bystander:
            assert kept in bystander.steps
            if how == "leaves":
                await member.leaves()
            elif how == "is deleted":
                await sql.execute("DELETE FROM users WHERE id = $1", member.id)
            else:
                await sql.execute(
                    "UPDATE team_members SET team_id = $1 WHERE user_id = $2",
                    await another_team(sql),
                    member.id,
                )
            assert await within(PROMPTLY, editor) == 4403
    async with visiting(shared_server.room(pipeline_id, member.token())) as again:
        assert (await again.close_code())[0] == 4403


async def another_team(sql: Any) -> UUID:
    """A team that has nothing."""
    team: UUID = await sql.fetchval(
        "INSERT INTO teams (organization_id, name, slug) "
        "SELECT id, 'Other', $1 FROM organizations LIMIT 1 RETURNING id",
        f"other-{next(_numbers)}",
    )
    return team


async def within(seconds: float, editor: Editor) -> int | None:
    """The close code, if it comes in time."""

    async def closed() -> bool:
        return not editor.is_open

    await eventually("a closed connection", closed, within=seconds)
    return (await editor.close_code())[0]


@pytest.mark.timed
async def test_a_pipeline_that_goes_to_another_team_goes_without_its_people(
    shared_server: Server, shared_installation: Installation, owner_token: str
) -> None:
    async with shared_installation.sql() as sql:
        moving = await a_pipeline(sql)
        async with joined(shared_server.room(moving, owner_token)) as editor:
            await sql.execute(
                "UPDATE pipelines SET team_id = $1 WHERE id = $2", await another_team(sql), moving
            )
            assert await within(PROMPTLY, editor) == 4403


@pytest.mark.timed
async def test_a_deleted_pipeline_is_closed_with_4404(
    shared_server: Server, shared_installation: Installation, room: str, owner_token: str
) -> None:
    async with shared_installation.sql() as sql, undisturbed(room):
        doomed = await a_pipeline(sql)
        async with (
            joined(shared_server.room(doomed, owner_token)) as one,
            joined(shared_server.room(doomed, owner_token)) as two,
        ):
            await new_step(one)
            await one.until_echoed()
            await sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(doomed))
            assert [await within(PROMPTLY, editor) for editor in (one, two)] == [4404, 4404]
        async with visiting(shared_server.room(doomed, owner_token)) as again:
            assert (await again.close_code())[0] == 4404


async def a_pipeline(sql: Any) -> str:
    """A pipeline of the demo team, with nothing in it."""
    pipeline_id = uuid4()
    await sql.execute(
        "INSERT INTO pipelines (id, team_id, name) "
        "SELECT $1, id, 'Doomed' FROM teams WHERE slug = 'demo'",
        pipeline_id,
    )
    await sql.execute("INSERT INTO pipeline_documents (pipeline_id, head_seq) VALUES ($1, 0)",
                      pipeline_id)  # fmt: skip
    await sql.execute("INSERT INTO projection_cursors (pipeline_id, seq) VALUES ($1, 0)",
                      pipeline_id)  # fmt: skip
    return str(pipeline_id)


@pytest.mark.timed
async def test_a_change_is_noticed_though_the_listener_was_killed(
    shared_server: Server, shared_installation: Installation, pipeline_id: str
) -> None:
    member = await a_member(shared_installation, "member")
    async with connected(shared_server, pipeline_id, member) as editor:
        async with shared_installation.sql() as sql, sql.transaction():
            killed = await sql.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND query LIKE 'LISTEN %pipeloom_access%'"
            )
            assert len(killed) == 1
            await sql.execute("DELETE FROM team_members WHERE user_id = $1", member.id)
        assert await within(10 * PROMPTLY, editor) == 4403


async def test_a_connection_ends_with_its_token(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    member = await a_member(shared_installation, "member")
    almost_over = member.token(lives=-LEEWAY + timedelta(seconds=3))
    async with joined(shared_server.room(pipeline_id, almost_over)) as editor:
        kept = await new_step(editor)
        await editor.until_echoed()
        code, reason = await editor.close_code()
        assert code == 4401
        assert reason is not None
        assert "expired" in reason
    async with joined(room) as owner:
        assert kept in owner.steps


@pytest.mark.parametrize("algorithm", some(list(FAMILIES), few=1))
async def test_tokens_of_an_issuer_get_in_through_rotations_and_outages(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, algorithm: str
) -> None:
    old, new = signer(algorithm, "old"), signer(algorithm, "new")
    with publishing(published(old.public())) as publisher:
        installation = Installation(
            database_url,
            tmp_path_factory.mktemp("jwks") / "data",
            {"PIPELOOM_JWKS_URL": publisher.url, "PIPELOOM_JWT_AUDIENCE": "pipeloom"},
        )
        async with installation.serve("--host", "0.0.0.0") as server:
            await check_issuer(installation, server, publisher, old, new)
        outcome = await installation.run("token", "--email", OWNER)
        assert (outcome.code, outcome.out) == (1, "")
        assert "PIPELOOM_JWKS_URL" in outcome.err
        assert len(outcome.err.splitlines()) == 1
        assert not list(installation.data_dir.glob("*secret*"))


async def check_issuer(
    installation: Installation, server: Server, publisher: Publisher, old: Signer, new: Signer
) -> None:
    async with installation.sql() as sql:
        owner = str(await sql.fetchval("SELECT id FROM users WHERE email = $1", OWNER))
    pipeline_id = await installation.demo_pipeline()

    async def enters(key: Signer, **claims: Any) -> int | None:
        token = key.sign(**{"sub": owner, "aud": "pipeloom"} | claims)
        async with visiting(server.room(pipeline_id, token)) as editor:
            await editor.send(SyncStep1(editor.doc.get_state()))
            await eventually("an answer", lambda: has_answered(editor))
            return None if editor.synced else (await editor.close_code())[0]

    assert await enters(old) is None
    assert await enters(old, aud="others") == 4401
    assert await enters(Signer(old.algorithm, new.private, "old")) == 4401
    publisher.document = published(new.public())

    async def has_rotated() -> bool:
        return await enters(new) is None

    await eventually("the new key", has_rotated)
    assert await enters(old) == 4401
    publisher.status = 503
    assert await enters(new) is None


async def has_answered(editor: Editor) -> bool:
    return editor.synced or not editor.is_open


async def test_promptly_is_before_anything_else_would_close() -> None:
    assert PROMPTLY < TICK_SECONDS < LAST_ACKS_SECONDS
