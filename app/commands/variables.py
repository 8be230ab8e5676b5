"""Which variables of the environment look like settings and are none."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Final

from app.settings import Settings

OTHER_VARIABLES: Final = frozenset({"PIPELOOM_URL", "PIPELOOM_TOKEN"})
"""What commands read that is no setting of a server."""

_OF_OTHERS: Final = re.compile(r"PIPELOOM_(TEST_\w+|SERVICE_\w+|PORT_\d+_\w+)")
"""Of tests, and what Kubernetes sets for a Service called `pipeloom`."""


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """A sentence for each variable that begins as ours do and is none, with the nearest name."""
    known = {f"PIPELOOM_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    unknown = (
        name
        for name in sorted(environment)
        if name.upper().startswith("PIPELOOM_") and not _OF_OTHERS.fullmatch(name.upper())
    )
    return [_unknown(name, known) for name in unknown if name.upper() not in known]


def _unknown(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name.upper(), sorted(known), 1, cutoff=0.7)
    return f"{name} is no setting, and ignored" + (f": is it {near[0]}?" if near else "")
