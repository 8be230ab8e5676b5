"""The demo team with its pipeline, and the text in the terminal on how to connect."""

from datetime import datetime
from importlib import resources
from typing import Protocol
from uuid import UUID

from persistence.ports.directory import DEMO_OWNER, Demo, Directory

from . import pipeline_files

LINK = "http://{address}/"


class DemoDirectory(Directory, Protocol):
    """A directory that can also create the demo team."""

    async def ensure_demo(self) -> Demo:
        """Create the demo team, its owner and its viewer, unless they exist."""
        ...


async def create_demo(directory: DemoDirectory, now: datetime) -> UUID:
    """Create the demo team, its owner, its viewer and its pipeline; return the pipeline's id."""
    demo = await directory.ensure_demo()
    content = resources.files("app").joinpath("demo.yaml").read_bytes()
    imported = pipeline_files.read_file(content, "demo")
    pipeline_id, _ = await pipeline_files.create(
        directory, imported.pipeline, team_id=demo.team_id, created_by=demo.owner.id, now=now
    )
    return pipeline_id


def connection_help(
    demo: UUID | None,
    token: str | None = None,
    command: str = "pipeloom token --email",
    *,
    makes_tokens: bool = True,
    needs: str = "",
) -> str:
    """The lines for the terminal on how to connect; "{address}" stands for the server's.

    `command` is what to type for a token; an address follows. Unless this `makes_tokens`, the
    issuer does. The command `needs` some variables to be as they are for the server.

    With a token they begin with one link to open. Browsers keep the fragment of an address to
    themselves (RFC 9110 §4.2.5), so the token in it reaches no log of a server or proxy.
    """
    if not makes_tokens:
        return "  get a token     from your issuer (PIPELOOM_JWKS_URL)"
    same = f"   (with the same {needs})" if needs else ""
    if demo is None:
        return f"  get a token     {command} EMAIL{same}"
    link = "" if token is None else f"  open            {LINK}pipelines/{demo}#token={token}\n"
    return (
        f"{link}"
        f"  demo pipeline   {demo}\n"
        f"  get a token     {command} {DEMO_OWNER}{same}\n"
        "  try the API     http://{address}/api/docs\n"
        f"  connect         ws://{{address}}/ws/{demo}?token=TOKEN   (any y-websocket client)\n"
        "  stop            Ctrl-C"
    )
