"""The programs of docs/signing-in.md: what they sign gets in."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.app.conftest import SECRET
from tests.server import Installation

GUIDE: Final = Path(__file__).parents[2] / "docs" / "signing-in.md"
ADA: Final = {"id": "customer/7", "email": "ada@example.org", "name": "Ada"}
PROGRAMS: Final = {
    "python": ([sys.executable, "-c"], "\nimport json\nprint(token(json.loads({!r})))"),
    "js": (["node", "--input-type=module", "-e"], "\nconsole.log(token({}));"),
}


def block(language: str) -> str:
    (found,) = re.findall(rf"(?ms)^```{language}\n(.*?)^```", GUIDE.read_text())
    assert found.count("\n") <= 13
    return str(found)


async def signed(language: str) -> str:
    command, call = PROGRAMS[language]
    program = await asyncio.create_subprocess_exec(
        *command, block(language) + call.format(json.dumps(ADA)),
        stdout=PIPE, env={**os.environ, "PIPELOOM_JWT_SECRET": SECRET},
    )  # fmt: skip
    out, _ = await program.communicate()
    return out.decode().strip()


@pytest.mark.parametrize("language", PROGRAMS)
async def test_a_backend_signs_tokens_as_the_guide_says(
    installation: Installation, language: str
) -> None:
    settings = {
        "PIPELOOM_JWT_SECRET": SECRET,
        "PIPELOOM_JWT_ISSUER": "https://backend.example.org",
        "PIPELOOM_PROVISION": "all",
    }
    there = Installation(installation.database_url, installation.data_dir, settings)
    async with there.serve() as server, httpx.AsyncClient() as client:
        bearer = {"Authorization": f"Bearer {await signed(language)}"}
        me = (await client.get(server.http("/api/me"), headers=bearer)).json()
    assert (me["email"], me["name"]) == ("ada@example.org", "Ada")
