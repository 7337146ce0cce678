"""The options of `adapt train`: the data, the settings, and what is made beside the adapter."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..completion import DOMAIN_OR_FILE, NAME, REFERENCE, SETTING, SOURCE
from ..output import say
from .gather import gathered
from .reading import read_options, reading_options
from .shared import dangling_option, machine_options
from .types import Choice, OutputFolder, WholeNumber

if TYPE_CHECKING:
    from ...adapters.job import TrainRequest
    from ...adapters.settings.groups import Groups


def _request(
    *,
    config_file: Path | None,
    settings: Sequence[str],
    side: str | None,
    init_from: str | None,
    seed: int | None,
    dtype: str | None,
    candidates: int | None,
    gram: Literal["full"] | None,
    gram_rank: int | None,
    data: Sequence[str],
    columns: Sequence[str],
    encoding: str | None,
    sheet: str | None,
    skip_bad: bool,
    **values: Any,
) -> Callable[..., TrainRequest]:
    from ...adapters.config import config_from
    from ...adapters.job.request import TrainRequest
    from ...data.source_words import name_sources

    said = {"seed": seed, "precision": dtype, "side": side, "candidates": candidates, "init_from": init_from}
    given = read_given(config_file, settings, said)
    config = config_from(given)
    if gram is not None and gram_rank is not None:
        raise click.UsageError("--gram full and --gram-rank exclude one another; give one of them")
    how = read_options(columns=columns, encoding=encoding, sheet=sheet, skip_bad=skip_bad)
    return partial(
        TrainRequest, config=config, stated=frozenset(given), gram_rank=gram or gram_rank, data=name_sources(data), read=how, **values
    )


def read_given(config_file: Path | None, settings: Sequence[str], said: Mapping[str, object]) -> dict[str, object]:
    """Return settings by their names without groups: of a file, of `--set` over it, and of options of their own over both.

    Raises:
        ConfigError: the file is none, or a name is unknown or given twice.
    """
    from ...adapters.settings.file import read_settings

    read = {} if config_file is None else read_settings(config_file)
    return read | read_assigned(settings) | {name: value for name, value in said.items() if value is not None}


def read_assigned(settings: Sequence[str], groups: Groups | None = None) -> dict[str, object]:
    """Return what `--set` gives, by the settings' names without groups; None: of the groups of training on pairs."""
    from ...adapters.processes.environment import PARENT
    from ...adapters.settings.groups import GROUPS, flatten_settings

    groups = groups or GROUPS
    if PARENT not in os.environ:  # which has told it
        _tell_repeated(settings, groups)
    values: dict[str, object] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"--set {setting!r}: expected KEY=VALUE, such as --set epochs=2")
        values |= flatten_settings({key.strip(): value.strip()}, groups)
    return values


def _tell_repeated(settings: Sequence[str], groups: Groups) -> None:
    """Say which settings `--set` gives again: the last value of a key counts, as it does over a file's."""
    from ...adapters.settings.groups import dotted_names

    plain = dotted_names(groups)
    keys = [plain.get(key, key) for key in (setting.partition("=")[0].strip() for setting in settings)]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        say(f"note: --set {key} is given {keys.count(key)} times; the last value counts")


run_options = (
    click.option(
        "--domain",
        required=True,
        type=DOMAIN_OR_FILE,
        metavar="NAME",
        help="medical, legal, ecommerce, or the path of a domain file of your own (.toml).",
    ),
    click.option(
        "--data",
        type=SOURCE,
        multiple=True,
        metavar="SRC",
        help="sample, hub, a BEIR folder, FlagEmbedding lines, a table, hf:OWNER/NAME@REVISION or mteb:TASK; several are joined, each with "
        "a weight where SRC=WEIGHT says so [default: the domain's Hub sets, else its sample].",
    ),
    *reading_options,
    click.option(
        "--data-license",
        "data_licence",
        metavar="ID",
        help="The licence of the data, such as cc-by-4.0, to be kept in the version's record [default: what a README.md beside them states].",
    ),
    dangling_option,
    click.option(
        "--dev",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="PATH",
        help="What states are chosen by, in place of the data's own dev split: a folder or table of queries, sentence pairs or labelled texts; "
        "may be given again.",
    ),
    click.option(
        "--general", type=click.Path(path_type=Path), metavar="DIR", help="Sentence pairs with scores, on which general ability is watched."
    ),
    click.option("--train-queries", type=WholeNumber(min=1), metavar="N", help="Draw this many training queries (seeded) [default: all]."),
    click.option(
        "--side",
        type=Choice(["both", "query"]),
        help="Which texts go through the adapter; with query the documents keep the base's vectors [default: both].",
    ),
    click.option(
        "--init-from",
        type=REFERENCE,
        metavar="REF",
        help="The adapter whose factors training starts from, such as one of adapt pretrain; rank, alpha and modules are its own.",
    ),
    click.option(
        "--candidates",
        type=WholeNumber(min=0),
        metavar="N",
        help="Compare each query with its N nearest passages and a sample of the rest; 0: with all [default: by the corpus's size].",
    ),
    click.option(
        "--index",
        type=click.Path(path_type=Path),
        metavar="DIR or FILE",
        help="The base's vectors of the corpus that exist: an index of adapt, .npy with ids, .parquet or .safetensors.",
    ),
    click.option("--name", type=NAME, metavar="N", help="Name in the registry [default: the domain's]."),
    click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings from a toml file."),
    click.option(
        "--set",
        "settings",
        type=SETTING,
        multiple=True,
        metavar="KEY=VALUE",
        help="One setting (see docs/training.md); wins over --config.",
    ),
    click.option(
        "--tensorboard",
        type=OutputFolder(),
        metavar="DIR",
        help="Also write each step's loss, rate and scores for TensorBoard, a folder in DIR for each run.",
    ),
    click.option("--seed", type=WholeNumber(min=0), metavar="N", help="Of everything drawn [default: 0]."),
)
"""What a run is of: data, dev sets, side, name and settings; for one run, and for many that differ in other settings."""

train_options = gathered(
    "make_request",
    _request,
    *run_options,
    click.option(
        "--seeds",
        type=WholeNumber(min=1),
        default=1,
        metavar="N",
        help="Train N versions, with the seed, the next one and so on, and tell the mean and spread of their dev scores.",
    ),
    click.option(
        "--gram-rank",
        type=WholeNumber(min=1),
        metavar="N",
        help="Keep the Gram matrices of what the adapted modules read, as diagonal plus rank N, such as 64: for merging with regmean.",
    ),
    click.option("--gram", type=Choice(["full"]), help="Keep them exactly; the file is much larger."),
    click.option("--resume", is_flag=True, help="Go on with the same run where it was interrupted."),
    machine_options,
)
"""Add what is to be trained; the command gets a function `make_request` that takes the rest of a `TrainRequest`."""
