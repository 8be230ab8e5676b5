"""Remembers which files are what a pipeline holds, so that putting one of them computes nothing.

Pages and scripts save what they have read, and put the same file at every run. Such a file is known
by its hash and the number of the last update after which it was what the pipeline holds: as long as
the log has no later one, nothing would change. Whatever is forgotten is computed once more.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from uuid import UUID

from .pipeline_files import FileContent

MOST_FILES: Final = 1_000
"""Files that are remembered, of all pipelines."""

MOST_FINDINGS: Final = 100
"""A file with more findings is not remembered: they would be kept, too."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that a pipeline holds after update `seq`, whose ETag is `etag` then.

    `content` is what reading it found; None if it was written and never read.
    """

    seq: int
    etag: str
    content: FileContent | None


class KnownFiles:
    """The files of all pipelines that were read or put last."""

    def __init__(self, most: int = MOST_FILES) -> None:
        self._most = most
        self._files: OrderedDict[tuple[UUID, bytes], KnownFile] = OrderedDict()

    def note(self, pipeline_id: UUID, text: bytes, known: KnownFile) -> None:
        """Remember that a pipeline holds a file."""
        if known.content is not None and len(known.content.findings) > MOST_FINDINGS:
            return
        key = pipeline_id, _hash(text)
        before = self._files.pop(key, None)
        # What reading the file found stays true, whatever the pipeline holds.
        if before is not None and known.content is None:
            known = KnownFile(known.seq, known.etag, before.content)
        self._files[key] = known
        if len(self._files) > self._most:
            self._files.popitem(last=False)

    def find(self, pipeline_id: UUID, text: bytes, seq: int) -> KnownFile | None:
        """Return what is known of a file if the pipeline holds it after update `seq`."""
        known = self._files.get((pipeline_id, _hash(text)))
        return known if known is not None and known.seq == seq else None


def _hash(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).digest()
