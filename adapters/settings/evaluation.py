"""When a run is scored on dev, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ...metric_names import read_metric
from .setting import Setting, Settings, above_zero, zero_or_more


def _is_metric(_name: str, value: str) -> None:
    read_metric(value)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings(Settings):
    """When a run is scored on dev, and when it stops."""

    eval_steps: Annotated[
        int | None,
        Setting(help="steps between two evaluations on dev; none: once an epoch", when="when an epoch is long", check=above_zero),
    ] = None
    patience: Annotated[
        int | None,
        Setting(
            help="evaluations without a gain before the run stops; none: never early",
            when="higher with frequent evaluations or a small dev split",
            check=above_zero,
        ),
    ] = 3
    min_gain: Annotated[
        float,
        Setting(
            help="by how much a score must exceed the last one that was a gain, to be one; for `patience` alone",
            when="0.001 or so to stop when gains get small",
            check=zero_or_more,
            is_later=True,
        ),
    ] = 0.0
    metric: Annotated[
        str | None,
        Setting(
            help="what states are chosen by: `nDCG`, `R`, `P`, `F1`, `RR`, `AP` or `Success` at a cutoff, such as `R@20`; of other dev sets "
            "`Spearman`, `Accuracy`, `F1`, `AP` or `AUC`; none: as the main dev set's kind has it (see Dev scores)",
            when="`R@100` where a reranker follows; `Success@1` where one answer is shown",
            check=_is_metric,
            is_later=True,
        ),
    ] = None
    main_dev: Annotated[
        str | None,
        Setting(
            help="the name of the dev set that states are chosen by, of several `--dev`; none: the first one",
            when="to choose by another one than the first",
            is_later=True,
        ),
    ] = None
    max_general_loss: Annotated[
        float | None,
        Setting(
            help="by how much the correlation on `--general` may fall below the base's; a run that exceeds it stops, and the best state "
            "before is kept; none: it is only watched",
            when="0.005 to 0.02 where texts of other domains are embedded too",
            check=zero_or_more,
            is_later=True,
        ),
    ] = None
