"""Which role in which team the groups of an identity provider stand for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from persistence.ports.directory import Role

RANKS: Final[tuple[Role, ...]] = get_args(Role)
"""The roles, strongest first."""

MOST_GROUPS: Final = 1_000
"""Groups of a token that are looked at; it has 16 KiB at most in any case."""


@dataclass(frozen=True, slots=True)
class GroupRole:
    """What a group stands for; `team` is `organization/team`."""

    group: str
    team: str
    role: Role


def parse(text: str) -> tuple[GroupRole, ...]:
    """Read `group=organization/team:role,…`. Raises ValueError, which says what is expected.

    A group's name may contain anything but a comma.
    """
    return tuple(_one(part.strip()) for part in text.split(",") if part.strip())


def _one(text: str) -> GroupRole:
    group, _, given = text.rpartition("=")
    team, _, role = given.rpartition(":")
    if not group or [bool(part) for part in team.split("/")] != [True, True]:
        raise ValueError("expected group=organization/team:role, separated by commas")
    for known in RANKS:
        if role == known:
            return GroupRole(group, team, known)
    raise ValueError(f"expected one of the roles {', '.join(RANKS)}")


def groups_in(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The groups of a token, in the claim of that name or at that path; none if it is not there."""
    found = claims[name] if name in claims else _at_path(claims, name.split("."))
    if isinstance(found, str):
        return frozenset([found])
    if not isinstance(found, list):
        return frozenset()
    return frozenset(one for one in found[:MOST_GROUPS] if isinstance(one, str))


def _at_path(claims: Any, path: list[str]) -> Any:
    """Such as `realm_access.roles`: what is in an object within an object."""
    for name in path:
        claims = claims.get(name) if isinstance(claims, dict) else None
    return claims


def roles_of(groups: Collection[str], mapping: Collection[GroupRole]) -> dict[str, Role]:
    """The strongest role in each team that the groups stand for."""
    found: dict[str, Role] = {}
    for one in sorted(mapping, key=lambda each: RANKS.index(each.role)):
        if one.group in groups:
            found.setdefault(one.team, one.role)
    return found
