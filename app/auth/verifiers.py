"""The verifier of tokens that the settings ask for."""

from app.settings import Settings, SettingsError

from .https_fetch import Source
from .jwks import KeySetTokens
from .tokens import Expected, Tokens, Verifier, secret_in


def verifier_for(settings: Settings) -> Verifier:
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
        return Tokens(settings.jwt_secret.get_secret_value(), _expected(settings))
    return Tokens(secret_in(settings.data_dir), _expected(settings))


def _expected(settings: Settings) -> Expected:
    return Expected(settings.jwt_issuer, settings.jwt_audience)
