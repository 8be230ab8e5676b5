"""Which version of the program this is: what is asked of the package and of the running server."""

from typing import Final

VERSION: Final = "0.1.0"
"""By semantic versioning. `pyproject.toml` reads it from here, without running anything."""
