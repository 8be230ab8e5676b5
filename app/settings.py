"""Everything that can be set, from the environment and the command line.

pydantic-settings reads and checks the values, so that nothing is parsed here.
"""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from crdt.errors import PipeloomError
from persistence.ports.identities import Provisioning

from .group_roles import GroupRole, parse
from .setting_values import as_frame_ancestors, as_host_names, as_origins, expectation, listed

DEFAULT_DATA_DIR = Path(".pipeloom")

SECRET = frozenset(
    {"jwt_secret", "jwt_secret_previous", "database_url", "redis_url", "jwks_url", "metrics_token"}
    | {"electric_secret"}
)
"""Settings whose values are never shown."""

MiB = 1024 * 1024


LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "console", "logfmt", "json"]


class SettingsError(PipeloomError):
    """A setting has an impossible value; the message names the setting."""


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trustworthy(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local(url)):
        raise ValueError("expected an https address: keys fetched in the clear can be exchanged")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError("expected https://host/path, without user and password")
    return url


def _postgres_address(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme not in ("postgresql", "postgres"):
        raise ValueError(
            "expected an address such as postgresql://user:password@host:5432/database"
            + (f", got one of {scheme!r}" if "://" in url else "")
        )
    return url


def _redis_address(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise ValueError("expected an address such as redis://host:6379/0, rediss:// or unix://")
    return url


def _electric_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as http://electric:3000")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("expected http://host:port, without user, password and query")
    return url.rstrip("/")


def _reachable(host: str) -> str:
    if host in ("", "*", "0.0.0.0", "::"):  # noqa: S104 - it is refused here
        raise ValueError("expected the address by which other servers reach this one, and not any")
    return host


def _group_roles(text: str) -> str:
    parse(text)
    return text


SHORTEST_SECRET: Final = 32
"""Bytes of a secret that others may try to guess: as many as HS256 makes (RFC 7518 §3.2)."""


class Settings(BaseSettings):
    """Settings of one process. Sizes are in bytes, times in seconds."""

    # An empty variable counts as unset: with an empty secret anybody could sign tokens.
    model_config = SettingsConfigDict(
        env_prefix="PIPELOOM_", env_ignore_empty=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    """Where the server listens."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Its port; 0 takes a free one."""
    data_dir: Path = DEFAULT_DATA_DIR
    """Where the embedded PostgreSQL and the generated secret are kept."""
    database_url: Annotated[
        str | None,
        AfterValidator(lambda url: url and _postgres_address(url)),
        Field(validation_alias=AliasChoices("DATABASE_URL", "PIPELOOM_DATABASE_URL")),
    ] = None
    """PostgreSQL 15 or newer, in UTF8; without it the embedded one."""
    redis_url: Annotated[
        str | None,
        AfterValidator(lambda url: url and _redis_address(url)),
        Field(validation_alias=AliasChoices("REDIS_URL", "PIPELOOM_REDIS_URL")),
    ] = None
    """Redis 7 or newer, or Valkey, between several servers."""
    electric_url: Annotated[
        str | None,
        AfterValidator(lambda url: url and _electric_address(url)),
        Field(validation_alias=AliasChoices("ELECTRIC_URL", "PIPELOOM_ELECTRIC_URL")),
    ] = None
    """Where Electric listens, to make the shapes in the place of the server."""
    electric_secret: Annotated[
        SecretStr | None,
        Field(validation_alias=AliasChoices("ELECTRIC_SECRET", "PIPELOOM_ELECTRIC_SECRET")),
    ] = None
    """The secret that Electric was given."""
    # A transaction may hold a connection while another one is asked for.
    pool_log: Annotated[int, Field(ge=3, le=1000)] = 10
    """Connections of a server process to PostgreSQL for documents."""
    pool_api: Annotated[int, Field(ge=1, le=1000)] = 10
    """Connections of a server process for requests to the API."""
    pool_shapes: Annotated[int, Field(ge=2, le=1000)] = 4
    """Connections of a server process that read for shapes."""
    pool_worker: Annotated[int, Field(ge=3, le=1000)] = 4
    """Connections of a worker."""
    # Read by `app/telemetry/log.py` as well, before there are settings.
    log_level: LogLevel = "info"
    """The least level that is logged."""
    log_format: LogFormat = "auto"
    """logfmt, JSON, or for people; auto is for people on a terminal, and logfmt elsewhere."""
    access_log: bool = False
    """Log a line for each request and each WebSocket."""
    no_worker: bool = False
    """`serve` starts no worker; run `pipeloom worker` yourself."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes on this machine, on one port."""
    shapes_host: Annotated[str, AfterValidator(_reachable)] = "127.0.0.1"
    """The address at which a process takes requests for shapes from other servers."""
    shapes_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The first port that it tries there; 0 for any."""
    jwt_secret: SecretStr | None = None
    """Signs and checks tokens (HS256); generated if there is none."""
    jwt_secret_previous: SecretStr | None = None
    """Tokens that are signed with it are still good."""
    jwks_url: Annotated[str | None, AfterValidator(lambda url: url and _trustworthy(url))] = None
    """Where the issuer of tokens publishes its keys; replaces the secret."""
    jwt_issuer: str | None = None
    """What `iss` of every token must be."""
    jwt_audience: str | None = None
    """What `aud` of every token must be or contain."""
    provision: Provisioning = "off"
    """Who gets in at first sight by a token of the issuer: nobody new, known addresses, all."""
    groups_claim: str | None = None
    """The claim that has the groups of a user."""
    group_roles: Annotated[str, AfterValidator(_group_roles)] = ""
    """What groups stand for, such as `devs=acme/core:member,leads=acme/core:admin`."""
    demo: bool = False
    """The first start creates the demo team, also where the database is not embedded."""
    session_days: Annotated[float, Field(ge=0, le=3650)] = 7.0
    """For how long a page may renew the token of its session. (days)"""

    max_message_bytes: Annotated[int, Field(ge=1024)] = 8 * MiB
    """The largest message that a client may send. (bytes)"""
    outbox_bytes: Annotated[int, Field(ge=1024)] = 4 * MiB
    """How much may wait for one slow client. (bytes)"""
    pending_bytes: Annotated[int, Field(ge=1024)] = 64 * MiB
    """How much may wait for PostgreSQL before clients are closed with 1013. (bytes)"""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 2 * MiB
    """The largest body of a request to the API. (bytes)"""
    api_rate: Annotated[float, Field(gt=0)] = 20.0
    """Requests that each user may make. (per second)"""
    api_burst: Annotated[int, Field(ge=1)] = 200
    """Requests that a user may make at once after a pause."""
    origins: Annotated[str, AfterValidator(as_origins)] = ""
    """Origins whose pages may use the server; `*` for any."""
    # The name that `origins` had for REST alone; see `DEPRECATED`.
    cors_origins: Annotated[str, AfterValidator(as_origins)] = ""
    """Deprecated, adds to `PIPELOOM_ORIGINS`."""
    frame_ancestors: Annotated[str, AfterValidator(as_frame_ancestors)] = ""
    """Origins whose pages may show `/embed/pipelines/ID` in a frame; `'self'` for its own."""
    allowed_hosts: Annotated[str, AfterValidator(as_host_names)] = ""
    """Names by which clients may address the server; `*` for any."""
    metrics_token: SecretStr | None = None
    """Whoever sends it as a bearer token may read `/metrics`."""
    metrics_port: Annotated[int | None, Field(ge=0, le=65535)] = None
    """The port of 127.0.0.1 where `pipeloom worker` serves its metrics."""
    max_connections: Annotated[int, Field(ge=1)] = 20_000
    """Open WebSockets of a process."""
    max_connections_per_user: Annotated[int, Field(ge=1)] = 200
    """Open WebSockets of one user in a process."""
    max_connections_per_address: Annotated[int, Field(ge=1)] = 2_000
    """Open WebSockets from one address in a process."""
    updates_per_second: Annotated[float, Field(gt=0)] = 200.0
    """Document messages that one connection may send. (per second)"""
    awareness_per_second: Annotated[float, Field(gt=0)] = 100.0
    """Presence that one connection may send of its own clients. (per second)"""
    stateless_per_second: Annotated[float, Field(gt=0)] = 20.0
    """Stateless messages that one connection may send. (per second)"""
    # With every character escaped it must fit into a message of the bus over PostgreSQL.
    max_stateless_characters: Annotated[int, Field(ge=1, le=128 * 1024)] = 64 * 1024
    """The longest stateless message. (characters)"""
    document_bytes: Annotated[int, Field(ge=1024)] = 64 * MiB
    """The size beyond which a document takes only deletions. (bytes)"""
    max_organizations_per_user: Annotated[int, Field(ge=1)] = 20
    """Organizations in which a user owns a team."""
    max_teams_per_organization: Annotated[int, Field(ge=1)] = 200
    """Teams of an organization."""
    max_invitations_per_team: Annotated[int, Field(ge=1)] = 200
    """Open invitations to a team."""
    max_invitations_per_hour: Annotated[int, Field(ge=1)] = 60
    """Invitations that a user gives within an hour."""
    max_changes_per_hour: Annotated[int, Field(ge=1)] = 2_000
    """Entries of the audit log that a user causes within an hour."""
    max_pipelines_per_team: Annotated[int, Field(ge=1)] = 10_000
    """Pipelines of a team, with those that are kept after their deletion."""
    max_templates_per_team: Annotated[int, Field(ge=1)] = 200
    """Templates of a team."""
    max_versions_per_pipeline: Annotated[int, Field(ge=1)] = 1_000
    """Versions that people have saved of a pipeline."""
    max_comments_per_pipeline: Annotated[int, Field(ge=1)] = 5_000
    """Comments of a pipeline."""
    max_bytes_per_team: Annotated[int, Field(ge=1024)] = 10 * 1024 * MiB
    """What the pipelines of a team store together. (bytes)"""
    shapes: Annotated[int, Field(ge=1)] = 500
    """Shapes that one process holds in memory."""
    shapes_per_user: Annotated[int, Field(ge=1)] = 50
    """Those of them that one user has made."""
    shape_live_per_user: Annotated[int, Field(ge=1)] = 200
    """Live requests of one user for shapes, at once."""
    shape_rate: Annotated[float, Field(gt=0)] = 50.0
    """Requests for shapes that each user may send. (per second)"""
    shape_burst: Annotated[int, Field(ge=1)] = 500
    """Requests for shapes that a user may send at once after a pause."""
    shape_idle_seconds: Annotated[float, Field(gt=0)] = 300.0
    """How long a shape is kept up to date that nobody asks for. (seconds)"""
    shape_rows: Annotated[int, Field(ge=1)] = 5_000
    """Rows of one shape."""
    shape_bytes: Annotated[int, Field(ge=1024)] = 256 * MiB
    """About what all shapes of a process hold. (bytes)"""
    shape_log_operations: Annotated[int, Field(ge=1)] = 10_000
    """The latest operations that a shape keeps."""
    shape_log_bytes: Annotated[int, Field(ge=1024)] = 8 * MiB
    """The same in bytes. (bytes)"""
    shape_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How long one query for shapes may take. (seconds)"""
    shape_where_characters: Annotated[int, Field(ge=1)] = 4_000
    """The length of `where` and `order_by` of a shape. (characters)"""
    # Python itself goes no deeper than about 75 levels of these.
    shape_where_depth: Annotated[int, Field(ge=1, le=60)] = 40
    """How deep `where` of a shape may be nested."""
    shape_deletion: bool = False
    """Whether a client may drop a shape."""
    loaded_bytes: Annotated[int, Field(ge=1024)] = 256 * MiB
    """The documents that one process has open, by encoded size. (bytes)"""
    max_documents: Annotated[int, Field(ge=1)] = 100
    """Documents that one `/collab` socket may have open."""
    head_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long a client may take for the head of a request or handshake. (seconds)"""
    unauthenticated_bytes: Annotated[int, Field(ge=1024)] = 1 * MiB
    """How much a `/collab` socket may send before it has sent a good token. (bytes)"""
    unauthenticated_messages: Annotated[int, Field(ge=1)] = 1_000
    """The same in messages."""
    unauthenticated_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a `/collab` socket may have no document open. (seconds)"""
    keep_alive: Annotated[float, Field(gt=0, lt=30)] = 10.0
    """How long a connection is silent before the server sends a no-op message. (seconds)"""
    presence_window: Annotated[float, Field(ge=0, le=1)] = 0.03
    """How long the presence of a busy room is collected; 0 sends every state. (seconds)"""
    commit_window: Annotated[float, Field(ge=0, le=1)] = 0.02
    """The time between two transactions of the update log at most. (seconds)"""
    delivery_window: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How long a busy room collects edits at most; 0 collects none. (seconds)"""
    unload_after: Annotated[float, Field(ge=0)] = 30.0
    """How long an empty room stays in memory. (seconds)"""
    version_after: Annotated[float, Field(ge=0)] = 300.0
    """How long after the last edit the worker saves a version; 0: never. (seconds)"""
    version_every: Annotated[float, Field(ge=0)] = 1800.0
    """How often it saves a version while edits go on; 0: never. (seconds)"""
    keep_deleted_days: Annotated[float, Field(ge=0, le=36500)] = 30.0
    """For how long a deleted pipeline or team can be restored. (days)"""
    audit_days: Annotated[float, Field(ge=0, le=36500)] = 365.0
    """For how long entries of the audit log are kept; 0: for ever. (days)"""
    # At least an hour, since those of the last hour are counted.
    invitation_days: Annotated[float, Field(ge=1 / 24, le=365)] = 14.0
    """How long an invitation to a team can be accepted. (days)"""
    fold_after_days: Annotated[int, Field(ge=0, le=36500)] = 0
    """After how long the worker folds old updates of the log; 0: never. (days)"""
    drain_timeout: Annotated[float, Field(gt=0)] = 8.0
    """How long stopping may take. (seconds)"""
    drain_delay: Annotated[float, Field(ge=0)] = 0.5
    """For how much of that `/readyz` is red while clients are still served. (seconds)"""

    def check_exposure(self) -> None:
        """Raise SettingsError if other machines could connect while a token could be guessed."""
        if is_loopback(self.host):
            return
        if self.jwt_secret is None and self.jwks_url is None:
            raise SettingsError(
                f"refusing to listen on {self.host} with a generated secret: "
                "set PIPELOOM_JWT_SECRET or PIPELOOM_JWKS_URL first"
            )
        for name in ("jwt_secret", "jwt_secret_previous"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and len(secret.get_secret_value().encode()) < SHORTEST_SECRET:
                raise SettingsError(
                    f"refusing to listen on {self.host} with a PIPELOOM_{name.upper()} of less "
                    f"than {SHORTEST_SECRET} bytes: make one with `openssl rand -base64 48`"
                )

    @property
    def has_demo(self) -> bool:
        """Whether an installation without users gets the demo team."""
        return self.demo or self.database_url is None

    @property
    def group_roles_given(self) -> tuple[GroupRole, ...]:
        """What the groups of the identity provider stand for."""
        return parse(self.group_roles)

    @property
    def session_length(self) -> timedelta:
        """For how long a session that begins now may be renewed."""
        return timedelta(days=self.session_days)

    @property
    def deleted_kept_for(self) -> timedelta:
        """How long a deleted pipeline or team can be restored."""
        return timedelta(days=self.keep_deleted_days)

    @property
    def audit_kept_for(self) -> timedelta | None:
        """How long an entry of the audit log is kept; None is for ever."""
        return timedelta(days=self.audit_days) if self.audit_days else None

    @property
    def invitation_lasts(self) -> timedelta:
        """How long an invitation can be accepted."""
        return timedelta(days=self.invitation_days)

    @property
    def folded_after(self) -> timedelta | None:
        """How old updates of the log are when the worker folds them; None for never."""
        return timedelta(days=self.fold_after_days) if self.fold_after_days else None

    @property
    def allowed_origins(self) -> list[str]:
        """The pages of other origins that may use the server, over WebSockets and REST alike."""
        return listed(f"{self.origins} {self.cors_origins}")

    @property
    def allowed_frames(self) -> list[str]:
        """The origins whose pages may show `/embed` in a frame."""
        return listed(self.frame_ancestors)

    @property
    def chosen(self) -> Mapping[str, str]:
        """The settings that differ from their defaults; of a secret only that it is set."""
        return {
            name: shown(name, value)
            for name, field in type(self).model_fields.items()
            if (value := getattr(self, name)) != field.default
        }


def shown(name: str, value: object) -> str:
    """The value of a setting as anybody may see it."""
    if value is None or value == "":
        return "-"
    return "(set)" if name in SECRET else str(value)


SHARED: Final = frozenset({"database_url", "redis_url", "electric_url", "electric_secret"})
"""Settings whose variables have the names that other programs know, too."""


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return name.upper() if name in SHARED else f"PIPELOOM_{name.upper()}"


DEPRECATED: Final = {"cors_origins": "origins"}
"""Settings that have another name now; the old one still works until the next major version."""


def deprecations(settings: Settings) -> list[str]:
    """Say of each setting that was given by its old name what its name is now."""
    return [
        f"PIPELOOM_{old.upper()} is now a part of PIPELOOM_{new.upper()}, one list for WebSockets "
        f"and REST: move its origins there and unset it"
        for old, new in DEPRECATED.items()
        if getattr(settings, old)
    ]


_OF_KUBERNETES: Final = (
    ": Kubernetes sets this variable for a Service called pipeloom; set enableServiceLinks: false"
)


def load_settings(**given: object) -> Settings:
    """Read the environment; a value that is given and not None takes precedence.

    Raises SettingsError, which names the setting and shows no secret.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).lower().removeprefix("pipeloom_")
        got = "" if name in SECRET else f", got {first['input']!r}"
        hint = _OF_KUBERNETES if name == "port" and "tcp://" in got else ""
        raise SettingsError(f"setting {variable(name)}: {expectation(first)}{got}{hint}") from error
    if settings.jwt_secret is not None and settings.jwks_url is not None:
        raise SettingsError(
            "expected PIPELOOM_JWT_SECRET or PIPELOOM_JWKS_URL, got both: "
            "unset the one that does not sign your tokens"
        )
    _check_issuer(settings)
    if settings.electric_url is not None and settings.electric_secret is None:
        raise SettingsError(
            "expected ELECTRIC_SECRET beside ELECTRIC_URL: the secret that Electric was given"
        )
    if settings.drain_delay >= settings.drain_timeout:
        raise SettingsError("expected PIPELOOM_DRAIN_DELAY to be less than PIPELOOM_DRAIN_TIMEOUT")
    return settings


def _check_issuer(settings: Settings) -> None:
    """Raise SettingsError for what would let strangers in, or do nothing."""
    if settings.jwt_secret_previous is not None and settings.jwt_secret is None:
        raise SettingsError(
            "expected PIPELOOM_JWT_SECRET beside PIPELOOM_JWT_SECRET_PREVIOUS: new tokens are "
            "signed with it"
        )
    if settings.jwt_issuer is None and (settings.provision != "off" or settings.groups_claim):
        raise SettingsError(
            "expected PIPELOOM_JWT_ISSUER beside PIPELOOM_PROVISION and PIPELOOM_GROUPS_CLAIM: "
            "only one issuer says who somebody is"
        )
    if (settings.groups_claim is None) != (not settings.group_roles):
        raise SettingsError(
            "expected PIPELOOM_GROUPS_CLAIM and PIPELOOM_GROUP_ROLES together, got one of them"
        )
