"""How much of everything there may be, so that nobody fills a disk that all share.

A quota is checked before something is added, in the transaction that adds it or right before. Two
requests at once may pass together, so it may be exceeded by as many as come at once.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias
from uuid import UUID

from app.settings import Settings
from persistence.ports.user_rows import UserRows

from .problems import NotFound, QuotaReached, TooManyRequests

Quota: TypeAlias = Literal[
    "organizations_per_user",
    "teams_per_organization",
    "invitations_per_team",
    "pipelines_per_team",
    "templates_per_team",
    "versions_per_pipeline",
    "comments_per_pipeline",
    "bytes_per_team",
]
"""Each is a setting, `PIPELOOM_MAX_` and its name."""

COUNTS: Final[Mapping[Quota, str]] = {
    "organizations_per_user": "count_organizations_per_user",
    "teams_per_organization": "count_teams_per_organization",
    "invitations_per_team": "count_invitations_per_team",
    "pipelines_per_team": "count_pipelines_per_team",
    "templates_per_team": "count_templates_per_team",
    "versions_per_pipeline": "count_versions_per_pipeline",
    "comments_per_pipeline": "count_comments_per_pipeline",
    "bytes_per_team": "count_bytes_per_team",
}
"""The queries that count what is there, up to the limit."""


class Quotas:
    """The limits of an installation."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def require(self, rows: UserRows, quota: Quota, *of: UUID) -> None:
        """Raise QuotaReached if there are as many as may be; `of` says whose or where.

        Raises NotFound if that was deleted since the caller's role was looked up.
        """
        limit: int = getattr(self._settings, f"max_{quota}")
        there: int | None = await rows.fetchval(COUNTS[quota], *of, limit)
        if there is None:
            raise NotFound("what you add to was deleted meanwhile")
        if there >= limit:
            raise QuotaReached(quota, limit)

    async def require_space(self, rows: UserRows, pipeline_id: UUID) -> None:
        """Raise QuotaReached if the team of a pipeline stores as many bytes as may be."""
        limit = self._settings.max_bytes_per_team
        there = await rows.fetchval("count_bytes_beside_pipeline", pipeline_id, limit)
        if there is not None and there >= limit:
            raise QuotaReached("bytes_per_team", limit)

    @property
    def bytes_per_team(self) -> int:
        """How many bytes a team may store."""
        return self._settings.max_bytes_per_team

    async def require_pause(self, rows: UserRows) -> None:
        """Raise TooManyRequests if the user has given as many invitations in an hour as may be."""
        limit = self._settings.max_invitations_per_hour
        row = await rows.fetchrow("invitations_of_last_hour")
        if row is not None and row["given"] >= limit:
            what = (
                f"you have given {limit} invitations within an hour, as many as may be "
                "(PIPELOOM_MAX_INVITATIONS_PER_HOUR)"
            )
            raise TooManyRequests(max(1, math.ceil(row["wait"])), what)
