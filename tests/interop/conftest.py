"""What the tests with foreign clients stand on."""

import asyncio
from pathlib import Path

import pytest

from tests.interop.stock import install
from tests.server import Installation


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """The packages of package.json; the first run installs them."""
    asyncio.run(install())


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    """A database without any users yet, and a data directory of its own."""
    return Installation(database_url, tmp_path / "data")
