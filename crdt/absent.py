"""The value that stands for no value, where `None` is a value of its own (JSON null)."""

from enum import Enum
from typing import Final


class Absent(Enum):
    """Type of `ABSENT`: the key is not in the document."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
