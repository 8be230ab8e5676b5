"""Pipeline files of the commands: read, reported on, and imported one after the other."""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import UUID

import typer

from app.services import pipeline_files
from crdt.errors import PipeloomError
from crdt.yaml.codec import Imported
from persistence.errors import UnknownSubject

from .common import print_message, reason

Outcome: TypeAlias = Literal["created", "updated"]


@dataclass(frozen=True, slots=True)
class Stored:
    """The pipeline that a file became."""

    id: str
    outcome: Outcome = "created"


@dataclass(frozen=True, slots=True)
class Import:
    """What is to become of files: pipelines of a team, in the name of whoever has the address.

    With `update` a file takes the place of the pipeline that is called so, or by whose id the file
    is; or of the pipeline `to`, if that is given.
    """

    files: Sequence[Path]
    team: str | None = None
    email: str | None = None
    update: bool = False
    to: UUID | None = None
    as_json: bool = False


Store: TypeAlias = Callable[[Path, bytes, Imported], Awaitable[Stored]]
"""Makes a pipeline of a file. Raises PipeloomError; StopImport if no other file can be stored."""

Names: TypeAlias = Callable[[], Awaitable[Sequence[tuple[str, str]]]]
"""Reads the names and ids of the pipelines of the team."""


class StopImport(PipeloomError):
    """Nothing more can be imported."""


class Targets:
    """The pipelines whose place files take; `names` are read when they are needed."""

    def __init__(self, wanted: Import, names: Names) -> None:
        self._wanted, self._names = wanted, names
        self._known: dict[str, list[str]] | None = None

    async def of(self, file: Path, name: str) -> str | None:
        """The pipeline that a file is to update, None if it is a new one. Raises UnknownSubject."""
        if self._wanted.to is not None:
            return str(self._wanted.to)
        if not self._wanted.update:
            return None
        if (named := _id_in(file.stem)) is not None:
            return named
        match (await self._by_name()).get(name, []):
            case []:
                return None
            case [only]:
                return only
            case several:
                ids = ", ".join(several)
                raise UnknownSubject(f"several pipelines are called {name}: pass --id, of {ids}")

    def note(self, name: str, pipeline_id: str) -> None:
        """Note a pipeline that was created: another file may have its name."""
        if self._known is not None:
            self._known.setdefault(name, []).append(pipeline_id)

    async def _by_name(self) -> dict[str, list[str]]:
        if self._known is None:
            self._known = {}
            for name, pipeline_id in await self._names():
                self.note(name, pipeline_id)
        return self._known


def _id_in(stem: str) -> str | None:
    try:
        return str(UUID(stem))
    except ValueError:
        return None


def read_reported(file: Path) -> tuple[bytes, Imported]:
    """Read a file, and print what is odd about it. Raises PipelineFileError, OSError."""
    # The name as UTF-8, whatever the locale.
    name = os.fsencode(file.stem).decode(errors="replace")
    content = file.read_bytes()
    imported = pipeline_files.read_file(content, name)
    for one in imported.diagnostics:
        print_message(f"{file}:{one.line}:{one.column}: {one.severity}: {one.message} [{one.code}]")
    return content, imported


async def import_all(files: Sequence[Path], store: Store, *, as_json: bool) -> int:
    """Import file by file, and print what became of each; return how many failed."""
    failed: list[Path] = []
    for number, file in enumerate(files, 1):
        _show_progress(f"[{number}/{len(files)}] {file}", len(files))
        try:
            stored = await store(file, *read_reported(file))
        except StopImport as stop:
            print_message(f"{file}: {reason(stop)}")
            return len(failed) + len(files) - number + 1
        except (PipeloomError, OSError) as error:
            print_message(f"{file}: {reason(error)}")
            failed.append(file)
            continue
        typer.echo(_line(file, stored, as_json=as_json))
    if failed and len(files) > 1:
        names = ", ".join(map(str, failed))
        print_message(f"pipeloom: {len(failed)} of {len(files)} files failed: {names}")
    return len(failed)


def _show_progress(message: str, files: int) -> None:
    """Show somebody at a terminal how far it is; a script reads what is printed for each file."""
    if files > 1 and sys.stderr.isatty():
        print_message(message)


def _line(file: Path, stored: Stored, *, as_json: bool) -> str:
    if not as_json:
        return stored.id
    name = os.fsencode(file).decode(errors="replace")
    line = {"file": name, "id": stored.id, "outcome": stored.outcome}
    return json.dumps(line, ensure_ascii=False)
