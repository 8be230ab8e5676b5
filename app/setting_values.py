"""What the texts of settings may be, and what is said of one that is not.

A value that could never match what a client sends would be ignored in silence, and look like a
fault of the server. So it is refused at the start.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit


def listed(text: str) -> list[str]:
    """The parts of a setting that is a list, separated by spaces or commas."""
    return text.replace(",", " ").split()


def as_origins(text: str) -> str:
    """Return a list of origins (RFC 6454 §6.2) or `*`. Raises ValueError for anything else."""
    for part in listed(text):
        if part != "*" and not _is_origin(part):
            raise ValueError(
                "expected origins such as https://app.example.org, with scheme and without path, "
                f"or *; one of them is {part!r}"
            )
    return text


def as_host_names(text: str) -> str:
    """Return a list of names as a header `Host` has them, or `*`. Raises ValueError otherwise."""
    for part in listed(text):
        if part != "*" and not _is_name(part):
            raise ValueError(
                "expected names such as pipeloom.example.org, without scheme and port, or *; "
                f"one of them is {part!r}"
            )
    return text


def as_frame_ancestors(text: str) -> str:
    """Return a list of sources as `frame-ancestors` has them (CSP Level 3, section 6.4.2).

    Raises ValueError for anything else, which browsers would ignore, or take as another directive.
    """
    parts = listed(text)
    if "'none'" in parts and len(parts) > 1:
        raise ValueError("expected 'none' alone, or the sources without it")
    for part in parts:
        if part != "'none'" and not _is_ancestor(part):
            raise ValueError(
                "expected sources such as https://app.example.org, https://*.example.org, https: "
                "or 'self' with its quotes, or 'none' alone, separated by spaces or commas; one of "
                f"them is {part!r}"
            )
    return text


def expectation(error: Mapping[str, Any]) -> str:
    """What was expected in place of a value, from an entry of pydantic's `errors()`."""
    text: str = error["msg"]
    if error["type"] in ("value_error", "assertion_error"):
        return text.partition(", ")[2]
    return text.replace("Input should be", "expected", 1)


# `ancestor-source` of CSP Level 3, but for the path: that is compared with the one of an origin,
# which has none.
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*"
_HOST: Final = r"\*|(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?"
_ANCESTOR: Final = re.compile(
    rf"'self'|{_SCHEME}:|({_SCHEME}://)?({_HOST})(:(?P<port>[0-9]+|\*))?/?", re.IGNORECASE
)
_MEANT_OTHERWISE: Final = frozenset({"self", "none", "http", "https"})
"""By the grammar they are names of hosts; whoever writes them means something else."""


def _is_ancestor(text: str) -> bool:
    found = _ANCESTOR.fullmatch(text)
    port = found and found["port"]
    is_port = not port or port == "*" or int(port) <= 65535
    return found is not None and is_port and text.lower() not in _MEANT_OTHERWISE


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    # Pages of extensions have schemes of their own.
    whole = f"{parts.scheme}://{parts.netloc}".lower()
    return bool(parts.scheme and parts.hostname) and text.rstrip("/").lower() == whole


def _is_name(text: str) -> bool:
    with suppress(ValueError):
        ip_address(text)
        return True
    try:
        return urlsplit(f"//{text}").hostname == text.lower()
    except ValueError:
        return False
