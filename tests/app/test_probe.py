"""The probe of containers: a server's port and a worker's, and what is wrong in words."""

import asyncio
import re
import signal
import socket

import pytest

from app import probe
from tests.server import Installation, eventually


async def asked(path: str, *ports: int) -> str | None:
    return await asyncio.to_thread(probe.probe, path, ports)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def test_it_tells_a_worker_that_works_from_one_that_does_not(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        installation.serve("--no-worker") as server,
        installation.background("worker", "--metrics-port", "0") as worker,
    ):
        port = await eventually("its port", lambda: metrics_port(installation))
        assert await asked("/healthz", server.port) is None
        assert await asked("/readyz", server.port) is None
        other = await asked("/nowhere", server.port)
        assert (other or "").startswith(f"port {server.port}: 401 ")

        async def is_ready() -> bool:
            return await asked("/readyz", free_port(), port) is None

        await eventually("a worker that is ready", is_ready)
        assert await asked("/healthz", port) is None
        monkeypatch.setattr(probe, "SECONDS", 0.3)
        worker.send_signal(signal.SIGSTOP)
        assert "timed out" in (await asked("/healthz", port) or "")
        worker.send_signal(signal.SIGCONT)
        await worker.kill()
        assert "nobody listens" in (await asked("/healthz", port) or "")


async def metrics_port(installation: Installation) -> int:
    found = re.search(r"metrics are at http://[\d.]+:(\d+)", installation.log_file.read_text())
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("environment", "ports"),
    [
        ({}, [8000]),
        ({"PIPELOOM_PORT": "8080", "PIPELOOM_METRICS_PORT": "9100"}, [8080, 9100]),
        ({"PIPELOOM_PORT": ""}, [8000]),
    ],
)
def test_it_asks_the_ports_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], ports: list[int]
) -> None:
    for name in ("PIPELOOM_PORT", "PIPELOOM_METRICS_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert probe.ports() == ports
