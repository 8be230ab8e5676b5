"""What commands on pipelines do with a server at a URL: `sites.Site` over HTTP."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import typer

from app.http import WARNING
from crdt.yaml.codec import Imported
from persistence.errors import UnknownSubject
from persistence.ports.directory import only_team

from .common import print_message
from .pipeline_files import Import, Stored, Targets, import_all
from .remote import YAML, Remote


class RemoteTeams:
    """The teams of the token's user by their paths, read when they are needed."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._paths: dict[str, str] | None = None

    def paths(self) -> Mapping[str, str]:
        """organization/team by the id of the team."""
        if self._paths is None:
            slugs = {one["id"]: one["slug"] for one in self._remote.items("/organizations")}
            self._paths = {
                team["id"]: f"{slugs.get(team['organization_id'], '-')}/{team['slug']}"
                for team in self._remote.items("/teams")
            }
        return self._paths

    def find(self, name: str) -> str:
        """The id of a team that is called so. Raises UnknownSubject."""
        found = {
            path: UUID(id_)
            for id_, path in self.paths().items()
            if name in (path, path.partition("/")[2])
        }
        return str(only_team(name, found))

    def only(self) -> str:
        """The id of the only team there is. Raises UnknownSubject."""
        paths = self.paths()
        if len(paths) != 1:
            named = ", ".join(sorted(paths.values())) or "none"
            raise UnknownSubject(f"say with --team which team; the token's user is in: {named}")
        return next(iter(paths))


class Importer:
    """Puts files into a team; `update` those whose pipeline is there."""

    def __init__(self, remote: Remote, wanted: Import, team_id: str) -> None:
        self._remote, self._team_id = remote, team_id
        self._targets = Targets(wanted, self._names)

    async def store(self, file: Path, content: bytes, imported: Imported) -> Stored:
        """Create or update the pipeline of a file. Raises RemoteError, UnknownSubject."""
        name = imported.pipeline.settings.name
        target = await self._targets.of(file, name)
        if target is not None:
            return self._put(target, content, name)
        body = {"team_id": self._team_id, "name": name, "yaml": content.decode("utf-8-sig")}
        made: str = self._remote.post("/pipelines", body, str(uuid4()))["id"]
        self._targets.note(name, made)
        return Stored(made)

    def _put(self, target: str, content: bytes, name: str) -> Stored:
        path = f"/pipelines/{target}"
        if self._remote.put(f"{path}/yaml", content, YAML)["name"] != name:
            # The file has no name of its own.
            self._remote.patch(path, {"name": name})
        return Stored(target, "updated")

    async def _names(self) -> Sequence[tuple[str, str]]:
        found = self._remote.items("/pipelines", team=self._team_id)
        return [(one["name"], one["id"]) for one in found]


class RemoteSite:
    """`Site` over HTTP. Every method raises RemoteError."""

    def __init__(self, remote: Remote) -> None:
        self._remote, self._teams = remote, RemoteTeams(remote)

    def import_files(self, wanted: Import) -> int:
        """See `Site.import_files`. Raises UnknownSubject, typer.BadParameter."""
        if wanted.email is not None:
            raise typer.BadParameter("--as is for a database: over HTTP the token says who imports")
        team_id = self._team_of(wanted)
        importer = Importer(self._remote, wanted, team_id)
        return asyncio.run(import_all(wanted, importer.store))

    def _team_of(self, wanted: Import) -> str:
        if wanted.team:
            return self._teams.find(wanted.team)
        return "" if wanted.to else self._teams.only()

    def export(self, pipeline_id: UUID) -> str:
        """See `Site.export`."""
        return self._yaml(f"/pipelines/{pipeline_id}/yaml")

    def found(
        self, team: str | None, words: str | None, limit: int | None
    ) -> Iterator[Mapping[str, Any]]:
        """See `Site.found`."""
        query = {"team": self._teams.find(team)} if team else {}
        if words is not None:
            query["q"] = words
        for one in islice(self._remote.items("/pipelines", **query), limit):
            yield {**one, "team": self._teams.paths().get(one["team_id"], "-")}

    def delete(self, pipeline_id: UUID) -> None:
        """See `Site.delete`."""
        self._remote.ask("DELETE", f"/pipelines/{pipeline_id}")

    def versions(self, pipeline_id: UUID, limit: int | None) -> Iterator[Mapping[str, Any]]:
        """See `Site.versions`."""
        return islice(self._remote.items(f"/pipelines/{pipeline_id}/versions"), limit)

    def version(self, pipeline_id: UUID, number: int) -> str:
        """See `Site.version`."""
        return self._yaml(f"/pipelines/{pipeline_id}/versions/{number}/yaml")

    def save_version(self, pipeline_id: UUID, name: str, summary: str | None) -> int:
        """See `Site.save_version`."""
        body = {"name": name, **({"change_summary": summary} if summary else {})}
        path = f"/pipelines/{pipeline_id}/versions"
        number: int = self._remote.post(path, body, str(uuid4()))["version_number"]
        return number

    def restore_version(
        self, pipeline_id: UUID, number: int, steps: list[UUID] | None
    ) -> int | None:
        """See `Site.restore_version`."""
        body = None if steps is None else {"steps": [str(each) for each in steps]}
        path = f"/pipelines/{pipeline_id}/versions/{number}/restore"
        saved = self._remote.post(path, body, str(uuid4())).get("saved")
        return None if saved is None else int(saved["version_number"])

    def _yaml(self, path: str) -> str:
        answer = self._remote.ask("GET", path, headers={"Accept": YAML})
        if warning := answer.headers.get(WARNING.lower()):
            print_message(warning)
        return answer.content.decode()
