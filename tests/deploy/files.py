"""The files of an installation, read as those read them who run it."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML

from tests.clients.javascript import ROOT

TOOLS: Final = Path(sys.executable).parent
"""Where the programs of requirements-test.txt are."""

DOCKERFILE: Final = ROOT / "Dockerfile"
COMPOSE: Final = ROOT / "docker-compose.yml"


class Instruction(NamedTuple):
    """An instruction of a Dockerfile, in one line."""

    name: str
    rest: str

    @property
    def command(self) -> list[str]:
        """The words of a command in the form that starts no shell. Raises ValueError otherwise."""
        words: list[str] = json.loads(self.rest.partition("[")[1] + self.rest.partition("[")[2])
        return words


def stages() -> list[list[Instruction]]:
    """The stages of the image, the last of which is what runs."""
    found: list[list[Instruction]] = []
    for one in _instructions():
        if one.name == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def _instructions() -> Iterator[Instruction]:
    lines = (line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    for line in filter(None, text.splitlines()):
        name, _, rest = line.partition(" ")
        yield Instruction(name, rest.strip())


def compose() -> Mapping[str, Any]:
    """The file for Docker Compose."""
    read: Mapping[str, Any] = YAML(typ="safe").load(COMPOSE.read_text())
    return read


def seconds(text: str) -> float:
    """A time such as 15s or 1m, as Docker and systemd write them."""
    number, unit = re.fullmatch(r"(\d+)(s|min|m|)", text).groups()  # type: ignore[union-attr]
    return int(number) * (60 if unit in {"min", "m"} else 1)
