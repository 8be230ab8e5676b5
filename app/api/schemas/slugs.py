"""Short names for addresses and the command line: lower-case words joined by hyphens."""

import re
import unicodedata
from typing import Final

from app.api.core.problems import Invalid

from .common import MAX_SLUG

_BETWEEN_WORDS: Final = re.compile("[^a-z0-9]+")


def slug_of(name: str, given: str | None) -> str:
    """The slug that was given, or one made of a name. Raises Invalid if nothing is left of it."""
    if given is not None:
        return given
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _BETWEEN_WORDS.sub("-", plain)[:MAX_SLUG].strip("-")
    if not slug:
        raise Invalid(("body.slug", f"expected a slug, since none can be made of {name!r}"))
    return slug
