"""How many rounds a long test plays: a few per change, in turn, and all of them in `make soak`.

A test that is played with many seeds, or kills many times, or asks many things, has more rounds
than a change can wait for. `make test` plays a few of them. SEED decides which ones: it differs
from run to run, and the end of each run prints it. PIPELOOM_TEST_SEED=n repeats a run, and
PIPELOOM_TEST_SOAK=1, which `make soak` sets, plays all rounds. See docs/testing.md.
"""

import os
from collections.abc import Sequence
from random import Random, SystemRandom
from typing import Final, TypeVar

T = TypeVar("T")

# The processes that share the tests of a run inherit the variable, and so draw the same.
SEED: Final = int(os.environ.setdefault("PIPELOOM_TEST_SEED", str(SystemRandom().randrange(10**6))))
SOAK: Final = os.environ.get("PIPELOOM_TEST_SOAK") == "1"


def rounds(whole: int, few: int) -> int:
    """How many rounds to play."""
    return whole if SOAK else min(whole, few)


def some(whole: Sequence[T], few: int) -> list[T]:
    """Which of these to play, in their order."""
    if SOAK or few >= len(whole):
        return list(whole)
    return [whole[place] for place in sorted(Random(SEED).sample(range(len(whole)), few))]


def in_turn(whole: Sequence[T], number: int) -> T:
    """One of these for the test of this number: neighbours get different ones, and all get each."""
    return whole[(SEED + number) % len(whole)]


def summary() -> str:
    """What the end of a run says of its rounds."""
    played = "all rounds" if SOAK else "a few rounds of each long test"
    return f"{played}, seed {SEED}: PIPELOOM_TEST_SEED={SEED} repeats them"
