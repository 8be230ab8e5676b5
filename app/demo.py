"""The demo team and its pipeline, and what the terminal says about them."""

from datetime import datetime
from importlib import resources
from typing import Protocol
from uuid import UUID

from persistence.ports import Demo, Directory

from . import library


class DemoDirectory(Directory, Protocol):
    """A directory that can make room for a demo."""

    async def ensure_demo(self) -> Demo:
        """Create the demo team, its owner and its viewer, unless they exist."""
        ...


async def create_demo(directory: DemoDirectory, now: datetime) -> UUID:
    """Create the demo team, its owner, its viewer and its pipeline; return the pipeline's id."""
    demo = await directory.ensure_demo()
    content = resources.files("app").joinpath("demo.yaml").read_bytes()
    imported = library.read_file(content, "demo")
    return await library.create(
        directory, imported.pipeline, team_id=demo.team_id, created_by=demo.owner.id, now=now
    )


def greeting(demo: UUID | None) -> str:
    """How to connect, for the terminal."""
    if demo is None:
        return "Create a token with: pipeloom token --email EMAIL"
    return (
        f"  demo pipeline   {demo}\n"
        "  get a token     pipeloom token --email owner@demo.pipeloom   (or viewer@demo.pipeloom)\n"
        f"  connect         ws://{{address}}/ws/{demo}?token=TOKEN   (any y-websocket client)"
    )
