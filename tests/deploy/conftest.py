"""What the tests of the package, the image and the files of `deploy/` stand on."""

from pathlib import Path

import pytest

from tests.server import Installation


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    """A database without any users yet, and a data directory of its own."""
    return Installation(database_url, tmp_path / "data")
