"""State vectors: how many elements of each client a replica has."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from crdt.protocol.lib0 import Reader, var_uint

StateVector: TypeAlias = dict[int, int]
"""client -> the clock after the last of its elements that is here"""

EMPTY_STATE_VECTOR: Final = b"\x00"
"""The state vector of a peer that has nothing: a varUint, the number of clients, which is 0."""


def write_state_vector(state: Mapping[int, int]) -> bytes:
    """Write a state vector: varUint clients, clients × (varUint client, varUint clock)."""
    clocks = (var_uint(client) + var_uint(clock) for client, clock in state.items())
    return var_uint(len(state)) + b"".join(clocks)


def read_state_vector(encoded: bytes) -> StateVector:
    """Read a state vector; see `write_state_vector`. Raises ProtocolError."""
    reader = Reader(encoded)
    return {reader.var_uint(): reader.var_uint() for _ in range(reader.var_uint())}
