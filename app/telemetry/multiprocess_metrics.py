"""What the processes of one port count, told by whichever of them is asked.

Each answers with its own page at a socket in a directory of theirs. Every sample gets the label
`process`, so that sums are right, and rates, too, when a process was started anew.
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
"""How long a process may take to answer; of one that hangs nothing is told."""

END: Final = b"# EOF\n"
"""What a page ends with that is whole (OpenMetrics has it so)."""


@dataclass(frozen=True, slots=True)
class MultiprocessMetrics:
    """One process among others: its name, and the directory of their sockets."""

    directory: Path
    name: str

    @asynccontextmanager
    async def telling(self, page: Callable[[], bytes]) -> AsyncIterator[None]:
        """Tell the others what this process counts while the block runs."""

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
        """What all of them count."""
        names = sorted(path.name for path in self.directory.iterdir())
        pages = await asyncio.gather(*(self._ask(name) for name in names))
        told = {name: page.decode() for name, page in zip(names, pages, strict=True) if page}
        # Reading a page takes some hundredths of a second.
        return await asyncio.to_thread(merged, told)

    async def _ask(self, name: str) -> bytes:
        """The page of a process; nothing if it does not tell it all."""
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
    """Families of samples as they are."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def add(self, process: str, family: Metric) -> None:
        """Add the samples of a process."""
        empty = Metric(family.name, family.documentation, family.type)
        known = self._families.setdefault(family.name, empty)
        for sample in family.samples:
            known.samples.append(sample._replace(labels={**sample.labels, "process": process}))

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        yield from self._families.values()


def merged(pages: Mapping[str, str]) -> bytes:
    """Make one page of those of several processes, by their names."""
    families = _Families()
    for process, page in pages.items():
        for family in text_string_to_metric_families(page):
            families.add(process, family)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    return generate_latest(registry)
