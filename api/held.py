"""What an adapter's vectors come from: a version or a folder, or what a job left in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..choices import TrainedSide
from ..errors import AdapterError
from ..references import LoadedBases, Resolved, open_reference, read_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ..base.load import Base
    from ..encoders.protocol import Opened
    from ..ensemble.job import EnsembleReport
    from ..lora import LoraFactors
    from ..merge import MergeJob, MergeReport


class Held(Protocol):
    """What opens an adapter."""

    def open(self, bases: LoadedBases) -> Opened:
        """Load it, with the networks in memory and the settings of `bases`; raises an `AdaptError`."""
        ...

    def factors(self) -> LoraFactors:
        """Return its LoRA factors; raises an `AdapterError` where it has none of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A reference that was found."""

    resolved: Resolved

    def open(self, bases: LoadedBases) -> Opened:
        """Load what the reference names."""
        return open_reference(self.resolved, bases)

    def factors(self) -> LoraFactors:
        """Read its factors; none of a base."""
        if self.resolved.kind == "ensemble":
            raise _no_factors(self.resolved.reference)
        if self.resolved.kind == "model":
            raise AdapterError(
                f"{self.resolved.reference} is a whole model, which has no factors; its difference to its base as factors: "
                f"adapt merge {self.resolved.reference} --rank 64 --name NAME"
            )
        return read_factors(self.resolved) or {}


@dataclass(frozen=True, slots=True)
class Trained:
    """Factors that a training left in memory, their base, and which texts go through them."""

    base: Base
    trained: LoraFactors
    side: TrainedSide = "both"

    def open(self, bases: LoadedBases) -> Opened:
        """Return the encoder of the base with them."""
        from ..encoders.lora import AS_THE_BASE, LoraEncoder, document_factors_of

        settings = bases.settings
        return LoraEncoder(
            bases.load(self.base.spec, self.base.encoding),
            self.trained,
            document_factors_of(self.side),
            precision=settings.precision,
            max_tokens=settings.max_tokens or AS_THE_BASE,
            batch_tokens=settings.batch_tokens,
        )

    def factors(self) -> LoraFactors:
        """Return them as their file would give them back."""
        return self.trained


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A whole model that a training left in memory: the parameters that differ from its base's, and what it is called."""

    base: Base
    parameters: Mapping[str, Tensor]
    name: str

    def open(self, bases: LoadedBases) -> Opened:
        """Return the encoder of a network of its own."""
        from ..base.copied import copy_base
        from ..encoders.lora import AS_THE_BASE, LoraEncoder

        settings = bases.settings
        return LoraEncoder(
            copy_base(bases.load(self.base.spec, self.base.encoding), self.parameters, self.name),
            precision=settings.precision,
            max_tokens=settings.max_tokens or AS_THE_BASE,
            batch_tokens=settings.batch_tokens,
        )

    def factors(self) -> LoraFactors:
        """Refuse."""
        raise AdapterError(f"{self.name} is a whole model, which has no factors; train with keep=factors to have some")


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge in memory."""

    job: MergeJob
    report: MergeReport

    def open(self, bases: LoadedBases) -> Opened:
        """Return the encoder of its parents' base with the merge."""
        return self.job.open(self.report, bases)

    def factors(self) -> LoraFactors:
        """Return the merged factors."""
        return self.report.factors


@dataclass(frozen=True, slots=True)
class PutTogether:
    """An ensemble in memory."""

    report: EnsembleReport
    name: str

    def open(self, bases: LoadedBases) -> Opened:
        """Load its members."""
        return self.report.open(bases)

    def factors(self) -> LoraFactors:
        """Refuse."""
        raise _no_factors(self.name)


def _no_factors(reference: str) -> AdapterError:
    return AdapterError(f"{reference} is an ensemble, which has no factors of its own; load its members, and take theirs")
