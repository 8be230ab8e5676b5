"""Data directories for tests that need a PostgreSQL of their own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence.embedded.server import EmbeddedPostgres
from tests.temporary import open_directory


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that does not exist yet, with a short name, as a socket needs.

    It is gone with its server at the end.
    """
    with open_directory() as directory:
        yield directory / "data"


@pytest.fixture(scope="session")
def new_cluster() -> Iterator[Path]:
    """A data directory in which PostgreSQL has a cluster and does not run. Creating it is slow."""
    with open_directory() as directory:
        created = directory / "data"
        EmbeddedPostgres(created).close()
        yield created


@pytest.fixture
def cluster(new_cluster: Path, data_dir: Path) -> Path:
    """A copy of that data directory, for the test alone."""
    # The files belong to the account that PostgreSQL runs as, which must find itself their owner.
    subprocess.run(["cp", "-a", str(new_cluster), str(data_dir)], check=True)
    return data_dir
