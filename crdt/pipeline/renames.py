"""What a new name of a step changes in the texts that refer to it.

Pure, so that a client can do the same in its own document (docs/document-model.md, Renaming).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .mentions import Mention, Path, mentions_in
from .model import JsonMap


@dataclass(frozen=True, slots=True)
class Rewrite:
    """In the text at a path of a step's config, `new` stands for the code points of each span.

    A span is the name and nothing else, so what others type beside it survives. The last span comes
    first, so that the places of those before it stay true.
    """

    path: Path
    spans: tuple[tuple[int, int], ...]
    new: str


def rewrites(
    type_: str, config: JsonMap, means: Callable[[Mention], bool], name: str
) -> Iterator[Rewrite]:
    """Yield how a step's references to a renamed step become those to its new name.

    `means` says whether a mention is one of the renamed step. A place where the new name would not
    be read as one (a name with blanks in a condition) stays: there the reference dangles, which
    people see, instead of meaning something else.
    """
    places: dict[Path, set[tuple[int, int]]] = {}
    for mention in mentions_in(type_, config):
        if mention.certainty != "variable" and mention.admits(name) and means(mention):
            places.setdefault(mention.place, set()).add((mention.start, mention.end))
    for path, spans in places.items():
        yield Rewrite(path, tuple(sorted(spans, reverse=True)), name)
