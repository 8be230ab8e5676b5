"""What ruamel's scanner does as in YAML 1.1, and YAML 1.2 has otherwise: line breaks and tabs.

- U+0085, U+2028 and U+2029 are line breaks in YAML 1.1 and ordinary characters in YAML 1.2.2
  (section 5.4). ruamel has them as breaks in forty places, so it is given others for them.
- Tabs separate tokens as spaces do (section 6.2), only not in indentation (section 6.1).

Confessed: a tab in a directive or right behind a tag is refused, and so is a text in several lines
with a tab for its indentation.
"""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, Final

from ruamel.yaml.scanner import Scanner, ScannerError

BREAKS_OF_1_1: Final = "\x85\u2028\u2029"

_BLANKS: Final = " \t"
_BREAKS: Final = "\r\n"
_ENDS: Final = _BREAKS + "\0"


def shield(text: str) -> tuple[str, Callable[[str], str]]:
    """Replace the line breaks of YAML 1.1 alone; return the text, and what undoes that in a part.

    Each becomes one private character that the text does not contain, neither itself nor as an
    escape, so that lines and columns stay what they are.
    """
    found = "".join(each for each in BREAKS_OF_1_1 if each in text)
    if not found:
        return text, _unchanged
    shields = "".join(islice(_unused(text), len(found)))
    there, back = str.maketrans(found, shields), str.maketrans(shields, found)
    return text.translate(there), lambda part: part.translate(back)


def _unchanged(part: str) -> str:
    return part


def _unused(text: str) -> Iterator[str]:
    characters, lowered = set(text), text.lower()
    for code in chain(range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE)):
        if chr(code) not in characters and f"{code:x}" not in lowered:
            yield chr(code)


class TabScanner(Scanner):
    """ruamel's scanner, which lets tabs stand where YAML 1.2 does."""

    def scan_to_next_token(self) -> None:
        """See ruamel: this skips blanks, comments and line breaks."""
        peek, forward = self.reader.peek, self.reader.forward
        while True:
            self._skip_blanks()
            if peek() == "#":
                while peek() not in _ENDS:
                    forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def _skip_blanks(self) -> None:
        is_indentation = self.reader.column == 0
        self._skip(" ")
        if self.reader.peek() != "\t":
            return
        if not self.flow_level:
            # Whatever is indented by a tab is no collection: its column would depend on the tab.
            self.allow_simple_key = False
            if is_indentation and self.reader.column <= self.indent:
                self._require_blank_line()
        self._skip(_BLANKS)

    def _require_blank_line(self) -> None:
        if self.reader.peek(self._count(_BLANKS)) not in _ENDS + "#":
            problem = "found a tab in the indentation: use spaces"
            raise ScannerError(None, None, problem, self.reader.get_mark())

    def _count(self, characters: str) -> int:
        length = 0
        while self.reader.peek(length) in characters:
            length += 1
        return length

    def _skip(self, characters: str) -> None:
        self.reader.forward(self._count(characters))

    def scan_plain_spaces(self, indent: int, _start_mark: Any) -> list[str] | None:
        """See ruamel: this reads what separates the words of a plain scalar (section 7.3.3)."""
        length = self._count(_BLANKS)
        blanks: str = self.reader.prefix(length)
        self.reader.forward(length)
        if self.reader.peek() not in _BREAKS:
            return [blanks] if blanks else []
        self.scan_line_break()
        self.allow_simple_key = True
        return self._fold(indent)

    def _fold(self, indent: int) -> list[str] | None:
        """Skip to the next line of text; return what the line breaks become (section 6.5)."""
        breaks = 0
        while not self._is_at_marker():
            length = self._count(_BLANKS)
            if self.reader.peek(length) not in _BREAKS:
                self._skip(" ")
                if self.flow_level or self.reader.column >= indent:
                    self._skip(_BLANKS)
                return ["\n"] * breaks or [" "]
            self.reader.forward(length)
            self.scan_line_break()
            breaks += 1
        return None

    def _is_at_marker(self) -> bool:
        """Whether a document begins or ends here (section 9.1)."""
        is_marker = self.reader.prefix(3) in ("---", "...") and self.reader.column == 0
        return is_marker and self.reader.peek(3) in _BLANKS + _ENDS

    def scan_block_scalar_indicators(self, start_mark: Any) -> tuple[bool | None, int | None]:
        """See ruamel: this reads how a block scalar is chomped and indented (section 8.1.1)."""
        header = self.reader.prefix(self._count("+-0123456789"))
        digits = header.strip("+-")
        is_known = len(header) - len(digits) <= 1 and len(digits) <= 1 and digits != "0"
        if not is_known or self.reader.peek(len(header)) not in _BLANKS + _ENDS:
            problem = "expected chomping or indentation indicators and the end of the line"
            raise ScannerError(
                "while scanning a block scalar", start_mark, problem, self.reader.get_mark()
            )
        self.reader.forward(len(header))
        chomping = {"+": True, "-": False}.get(header.replace(digits, ""))
        return chomping, int(digits) if digits else None

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> Any:
        """See ruamel: this reads on behind the header of a block scalar."""
        self._skip(_BLANKS)
        return super().scan_block_scalar_ignored_line(start_mark)
