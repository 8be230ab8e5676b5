"""By which addresses a server can be reached, from this machine and from others."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias

from app.settings import is_loopback

Address: TypeAlias = tuple[Any, ...]
"""A socket's name: host, port, and for IPv6 two more."""

_FAR: Final = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}
"""Addresses of nobody (RFC 5737, RFC 3849): the way there leaves by the address others know."""

_MARKS: Final = ("/.dockerenv", "/run/.containerenv")

IN_CONTAINER: Final = (
    "this is a container: use its host's name, and the port that it publishes or forwards"
)
UNREACHABLE: Final = (
    "this is a container: nobody outside reaches a loopback address; --host 0.0.0.0 is for that"
)


def address_of(name: Address) -> str:
    """The address of a socket, as URLs have it."""
    return _joined(name[0], name[1])


def nearby(name: Address) -> str:
    """An address that works on this machine: nobody can go to that which stands for all."""
    host, port = name[:2]
    if not _is_any(host):
        return address_of(name)
    return _joined("::1" if ":" in host else "127.0.0.1", port)


def elsewhere(name: Address, names: Sequence[str], *, in_container: bool) -> list[str]:
    """Lines on how others reach the server; `names` are those by which it may be addressed."""
    host, port = name[:2]
    if is_loopback(host):
        return [UNREACHABLE] if in_container else []
    if in_container:
        return [IN_CONTAINER]
    if known := [one for one in names if one != "*"]:
        return [f"http://{one}:{port}/, or behind a proxy https://{one}/" for one in known]
    if not _is_any(host):
        return []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return [f"http://{_joined(one, port)}/" for one in (socket.gethostname(), *_own(family))]


def is_in_container() -> bool:
    """Whether this process runs in a container, as far as that can be seen."""
    marked = any(Path(mark).exists() for mark in _MARKS)
    return marked or "KUBERNETES_SERVICE_HOST" in os.environ


def _is_any(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_unspecified
    return False


def _own(family: socket.AddressFamily) -> list[str]:
    """The address of this machine by which it reaches others; nothing is sent to find out."""
    with socket.socket(family, socket.SOCK_DGRAM) as asked, suppress(OSError):
        asked.connect(_FAR[family])
        return [asked.getsockname()[0]]
    return []


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
