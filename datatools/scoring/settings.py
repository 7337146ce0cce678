"""By what pairs are scored."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...references import EncoderSettings, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """How the training pairs are scored.

    Attributes:
        by: A reference, whose cosines are the scores.
        cross_encoder: A folder or a Hub id, whose logits are the scores, in place of a reference's cosines; None: they are those of `by`.
        where: Where references are looked for; None: the user's own registry.
        encoder: How it is computed; no length: a reference's texts are cut as in training, a cross-encoder's pairs at 512 tokens.
    """

    by: str = "base"
    cross_encoder: str | None = None
    where: Search | None = None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
