"""A page of findings: what `pipeloom doctor` prints, for people or as JSON."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the page; `problem` says what is wrong with it and what to do, if anything is."""

    section: str
    name: str
    value: str
    problem: str = ""


@dataclass(slots=True)
class Report:
    """Findings in the order in which they are read."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, section: str, name: str, value: object, problem: str = "") -> None:
        """Add a line."""
        self.findings.append(Finding(section, name, str(value), problem))

    @property
    def problems(self) -> list[Finding]:
        """The findings that say what is wrong."""
        return [one for one in self.findings if one.problem]

    def text(self) -> str:
        """The page, each section under its title, a mark before what is wrong."""
        lines: list[str] = []
        section = ""
        for one in self.findings:
            if one.section != section:
                section = one.section
                lines += ["", section] if lines else [section]
            lines.append(f"{'!' if one.problem else ' '} {one.name:<22} {one.value}".rstrip())
            if one.problem:
                lines.append(f"{'':<25}{one.problem}")
        return "\n".join(lines)

    def json(self) -> str:
        """The same for programs: `sections` by title, each with its lines, and `problems`."""
        sections: dict[str, dict[str, Any]] = {}
        for one in self.findings:
            sections.setdefault(one.section, {})[one.name] = one.value
        problems = [
            {"section": one.section, "name": one.name, "problem": one.problem}
            for one in self.problems
        ]
        return json.dumps({"sections": sections, "problems": problems}, ensure_ascii=False)


def size(count: int) -> str:
    """A number of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
