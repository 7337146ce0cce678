"""What a training is asked to be, and what the words alone show to be wrong with it. Nothing here loads torch or looks for anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...choices import DATA_WORDS
from ...data.read_options import PLAIN, ReadOptions
from ...data.source_words import Sources, find_sources
from ...errors import ConfigError, RequestError
from ..config import TrainConfig
from ..optimisers import check_installed
from ..sides.table import reads_corpus
from ..strategies.table import STRATEGIES
from .tensorboard import check_tensorboard
from .watching import check_watch

if TYPE_CHECKING:
    from ...lora.grams import GramRank
    from ...references import Search


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What to train, on what, and how; None leaves a value to its default.

    Attributes:
        domain: The name of a domain, or the path of a domain file; with data of one's own, any name.
        data: `sample`, `hub`, the path of a BEIR folder, of FlagEmbedding lines or of a table; pairs, triples or mappings in memory, a
            `datasets.Dataset`, a frame; or `TrainingData`; several sources in a list, or as `Sources`, are joined. None: the domain's Hub
            sets, else its sample.
        read: How the files of the data are read.
        skip_dangling: Whether judgements that name a text which is not there are skipped and counted, instead of refused.
        train_queries: How many training queries are drawn; None: all.
        config: Every setting of training. Its seed is that of the first run.
        stated: Names of the settings that were given, which what `config.init_from` names must not contradict; None: those not at their default.
        seeds: How many versions are trained, with the seed, the next one and so on.
        where: The registry, and which base (`Search.base`, `Search.options`); None: the user's own registry, and the default base.
        device: As torch names it; None: the best one here.
        gram_rank: What of the Gram matrices of the adapted modules' inputs is kept: a rank beside the diagonal, or `full`; None: nothing.
        index: Vectors of the corpus by the base that exist (an index of adapt, a file of vectors or a folder of them), where queries are compared
            with a whole corpus; None: they are computed and kept.
        name: In the registry; None: the domain's.
        resume: Whether runs that were interrupted go on where they were.
        register: Whether the result becomes a version of the registry; else it stays in memory, and nothing is written.
        data_licence: The licence of the data, by the Hub's id where it has one, for the version's record; None: as their source states it.
        dev: Dev sets in place of the data's own dev split: BEIR folders with a dev split, folders of pair lines, tables of pairs, of sentence
            pairs with scores or labels, or of texts with labels. The first one, or the one that the configuration names, chooses the state.
        tensorboard: A folder that gets each step's loss, rate and scores for TensorBoard, a folder in it for each run; None: nothing is written.
        general: A folder of sentence pairs with scores (LANGUAGE-dev.tsv), by which general ability is watched; None: it is not.
        processes: How many processes share each step. Each of them, started together by torchrun, makes the same request; the first alone
            registers. 1: this one alone.

    Raises:
        RequestError: values exclude one another, or do nothing.
        ConfigError: the last seed is too large, or a rank is less than 1.
        MissingExtraError: the optimiser or TensorBoard needs a package that is not installed.
    """

    domain: str
    data: object = field(default=None, repr=False)
    read: ReadOptions = PLAIN
    skip_dangling: bool = False
    train_queries: int | None = None
    config: TrainConfig = field(default_factory=TrainConfig)
    stated: Collection[str] | None = None
    seeds: int = 1
    where: Search | None = None
    device: str | None = None
    gram_rank: GramRank | None = None
    index: Path | None = None
    name: str | None = None
    resume: bool = False
    register: bool = True
    data_licence: str | None = None
    dev: Sequence[Path] = ()
    general: Path | None = None
    tensorboard: Path | None = None
    processes: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "dev", tuple(Path(each).expanduser() for each in self.dev))
        if self.general is not None:
            object.__setattr__(self, "general", Path(self.general).expanduser())
        if self.index is not None:
            object.__setattr__(self, "index", Path(self.index).expanduser())
        if self.tensorboard is not None:
            object.__setattr__(self, "tensorboard", Path(self.tensorboard).expanduser())
            check_tensorboard(self.tensorboard)
        if self.seeds < 1:
            raise RequestError(f"{self.seeds} versions are to be trained; expected at least 1")
        if self.processes < 1:
            raise RequestError(f"{self.processes} processes are to train; expected at least 1")
        if self.processes > self.config.batch_size:
            raise RequestError(
                f"{self.processes} processes are to share batches of {self.config.batch_size} queries, and some would have none; take at most "
                f"{self.config.batch_size}, or raise batch_size"
            )
        self._check_grams()
        if isinstance(self.gram_rank, int) and self.gram_rank < 1:
            raise ConfigError(f"the rank of Gram matrices is {self.gram_rank}; expected at least 1, or full")
        if self.index is not None and not reads_corpus(self.config):
            raise RequestError("an index is what queries alone are trained against; add --side query, or --set loss.corpus=0.5")
        if self.resume and not self.register:
            raise RequestError(
                "only runs that are registered keep a state, so that there is nothing to resume without; leave one of them out"
            )
        check_installed(self.config.optimiser)
        check_watch(self.config, self.dev, self.general)
        self.config_of(self.seed_range[-1])  # refused here, not when its turn comes

    def _check_grams(self) -> None:
        """Refuse Gram matrices where no factors are kept whose inputs they would be of."""
        if self.gram_rank is None:
            return
        strategy, keep = self.config.strategy, self.config.keep
        if keep == "model":
            raise RequestError("Gram matrices are kept beside factors, and keep=model keeps none; leave out --gram-rank, or keep=model")
        if not STRATEGIES[strategy].has_matrices:
            raise RequestError(
                f"Gram matrices are of what linear modules read, and the strategy {strategy} changes none; leave out --gram-rank"
            )

    @property
    def seed_range(self) -> range:
        """The seeds of the runs."""
        return range(self.config.seed, self.config.seed + self.seeds)

    @property
    def has_own_data(self) -> bool:
        """Whether the data are the user's, and not those of the domain."""
        source = find_sources(self.data)
        if isinstance(source, Sources):
            return source.has_own_data
        return not (source is None or (isinstance(source, str) and source in DATA_WORDS))

    def config_of(self, seed: int) -> TrainConfig:
        """Return the configuration of the run of one seed.

        Raises:
            ConfigError: the seed is too large.
        """
        return replace(self.config, seed=seed)
