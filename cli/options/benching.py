"""The options of `adapt bench`: what is scored, what must hold, and the files that are written."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ...bench.request import BenchRequest, Outputs, SetName
from ..completion import DOMAIN_OR_FILE
from .gather import gathered, to_complete
from .shared import dangling_option
from .types import Choice, OutputFile, OutputFolder, Read


def _metric(text: str) -> str:
    from ...bench.tasks.metric_names import RETRIEVAL_METRICS, read_metric

    return read_metric(text, tuple(RETRIEVAL_METRICS))


def _requirement(text: str) -> str:
    from ...bench.judge.requirement import parse_requirement

    return parse_requirement(text).text


bench_options = gathered(
    "make_request",
    to_complete(BenchRequest),
    click.option(
        "--data",
        "data",
        metavar="PATH",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A BEIR folder, what training takes (a table with anchor and positive, FlagEmbedding lines, sample), or tables of labelled texts "
        "or sentence pairs (docs/data.md has the layouts); may be repeated.",
    ),
    click.option(
        "--domain",
        "domains",
        type=DOMAIN_OR_FILE,
        metavar="D",
        multiple=True,
        help="Score on this domain's sample, or what --set says [without --data and --tasks: the references' own domains]; may be repeated.",
    ),
    click.option("--split", default="test", show_default=True, help="The split to score on."),
    click.option("--decontaminate", is_flag=True, help="Score each task also without the items that any REF saw in training."),
    click.option("--dry-run", is_flag=True, help="Count texts and tokens and measure the speed, and score nothing."),
    click.option(
        "--tasks",
        "tasks",
        metavar="T[,T...]",
        multiple=True,
        help='MTEB tasks by name, a benchmark such as "MTEB(Law, v1)", or a filter such as domain=legal,language=eng,type=Retrieval; '
        "may be repeated.",
    ),
    click.option(
        "--set",
        "sets",
        type=Choice(get_args(SetName)),
        multiple=True,
        help="Which tasks of the domain: its sample, its MTEB tasks (domain), its large ones, or general ones, which show what was lost "
        "[default: sample]; may be repeated.",
    ),
    click.option(
        "--offline", is_flag=True, help="Of MTEB's tasks, score those that are cached, without asking the Hub, and say which are left out."
    ),
    dangling_option,
    click.option(
        "--general-data",
        "general_data",
        metavar="DIR",
        multiple=True,
        type=click.Path(path_type=Path),
        help="As --data, and counted as general: what was lost there is forgetting; may be repeated.",
    ),
    click.option(
        "--metric",
        "metrics",
        type=Read("metric", _metric),
        multiple=True,
        metavar="M",
        help="Show this metric of retrieval, such as nDCG@5, R@10, RR@10, AP@100, P@1 or Success@5 [default: nDCG@10, R@100, RR@10]; "
        "may be repeated.",
    ),
    click.option(
        "--require",
        "requirements",
        type=Read("requirement", _requirement),
        multiple=True,
        metavar="RULE",
        help='Exit with 3 unless it holds for every REF, such as "nDCG@10 >= base + 0.02" (the mean over the domain\'s tasks), '
        '"STSBenchmark >= base - 0.01" or "TASK:R@100 > 0.9"; may be repeated.',
    ),
)
"""Add what a bench is to be; the command gets a function `make_request` that takes the rest of a `BenchRequest`."""

output_options = gathered(
    "outputs",
    Outputs,
    click.option(
        "--per-query",
        metavar="OUT.json",
        type=OutputFile(),
        help="Also write the result with each query's nDCG@10 (each pair's cosine).",
    ),
    click.option(
        "--html",
        metavar="OUT.html",
        type=OutputFile(),
        help="Also write a page: tables with intervals, charts, and the queries that won and lost most, with their texts.",
    ),
    click.option("--mteb-results", metavar="DIR", type=OutputFolder(), help="Also write mteb's own result files, in its layout."),
)
"""Add the files that are written; the command gets them as one argument `outputs`."""
