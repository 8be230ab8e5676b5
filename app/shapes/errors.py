"""How a request for a shape can be wrong."""

from collections.abc import Mapping, Sequence

from crdt.errors import PipeloomError


class InvalidShape(PipeloomError):
    """A request that is answered with 400.

    `errors` has the messages by parameter, as the body of the answer does.
    """

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        self.errors = {field: list(messages) for field, messages in errors.items()}
        super().__init__("; ".join(f"{field}: {', '.join(m)}" for field, m in self.errors.items()))
