"""axe in an open page: what people with a screen reader or weak eyes would stumble over."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Literal, TypeAlias

from playwright.async_api import Frame, Page

from tests.clients.javascript import ROOT
from tests.rounds import SOAK, in_turn

SOURCE: Final = ROOT / "tests" / "interop" / "node_modules" / "axe-core" / "axe.min.js"

GRAVE: Final = {"serious", "critical"}

RUN: Final = """async rules => {
    const only = rules === null ? {} : {runOnly: {type: "rule", values: rules}}
    const options = {resultTypes: ["violations"], preload: {assets: ["media"]}, ...only}
    return (await axe.run(document, options)).violations
}"""
"""Style sheets are not loaded and parsed for it, half of its time: no rule that runs reads them."""

Scheme: TypeAlias = Literal["light", "dark"]

SCHEMES: Final[Sequence[Scheme]] = ("light", "dark")

COLOURS: Final = ["color-contrast", "link-in-text-block"]
"""The rules that ask for colours; for the others light and dark are the same."""


class Looks:
    """What axe finds in the views that a test passes; `found` is complete at the end."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._looks = 0

    async def at(self, page: Page, view: str, frame: Frame | None = None) -> None:
        """Look at a page, or at a frame of it, as it stands: in light or in dark, or in both."""
        self._looks += 1
        first, *others = SCHEMES if SOAK else [in_turn(SCHEMES, self._looks)]
        await self._look(page, view, first, frame, None)
        for scheme in others:
            await self._look(page, view, scheme, frame, COLOURS)

    async def _look(
        self, page: Page, view: str, scheme: Scheme, frame: Frame | None, rules: list[str] | None
    ) -> None:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        violations = await grave_violations(frame or page, rules)
        self.found += [f"{view}, {scheme}: {violation}" for violation in violations]


async def grave_violations(page: Page | Frame, rules: list[str] | None = None) -> list[str]:
    """What axe calls serious or critical: rule, element, and why; by all rules, or by some.

    Its source is evaluated as by a debugger, which the policy of the page does not concern.
    """
    if not await page.evaluate("() => 'axe' in globalThis"):
        await page.evaluate(_source())
    return [
        f"{found['id']}: {' '.join(map(str, node['target']))}: {_reason(node)}"
        for found in await page.evaluate(RUN, rules)
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]


@cache
def _source() -> str:
    return SOURCE.read_text()


def _reason(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in (*node["any"], *node["all"], *node["none"]))
