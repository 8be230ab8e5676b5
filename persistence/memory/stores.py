"""The stores in memory, on one shared state: test support, which no running program may import.

They refuse what PostgreSQL refuses, with the same errors, as the contract tests assert. No method
awaits anything between reading and writing, so every call is atomic, as a transaction is.
"""

from .folding import MemoryLogFolding
from .identities import MemoryIdentities
from .projections import MemoryProjections
from .storage import MemoryTeamStorage
from .update_log import MemoryUpdateLog


class MemoryStore(
    MemoryUpdateLog, MemoryProjections, MemoryIdentities, MemoryLogFolding, MemoryTeamStorage
):
    """`UpdateLog` and `UpdateHistory`, `Projections`, `Directory`, `Identities` and so on."""
