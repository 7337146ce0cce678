"""The loss, and what losses read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ...errors import ConfigError
from .setting import Setting, Settings, above_zero, at_most_one, below_one, each_above_zero, one_of, zero_or_more


def _dimensions(name: str, values: tuple[int, ...]) -> None:
    if any(value < 1 for value in values) or len(set(values)) < len(values):
        raise ConfigError(f"{name} is {','.join(map(str, values))}; expected different whole numbers of at least 1, such as 256,128,64")


@dataclass(frozen=True, kw_only=True)
class LossSettings(Settings):
    """The loss, and what losses read; a loss reads those that its row in `LOSSES` names."""

    loss: Annotated[
        str,
        Setting(
            help="the name of a loss (see Losses)",
            when="when the data state more than which passage answers which query: scores, labels, hard negatives",
        ),
    ] = "infonce"
    temperature: Annotated[
        float,
        Setting(
            help="divides the cosines; 1 / what sentence-transformers calls scale",
            when="higher when the loss is not a number or labels are noisy; lower sharpens the difference between near passages",
            check=above_zero,
        ),
    ] = 0.02
    corpus_negatives: Annotated[
        int,
        Setting(
            help="at most so many passages that no pair names, drawn for each batch as negatives of all its queries (see Losses)",
            when="32 when most searches are for the passages that are trained on, in a corpus many times their number. It costs a quarter "
            "to a third more time, some general ability, and in a small corpus the answers that no pair names",
            check=zero_or_more,
        ),
    ] = 0
    frequency_correction: Annotated[
        float,
        Setting(
            help="how much of log(how many training queries name a passage) is taken off its logits, 0 to 1 (see Losses)",
            when="1 when many training queries share answers, and most searches are for passages that are trained on. Answers that are "
            "not trained on lose a little",
            check=at_most_one,
        ),
    ] = 0.0
    corpus: Annotated[
        float,
        Setting(
            help="the share of the loss against the base's stored vectors of the whole corpus, 0 to below 1, in two-sided training "
            "(see Losses)",
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
    unnamed_weight: Annotated[
        float | None,
        Setting(
            help="against the whole corpus, what a passage that no training pair names counts for as a negative, 0 to 1; none: 0.1 where "
            "training names the answers of few dev queries, else 1",
            when="0.1 when most searches are for passages that no training query names, 1 when most are for those that some name",
            check=at_most_one,
            is_later=True,
        ),
    ] = None
    in_batch_negatives: Annotated[
        bool,
        Setting(
            help="whether the passages of other queries in the batch are negatives; `false`: those alone that the data give for the query",
            when="`false` when passages of other queries are often right answers, and the data give negatives",
            is_later=True,
        ),
    ] = True
    margin: Annotated[
        float | None,
        Setting(
            help="by how much a negative is to be farther than a positive (`triplet`, 0.3), how far a negative is to be (`contrastive`, 0.5), or "
            "by how much less than the pair's a guide's cosine of a negative has to be (`gist`, 0); none: the number in brackets",
            when="higher to push negatives farther away; lower when the loss hardly falls",
            check=zero_or_more,
            is_later=True,
        ),
    ] = None
    distance: Annotated[
        str,
        Setting(
            help="`cosine`, which is 1 - cosine, or `euclidean`, which is sqrt(2 - 2 cosine): what margins are of",
            when="`euclidean` for steeper gradients of near pairs",
            check=one_of(("cosine", "euclidean")),
            is_later=True,
        ),
    ] = "cosine"
    teacher_temperature: Annotated[
        float,
        Setting(
            help="divides the teacher's scores",
            when="so that the differences of a query's scores are below 2 for `margin_mse`, and their softmax is neither flat nor one spike "
            "for `distil`",
            check=above_zero,
            is_later=True,
        ),
    ] = 1.0
    guide: Annotated[
        str | None,
        Setting(
            help="what judges which negatives are none: the reference of an adapter or an ensemble, `base`, or `base:NAME` for another base",
            when="a stronger base, or an adapter of the same domain",
            is_later=True,
        ),
    ] = None
    anchor: Annotated[
        float,
        Setting(
            help="what the anchor loss is multiplied by before it is added to the loss: the squared distance to the frozen base's vectors "
            "(see Losses)",
            when="0.1 or more when general ability falls",
            check=zero_or_more,
            is_later=True,
        ),
    ] = 0.0
    anchor_texts: Annotated[
        str | None,
        Setting(
            help="a file of general texts, one a line, that the anchor loss is of; none: the batch's own texts",
            when="when texts outside the domain are to keep their vectors, and the domain's are free to move",
            is_later=True,
        ),
    ] = None
    dims: Annotated[
        tuple[int, ...],
        Setting(
            help="the loss is of the first so many numbers of each vector, for each of these, added up (Matryoshka); empty: of whole vectors",
            when="`384,256,128,64` when indexes are to be smaller than the base's vectors; the first of them the whole width",
            check=_dimensions,
            is_later=True,
        ),
    ] = ()
    dim_weights: Annotated[
        tuple[float, ...],
        Setting(
            help="what the loss of each of `dims` is multiplied by; empty: 1",
            when="higher for the dimension that will be used most",
            check=each_above_zero,
            is_later=True,
        ),
    ] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim_weights and len(self.dim_weights) != len(self.dims):
            raise ConfigError(f"dim_weights holds {len(self.dim_weights)} numbers and dims {len(self.dims)}; expected one weight for each")
        if self.anchor_texts is not None and not self.anchor:
            raise ConfigError("anchor_texts is what the anchor loss is of; add --set loss.anchor=0.1")

    def check_width(self, width: int) -> None:
        """Refuse dimensions that a base's vectors of a width do not have.

        Raises:
            ConfigError: as said.
        """
        if self.dims and max(self.dims) > width:
            raise ConfigError(f"dims holds {max(self.dims)}, and the base's vectors have {width} numbers; name at most {width}")
