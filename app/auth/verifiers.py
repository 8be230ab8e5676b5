"""The verifier of tokens that the settings ask for."""

from app.settings import Settings, SettingsError

from .https_fetch import Source
from .jwks import KeySetTokens
from .tokens import SECRET_FILE, Checker, Expected, Tokens, secret_in


def verifier_for(settings: Settings) -> Checker:
    """Check tokens by the issuer's keys if configured, else by the secret."""
    if settings.jwks_url is None:
        return tokens_for(settings)
    return KeySetTokens(Source(settings.jwks_url).fetch, _expected(settings))


def tokens_for(settings: Settings) -> Tokens:
    """Make and check tokens with the secret. Raises SettingsError if others make them."""
    if settings.jwks_url is not None:
        raise SettingsError(
            "tokens come from the issuer whose keys are at PIPELOOM_JWKS_URL: get one there"
        )
    if settings.jwt_secret is not None:
        previous = settings.jwt_secret_previous
        return Tokens(
            settings.jwt_secret.get_secret_value(),
            _expected(settings),
            None if previous is None else previous.get_secret_value(),
        )
    return Tokens(secret_in(settings.data_dir), _expected(settings))


def issuing_for(settings: Settings) -> Tokens:
    """The tokens of the server that uses these settings, for whoever is not that server.

    Raises SettingsError if others make them, or if it is not known that the server's secret is
    here: another one would sign tokens that no server accepts.
    """
    is_chosen = settings.jwt_secret is not None or settings.jwks_url is not None
    if not is_chosen and settings.database_url is not None:
        _require_secret_of_server(settings)
    return tokens_for(settings)


def _require_secret_of_server(settings: Settings) -> None:
    """Raise SettingsError unless somebody says that the server of the database uses the folder."""
    folder = settings.data_dir
    if not (folder / SECRET_FILE).exists():
        raise SettingsError(
            f"the server's secret is not here, neither in PIPELOOM_JWT_SECRET nor in {folder}: "
            "set the one that the server has"
        )
    # What is in the folder where somebody happens to be may be of a server at another database.
    if "data_dir" not in settings.model_fields_set:
        raise SettingsError(
            f"expected PIPELOOM_JWT_SECRET as the server at DATABASE_URL has it; if that has the "
            f"secret in {folder}, pass --data-dir {folder}"
        )


def _expected(settings: Settings) -> Expected:
    return Expected(settings.jwt_issuer, settings.jwt_audience)
