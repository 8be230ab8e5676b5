"""What the durable side can fail with.

StoreError (a PipeloomError)
├── StoreUnavailable      PostgreSQL is away or refuses connections; nothing was decided, try again
│   ├── StorageFull       its disk is full: it answers, and stores nothing
│   ├── Locked            what is needed is locked by others for too long
│   └── NotStoredYet      the edit is made, and is stored as soon as PostgreSQL answers
├── SchemaOutdated        the database lacks migrations this program needs
├── SchemaNewer           the database has migrations that this program does not know
├── UnsuitableDatabase    the database is set up so that it cannot hold what it must
├── UnknownSubject        a team, user or pipeline named by the caller does not exist
├── NotAllowed            the user whom the statement works for may not do this
├── TooManyChanges        the user has made as many changes within an hour as may be
├── Conflict              it collides with what is there; carries the constraint's name
└── InvalidValue          a value that no row of the table may hold
"""

from crdt.errors import PipeloomError


class StoreError(PipeloomError):
    """PostgreSQL refused a statement."""


class StoreUnavailable(StoreError):
    """PostgreSQL is away; whether the last transaction was committed is unknown."""


class StorageFull(StoreUnavailable):
    """PostgreSQL has no space left; what was to be stored may be tried again when it has."""


class Locked(StoreUnavailable):
    """Others have locked what the statement needs; it may be tried again."""


class NotStoredYet(StoreUnavailable):
    """An edit stands in the live document and waits to be stored: look before you repeat it."""


class SchemaOutdated(StoreError):
    """The database lacks migrations: run `pipeloom migrate`."""


class SchemaNewer(StoreError):
    """A newer program has migrated the database; what this one would write may be wrong there."""


class UnsuitableDatabase(StoreError):
    """The encoding or the search path of the database does not do; the text has the remedy."""


class UnknownSubject(StoreError):
    """There is no such team, user or pipeline."""


class NotAllowed(StoreError):
    """A grant, a policy or a trigger refuses this to the user."""


class PrivilegeMissing(NotAllowed):
    """PostgreSQL refuses a statement to the role that the program connects as, or acts as."""


class TooManyChanges(StoreError):
    """The user has made as many changes within an hour as may be; `wait` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__("as many changes were made within an hour as may be")
        self.wait = max(1, wait)


class Conflict(StoreError):
    """The statement collides with what is there: a taken slug, the last owner of a team.

    `constraint` is the name in `sql/schema.sql`, empty where PostgreSQL tells none.
    """

    def __init__(self, detail: str, constraint: str = "") -> None:
        super().__init__(detail)
        self.constraint = constraint


class InvalidValue(StoreError):
    """No row may hold this value: too big, not of its type, or against a check."""
