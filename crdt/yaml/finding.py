"""One remark about a pipeline file: what is odd, how bad it is, and where it stands."""

from dataclasses import dataclass

from crdt.pipeline.rows import Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark about an imported file. `line` and `column` count from 1."""

    severity: Severity
    code: str
    message: str
    line: int
    column: int
