"""A tree of nodes to YAML text that people like to read.

Block style with an indent of two, short lists of scalars in brackets, `|` for texts of several
lines, quotes only where a YAML 1.1 or 1.2 reader would otherwise not see the same string.
"""

import math
import re
from typing import Final
from urllib.parse import quote

from .nodes import CORE, Mapping, Node, Plain, Scalar, Sequence, resolve

# What may stand without quotes in block and flow context alike (YAML 1.2.2, section 7.3.3). The
# text must not begin with an indicator, such as `-`, `*`, `&`, `!`, `@` or `%`, and must contain
# neither `: ` nor ` #`, which would end it, nor any of `,[]{}`, which would end it in flow context.
# Unless it is a path or a variable, it must begin with a letter or an underscore: the numbers,
# dates and times of YAML 1.1, such as 012, 1_000 and 2001-01-01, begin with a digit, a sign or a
# point.
_PLAIN = re.compile(
    r"(?:[^\W\d]|[/$]|\.{1,2}/)(?:[\w./$()'+%&=~;!?@^*<>|-]|(?::|#| +)(?=[\w./$(]))*"
)
# Booleans to a reader of YAML 1.1 (https://yaml.org/type/bool.html) and strings in YAML 1.2. The
# words of YAML 1.2 are not here: `resolve` knows them.
_YAML_1_1_WORDS: Final = frozenset(("y", "n", "yes", "no", "on", "off"))
# What must be escaped: whatever is not printable (section 5.1), the byte order mark, and the line
# breaks of YAML 1.1, which YAML 1.2 takes for ordinary characters (U+0085, U+2028, U+2029).
_UNPRINTABLE = re.compile(
    r"[^ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_UNSAFE_IN_BLOCK = re.compile(_UNPRINTABLE.pattern.replace("[^", "[^\\n"))
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_TO_ESCAPE = re.compile(_UNPRINTABLE.pattern + r'|["\\]')
_LONGEST_IMPLICIT_KEY = 1000
"""Characters of a key up to which `?` need not introduce it.

YAML 1.2.2 (sections 7.4.2 and 8.2.2) allows 1024 of them before the colon, so that a parser need
not look further ahead.
"""

_LONGEST_FLOW = 80
"""Characters up to which a list of scalars stands in brackets on one line, for readability."""


def emit(root: Node) -> str:
    """Write a tree as one YAML document ending in a newline."""
    writer = _Writer()
    if isinstance(root, Mapping) and root.entries and root.tag is None:
        writer.entries(root, "", 0)
    else:
        writer.put("---", root, 2)
    return "\n".join(writer.lines) + "\n"


def inline(node: Node) -> str:
    """Write a node on one line in flow style.

    Nodes with equal texts are the same as keys of a mapping: 1 and 1.0 are not, nor are 1 and "1".
    """
    match node:
        case Scalar():
            return _scalar(node)
        case Sequence(items):
            return f"{_tag(node)}[{', '.join(map(inline, items))}]"
        case Mapping(entries):
            return f"{_tag(node)}{{{', '.join(_flow_entry(*entry) for entry in entries)}}}"


def _flow_entry(key: Node, value: Node) -> str:
    text = inline(key)
    mark = "? " if _needs_mark(key, text) else ""
    return f"{mark}{text} : {inline(value)}"


def _needs_mark(key: Node, text: str) -> bool:
    """Return whether a key must be explicit, after `? ` (YAML 1.2.2, section 8.2.2)."""
    return not isinstance(key, Scalar) or len(text) > _LONGEST_IMPLICIT_KEY


class _Writer:
    """Collects lines. A `lead` is what stands before a node on its first line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def put(self, lead: str, node: Node, column: int) -> None:
        """Write `node` after `lead`; lines of its own begin at `column`."""
        if (text := _one_line(node)) is not None:
            self.lines.append(f"{lead} {text}")
        elif isinstance(node, Scalar):
            self._literal(lead, str(node.value), column)
        else:
            self._container(lead, node, column)

    def _container(self, lead: str, node: Sequence | Mapping, column: int) -> None:
        margin = " " * column
        # The first entry of a container in a list may stand on the line of its dash: the compact
        # form (section 8.2.1), which has no place for a tag.
        if lead.endswith("-") and lead != "---" and node.tag is None:
            margin = lead + " "
        else:
            self.lines.append(f"{lead} {_tag(node)}".rstrip())
        if isinstance(node, Mapping):
            self.entries(node, margin, column)
        else:
            self._items(node, margin, column)

    def entries(self, node: Mapping, margin: str, column: int) -> None:
        """Write the entries of a mapping at `column`; the first stands after `margin`."""
        for key, value in node.entries:
            text = inline(key)
            if _needs_mark(key, text):
                self.lines.append(f"{margin}? {text}")
                self.put(" " * column + ":", value, column + 2)
            else:
                self.put(f"{margin}{text}:", value, column + 2)
            margin = " " * column

    def _items(self, node: Sequence, margin: str, column: int) -> None:
        for item in node.items:
            self.put(margin + "-", item, column + 2)
            margin = " " * column

    def _literal(self, lead: str, text: str, column: int) -> None:
        # Chomping (section 8.1.1.2): `-` for no line break at the end, `+` for more than one.
        body = text.rstrip("\n")
        chomp = {0: "-", 1: ""}.get(len(text) - len(body), "+")
        # A reader takes the indentation from the first line that is not empty, unless an indicator
        # gives it (section 8.1.1.1): so a text that begins with a blank or a break needs one.
        indicator = "2" if text[0] in " \n" else ""
        self.lines.append(f"{lead} |{indicator}{chomp}")
        margin = " " * column
        lines = text.removesuffix("\n").split("\n")
        self.lines.extend(margin + line if line else "" for line in lines)


def _one_line(node: Node) -> str | None:
    match node:
        case Scalar(value, tag):
            return None if tag is None and _reads_well_as_block(value) else _scalar(node)
        case Sequence(items):
            return _flow_list(node) if items else f"{_tag(node)}[]"
        case Mapping(entries):
            return None if entries else f"{_tag(node)}{{}}"


def _flow_list(node: Sequence) -> str | None:
    if not all(isinstance(item, Scalar) for item in node.items):
        return None
    if sum(len(str(item.value)) for item in node.items if isinstance(item, Scalar)) > _LONGEST_FLOW:
        return None
    text = inline(node)
    return text if len(text) <= _LONGEST_FLOW else None


def _reads_well_as_block(value: Plain) -> bool:
    return (
        isinstance(value, str)
        and "\n" in value
        and not value.isspace()
        and _UNSAFE_IN_BLOCK.search(value) is None
    )


def _scalar(node: Scalar) -> str:
    return _tag(node) + _value(node.value)


def _value(value: Plain) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case str():
            return value if is_plain(value) else _quoted(value)


def _float(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else (".inf" if value > 0 else "-.inf")
    # A float of YAML 1.1 has a point and a sign in its exponent (https://yaml.org/type/float.html).
    # Python always writes the sign, but leaves the point out of 1e+16.
    mantissa, e, exponent = repr(value).partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + e + exponent


def is_plain(text: str) -> bool:
    """Return whether every reader of YAML 1.1 or 1.2 reads a text without quotes as itself."""
    return (
        _PLAIN.fullmatch(text) is not None
        and text.lower() not in _YAML_1_1_WORDS
        and isinstance(resolve(text), str)
        and _UNPRINTABLE.search(text) is None
    )


def _quoted(text: str) -> str:
    return f'"{_TO_ESCAPE.sub(lambda match: _escape(match[0]), text)}"'


def _escape(char: str) -> str:
    # Four digits are enough: everything beyond U+FFFF is printable.
    return _ESCAPES.get(char) or f"\\u{ord(char):04x}"


def _tag(node: Node) -> str:
    """Write the tag of a node and a blank: a shorthand, or else verbatim (section 6.9.1)."""
    if node.tag is None:
        return ""
    name = quote(node.tag.removeprefix(CORE).removeprefix("!"), safe="-_.~/:;@&=+$,?'()*")
    if node.tag.startswith(CORE):
        return f"!!{name} "
    return f"!{name} " if node.tag.startswith("!") else f"!<{name}> "
