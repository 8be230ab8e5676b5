"""The profile `electric` of docker-compose.yml, by its form: what Electric needs, and no more."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from persistence.postgres.electric import ReplicationFacts
from tests.clients.javascript import ROOT
from tests.deploy.files import compose

SERVICES: Final[dict[str, dict[str, Any]]] = compose()["services"]
ELECTRIC: Final = SERVICES["electric"]
ENVIRONMENT: Final[dict[str, str]] = ELECTRIC["environment"]
OLDEST: Final = (1, 7, 12)
"""Older ones can be asked past their secret (docs/production.md)."""


def version_of(image: str) -> tuple[int, ...]:
    """Raises ValueError for an image that is not pinned to a version of three parts."""
    version = re.fullmatch(r"electricsql/electric:(\d+)\.(\d+)\.(\d+)", image)
    if version is None:
        raise ValueError(f"expected electricsql/electric:x.y.z, got {image}")
    return tuple(map(int, version.groups()))


def test_the_image_is_pinned_to_a_version_that_is_new_enough() -> None:
    assert version_of(ELECTRIC["image"]) >= OLDEST
    named = ".".join(map(str, OLDEST))
    assert f"Run Electric {named} or newer" in (ROOT / "docs/production.md").read_text()


def test_postgres_writes_what_electric_reads_and_keeps_a_bounded_part_of_it() -> None:
    program, *options = SERVICES["postgres"]["command"]
    settings = dict(one.split("=") for one in options if one != "-c")
    kept = settings["max_slot_wal_keep_size"]
    facts = ReplicationFacts(settings["wal_level"], kept, has_slot=False, is_followed=False)
    assert (program, facts.advice) == ("postgres", [])
    assert re.fullmatch(r"[1-9]\d*GB", kept)
    assert f"max_slot_wal_keep_size = '{kept}'" in (ROOT / "docs/operations.md").read_text()


def test_electric_signs_in_as_its_own_role_directly_at_postgres() -> None:
    address = urlsplit(ENVIRONMENT["DATABASE_URL"])
    assert (address.username, address.hostname, address.port) == ("electric", "postgres", 5432)
    assert address.password == "${ELECTRIC_PASSWORD:-}"
    made = (ROOT / "deploy/electric-role.sql").read_text()
    assert "CREATE ROLE electric LOGIN REPLICATION PASSWORD" in made
    assert SERVICES["electric-role"]["image"] == SERVICES["postgres"]["image"]
    assert SERVICES["electric-setup"]["command"] == ["electric", "setup", address.username]
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == address.path.strip("/")


def test_role_and_publication_are_there_before_electric_starts() -> None:
    ended = {"condition": "service_completed_successfully"}
    assert ELECTRIC["depends_on"] == {"electric-setup": ended}
    assert SERVICES["electric-setup"]["depends_on"]["electric-role"] == ended
    assert ENVIRONMENT["ELECTRIC_MANUAL_TABLE_PUBLISHING"] == "true"
    for name in ("electric", "electric-role", "electric-setup"):
        assert SERVICES[name]["profiles"] == ["electric"]


def test_nobody_but_the_services_reaches_electric_which_has_a_secret() -> None:
    assert not {"ports", "network_mode"} & set(ELECTRIC)
    assert "ELECTRIC_INSECURE" not in ENVIRONMENT
    assert ENVIRONMENT["ELECTRIC_SECRET"] == "${ELECTRIC_SECRET:-}"
    assert SERVICES["server"]["environment"]["ELECTRIC_SECRET"] == ENVIRONMENT["ELECTRIC_SECRET"]
    assert SERVICES["electric-role"]["environment"]["ELECTRIC_SECRET"] == "${ELECTRIC_SECRET:-}"


def test_its_shapes_outlive_it() -> None:
    assert ELECTRIC["volumes"] == [f"electric:{ENVIRONMENT['ELECTRIC_STORAGE_DIR']}"]
    assert "electric" in compose()["volumes"]
