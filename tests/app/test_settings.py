import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, deprecations, load_settings, variable
from persistence.ports.deletions import KEEP_DELETED

DSN = "postgresql://loom:hush-hush@db/loom"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("PIPELOOM_", "DATABASE_URL", "ELECTRIC_")):
            monkeypatch.delenv(name)


def test_out_of_the_box_everything_is_embedded_and_local() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == Path(".pipeloom")
    assert (settings.database_url, settings.jwt_secret, settings.no_worker) == (None, None, False)


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("DATABASE_URL", DSN, "database_url", DSN),
        ("PIPELOOM_DATABASE_URL", DSN, "database_url", DSN),
        ("PIPELOOM_HOST", "::1", "host", "::1"),
        ("PIPELOOM_PORT", "0", "port", 0),
        ("PIPELOOM_DATA_DIR", "/srv/loom", "data_dir", Path("/srv/loom")),
        ("PIPELOOM_NO_WORKER", "true", "no_worker", True),
        ("PIPELOOM_MAX_MESSAGE_BYTES", "4096", "max_message_bytes", 4096),
        ("PIPELOOM_OUTBOX_BYTES", "4096", "outbox_bytes", 4096),
        ("PIPELOOM_PENDING_BYTES", "4096", "pending_bytes", 4096),
        ("PIPELOOM_MAX_CONNECTIONS", "5", "max_connections", 5),
        ("PIPELOOM_KEEP_ALIVE", "2.5", "keep_alive", 2.5),
        ("PIPELOOM_UNLOAD_AFTER", "0", "unload_after", 0.0),
        ("PIPELOOM_DRAIN_TIMEOUT", "1", "drain_timeout", 1.0),
        ("PIPELOOM_JWKS_URL", "https://issuer/keys?v=1", "jwks_url", "https://issuer/keys?v=1"),
        ("PIPELOOM_JWKS_URL", "http://127.0.0.1:9/keys", "jwks_url", "http://127.0.0.1:9/keys"),
        ("PIPELOOM_JWKS_URL", "http://localhost/keys", "jwks_url", "http://localhost/keys"),
        ("PIPELOOM_JWKS_URL", "http://[::1]:9/keys", "jwks_url", "http://[::1]:9/keys"),
        ("PIPELOOM_JWT_ISSUER", "https://issuer", "jwt_issuer", "https://issuer"),
        ("PIPELOOM_JWT_AUDIENCE", "pipeloom", "jwt_audience", "pipeloom"),
    ],
)
def test_the_environment_sets(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, field: str, value: object
) -> None:
    monkeypatch.setenv(variable, text)
    assert getattr(load_settings(), field) == value


def test_the_secret_is_read_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELOOM_JWT_SECRET", "hush-hush")
    settings = load_settings()
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() == "hush-hush"
    assert "hush" not in f"{settings!r}{settings}"


def test_the_command_line_wins_unless_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELOOM_PORT", "1")
    monkeypatch.setenv("DATABASE_URL", DSN)
    assert load_settings(port=2, database_url="postgresql://other").port == 2
    assert load_settings(database_url="postgresql://other").database_url == "postgresql://other"
    assert load_settings(port=None, database_url=None).port == 1


def test_electric_has_an_address_and_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRIC_URL", "http://electric:3000/")
    with pytest.raises(SettingsError, match="ELECTRIC_SECRET beside ELECTRIC_URL"):
        load_settings()
    monkeypatch.setenv("ELECTRIC_SECRET", "hush-hush")
    settings = load_settings()
    assert settings.electric_url == "http://electric:3000"
    assert "hush" not in f"{settings!r}{settings.chosen}"


@pytest.mark.parametrize(
    "url",
    ["electric:3000", "ftp://electric", "http:///x", "http://me:hush@electric", "http://e/?secret=hush"],
)  # fmt: skip
def test_the_address_of_electric_is_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ELECTRIC_SECRET", "hush-hush")
    monkeypatch.setenv("ELECTRIC_URL", url)
    with pytest.raises(SettingsError, match=r"^setting ELECTRIC_URL: expected [^\n]+$"):
        load_settings()


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for empty in ("PIPELOOM_JWT_SECRET", "DATABASE_URL", "PIPELOOM_PORT"):
        monkeypatch.setenv(empty, "")
    assert load_settings() == Settings()
    with pytest.raises(SettingsError, match="PIPELOOM_JWT_SECRET"):
        load_settings(host="0.0.0.0").check_exposure()


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PIPELOOM_PORT", "http"),
        ("PIPELOOM_PORT", "65536"),
        ("PIPELOOM_PORT", "-1"),
        ("PIPELOOM_NO_WORKER", "perhaps"),
        ("PIPELOOM_MAX_MESSAGE_BYTES", "0"),
        ("PIPELOOM_MAX_CONNECTIONS", "0"),
        ("PIPELOOM_KEEP_ALIVE", "30"),
        ("PIPELOOM_UNLOAD_AFTER", "-1"),
        ("PIPELOOM_DRAIN_TIMEOUT", "0"),
        ("PIPELOOM_FRAME_ANCESTORS", "self"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=f"^setting {variable}: expected [^\n]+, got '{text}'$"):
        load_settings()


@pytest.mark.parametrize(
    "url",
    ["http://issuer/keys", "http://10.0.0.1/keys", "http://localhost.example/keys", "ftp://127.0.0.1/",
     "file:///etc/passwd", "//issuer/keys", "issuer/keys", "https:///keys", "https://me:hush@issuer/",
     "https://[bad/keys", "http://127.0.0.1@issuer/keys"],
)  # fmt: skip
def test_keys_come_from_an_address_that_can_be_trusted(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PIPELOOM_JWKS_URL", url)
    with pytest.raises(SettingsError, match=r"^setting PIPELOOM_JWKS_URL: [^\n]+$") as refused:
        load_settings()
    assert "hush" not in str(refused.value)


def test_tokens_are_signed_with_a_secret_or_with_published_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIPELOOM_JWKS_URL", "https://issuer/keys")
    load_settings(host="0.0.0.0").check_exposure()
    monkeypatch.setenv("PIPELOOM_JWT_SECRET", "hush-hush")
    with pytest.raises(SettingsError, match="got both") as refused:
        load_settings()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("name", ["jwt_secret", "database_url"])
def test_the_refusal_of_a_secret_does_not_repeat_it(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^setting {variable(name)}: [^\n]+$") as refused:
        load_settings(**{name: ["hush-hush"]})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_a_generated_secret_is_good_enough_at_home(host: str) -> None:
    load_settings(host=host).check_exposure()


LONG = "chosen by somebody, and long enough"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "loom.example.org", ""])
def test_strangers_are_not_served_with_a_secret_nobody_chose(host: str) -> None:
    with pytest.raises(SettingsError, match="PIPELOOM_JWT_SECRET"):
        load_settings(host=host).check_exposure()
    load_settings(host=host, jwt_secret=LONG).check_exposure()


@pytest.mark.parametrize("short", ["jwt_secret", "jwt_secret_previous"])
def test_strangers_are_not_served_with_a_secret_that_can_be_guessed(short: str) -> None:
    secrets = {"jwt_secret": LONG, "jwt_secret_previous": LONG, short: "x" * 31}
    load_settings(**secrets).check_exposure()
    with pytest.raises(SettingsError, match=f"PIPELOOM_{short.upper()}.*openssl rand") as refused:
        load_settings(host="0.0.0.0", **secrets).check_exposure()
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"jwt_secret_previous": LONG}, "PIPELOOM_JWT_SECRET beside"),
        ({"provision": "all"}, "PIPELOOM_JWT_ISSUER"),
        ({"provision": "known"}, "PIPELOOM_JWT_ISSUER"),
        ({"provision": "some"}, "PIPELOOM_PROVISION: expected"),
        ({"groups_claim": "groups", "group_roles": "a=b/c:member"}, "PIPELOOM_JWT_ISSUER"),
        ({"jwt_issuer": "i", "groups_claim": "groups"}, "PIPELOOM_GROUP_ROLES"),
        ({"jwt_issuer": "i", "group_roles": "a=b/c:member"}, "PIPELOOM_GROUPS_CLAIM"),
        ({"group_roles": "a=b:member"}, "group=organization/team:role"),
        ({"group_roles": "=b/c:member"}, "group=organization/team:role"),
        ({"group_roles": "a=b/c:boss"}, "owner, admin, member, viewer"),
    ],
)
def test_people_are_let_in_by_one_issuer_and_by_settings_that_make_sense(
    given: dict[str, str], expected: str
) -> None:
    with pytest.raises(SettingsError, match=expected):
        load_settings(**given)


def test_a_setting_by_its_old_name_works_and_is_pointed_out() -> None:
    settings = load_settings(cors_origins="https://a.example")
    (message,) = deprecations(settings)
    assert "PIPELOOM_CORS_ORIGINS" in message
    assert "PIPELOOM_ORIGINS" in message
    assert deprecations(load_settings(origins="https://a.example")) == []


def test_how_long_things_last_is_said_in_days() -> None:
    settings = load_settings(session_days=0.5, keep_deleted_days=2)
    assert (settings.session_length, settings.deleted_kept_for) == (
        timedelta(hours=12),
        timedelta(hours=48),
    )
    assert load_settings().deleted_kept_for == KEEP_DELETED
