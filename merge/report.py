"""What a merge has given: as data, as the command line's JSON, and what is to be said of it before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..choices import Side, StoreDtype
from ..plurals import format_size

if TYPE_CHECKING:
    from ..events import Events
    from ..lora import LoraFactors
    from ..registry import Entry
    from .merge import MergeConfig, MergeResult
    from .search.job import FoundWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReport:
    """What a merge has given.

    Attributes:
        parents: What was merged: references, in their order.
        weights: One each.
        config: How, weights that were searched included.
        result: The merged factors, and what of each module's update they hold.
        store: Number format of the file.
        side: Which texts it changes.
        search: What a search for the weights found; None without one.
        entry: The new version; None where none was registered.
        path: Its folder.
    """

    parents: tuple[str, ...]
    weights: tuple[float, ...]
    config: MergeConfig
    result: MergeResult
    store: StoreDtype
    side: Side = "both"
    search: FoundWeights | None = None
    entry: Entry | None = None
    path: Path | None = None

    @property
    def factors(self) -> LoraFactors:
        """The merged factors, float32."""
        return self.result.factors

    @property
    def size(self) -> int:
        """The bytes of its weights: of the file, or of the one that would be written."""
        from ..lora import WEIGHTS, stored_bytes

        return self.entry.files[WEIGHTS].size if self.entry else stored_bytes(self.factors, self.store)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, without the factors."""
        version = {"reference": self.entry.reference, "path": str(self.path), "bytes": self.size} if self.entry else {}
        facts = {
            "side": self.side,
            "parents": [{"reference": name, "weight": weight} for name, weight in zip(self.parents, self.weights, strict=True)],
            "config": self.config.as_dict(),
            "rank": self.result.rank,
            "energy": self.result.energy,
        }
        return version | facts | ({"search": self.search.as_dict()} if self.search else {})


def note_shortcomings(report: MergeReport, events: Events) -> None:
    """Say where a merge falls short, and how large its file is."""
    from .merge import LOW_ENERGY

    result, hashes = report.result, report.result.parent_sha256
    for row, sha256 in enumerate(hashes):
        if (first := hashes.index(sha256)) < row:
            events.note(f"warning: {report.parents[first]} and {report.parents[row]} hold the same factors, which count double")
    if result.energy < LOW_ENERGY:
        events.note(
            f"warning: rank {result.rank} keeps {result.energy:.1%} of the merged update's energy; --rank full keeps all of it, "
            "a larger --rank or --energy more"
        )
    events.note(f"the file will have {format_size(report.size)}")
