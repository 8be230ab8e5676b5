"""The metrics of all processes that serve one port, on the page of whichever is asked.

The kernel decides which process a scrape reaches. So each process serves its own page on a Unix
socket in a shared directory, and the one that is asked merges all pages. Every sample gets the
label `process`: sums over it are right, and so are rates after a process has been replaced.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

ANSWER_SECONDS: Final = 2.0
"""How long a process may take to answer; one that hangs is left out of the page."""

END: Final = b"# EOF\n"
"""The end of a complete page, as in OpenMetrics: a process may die while it writes."""


@dataclass(frozen=True, slots=True)
class MultiprocessMetrics:
    """One process among others: its name, and the directory of their sockets."""

    directory: Path
    name: str

    @asynccontextmanager
    async def serving(self, page: Callable[[], bytes]) -> AsyncIterator[None]:
        """Serve the page of this process to the others while the block runs."""

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(page() + END)
                await writer.drain()
            writer.close()

        path = self.directory / self.name
        # A predecessor that was killed leaves its socket behind.
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, path)
        try:
            yield
        finally:
            server.close()

    async def page(self) -> bytes:
        """Collect and merge the pages of all processes."""
        names = sorted(path.name for path in self.directory.iterdir())
        pages = await asyncio.gather(*(self._fetch(name) for name in names))
        complete = {name: page.decode() for name, page in zip(names, pages, strict=True) if page}
        # In a thread, since parsing a page takes some hundredths of a second.
        return await asyncio.to_thread(merged, complete)

    async def _fetch(self, name: str) -> bytes:
        """Read the page of a process; empty unless it arrives complete and in time."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.directory / name)
                try:
                    page = await reader.read(-1)
                finally:
                    writer.close()
            return page if page.endswith(END) else b""
        return b""


class _Families(Collector):
    """Metric families of several processes, ready to be written to a page."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def add(self, process: str, family: Metric) -> None:
        """Add the samples of a process to a family, labelled with its name."""
        empty = Metric(family.name, family.documentation, family.type)
        known = self._families.setdefault(family.name, empty)
        for sample in family.samples:
            known.samples.append(sample._replace(labels={**sample.labels, "process": process}))

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        yield from self._families.values()


def merged(pages: Mapping[str, str]) -> bytes:
    """Merge the pages of several processes, given by the name of each."""
    families = _Families()
    for process, page in pages.items():
        for family in text_string_to_metric_families(page):
            families.add(process, family)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    return generate_latest(registry)
