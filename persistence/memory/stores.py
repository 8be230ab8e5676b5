"""The stores in memory, all on one state: test support, which no running program may import.

They refuse what PostgreSQL refuses, with the same errors; tests/contracts/ holds both to it.
Nothing is awaited inside a method, so every call is a transaction.
"""

from .directory import MemoryDirectory
from .projections import MemoryProjections
from .update_log import MemoryUpdateLog


class MemoryStore(MemoryUpdateLog, MemoryProjections, MemoryDirectory):
    """`UpdateLog`, `UpdateHistory`, `Projections` and `Directory` in one."""
