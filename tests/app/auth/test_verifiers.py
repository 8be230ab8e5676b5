"""Whose secret signs: a token that the server at the database would refuse is not made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from app.auth.tokens import SECRET_FILE, secret_in
from app.auth.verifiers import issuing_for, tokens_for
from app.settings import DEFAULT_DATA_DIR, SettingsError, load_settings
from persistence.ports.directory import User

ELSEWHERE = "postgresql://elsewhere/pipeloom"
SOMEBODY = User(UUID(int=1), "ada@example.org", "Ada")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where somebody is who has started a server there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    secret_in(DEFAULT_DATA_DIR)
    return tmp_path


def test_the_secret_of_a_folder_signs_for_its_own_database(folder: Path) -> None:
    now = datetime.now(UTC)
    token = issuing_for(load_settings()).issue(SOMEBODY, timedelta(hours=1), now)
    assert token == tokens_for(load_settings()).issue(SOMEBODY, timedelta(hours=1), now)
    assert (folder / DEFAULT_DATA_DIR / SECRET_FILE).exists()


def test_the_secret_of_the_current_folder_may_be_another_server_s(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"^expected PIPELOOM_JWT_SECRET .* --data-dir ") as no:
        issuing_for(load_settings(database_url=ELSEWHERE))
    assert (folder / DEFAULT_DATA_DIR / SECRET_FILE).read_text() not in str(no.value)


def test_whoever_names_the_folder_says_that_the_server_uses_it(folder: Path) -> None:
    named = folder / DEFAULT_DATA_DIR
    issuing_for(load_settings(database_url=ELSEWHERE, data_dir=named))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PIPELOOM_DATA_DIR", str(named))
        issuing_for(load_settings(database_url=ELSEWHERE))


def test_a_chosen_secret_needs_no_folder(folder: Path) -> None:
    issuing_for(load_settings(database_url=ELSEWHERE, jwt_secret="a secret that was chosen"))
    assert [one.name for one in (folder / DEFAULT_DATA_DIR).iterdir()] == [SECRET_FILE]


def test_no_secret_is_made_up_for_a_server_elsewhere(folder: Path) -> None:
    with pytest.raises(SettingsError, match="is not here"):
        issuing_for(load_settings(database_url=ELSEWHERE, data_dir=folder / "absent"))
    assert not (folder / "absent").exists()
