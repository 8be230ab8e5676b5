"""Pipeline files of the commands: read, reported on, and imported one after the other."""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias
from uuid import UUID

import typer

from app.services import pipeline_files
from crdt.errors import PipelineFileError, PipeloomError
from crdt.validation.entries import UNNAMED_PIPELINE
from crdt.yaml.codec import MAX_BYTES, Imported
from persistence.errors import UnknownSubject

from .common import print_message, reason

STANDARD_INPUT: Final = Path("-")
"""The file that stands for what is piped into a command."""

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
    is; or of the pipeline `to`, if that is given. `piped` is what the standard input had, if that
    is one of the files.
    """

    files: Sequence[Path]
    piped: bytes = b""
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


def called(file: Path) -> str:
    """What a file is called in messages."""
    return "standard input" if file == STANDARD_INPUT else str(file)


def read_piped(files: Sequence[Path]) -> bytes:
    """Read the standard input, if it is one of the files; else b"". Raises typer.BadParameter.

    This is done before anything is opened: whoever writes there may take long.
    """
    if STANDARD_INPUT not in files:
        return b""
    if files.count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("the standard input, -, can be read once")
    # Python has none if it is closed.
    return b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_BYTES + 1)


def read_reported(file: Path, piped: bytes) -> tuple[bytes, Imported]:
    """Read a file, and print what is odd about it. Raises PipelineFileError, OSError."""
    content = _content(file, piped)
    if len(content) > MAX_BYTES:
        raise PipelineFileError(f"expected at most {MAX_BYTES} bytes, got more: split the file")
    # The name as UTF-8, whatever the locale.
    stem = os.fsencode(file.stem).decode(errors="replace")
    name = UNNAMED_PIPELINE if file == STANDARD_INPUT else stem
    imported = pipeline_files.read_file(content, name)
    for one in imported.diagnostics:
        place = f"{called(file)}:{one.line}:{one.column}"
        print_message(f"{place}: {one.severity}: {one.message} [{one.code}]")
    return content, imported


def _content(file: Path, piped: bytes) -> bytes:
    """What a file has, but no more than makes it too long."""
    if file != STANDARD_INPUT:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    if not piped.strip():
        raise PipelineFileError(
            "expected a pipeline as YAML, got nothing: see whether the command before | has failed"
        )
    return piped


async def import_all(wanted: Import, store: Store) -> int:
    """Import file by file, and print what became of each; return how many failed."""
    files, failed = wanted.files, list[str]()
    for number, file in enumerate(files, 1):
        _show_progress(f"[{number}/{len(files)}] {file}", len(files))
        try:
            stored = await store(file, *read_reported(file, wanted.piped))
        except StopImport as stop:
            print_message(f"{called(file)}: {reason(stop)}")
            return len(failed) + len(files) - number + 1
        except (PipeloomError, OSError) as error:
            print_message(f"{called(file)}: {reason(error)}")
            failed.append(called(file))
            continue
        typer.echo(_line(file, stored, as_json=wanted.as_json))
    if failed and len(files) > 1:
        names = ", ".join(failed)
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
