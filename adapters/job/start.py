"""Where factors start from: the adapter that a configuration names, found before the data are read; its rank, alpha and modules go for the run's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import AdapterError, RequestError
from ...references import Resolved, Search, resolve_reference
from ...registry import ParentRecord
from ..config import TrainConfig
from ..settings.setting import describe_settings

if TYPE_CHECKING:
    from ...base.spec import BaseSpec, EncodingSpec
    from ...choices import Side
    from ...lora import LoraFactors

_TAKEN = ("rank", "alpha", "targets", "layers")
_OF_FRESH_FACTORS = ("init", "dora")
_ENCODED = {
    "pooling": ("pooling", "--pooling"),
    "query_prompt": ("instruction for queries", "--base and --base-as"),
    "document_prompt": ("instruction for documents", "--base and --base-as"),
}
"""What of an encoding factors are trained with -> what it is called, and the options that state it."""
_STARTABLE = ("adapter", "merge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What factors start from.

    Attributes:
        reference: Its full name.
        factors: Its own.
        sha256: Of their content.
        settings: What of a configuration follows from it.
        found: What the reference names.
    """

    reference: str
    factors: LoraFactors = field(repr=False)
    sha256: str
    settings: Mapping[str, Any]
    found: Resolved = field(repr=False)

    @property
    def parent(self) -> ParentRecord:
        """What a version that starts from it records."""
        return ParentRecord(reference=self.reference, sha256=self.sha256)

    def describe(self) -> str:
        """Say in a line what is started from."""
        told = ", ".join(f"{name} {self.settings[name]}" for name in ("rank", "alpha"))
        return f"the factors start from {self.reference}: {told} and {len(self.factors)} modules are its own"

    def warnings(self, encoding: EncodingSpec, side: Side) -> Iterator[str]:
        """Say what a run does otherwise than its start was trained for.

        Args:
            encoding: How the run's texts go in.
            side: Which of them go through the factors.
        """
        for name, (what, options) in _ENCODED.items():
            former, now = getattr(self.found.encoding, name), getattr(encoding, name)
            if former != now:
                yield f"{self.reference} was trained with the {what} {former!r}, and here it is {now!r}; to go on as it was, give {options} as then"
        if self.found.side == "query" and side != "query":
            yield (
                f"{self.reference} changes queries alone, and here documents go through its factors as well; to leave them as the base "
                "has them, add --side query"
            )

    def fit(self, config: TrainConfig, stated: Collection[str] | None = None) -> TrainConfig:
        """Return a configuration with what follows from the start.

        Args:
            config: What was asked for.
            stated: The names of the settings that were given; None: those that are not at their default.

        Raises:
            RequestError: one that was given is another than the start's.
        """
        described = describe_settings(TrainConfig)
        for name in _OF_FRESH_FACTORS:
            if getattr(config, name) != described[name].default:
                raise RequestError(f"{name} is of fresh factors, and these start from {self.reference}; leave out {name} or --init-from")
        for name, value in self.settings.items():
            asked = getattr(config, name)
            is_given = asked != described[name].default if stated is None else name in stated
            if is_given and asked != value:
                raise RequestError(
                    f"{name} is {_short(asked)}, and {self.reference}, which is started from, has {_short(value)}; leave {name} out"
                )
        return replace(config, init_from=self.reference, **self.settings)


def find_start(config: TrainConfig, where: Search) -> Start | None:
    """Find what a configuration starts from; None where it names nothing.

    Raises:
        UnknownReferenceError: it does not exist.
        BaseError: its base is not here, or is another than the one that was named.
        AdapterError: it has no factors, or none that one rank is of.
    """
    if config.init_from is None:
        return None
    found = resolve_reference(config.init_from, where)
    if found.kind not in _STARTABLE or found.folder is None:
        what = "a base" if found.kind == "base" else f"{'an' if found.kind[0] in 'aeiou' else 'a'} {found.kind}"
        raise AdapterError(
            f"{found.reference} is {what}, and factors start from an adapter's; name an adapter on this base with --init-from"
        )
    from ...lora import factors_sha256, read_lora

    factors = read_lora(found.folder)
    return Start(
        reference=found.reference if found.entry is not None else str(found.folder),
        factors=factors,
        sha256=factors_sha256(factors),
        settings=_settings_of(found, factors, config),
        found=found,
    )


def check_base(start: Start, base: BaseSpec) -> None:
    """Refuse a start on another base.

    Raises:
        AdapterError: it is on another one.
    """
    if start.found.base.sha256 != base.sha256:
        raise AdapterError(
            f"{start.reference} was made for {start.found.base.name}, and {base.name} is trained over; start from an adapter on that base, "
            f"or name {start.found.base.name} with --base"
        )


def _settings_of(found: Resolved, factors: LoraFactors, config: TrainConfig) -> dict[str, Any]:
    """Return rank, alpha, targets and layers of an adapter; alpha as it was asked for where the adapter's is not a whole number."""
    if found.encoding.head is not None:
        raise AdapterError(
            f"{found.reference} has a projection head to {found.encoding.head.width} numbers, which training does not start from; start from an adapter without one"
        )
    odd = next((name for name in factors if name.endswith(".bias")), None)
    if odd is not None:
        raise AdapterError(
            f"{found.reference} changes biases too ({odd}), which factors do not start from; start from an adapter of factors alone"
        )
    ranks = sorted({module.rank for module in factors.values()})
    if len(ranks) > 1:
        raise AdapterError(
            f"{found.reference} has ranks from {ranks[0]} to {ranks[-1]}, and training has one; make an adapter of one rank of it: "
            f"adapt merge {found.reference} --rank {ranks[-1]} --name NAME"
        )
    alphas = {module.scale * module.rank for module in factors.values()}
    alpha = alphas.pop() if len(alphas) == 1 else 0.0
    return {
        "rank": ranks[0],
        "alpha": round(alpha) if alpha > 0 and abs(alpha - round(alpha)) < 1e-9 * alpha else config.alpha,
        "targets": _targets_of(found, factors),
        "layers": found.entry.config.get("layers") if found.entry is not None else None,
    }


def _targets_of(found: Resolved, factors: LoraFactors) -> tuple[str, ...]:
    """Return what names the modules: the ends that training was given, else their whole names."""
    if found.entry is not None and "targets" in found.entry.config:
        return tuple(found.entry.config["targets"])
    return tuple(sorted(factors))


def _short(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def base_of(start: Start) -> Path:
    """Return the folder of the base that a start was made for: what is trained over where nobody names a base."""
    return start.found.base.folder
