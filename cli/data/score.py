"""`adapt data score`: a teacher's scores for training pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..command import Command
from ..completion import REFERENCE
from ..events import shown
from ..options import common_options
from ..options.data import tool_options
from ..options.data_base import BaseOfData, base_of_data
from ..output import emit
from .text import describe_report

if TYPE_CHECKING:
    from ...datatools.job import ToolRequest


@click.command("score", cls=Command)
@tool_options
@click.option("--by", metavar="REF", type=REFERENCE, help="The reference whose cosines are the scores [default: base].")
@click.option("--cross-encoder", metavar="PATH|ID", help="A reranker, whose logits are the scores, in place of a REF's cosines.")
@base_of_data
@common_options
def command(
    request: ToolRequest, by: str | None, cross_encoder: str | None, base: BaseOfData, json_output: bool, registry_dir: Path | None
) -> None:
    """Give every training pair of DATA a teacher's score, of positives (pos_scores) and of negatives (neg_scores).

    A teacher is a cross-encoder, or any reference. The scores stand in the pair lines, for training that learns them.
    """
    if by is not None and cross_encoder is not None:
        raise click.UsageError("--by and --cross-encoder exclude one another; give one of them")
    from ...datatools.scoring.job import score_source
    from ...datatools.scoring.settings import ScoreSettings

    settings = ScoreSettings(
        by=by or "base", cross_encoder=cross_encoder, where=base.search(registry_dir, request.language), encoder=base.settings()
    )
    with shown() as events:
        report = score_source(request, settings, events)
    emit(report.as_dict(), describe_report(report), json_output)
