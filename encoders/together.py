"""The same texts as several networks see them: tokenised once for those that tokenise alike, their progress reported in whole texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..choices import Role
from .protocol import Encoded, NetworkEncoder, OnBatch, SharedTokens


def encode_each(networks: Sequence[NetworkEncoder], texts: Sequence[str], role: Role, on_batch: OnBatch | None = None) -> list[Encoded]:
    """Encode texts with several networks, in their order; those whose vectors of the role are the same encode once, and share one result.

    Args:
        networks: One or more, on one base or on several.
        texts: What to encode.
        role: Of all of them.
        on_batch: A text is done when its share of all networks' work is.

    Raises:
        DataError: a text is None or not a string; its row is named.
    """
    contents = [network.content(role) for network in networks]
    first = [contents.index(content) for content in contents]
    shared: SharedTokens = {}
    done = WholeTexts(len(set(first)), on_batch)
    found = {row: networks[row].encode(texts, role, on_batch=done, shared=shared) for row in dict.fromkeys(first)}
    return [found[row] for row in first]


@dataclass(slots=True)
class WholeTexts:
    """Passes the batches of several networks on as whole texts: n texts in all, not n for each network."""

    networks: int
    on_batch: OnBatch | None
    done: int = 0
    reported: int = 0

    def __call__(self, texts: int) -> None:
        """Count texts that one network has done."""
        self.done += texts
        new = self.done // self.networks - self.reported
        if self.on_batch and new:
            self.reported += new
            self.on_batch(new)
