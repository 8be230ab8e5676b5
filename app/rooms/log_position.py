"""How far a live document has followed the log, whose numbers have no gaps."""


class LogPosition:
    """Which updates of the log are in a document: all up to `seq`, and perhaps some beyond."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self._beyond: set[int] = set()
        self._announced = seq

    @property
    def has_gap(self) -> bool:
        """Whether an update is missing: one before those here, or one that was only announced."""
        return bool(self._beyond) or self._announced > self.seq

    def has(self, seq: int) -> bool:
        """Whether this update is in the document."""
        return seq <= self.seq or seq in self._beyond

    def has_all(self, first: int, last: int) -> bool:
        """Whether all updates from one to another are in the document."""
        return all(self.has(seq) for seq in range(max(first, self.seq + 1), last + 1))

    def note_all(self, first: int, last: int) -> None:
        """Take note that all updates from one to another are in the document: a folded one."""
        for seq in range(max(first, self.seq + 1), last + 1):
            self.note(seq)

    def note(self, seq: int) -> None:
        """Take note that this update is in the document."""
        if seq == self.seq + 1 and not self._beyond:
            self.seq = seq
            return
        if seq > self.seq:
            self._beyond.add(seq)
        while self.seq + 1 in self._beyond:
            self.seq += 1
            self._beyond.discard(self.seq)

    def expect(self, seq: int) -> None:
        """Take note that the log has this update, which is not in the document yet."""
        self._announced = max(self._announced, seq)

    def forgo(self) -> None:
        """Expect nothing more: the log has been read to its end."""
        self._announced = self.seq
