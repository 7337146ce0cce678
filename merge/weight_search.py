"""How the weights of a merge are to be chosen on dev data, and what the words alone show to be wrong with that. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..choices import PICTURES, Precision
from ..errors import RequestError

_SPELLED = {"sources": "--search", "precision": "--dtype"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSearch:
    """How the weights are chosen; None leaves a value to its default.

    Attributes:
        sources: The dev data: BEIR folders, tables, lines, or domains, whose samples are meant. None: no search, and nothing else is said.
        general: A folder of sentence pairs whose Spearman correlation must not fall; None: closeness to the base.
        tolerance: How far the general score may fall; None: 0.003.
        evaluations: How many merges are tried at most; None: 24.
        curve_steps: Points on each line of the curve, 0 for none; None: 11, or 5 of three adapters and more.
        plot: Where the curve will be drawn, .svg or .png.
        device: As torch names it.
        precision: Of matrix products; None: that in which all adapters were scored in training.
        max_tokens: The longest text; None: the longest on which an adapter was scored in training.
        batch_tokens: Padded tokens in one batch.
        skip_dangling: Whether judgements that name what is not there are skipped.
    """

    sources: tuple[str, ...] | None = None
    general: Path | None = None
    tolerance: float | None = None
    evaluations: int | None = None
    curve_steps: int | None = None
    plot: Path | None = None
    device: str | None = None
    precision: Precision | None = None
    max_tokens: int | None = None
    batch_tokens: int | None = None
    skip_dangling: bool = False

    def check_sources(self) -> None:
        """Refuse whatever goes with a search where none is asked for, and a search on nothing.

        Raises:
            RequestError: it is one of the two.
        """
        if self.sources is None and (idle := next(given_options(self, [each.name for each in fields(self)]), None)):
            raise RequestError(f"{idle} goes with --search: a merge of given weights encodes nothing")
        if self.sources is not None and not self.sources:
            raise RequestError("--search names no dev data; name BEIR folders, tables or domains, such as --search legal,medical")

    def check_curve(self) -> None:
        """Refuse a curve that cannot be drawn.

        Raises:
            RequestError: it has one point, or a picture is asked for where there is no curve, or of another kind.
        """
        plot = self.plot
        if self.curve_steps == 1:
            raise RequestError("--curve-steps is 1; expected 0 for no curve, or at least 2")
        if plot and self.curve_steps == 0:
            raise RequestError("--plot draws the curve, and --curve-steps 0 leaves it out")
        if plot and plot.suffix.lower() not in PICTURES:
            raise RequestError(f"--plot {plot} ends in {plot.suffix or 'nothing'}; a picture is written as {' or '.join(PICTURES)}")


def given_options(request: object, names: Sequence[str]) -> Iterator[str]:
    """Yield those of a request's values that are given, as the command line spells their options."""
    for name in names:
        value = getattr(request, name)
        if value is not None and value is not False:
            yield option_name(name)


def option_name(name: str) -> str:
    """Return a value's option: `--curve-steps` of `curve_steps`."""
    return _SPELLED.get(name, f"--{name.replace('_', '-')}")
