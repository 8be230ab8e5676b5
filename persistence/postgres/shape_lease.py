"""The lease of the shapes in the one row of the table shape_lease."""

from persistence.errors import StoreUnavailable
from persistence.ports.shape_lease import Holder

from .pool import Pool

_ATTEMPTS = 3


class PostgresShapeLease:
    """`ShapeLease` by PostgreSQL's clock."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take(self, by: Holder, seconds: float) -> Holder:
        """See `ShapeLease.take`."""
        for _ in range(_ATTEMPTS):
            row = await self._pool.fetchrow("take_shape_lease", by.id, by.address, seconds)
            if row is not None:
                return by
            if (other := await self.holder()) is not None:
                return other
            # It has expired between the two.
        raise StoreUnavailable("the lease of the shapes changes hands all the time: try again")

    async def holder(self) -> Holder | None:
        """See `ShapeLease.holder`."""
        row = await self._pool.fetchrow("shape_lease_holder")
        return None if row is None else Holder(row["holder"], row["address"])

    async def release(self, by: Holder) -> None:
        """See `ShapeLease.release`."""
        await self._pool.execute("release_shape_lease", by.id)
