"""Adapters and data -> their scores beside those of their base, as rows of plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bench import BenchRequest, CachePolicy, prepare_bench
from ..choices import Precision
from ..errors import RequestError
from ..events import QUIET, Events
from ..references import EncoderSettings
from .adapter import Adapter
from .networks import IN_USE
from .places import BaseNamed, Named, Place, as_reference, given_in
from .shown import as_html

if TYPE_CHECKING:
    from typing import Unpack

    from ..bench import BenchOutcome
    from ..bench.request import SetName
    from ..references import Search

Data = str | PathLike[str] | Sequence[str | PathLike[str]]
"""A folder or file to score on, or several."""


class BenchOptions(BaseNamed, total=False):
    """What else a bench takes, as `BenchRequest` names it."""

    sets: tuple[SetName, ...]
    tasks: tuple[str, ...]
    split: str
    offline: bool
    skip_dangling: bool
    metrics: tuple[str, ...]
    requirements: tuple[str, ...]
    decontaminate: bool
    keep_findings: bool
    cache: CachePolicy


@dataclass(frozen=True, slots=True, repr=False)
class BenchTable:
    """The scores of a bench: it iterates as rows, one for each task and reference. `outcome` has all the rest, the HTML page too."""

    outcome: BenchOutcome

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each score: `task`, `reference`, its metrics, and the `interval` of its difference to the base (None for a base)."""
        return self.outcome.rows()

    def as_dict(self, *, items: bool = False) -> dict[str, Any]:
        """Return the result as `adapt bench --json` prints it, with the values of single queries where `items` is set."""
        return self.outcome.as_dict(items=items)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return len(self.rows())

    def __repr__(self) -> str:
        names = list(dict.fromkeys(row["task"] for row in self))
        return f"BenchTable({len(self)} scores on {', '.join(names)})"

    def _repr_html_(self) -> str:
        return as_html(self.rows())


def bench_adapters(
    adapters: Sequence[Named],
    data: Data = (),
    *,
    general_data: Data = (),
    domains: Sequence[str] = (),
    registry: Place = None,
    device: str | None = None,
    dtype: Precision = "fp32",
    max_tokens: int | None = None,
    dim: int | None = None,
    events: Events = QUIET,
    **more: Unpack[BenchOptions],
) -> BenchTable:
    """Score adapters side by side with their base, through mteb.

    Args:
        adapters: Adapters, those in memory alone too, references or folders; each needs a name of its own.
        data: Folders or files to score on, and the word `sample`.
        general_data: The same, whose scores say what was lost in general.
        domains: Whose samples to score on; empty: those of the adapters, unless data or tasks are named.
        registry: As for `merge_adapters`.
        device: As torch names it; None: the best one here.
        dtype: What is computed in; the settings of the adapters do not count, so that all are scored alike.
        max_tokens: Texts are truncated to it; None: to what each base reads.
        dim: After how many numbers all vectors are cut; None: they are whole.
        events: Receives the progress, and notes on data and leaks.
        more: `sets`, `tasks`, `split`, `offline`, `skip_dangling`, `metrics`, `requirements`, `decontaminate`, `keep_findings`, `cache`, as
            `BenchRequest` describes them.

    Raises:
        DataError: data do not exist, or are malformed.
        ConfigError: nothing says what to score on, two adapters have one name, or a task, a metric or a requirement is unknown.
        UnknownReferenceError: a reference names nothing.
        AdaptError: as `load`.
    """
    given, where = given_in(adapters, registry, more)
    request = BenchRequest(
        references=tuple(_for_bench(each, where) for each in given),
        where=where,
        settings=EncoderSettings(device=device, precision=dtype, max_tokens=max_tokens, dim=dim),
        data=_paths(data),
        general_data=_paths(general_data),
        domains=tuple(domains),
        **more,  # type: ignore[misc]  # base and options are taken out
    )
    with IN_USE:  # it computes with the networks of adapters that are open
        return BenchTable(prepare_bench(request, events).run(events))


def _for_bench(named: Named, where: Search) -> str | Adapter:
    """Name what the bench finds as it was found; the rest is given open."""
    if not isinstance(named, Adapter):
        return as_reference(named)
    if named.kind == "model" and named.entry is None:
        raise RequestError(
            f"{named.reference} is a whole model in memory alone, of which the bench does not find the base that it was made from; "
            "make it with register=True"
        )
    is_found_alike = named.entry is not None and named.where == where and named.reference == named.entry.reference
    return named.reference if is_found_alike else named


def _paths(data: object) -> tuple[Path, ...]:
    several = tuple(data) if isinstance(data, Iterable) and not isinstance(data, str | PathLike) else (data,)
    for each in several:
        if not isinstance(each, str | PathLike):
            raise RequestError(f"expected folders or files to score on, and a value of the type {type(each).__name__} came")
    return tuple(Path(each).expanduser() for each in several)
