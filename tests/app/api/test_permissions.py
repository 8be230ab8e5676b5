"""Who may do what: every endpoint and every action on a socket, for every role.

An endpoint without an entry here fails `test_every_endpoint_has_an_entry`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from types import ModuleType
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from pycrdt import Map

from app.api.resources import document_edits, pipeline_creation, templates
from crdt.protocol.messages import Refused, Update
from tests.app.api.house import (
    ROLES,
    House,
    Team,
    a_pipeline,
    a_step,
    all_items,
    ask,
    the_problem,
)
from tests.app.api.resources.test_events import listening
from tests.app.api.sockets import Socket, joined
from tests.app.fakes import presence
from tests.app.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

YAML = "workflow:\n  name: x\n  steps:\n    - name: a\n      type: claude\n"
NOBODY, OUTSIDER = "nobody", "outsider"
WEAKEST_FIRST = (NOBODY, OUTSIDER, *reversed(ROLES))


@dataclass
class Scene:
    """What a request is about; made anew for every request that may succeed."""

    team: Team
    pipeline: str = ""
    ids: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """One endpoint: how to ask it, and what it answers to whom."""

    answers: Mapping[str, int]
    needs: tuple[str, ...] = ()
    body: Callable[[Scene], Any] = lambda _: None
    query: str = ""
    text: str | None = None


def least(role: str, success: int = 200) -> dict[str, int]:
    """Success from a role of the team on, 403 below it, 404 for outsiders, 401 for strangers."""
    strong = ROLES[: ROLES.index(role) + 1]  # type: ignore[arg-type]
    within = {one: success if one in strong else 403 for one in ROLES}
    return {NOBODY: 401, OUTSIDER: 404, **within}


def anybody(success: int = 200) -> dict[str, int]:
    """Success for everybody who has a token."""
    return {NOBODY: 401, OUTSIDER: success, **dict.fromkeys(ROLES, success)}


def nobody() -> dict[str, int]:
    """Nothing of the kind for anybody who has a token."""
    return anybody(404)


_NUMBERS = count(1)


def unique(scene: Scene) -> str:
    """A name that is taken nowhere."""
    return f"unique {next(_NUMBERS)} {scene.team.people[OUTSIDER].id}"


P = "/pipelines"
ONE = "/pipelines/{pipeline_id}"

MATRIX: dict[tuple[str, str], Entry] = {
    ("GET", "/me"): Entry(anybody()),
    ("PATCH", "/me"): Entry(anybody(), body=lambda _: {"name": "Ada"}),
    # Of a token that is none of a session; those are renewed: test_session.py.
    ("POST", "/session"): Entry(anybody(403)),
    ("GET", "/organizations"): Entry(anybody()),
    ("POST", "/organizations"): Entry(anybody(201), body=lambda s: {"name": unique(s)}),
    ("GET", "/organizations/{organization_id}"): Entry(least("viewer")),
    ("PATCH", "/organizations/{organization_id}"): Entry(
        least("owner"), body=lambda _: {"settings": {}}
    ),
    ("GET", "/teams"): Entry(anybody()),
    ("POST", "/teams"): Entry(
        least("owner", 201),
        body=lambda s: {"organization_id": s.team.organization_id, "name": unique(s)},
    ),
    ("GET", "/teams/{team_id}"): Entry(least("viewer")),
    ("GET", "/teams/{team_id}/overview"): Entry(least("viewer")),
    ("PATCH", "/teams/{team_id}"): Entry(least("admin"), body=lambda _: {"settings": {}}),
    ("DELETE", "/teams/{team_id}"): Entry(least("owner", 204)),
    ("GET", "/teams/{team_id}/audit-log"): Entry(least("owner")),
    ("GET", "/organizations/{organization_id}/audit-log"): Entry(least("owner")),
    ("GET", "/teams/{team_id}/members"): Entry(least("viewer")),
    # Of a stranger, who is invited; colleagues are added: test_members.py.
    ("POST", "/teams/{team_id}/members"): Entry(
        least("admin", 202), needs=("stranger",), body=lambda s: {"user_id": s.ids["stranger"]}
    ),
    ("GET", "/teams/{team_id}/members/{user_id}"): Entry(least("viewer"), needs=("user",)),
    ("PATCH", "/teams/{team_id}/members/{user_id}"): Entry(
        least("admin"), needs=("user",), body=lambda _: {"role": "member"}
    ),
    ("DELETE", "/teams/{team_id}/members/{user_id}"): Entry(least("admin", 204), needs=("user",)),
    ("GET", "/teams/{team_id}/invitations"): Entry(least("admin"), needs=("invitation",)),
    ("POST", "/teams/{team_id}/invitations"): Entry(
        least("admin", 201), needs=("stranger",), body=lambda s: {"user_id": s.ids["stranger"]}
    ),
    ("GET", "/teams/{team_id}/invitations/{invitation_id}"): Entry(
        least("admin"), needs=("invitation",)
    ),
    ("DELETE", "/teams/{team_id}/invitations/{invitation_id}"): Entry(
        least("admin", 204), needs=("invitation",)
    ),
    ("GET", "/teams/{team_id}/invitation-links"): Entry(least("admin")),
    ("POST", "/teams/{team_id}/invitation-links"): Entry(
        least("admin", 201), body=lambda _: {"role": "admin"}
    ),
    ("GET", "/teams/{team_id}/invitation-links/{link_id}"): Entry(least("admin"), needs=("link",)),
    ("DELETE", "/teams/{team_id}/invitation-links/{link_id}"): Entry(
        least("admin", 204), needs=("link",)
    ),
    # Of no link; those who have one: test_invitation_links.py.
    ("POST", "/invitation-links/accept"): Entry(nobody(), body=lambda _: {"secret": "x"}),
    ("POST", "/invitation-links/join"): Entry(dict.fromkeys(WEAKEST_FIRST, 401)),
    ("GET", "/invitation-links/offer"): Entry(dict.fromkeys(WEAKEST_FIRST, 401)),
    ("GET", "/me/invitations"): Entry(anybody(), needs=("invitation",)),
    # Of an invitation to somebody else; the invited: test_my_invitations.py.
    ("POST", "/me/invitations/{invitation_id}/accept"): Entry(nobody(), needs=("invitation",)),
    ("POST", "/me/invitations/{invitation_id}/decline"): Entry(nobody(), needs=("invitation",)),
    ("GET", P): Entry(anybody()),
    ("POST", P): Entry(
        least("member", 201), body=lambda s: {"team_id": s.team.id, "name": "secret"}
    ),
    ("GET", ONE): Entry(least("viewer"), needs=("pipeline",)),
    ("PATCH", ONE): Entry(least("member"), needs=("pipeline",), body=lambda _: {"tags": ["x"]}),
    # Of a pipeline that the owner created; members delete their own: test_pipelines.py.
    ("DELETE", ONE): Entry(least("admin", 204), needs=("pipeline",)),
    ("GET", "/deleted-pipelines"): Entry(anybody(), needs=("pipeline", "deletion")),
    ("POST", "/deleted-pipelines/{pipeline_id}/restore"): Entry(
        least("admin"), needs=("pipeline", "deletion")
    ),
    ("GET", "/deleted-teams"): Entry(anybody(), needs=("pipeline", "end of team")),
    ("POST", "/deleted-teams/{team_id}/restore"): Entry(
        least("owner"), needs=("pipeline", "end of team")
    ),
    ("POST", f"{ONE}/fork"): Entry(least("member", 201), needs=("pipeline",), body=lambda _: {}),
    ("GET", f"{ONE}/steps"): Entry(least("viewer"), needs=("pipeline",)),
    ("POST", f"{ONE}/steps"): Entry(
        least("member", 201), needs=("pipeline",), body=lambda _: {"name": "n", "type": "claude"}
    ),
    ("GET", f"{ONE}/steps/{{step_id}}"): Entry(least("viewer"), needs=("pipeline", "step")),
    ("PATCH", f"{ONE}/steps/{{step_id}}"): Entry(
        least("member"), needs=("pipeline", "step"), body=lambda _: {"enabled": False}
    ),
    ("DELETE", f"{ONE}/steps/{{step_id}}"): Entry(least("member", 204), needs=("pipeline", "step")),
    ("GET", f"{ONE}/connections"): Entry(least("viewer"), needs=("pipeline",)),
    ("POST", f"{ONE}/connections"): Entry(
        least("member", 201),
        needs=("pipeline", "step", "other"),
        body=lambda s: {"from_step_id": s.ids["step"], "to_step_id": s.ids["other"]},
    ),
    ("GET", f"{ONE}/connections/{{connection_id}}"): Entry(
        least("viewer"), needs=("pipeline", "step", "other", "connection")
    ),
    ("PATCH", f"{ONE}/connections/{{connection_id}}"): Entry(
        least("member"),
        needs=("pipeline", "step", "other", "connection"),
        body=lambda _: {"to_input": "x"},
    ),
    ("DELETE", f"{ONE}/connections/{{connection_id}}"): Entry(
        least("member", 204), needs=("pipeline", "step", "other", "connection")
    ),
    ("GET", f"{ONE}/diagnostics"): Entry(least("viewer"), needs=("pipeline",)),
    ("GET", f"{ONE}/comments"): Entry(least("viewer"), needs=("pipeline",)),
    ("POST", f"{ONE}/comments"): Entry(
        least("member", 201), needs=("pipeline",), body=lambda _: {"content": "hm"}
    ),
    ("GET", f"{ONE}/comments/{{comment_id}}"): Entry(
        least("viewer"), needs=("pipeline", "comment")
    ),
    ("PATCH", f"{ONE}/comments/{{comment_id}}"): Entry(
        least("member"), needs=("pipeline", "comment"), body=lambda _: {"resolved": True}
    ),
    # Of a comment of the owner's; authors delete their own: test_comments.py.
    ("DELETE", f"{ONE}/comments/{{comment_id}}"): Entry(
        least("admin", 204), needs=("pipeline", "comment")
    ),
    ("GET", f"{ONE}/events"): Entry(least("viewer"), needs=("pipeline",)),
    ("POST", f"{ONE}/events/ticket"): Entry(least("viewer"), needs=("pipeline",)),
    ("GET", f"{ONE}/presence"): Entry(least("viewer"), needs=("pipeline",)),
    ("GET", f"{ONE}/yaml"): Entry(least("viewer"), needs=("pipeline",)),
    ("PUT", f"{ONE}/yaml"): Entry(least("member"), needs=("pipeline",), text=YAML),
    ("GET", f"{ONE}/versions"): Entry(least("viewer"), needs=("pipeline",)),
    ("POST", f"{ONE}/versions"): Entry(
        least("member", 201), needs=("pipeline",), body=lambda _: {"name": "v"}
    ),
    ("GET", f"{ONE}/versions/diff"): Entry(
        least("viewer"), needs=("pipeline", "version"), query="?from=1"
    ),
    ("GET", f"{ONE}/versions/{{number}}"): Entry(least("viewer"), needs=("pipeline", "version")),
    ("GET", f"{ONE}/versions/{{number}}/yaml"): Entry(
        least("viewer"), needs=("pipeline", "version")
    ),
    ("POST", f"{ONE}/versions/{{number}}/restore"): Entry(
        least("member"), needs=("pipeline", "version")
    ),
    ("GET", f"{ONE}/history"): Entry(least("viewer"), needs=("pipeline",)),
    ("GET", f"{ONE}/history/changes"): Entry(
        least("viewer"), needs=("pipeline",), query="?first_seq=1&last_seq=1"
    ),
    ("GET", "/templates"): Entry(anybody()),
    ("POST", "/templates"): Entry(
        least("member", 201),
        needs=("pipeline",),
        body=lambda s: {"pipeline_id": s.ids["pipeline"], "name": "t"},
    ),
    ("GET", "/templates/{template_id}"): Entry(least("viewer"), needs=("pipeline", "template")),
    ("PATCH", "/templates/{template_id}"): Entry(
        least("member"), needs=("pipeline", "template"), body=lambda _: {"icon": "x"}
    ),
    ("DELETE", "/templates/{template_id}"): Entry(
        least("admin", 204), needs=("pipeline", "template")
    ),
    ("POST", "/templates/{template_id}/instantiate"): Entry(
        least("member", 201),
        needs=("pipeline", "template"),
        body=lambda s: {"team_id": s.team.id},
    ),
    ("POST", "/validate"): Entry(anybody(), text=YAML),
    ("GET", "/step-types"): Entry(anybody()),
    ("GET", "/step-types/{step_type}"): Entry(anybody()),
}


Maker: TypeAlias = Callable[[House, Scene], Awaitable[str]]


async def _pipeline(_: House, scene: Scene) -> str:
    wanted = {"team_id": scene.team.id, "name": f"secret of {scene.team.id}"}
    made = await scene.team.owner.made(P, wanted)
    scene.pipeline = f"{P}/{made['id']}"
    return str(made["id"])


async def _made(scene: Scene, path: str, body: Any, key: str = "id") -> str:
    return str((await scene.team.owner.made(path, body))[key])


async def _deletion(_: House, scene: Scene) -> str:
    assert (await scene.team.owner.delete(scene.pipeline)).status_code == 204
    return scene.ids["pipeline"]


async def _end_of_team(_: House, scene: Scene) -> str:
    assert (await scene.team.owner.delete(f"{scene.team.path}?force=true")).status_code == 204
    return scene.team.id


async def _a_stranger(house: House, _: Scene) -> str:
    return (await house.a_user("stranger")).id


async def _a_fifth(house: House, scene: Scene) -> str:
    """Somebody in the team who is none of those who ask."""
    caller = await house.a_user("fifth")
    await house.directory.add_member(UUID(scene.team.id), caller.user.id, "viewer")
    return caller.id


MAKERS: dict[str, Maker] = {
    "stranger": _a_stranger,
    "user": _a_fifth,
    "invitation": lambda _, s: _made(
        s, f"{s.team.path}/invitations", {"email": f"stranger-{next(_NUMBERS)}@example.org"}
    ),
    "link": lambda _, s: _made(s, f"{s.team.path}/invitation-links", {}),
    "pipeline": _pipeline,
    "deletion": _deletion,
    "end of team": _end_of_team,
    "step": lambda _, s: a_step(s.team, s.pipeline, "one"),
    "other": lambda _, s: a_step(s.team, s.pipeline, "other"),
    "connection": lambda _, s: _made(
        s,
        f"{s.pipeline}/connections",
        {"from_step_id": s.ids["step"], "to_step_id": s.ids["other"]},
    ),
    "comment": lambda _, s: _made(s, f"{s.pipeline}/comments", {"content": "hm"}),
    "version": lambda _, s: _made(s, f"{s.pipeline}/versions", {"name": "v"}, "version_number"),
    "template": lambda _, s: _made(
        s, "/templates", {"pipeline_id": s.ids["pipeline"], "name": "t"}
    ),
}


async def a_scene(house: House, team: Team, entry: Entry) -> Scene:
    scene = Scene(team)
    for need in entry.needs:
        scene.ids[need] = await MAKERS[need](house, scene)
    return scene


def address(path: str, scene: Scene) -> str:
    ids = {f"{name}_id": one for name, one in scene.ids.items()}
    known = {
        "team_id": scene.team.id,
        "organization_id": scene.team.organization_id,
        "step_type": "claude",
    }
    return path.format(**{**known, **ids, "number": scene.ids.get("version", "1")})


async def asked(scene: Scene, role: str, method: str, path: str) -> tuple[int, str]:
    """Make the request of an entry as a role; return the status and what was told."""
    entry = MATRIX[method, path]
    token = None if role == NOBODY else scene.team.people[role].token
    options: dict[str, Any] = {"json": entry.body(scene)}
    if entry.text is not None:
        options = {"content": entry.text, "headers": {"content-type": "text/yaml"}}
    where = f"{address(path, scene)}{entry.query}"
    answer = await ask(scene.team.owner.app, method, where, token, **options)
    if answer.status_code >= 400:
        the_problem(answer, answer.status_code)
    return answer.status_code, answer.text


async def listened(scene: Scene, role: str) -> tuple[int, str]:
    """Open the stream of events as a role, which has no end; return the status."""
    if role in (NOBODY, OUTSIDER):
        return await asked(scene, role, "GET", f"{ONE}/events")
    async with listening(scene.team.people[role], scene.pipeline) as ear:
        return ear.status, ""


async def test_every_endpoint_has_an_entry(house: House) -> None:
    paths = (await ask(house.app, "GET", "/openapi.json")).json()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served == set(MATRIX)


@pytest.mark.parametrize(("method", "path"), MATRIX, ids=map(" ".join, MATRIX))
async def test_every_role_may_do_what_it_may_and_no_more(
    house: House, team: Team, method: str, path: str
) -> None:
    entry = MATRIX[method, path]
    found = {}
    scene = await a_scene(house, team, entry)
    for role in WEAKEST_FIRST:
        stream = path.endswith("/events")
        found[role], told = await (
            listened(scene, role) if stream else asked(scene, role, method, path)
        )
        if role == OUTSIDER and found[role] < 400:
            assert team.id not in told
            assert f"secret of {team.id}" not in told
        if found[role] < 400 and method != "GET" and role != ROLES[0]:
            scene = await a_scene(house, team, entry)
    assert found == entry.answers


@asynccontextmanager
async def a_visit(house: House, team: Team, role: str) -> AsyncIterator[tuple[Socket, str]]:
    path = await a_pipeline(team)
    step = await a_step(team, path, "one")
    async with joined(house.made, path.removeprefix(f"{P}/"), team.people[role].token) as socket:
        yield socket, step


@pytest.mark.parametrize(
    ("role", "code"), [(NOBODY, 4401), (OUTSIDER, 4403), *((role, None) for role in ROLES)]
)
async def test_who_may_connect(house: House, team: Team, role: str, code: int | None) -> None:
    path = await a_pipeline(team)
    if code is None:
        async with joined(house.made, path.removeprefix(f"{P}/"), team.people[role].token):
            return
    token = "" if role == NOBODY else team.people[role].token
    wire = Wire(query=f"token={token}", path_params={"pipeline_id": path.removeprefix(f"{P}/")})
    await asyncio.wait_for(house.made.endpoints.y_websocket(wire.websocket), 10)
    assert [one for one, _ in wire.closes] == [code]


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_edit_over_a_socket(house: House, team: Team, role: str) -> None:
    async with a_visit(house, team, role) as (socket, step):
        with socket.document.transact() as updates:
            socket.document.doc.get("steps", type=Map)[step]["name"] = "edited"
        socket.wire.say(Update(updates[0]))
        await socket.until_received(
            lambda one: isinstance(one, Refused) or one == Update(updates[0])
        )
        refused = [one for one in socket.wire.received if isinstance(one, Refused)]
        assert bool(refused) is (role == "viewer")
        (path,) = [f"{P}/{one['id']}" for one in await all_items(team.owner, P, 10)]
    await team.owner.patch(path, {"tags": ["after"]})
    shown = (await team.owner.read(f"{path}/steps/{step}"))["name"]
    assert shown == ("one" if role == "viewer" else "edited")


@pytest.mark.parametrize("role", ROLES)
async def test_who_may_show_presence(house: House, team: Team, role: str) -> None:
    async with a_visit(house, team, role) as (socket, _):
        (path,) = [f"{P}/{one['id']}" for one in await all_items(team.owner, P, 10)]
        told = len(socket.wire.frames)
        socket.wire.say(presence(7, 1, json.dumps({"status": "busy"})))
        await socket.wire.until_frames(told + 1)
        await house.made.presence.mirror()
        (here,) = (await team.viewer.read(f"{path}/presence"))["items"]
    assert (here["user"]["id"], here["status"]) == (team.people[role].id, "busy")


@pytest.mark.parametrize(
    ("checked", "question"),
    [
        ((pipeline_creation, "require_member_of", 1), ("POST", "/pipelines", "created")),
        ((pipeline_creation, "require_member_of", 1), ("POST", "{pipeline}/fork", "forked")),
        ((templates, "require_member_of", 1), ("POST", "{template}/instantiate", "created")),
        ((document_edits, "require_editor", 2), ("PUT", "{pipeline}/yaml", "file")),
        ((document_edits, "require_editor", 1), ("POST", "{pipeline}/versions/1/restore", "")),
    ],
)
async def test_the_role_is_asked_for_again_after_computing(
    house: House,
    team: Team,
    monkeypatch: pytest.MonkeyPatch,
    checked: tuple[ModuleType, str, int],
    question: tuple[str, str, str],
) -> None:
    """Who loses it after so many checks, while a large file is read, is refused."""
    module, check, checks = checked
    path = await a_pipeline(team)
    await team.member.made(f"{path}/versions", {"name": "one"})
    wanted = {"pipeline_id": path.rpartition("/")[2], "name": "t"}
    template = await team.member.made("/templates", wanted)
    await a_step(team, path, "later")
    real, done = getattr(module, check), count(1)

    async def check_and_lose(*args: Any) -> None:
        await real(*args)
        if next(done) == checks:
            await house.directory.add_member(UUID(team.id), team.member.user.id, "viewer")

    monkeypatch.setattr(module, check, check_and_lose)
    verb, place, content = question
    names = {"{pipeline}": path, "{template}": f"/templates/{template['id']}"}
    for name, there in names.items():
        place = place.replace(name, there)
    if content == "file":
        text = "workflow: {name: x, steps: []}"
        kind = {"content-type": "application/yaml"}
        refused = await team.member.ask(verb, place, content=text, headers=kind)
    else:
        body = {"team_id": team.id, "name": "x"} if content else None
        refused = await team.member.ask(verb, place, json=body)
    assert the_problem(refused, 403)["roles"] == ["member", "admin", "owner"]
    listed = (await team.viewer.read("/pipelines", params={"team": team.id}))["items"]
    assert [one["id"] for one in listed] == [path.rpartition("/")[2]]
    assert [one["name"] for one in (await team.viewer.read(f"{path}/steps"))["items"]] == ["later"]
    assert len((await team.viewer.read(f"{path}/versions"))["items"]) == 1
