"""Root's data is never in a folder that would have to be opened to the account of PostgreSQL."""

import os
from pathlib import Path

import pytest

from app.commands import common
from app.settings import DEFAULT_DATA_DIR
from persistence.embedded.places import ROOT_DATA_DIR
from tests.server import run
from tests.temporary import open_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="for root alone there is another account")


async def test_root_is_told_what_to_do_with_a_data_directory_below_a_closed_folder() -> None:
    with open_directory() as folder:
        (folder / "closed").mkdir(0o700)
        data_dir = folder / "closed" / "data"
        outcome = await run("serve", "--port", "0", "--data-dir", str(data_dir))
        assert (outcome.code, outcome.out) == (1, "")
        for part in (f"{folder}/closed is closed", "--data-dir", "chmod o+x"):
            assert part in outcome.err
        assert list((folder / "closed").iterdir()) == []


def test_root_in_a_closed_folder_starts_and_finds_what_was_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PIPELOOM_DATA_DIR", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with open_directory() as folder:
        (folder / "closed").mkdir(0o700)
        monkeypatch.chdir(folder / "closed")
        assert common.settings_for().data_dir == ROOT_DATA_DIR
        assert str(ROOT_DATA_DIR) in capsys.readouterr().err
        # What somebody has said or begun counts.
        assert common.settings_for(data_dir=Path("here")).data_dir == Path("here")
        assert common.settings_for(database_url="postgresql://x/y").data_dir == DEFAULT_DATA_DIR
        (DEFAULT_DATA_DIR / "postgres").mkdir(parents=True)
        assert common.settings_for().data_dir == DEFAULT_DATA_DIR
        monkeypatch.chdir(folder)
        assert (common.settings_for().data_dir, capsys.readouterr().err) == (DEFAULT_DATA_DIR, "")


def test_data_elsewhere_is_named_before_an_empty_installation_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PIPELOOM_DATA_DIR", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with open_directory() as folder:
        monkeypatch.chdir(folder)
        (folder / "other" / "postgres").mkdir(parents=True)
        monkeypatch.setattr(common, "ROOT_DATA_DIR", folder / "other")
        assert common.settings_for().data_dir == DEFAULT_DATA_DIR
        assert f"other data is in {folder}/other" in capsys.readouterr().err
