"""The token ids of a run's texts: each text is tokenised once, before the first step, and not once an epoch while a GPU waits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..base.load import Base
from ..choices import Role
from ..encoders.tokens import tokenize
from .frozen.stored import FrozenStates

Ids = NDArray[np.int32]


@dataclass(slots=True)
class TokenIds:
    """Role and text -> token ids, as a base reads them at a length; what is not known yet is tokenised when it is asked for.

    `states`: what the frozen part of the network makes of texts; None: it is computed in every step.
    """

    base: Base
    max_tokens: int
    states: FrozenStates | None = None
    _known: dict[Role, dict[str, Ids]] = field(default_factory=lambda: {"query": {}, "document": {}}, init=False)

    def of(self, texts: Sequence[str], role: Role) -> list[Ids]:
        """Return the ids of each text of a role."""
        known = self._known[role]
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            ids = tokenize(self.base, missing, role, self.max_tokens).ids
            known.update(zip(missing, (np.array(row, np.int32) for row in ids), strict=True))
        return [known[text] for text in texts]
