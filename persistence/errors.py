"""What the durable side can fail with.

StoreError (a PipeloomError)
├── StoreUnavailable      PostgreSQL is away or refuses connections; nothing was decided, try again
├── SchemaOutdated        the database lacks migrations this program needs
└── UnknownSubject        a team, user or pipeline named by the caller does not exist
"""

from crdt.errors import PipeloomError


class StoreError(PipeloomError):
    """PostgreSQL refused a statement."""


class StoreUnavailable(StoreError):
    """PostgreSQL is away; whether the last transaction was committed is unknown."""


class SchemaOutdated(StoreError):
    """The database lacks migrations: run `pipeloom migrate`."""


class UnknownSubject(StoreError):
    """There is no such team, user or pipeline."""
