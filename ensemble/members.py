"""What all ensembles share: members that encode the same texts, tokenised once for those on one base."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..encoder import LoraEncoder, Role, Vectors, encode_each


@dataclass(slots=True)
class Ensemble:
    """Members with their weights, which have the sum 1.

    `truncated` counts the texts that a member had to cut so far, `on_batch` is told how many texts are done.
    """

    mode: str
    members: tuple[LoraEncoder, ...]
    weights: tuple[float, ...]
    on_batch: Callable[[int], None] | None = None
    truncated: int = 0

    @property
    def max_tokens(self) -> int:
        """The longest text that no member cuts."""
        return min(member.max_tokens or member.base.spec.longest() for member in self.members)

    def encode_each(self, texts: Sequence[str], role: Role) -> list[Vectors]:
        """Return the (n, d) vectors of each member, float32 of length 1.

        Raises:
            DataError: a text is None or no string; its row is named.
        """
        each = encode_each(self.members, texts, role, self.on_batch)
        self.truncated += each.truncated
        return each.vectors
