"""What is learned from text without pairs: one table. Importing it loads no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveRow:
    """A row of the table.

    Attributes:
        made_by: The module here and the class in it that the steps of a run are (`open.py`).
        metric: What its loss on the texts that are held out is called.
        settings: The names of the settings that it reads beside those that both do.
        needs_mask: Whether the base's tokenizer must have a token for masked words.
        source: The paper's URL.
        use: One line: when to use it.
    """

    made_by: tuple[str, str]
    metric: str
    settings: tuple[str, ...]
    needs_mask: bool
    source: str
    use: str


OBJECTIVES: dict[str, ObjectiveRow] = {
    "mlm": ObjectiveRow(
        made_by=("masked_words", "MaskedWords"),
        metric="masked loss",
        settings=("mask_share", "term_share"),
        needs_mask=True,
        source="https://arxiv.org/abs/1810.04805",
        use="by default: the words of the domain, each from those around it",
    ),
    "tsdae": ObjectiveRow(
        made_by=("denoising", "Denoising"),
        metric="denoising loss",
        settings=("deletion_share",),
        needs_mask=False,
        source="https://arxiv.org/abs/2104.06979",
        use="to train the vector itself: a text from the vector of what deletion has left of it",
    ),
}
