"""What `import`, `export`, `list`, `search` and `delete` do with a server at a URL."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from app.http import WARNING
from crdt.yaml.codec import Imported
from persistence.errors import UnknownSubject
from persistence.ports.directory import only_team

from .common import print_message
from .pipeline_files import Stored, import_all
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

    def __init__(self, remote: Remote, team_id: str, *, update: bool, to: UUID | None) -> None:
        self._remote, self._team_id, self._update, self._to = remote, team_id, update, to
        self._known: dict[str, list[str]] | None = None

    async def store(self, file: Path, content: bytes, imported: Imported) -> Stored:
        """Create or update the pipeline of a file. Raises RemoteError, UnknownSubject."""
        name = imported.pipeline.settings.name
        target = self._target(file, name)
        if target is not None:
            return self._put(target, content, name)
        body = {"team_id": self._team_id, "name": name, "yaml": content.decode("utf-8-sig")}
        made: str = self._remote.post("/pipelines", body, str(uuid4()))["id"]
        if self._known is not None:
            self._known.setdefault(name, []).append(made)
        return Stored(made)

    def _put(self, target: str, content: bytes, name: str) -> Stored:
        path = f"/pipelines/{target}"
        if self._remote.put(f"{path}/yaml", content, YAML)["name"] != name:
            # The file has no name of its own.
            self._remote.patch(path, {"name": name})
        return Stored(target, "updated")

    def _target(self, file: Path, name: str) -> str | None:
        """The pipeline that a file is to update: by the id it is named by, or by its name."""
        if self._to is not None:
            return str(self._to)
        if not self._update:
            return None
        if (named := _id_in(file.stem)) is not None:
            return named
        match self._by_name().get(name, []):
            case []:
                return None
            case [only]:
                return only
            case several:
                ids = ", ".join(several)
                raise UnknownSubject(f"several pipelines are called {name}: pass --id, of {ids}")

    def _by_name(self) -> dict[str, list[str]]:
        if self._known is None:
            self._known = {}
            for one in self._remote.items("/pipelines", team=self._team_id):
                self._known.setdefault(one["name"], []).append(one["id"])
        return self._known


def _id_in(stem: str) -> str | None:
    try:
        return str(UUID(stem))
    except ValueError:
        return None


async def import_files(
    remote: Remote,
    files: Sequence[Path],
    team: str | None,
    *,
    update: bool,
    to: UUID | None,
    as_json: bool,
) -> int:
    """Import each file; return how many failed. Raises RemoteError, UnknownSubject."""
    teams = RemoteTeams(remote)
    team_id = teams.find(team) if team else "" if to else teams.only()
    importer = Importer(remote, team_id, update=update, to=to)
    return await import_all(files, importer.store, as_json=as_json)


def export(remote: Remote, pipeline_id: UUID) -> str:
    """Return a pipeline as YAML. Raises RemoteError."""
    answer = remote.ask("GET", f"/pipelines/{pipeline_id}/yaml", headers={"Accept": YAML})
    if warning := answer.headers.get(WARNING.lower()):
        print_message(warning)
    return answer.content.decode()


def found(
    remote: Remote, team: str | None, words: str | None, limit: int | None
) -> Iterator[Mapping[str, Any]]:
    """The pipelines of a team or of all, as of `local_pipelines.found`. Raises RemoteError."""
    teams = RemoteTeams(remote)
    query = {"team": teams.find(team)} if team else {}
    if words is not None:
        query["q"] = words
    for one in islice(remote.items("/pipelines", **query), limit):
        yield {**one, "team": teams.paths().get(one["team_id"], "-")}


def delete(remote: Remote, pipeline_id: UUID) -> None:
    """Delete a pipeline. Raises RemoteError."""
    remote.ask("DELETE", f"/pipelines/{pipeline_id}")
