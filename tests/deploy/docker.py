"""Containers for tests, where Docker answers."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.deploy.files import compose


def why_not(*services: str) -> str | None:
    """Why there can be no containers of these services here; None if there can."""
    if (reason := _failed("info", seconds=20)) is not None:
        return reason
    for service in services:
        image = compose()["services"][service]["image"]
        is_here = _failed("image", "inspect", image, seconds=20) is None
        if not is_here and (reason := _failed("pull", "--quiet", image, seconds=300)) is not None:
            return reason
    return None


def _failed(*args: str, seconds: float) -> str | None:
    try:
        asked = subprocess.run(
            ["docker", *args], capture_output=True, text=True, timeout=seconds, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"docker {args[0]}: {type(error).__name__}"
    return None if asked.returncode == 0 else f"docker {args[0]}: {asked.stderr.strip()}"


@dataclass
class Containers:
    """Containers in a network of their own, by the names of services in docker-compose.yml."""

    network: str
    started: list[str] = field(default_factory=list)

    def run(self, service: str, port: int, *command: str, **environment: str) -> str:
        """Start the image of a service; return the address of a port on this machine."""
        name = f"{self.network}-{service}"
        self.started.append(name)
        options = [part for pair in environment.items() for part in ("--env", "=".join(pair))]
        docker(
            "run", "--detach", "--rm", "--name", name, "--network", self.network,
            "--network-alias", service, "--publish", f"127.0.0.1::{port}", *options,
            compose()["services"][service]["image"], *command,
        )  # fmt: skip
        return docker("port", name, str(port)).splitlines()[0]

    def stop(self, service: str) -> None:
        """End a container."""
        docker("stop", f"{self.network}-{service}")


@contextmanager
def containers() -> Iterator[Containers]:
    """A network that is gone at the end, with all that was started in it."""
    made = Containers(f"pipeloom-test-{uuid.uuid4().hex[:8]}")
    docker("network", "create", made.network)
    try:
        yield made
    finally:
        for name in made.started:
            with suppress(subprocess.CalledProcessError):
                docker("rm", "--force", "--volumes", name)
        docker("network", "rm", made.network)


def docker(*args: str) -> str:
    """Run Docker; return what it prints."""
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()
