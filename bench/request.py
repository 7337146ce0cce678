"""What a bench is asked for: one request for the command and for Python. Neither torch nor mteb is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ..errors import RequestError
from ..references import EncoderSettings, Search

if TYPE_CHECKING:
    from ..encoders.protocol import Opened
    from ..registry import Entry

SetName = Literal["sample", "domain", "large", "general"]
PYTHON = "a bench in Python"
"""What a page says that it was made with, where no command was typed."""


class OpenReference(Protocol):
    """A reference that is open already, such as an adapter that is in memory alone."""

    @property
    def reference(self) -> str:
        """Its name in tables and results."""
        ...

    @property
    def path(self) -> Path | None:
        """Its folder; None where it has none."""
        ...

    @property
    def entry(self) -> Entry | None:
        """What a registry knows of it."""
        ...

    @property
    def encoder(self) -> Opened:
        """What encodes or ranks. The bench computes with its weights, in the precision and to the length of the request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """What a bench keeps and finds again.

    Attributes:
        use_cache: Whether vectors and scores are kept in `ADAPT_CACHE`, and none is computed twice.
        fresh: Whether every score is computed anew, from vectors that are kept.
        cache_size: Bytes that all of it may take; None: `ADAPT_CACHE_SIZE`, else the default.
    """

    use_cache: bool = True
    fresh: bool = False
    cache_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The files that are written of an outcome; None: not that one.

    Attributes:
        per_query: The result as JSON, with the value of every item.
        html: A page for people.
        mteb_results: A folder for mteb's own result files.
        command: What the page says that it was made with.
    """

    per_query: Path | None = None
    html: Path | None = None
    mteb_results: Path | None = None
    command: str = PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """What is scored, on what, and what follows.

    Attributes:
        references: What the user names, or what is open already.
        where: Where references are looked for; None: the user's own registry. Its language is that of samples and tasks.
        settings: How vectors are computed.
        data: Folders and files to score on, and the word `sample`.
        general_data: The same, whose scores count as general.
        domains: Names or toml files; empty: those of the references, unless other data or tasks are named.
        sets: Which tasks of the domains; empty: the sample.
        tasks: MTEB's, by name, benchmark or filter.
        split: The split to score on.
        offline: Whether the Hub is not to be asked.
        skip_dangling: Whether judgements of BEIR folders that name what is not there are skipped.
        metrics: Metrics of retrieval to show; empty: the usual ones.
        requirements: What must hold, each as `--require` takes it.
        decontaminate: Whether each task is also scored without the items that were seen in training.
        dry_run: Whether only `plan` is asked for: then nothing is fetched from the Hub.
        keep_findings: Whether the outcome keeps of each query what its page shows; so it does where the outputs need it.
        cache: What is kept and found again.
        outputs: The files to be written.

    Raises:
        RequestError: there is no reference.
    """

    references: tuple[str | OpenReference, ...]
    where: Search | None = None
    settings: EncoderSettings = field(default_factory=lambda: EncoderSettings(precision="fp32"))
    data: tuple[Path, ...] = ()
    general_data: tuple[Path, ...] = ()
    domains: tuple[str, ...] = ()
    sets: tuple[SetName, ...] = ()
    tasks: tuple[str, ...] = ()
    split: str = "test"
    offline: bool = False
    skip_dangling: bool = False
    metrics: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    decontaminate: bool = False
    dry_run: bool = False
    keep_findings: bool = False
    cache: CachePolicy = field(default_factory=CachePolicy)
    outputs: Outputs = field(default_factory=Outputs)

    def __post_init__(self) -> None:
        if not self.references:
            raise RequestError("no reference is given; name one at least, such as base")

    @property
    def names(self) -> tuple[str, ...]:
        """The references' names, as they were given."""
        return tuple(each if isinstance(each, str) else each.reference for each in self.references)

    @property
    def keeps_findings(self) -> bool:
        """Whether the outcome keeps what a page and mteb's files are made of."""
        return bool(self.keep_findings or self.outputs.html or self.outputs.mteb_results)
