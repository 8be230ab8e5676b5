"""What is odd about a pipeline file, as the API shows it."""

from typing import Self

from pydantic import ConfigDict

from crdt.pipeline.rows import Severity
from crdt.yaml import finding

from .common import Shown


class Finding(Shown):
    """A remark about a pipeline file; line and column count from 1."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "severity": "error",
                "code": "unknown-type",
                "message": "expected a step type, got cluade",
                "line": 5,
                "column": 13,
            }
        }
    )

    severity: Severity
    code: str
    message: str
    line: int
    column: int

    @classmethod
    def of_finding(cls, one: finding.Finding) -> Self:
        """Show a remark of the reader."""
        return cls(
            severity=one.severity,
            code=one.code,
            message=one.message,
            line=one.line,
            column=one.column,
        )
