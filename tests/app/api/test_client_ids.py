"""The server edits under client ids that clients with every Yjs library can keep."""

import pytest

from crdt.document.document import MAX_CLIENT_ID
from crdt.updates.state_vector import StateVector, read_state_vector
from tests.app.api.house import House, Team, a_step
from tests.app.api.sockets import joined

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = "workflow:\n  name: w\n  steps:\n    - {name: a, type: claude}\n"


async def state_vector(house: House, team: Team, path: str) -> StateVector:
    async with joined(house.made, path.removeprefix("/pipelines/"), team.viewer.token) as socket:
        return read_state_vector(socket.document.state_vector())


async def test_the_ids_of_edits_by_the_server_have_32_bits(house: House, team: Team) -> None:
    imported = await team.member.made("/pipelines", {"team_id": team.id, "yaml": FILE})
    path = f"/pipelines/{imported['id']}"
    await a_step(team, path, "b")
    await team.member.made(f"{path}/versions", {"name": "v"})
    await team.member.patch(path, {"tags": ["x"]})
    headers = {"content-type": "application/yaml"}
    await team.member.ask(
        "PUT", f"{path}/yaml", content=FILE + "    - {name: c, type: claude}\n", headers=headers
    )
    await team.member.post(f"{path}/versions/1/restore")
    edited = await state_vector(house, team, path)
    assert len(edited) >= 4, "expected an id for each of import, room, PUT and restore"
    fork = await team.member.made(f"{path}/fork")
    forked = await state_vector(house, team, f"/pipelines/{fork['id']}")
    assert forked
    assert all(0 <= client <= MAX_CLIENT_ID for client in (*edited, *forked))
