"""Half a character in the JSON of formats and embedded values.

JavaScript writes half a surrogate pair into JSON as an escape (ECMA-262, JSON.stringify), which the
CRDT library refuses. It becomes the escape of U+FFFD, which is as long.
"""

import re
from typing import Final

from crdt.protocol.lib0 import Reader

from ..format import EMBED, FORMAT, KIND, Struct, Structs, skip_origins

_ESCAPED_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # both halves: a character
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    rb"|\\."  # of an escaped backslash the second one begins no escape
)


def replace_escaped_halves(update: bytes, structs: Structs) -> bytes:
    r"""Replace the escapes of lone surrogates in the JSON of an update by \ufffd.

    The update keeps its length, and `structs`, read from it, stay true.
    """
    if _ESCAPED_HALF.search(update) is None:
        return update
    mended = bytearray(update)
    for found in structs.values():
        for struct in found:
            if update[struct.start] & KIND in (EMBED, FORMAT):
                start = _json_start(update, struct)
                mended[start : struct.stop] = _mended(update[start : struct.stop])
    return bytes(mended)


def _json_start(update: bytes, struct: Struct) -> int:
    reader, info = Reader(update), update[struct.start]
    reader.position = struct.start + 1
    skip_origins(reader, info)
    if info & KIND == FORMAT:
        reader.skip_bytes()
    reader.var_uint()
    return reader.position


def _mended(json: bytes) -> bytes:
    return _ESCAPES.sub(lambda found: rb"\ufffd" if found["half"] else found[0], json)
