"""The options of `adapt pretrain`: the texts and the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..completion import DOMAIN_OR_FILE, NAME, SOURCE
from .gather import gathered
from .shared import machine_options
from .training import read_assigned
from .types import Choice, WholeNumber

if TYPE_CHECKING:
    from ...adapters.pretraining import PretrainRequest
    from ...data.corpus_files import Field


def _request(
    *,
    config_file: Path | None,
    settings: Sequence[str],
    objective: str | None,
    seed: int | None,
    dtype: str | None,
    data: Sequence[str],
    text_column: str | None,
    title_column: str | None,
    **values: Any,
) -> Callable[..., PretrainRequest]:
    from ...adapters.pretraining.config import pretrain_config_from
    from ...adapters.pretraining.request import PretrainRequest
    from ...adapters.settings.file import read_settings
    from ...adapters.settings.groups import PRETRAINING_GROUPS
    from ...data.source_words import name_sources

    read = {} if config_file is None else read_settings(config_file, PRETRAINING_GROUPS)
    said = {"seed": seed, "precision": dtype, "objective": objective}
    assigned = read_assigned(settings, PRETRAINING_GROUPS)
    config = pretrain_config_from(read | assigned | {name: value for name, value in said.items() if value is not None})
    columns: dict[Field, str | None] = {"text": text_column, "title": title_column}
    return partial(PretrainRequest, config=config, data=name_sources(data), columns=columns, **values)


pretrain_options = gathered(
    "make_request",
    _request,
    click.option(
        "--domain",
        required=True,
        type=DOMAIN_OR_FILE,
        metavar="NAME",
        help="medical, legal, ecommerce, or any name of your own.",
    ),
    click.option(
        "--corpus",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Texts: .jsonl, .csv, .tsv, .parquet, .xlsx, .txt (a text a line), .gz or .zst of these, or a BEIR folder; may be given again.",
    ),
    click.option("--text-column", metavar="NAME", help="The column of texts [default: by its name, such as text or passage]."),
    click.option("--title-column", metavar="NAME", help="The column of titles, which go before the texts [default: by its name]."),
    click.option("--encoding", metavar="NAME", help="The encoding of text files, such as gb18030 [default: as their bytes show]."),
    click.option(
        "--data",
        type=SOURCE,
        multiple=True,
        metavar="SRC",
        help="What adapt train --data takes; its passages alone are read.",
    ),
    click.option(
        "--data-license",
        "licence",
        metavar="ID",
        help="The licence of the texts, such as cc-by-4.0, to be kept in the version's record [default: what a README.md beside them states].",
    ),
    click.option(
        "--glossary", type=click.Path(path_type=Path), metavar="FILE", help="A table of terms, which are masked whole and more often."
    ),
    click.option("--objective", type=Choice(["mlm", "tsdae"]), help="mlm: masked words; tsdae: texts from their vectors [default: mlm]."),
    click.option("--name", type=NAME, metavar="N", help="Name in the registry [default: the domain's with -pretrained]."),
    click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings from a toml file."),
    click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One setting (see docs/pretraining.md); wins over --config."
    ),
    click.option("--seed", type=WholeNumber(min=0), metavar="N", help="Of everything drawn [default: 0]."),
    click.option("--resume", is_flag=True, help="Go on with the same run where it was interrupted."),
    machine_options,
)
"""Add what pretraining is of; the command gets a function `make_request` that takes the rest of a `PretrainRequest`."""
