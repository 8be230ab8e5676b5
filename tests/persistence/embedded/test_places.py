"""Where root's data goes: never into a folder that would have to be opened for it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence.embedded.places import ROOT_DATA_DIR, closed_folder, default_data_dir
from tests.temporary import open_directory

ME, OTHER = (os.geteuid(), os.getegid()), (54321, 54321)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may pass through."""
    with open_directory() as made:
        yield made


def test_the_uppermost_closed_folder_is_named_to_those_who_may_not_pass(folder: Path) -> None:
    deep = folder / "a" / "b" / "data"
    deep.mkdir(parents=True)
    assert closed_folder(deep, *OTHER) is None
    for path, mode in ((folder / "a", 0o710), (folder / "a" / "b", 0o700)):
        path.chmod(mode)
    assert closed_folder(deep, *OTHER) == folder / "a"
    assert closed_folder(deep, *ME) is None
    assert closed_folder(deep, OTHER[0], ME[1]) == folder / "a" / "b"


def test_the_last_folder_may_be_closed_and_what_is_not_there_is_open(folder: Path) -> None:
    (folder / "data").mkdir(0o700)
    assert closed_folder(folder / "data", *OTHER) is None
    assert closed_folder(folder / "new" / "data", *OTHER) is None


def test_data_is_where_it_is_or_where_it_can_be(folder: Path) -> None:
    usual = folder / "home" / ".pipeloom"
    usual.parent.mkdir(0o755)
    assert default_data_dir(usual, *OTHER) == usual
    usual.parent.chmod(0o700)
    assert default_data_dir(usual, *OTHER) == ROOT_DATA_DIR
    # Never an empty one beside data that is there.
    (usual / "postgres").mkdir(parents=True)
    assert default_data_dir(usual, *OTHER) == usual
