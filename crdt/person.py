"""A user as others see them: the `user` of presence states, the sender of messages."""

from dataclasses import dataclass
from uuid import UUID

COLORS = """
    #e6194b #3cb44b #4363d8 #f58231 #911eb4 #008080 #9a6324 #800000 #808000 #000075 #c2185b #00796b
""".split()


@dataclass(frozen=True, slots=True)
class Person:
    """A user as others see them."""

    id: UUID
    name: str = ""
    avatar_url: str | None = None

    @property
    def card(self) -> dict[str, str | None]:
        """Who this is, for presence states; a user has one color everywhere."""
        color = COLORS[self.id.int % len(COLORS)]
        return {
            "id": str(self.id),
            "name": self.name,
            "color": color,
            "avatar_url": self.avatar_url,
        }
