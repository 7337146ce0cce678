"""The loss, and what losses read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, at_most_one, zero_or_more


@dataclass(frozen=True, kw_only=True)
class LossSettings(Settings):
    """The loss, and what losses read; a loss reads those that its row in `LOSSES` names."""

    loss: Annotated[
        str,
        Setting(
            help="`infonce` or `symmetric_infonce` (see Loss)",
            when="`symmetric_infonce` when passages are searched with passages, or queries with queries, too",
        ),
    ] = "infonce"
    temperature: Annotated[
        float,
        Setting(
            help="divides the cosines",
            when="higher when the loss is not a number or labels are noisy; lower sharpens the difference between near passages",
            check=above_zero,
        ),
    ] = 0.02
    corpus_negatives: Annotated[
        int,
        Setting(
            help="at most so many passages that no pair names, drawn for each batch as negatives of all its queries (see Loss)",
            when="32 when most searches are for the passages that are trained on, in a corpus many times their number. It costs a quarter "
            "to a third more time, some general ability, and in a small corpus the answers that no pair names",
            check=zero_or_more,
        ),
    ] = 0
    frequency_correction: Annotated[
        float,
        Setting(
            help="how much of log(how many training queries name a passage) is taken off its logits, 0 to 1 (see Loss)",
            when="1 when many training queries share answers, and most searches are for passages that are trained on. Answers that are "
            "not trained on lose a little",
            check=at_most_one,
        ),
    ] = 0.0
