"""The loss, and what losses read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .setting import Setting, Settings, above_zero, at_most_one, below_one, zero_or_more


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
    corpus: Annotated[
        float,
        Setting(
            help="the share of the loss against the base's stored vectors of the whole corpus, 0 to below 1, in two-sided training "
            "(see Loss)",
            when="0.5 when the corpus is larger than what the pairs name; it costs one embedding of the corpus",
            check=below_one,
            is_later=True,
        ),
    ] = 0.0
    candidates: Annotated[
        int | None,
        Setting(
            help="against the whole corpus, so many nearest passages of each query are compared exactly, and a sample of the rest; 0: all "
            "of them; none: all, until that takes longer than the network does. `--candidates` sets it",
            when="lower to save time with millions of passages, 0 to have the exact loss whatever it takes",
            check=zero_or_more,
            is_later=True,
        ),
    ] = None
    rest_sample: Annotated[
        int,
        Setting(
            help="how many passages are drawn in each step for all those that are not among the candidates",
            when="higher for a more exact gradient, where candidates are used",
            check=above_zero,
            is_later=True,
        ),
    ] = 8192
