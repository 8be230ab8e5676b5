"""Numbers for people: times as percentiles, and tables."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, `count` times; in milliseconds."""

    p50: float
    p95: float
    p99: float
    longest: float
    count: int

    @classmethod
    def of(cls, seconds: Collection[float]) -> Self:
        """Rank times in seconds. Raises ValueError for none at all."""
        if not seconds:
            raise ValueError("expected at least one time, got none: was anything measured?")
        ranked = sorted(1000 * each for each in seconds)

        def rank(percent: int) -> float:
            return ranked[min(len(ranked) * percent // 100, len(ranked) - 1)]

        return cls(rank(50), rank(95), rank(99), ranked[-1], len(ranked))

    @property
    def cells(self) -> list[str]:
        """The cells under `SPREAD`."""
        times = (self.p50, self.p95, self.p99, self.longest)
        return [*(f"{each:.1f}" for each in times), str(self.count)]


SPREAD = ("p50 ms", "p95 ms", "p99 ms", "max ms", "count")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, aligned for terminals too: first column left, numbers right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = ["-" * width + ":" * (column > 0) for column, width in enumerate(widths)]
    rule = [dashes[-width:] for dashes, width in zip(rule, widths, strict=True)]
    return "\n".join(
        f"| {' | '.join(_padded(line, widths))} |" for line in (lines[0], rule, *lines[1:])
    )


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
