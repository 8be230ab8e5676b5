"""The files of `deploy/`: their form, and that what they promise fits the program."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from app.settings import Settings
from tests.clients.javascript import ROOT
from tests.deploy.files import TOOLS, seconds
from tests.deploy.in_front import configured
from tests.deploy.nginx import nginx
from tests.test_house import COMMANDS, known_variables, options_of

DEPLOY: Final = ROOT / "deploy"
UNITS: Final = sorted(DEPLOY.glob("*.service"))
MANIFEST: Final[list[dict[str, Any]]] = list(
    YAML(typ="safe").load_all((DEPLOY / "kubernetes.yaml").read_text())
)
WORKLOADS: Final = {one["metadata"]["name"]: one for one in MANIFEST if one["kind"] == "Deployment"}
CONFIGURED: Final[dict[str, str]] = next(
    one["data"] for one in MANIFEST if one["kind"] == "ConfigMap"
)
AFTER_DRAINING: Final = 1.5
"""Seconds after the drain at which a server has ended in any case (docs/operations.md)."""

FINISHING: Final = 10
"""Seconds for which a worker projects what is left (`WorkerSettings.finish_timeout`)."""

NAMED: Final = re.compile(r"\b(?:PIPELOOM_[A-Z_]*[A-Z]|DATABASE_URL|REDIS_URL)\b")


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return spec


def test_kubernetes_knows_each_word_of_the_manifest() -> None:
    check = TOOLS / "kubernetes-validate", "--strict", "--quiet", DEPLOY / "kubernetes.yaml"
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "nginx"
    configured([8000, 8001], folder)
    check = nginx(), "-t", "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_runs_a_command_that_there_is(unit: Path) -> None:
    program, command, *arguments = shlex.split(values(unit)["ExecStart"])
    assert program.endswith("/pipeloom")
    assert command in COMMANDS
    assert {one for one in arguments if one.startswith("--")} <= options_of(command)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_is_patient(unit: Path) -> None:
    longest = max(Settings.model_fields["drain_timeout"].default + AFTER_DRAINING, FINISHING)
    assert seconds(values(unit)["TimeoutStopSec"]) > longest


def values(unit: Path) -> dict[str, str]:
    """The settings of a unit, all of which have one value; each line is of a known form."""
    found: dict[str, str] = {}
    for line in filter(None, unit.read_text().splitlines()):
        if not line.startswith(("#", "[")):
            name, equals, value = line.partition("=")
            assert equals, line
            assert name not in found, line
            found[name] = value
    return found


def test_kubernetes_waits_for_a_drain() -> None:
    drain = float(CONFIGURED["PIPELOOM_DRAIN_TIMEOUT"]) + AFTER_DRAINING
    assert pod("pipeloom-server")["terminationGracePeriodSeconds"] > drain
    assert pod("pipeloom-worker")["terminationGracePeriodSeconds"] > FINISHING
    assert float(CONFIGURED["PIPELOOM_DRAIN_DELAY"]) < float(CONFIGURED["PIPELOOM_DRAIN_TIMEOUT"])


def test_a_server_is_red_for_longer_than_kubernetes_takes_to_see_it() -> None:
    (server,) = pod("pipeloom-server")["containers"]
    probe = server["readinessProbe"]
    assert probe["httpGet"]["path"] == "/readyz"
    seen = probe["periodSeconds"] * probe["failureThreshold"]
    assert float(CONFIGURED["PIPELOOM_DRAIN_DELAY"]) >= seen + 2


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_kubernetes_runs_what_there_is_as_somebody_who_is_not_root(name: str) -> None:
    (container,) = pod(name)["containers"]
    command, *arguments = container["args"]
    assert command in COMMANDS
    assert {one for one in arguments if one.startswith("--")} <= options_of(command)
    assert pod(name)["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    for probe in ("startupProbe", "livenessProbe"):
        asked = container[probe]
        assert "/healthz" in [asked.get("httpGet", {}).get("path"), *exec_of(asked)]


def exec_of(probe: dict[str, Any]) -> list[str]:
    command: list[str] = probe.get("exec", {}).get("command", [])
    return command


def test_selectors_find_what_they_are_for() -> None:
    labels = {
        name: one["spec"]["template"]["metadata"]["labels"] for name, one in WORKLOADS.items()
    }
    for one in MANIFEST:
        if one["kind"] in {"Service", "PodDisruptionBudget"}:
            chosen = one["spec"]["selector"]
            assert chosen.get("matchLabels", chosen) == labels["pipeloom-server"]


@pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: file.name)
def test_variables_are_read_and_nothing_is_secret(file: Path) -> None:
    text = file.read_text()
    assert set(NAMED.findall(text)) <= known_variables()
    assert "docs/production.md" in text.partition("\n\n")[0] + text[:600]


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "traefik.yml"])
def test_a_proxy_lets_go_of_idle_connections_before_the_server_does(name: str) -> None:
    of_the_server = 5  # uvicorn's timeout_keep_alive
    found = re.findall(r"(?:keepalive_timeout|keepalive|idleConnTimeout):? (\d+)s", text_of(name))
    assert [int(one) for one in found] == [of_the_server - 1]


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile", "kubernetes.yaml"])
def test_a_proxy_leaves_it_to_the_server_what_is_too_large(name: str) -> None:
    (found,) = re.findall(
        r"(?:client_max_body_size|max_size|proxy-body-size:) (\d+)", text_of(name)
    )
    assert int(found) * 1_000_000 > Settings.model_fields["max_body_bytes"].default


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text()


def test_traefik_s_file_is_yaml_whose_parts_refer_to_each_other() -> None:
    http = YAML(typ="safe").load(text_of("traefik.yml"))["http"]
    (router,) = http["routers"].values()
    balancer = http["services"][router["service"]]["loadBalancer"]
    assert balancer["serversTransport"] in http["serversTransports"]


def test_caddy_s_file_closes_what_it_opens() -> None:
    depth = 0
    for line in text_of("Caddyfile").splitlines():
        code = line.partition("#")[0].rstrip()
        depth += code.endswith("{") - (code.strip() == "}")
        assert depth >= 0, line
    assert depth == 0


ANALYZE: Final = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="no systemd here: the tests above read its units")
def test_systemd_knows_each_word(tmp_path: Path) -> None:
    for unit in UNITS:
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    check = [str(ANALYZE), "verify", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(check, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = [line for line in done.stderr.splitlines() if "pipeloom" in line]
    assert ours == []
