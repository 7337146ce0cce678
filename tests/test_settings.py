"""The settings of training: their groups, both their names, what a row reads, and the table in the docs."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from adapt_embed.adapters import TrainConfig, checkpoint, config_from, run_id
from adapt_embed.adapters.config import TABLES
from adapt_embed.adapters.losses.table import LOSSES
from adapt_embed.adapters.optimisers import OPTIMISERS
from adapt_embed.adapters.settings.batches import BatchSettings
from adapt_embed.adapters.settings.groups import GROUPS, dotted_names, flatten_settings
from adapt_embed.adapters.settings.loss import LossSettings
from adapt_embed.adapters.settings.setting import Described, describe_settings
from adapt_embed.base import load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import ConfigError, RequestError
from click.testing import CliRunner, Result

DOCS = Path(__file__).parent.parent / "docs" / "training.md"


def test_every_setting_is_of_one_group_and_the_configuration_is_all_groups() -> None:
    of_groups = [name for group in GROUPS.values() for name in describe_settings(group)]
    assert len(of_groups) == len(set(of_groups))
    assert of_groups == [field.name for field in dataclasses.fields(TrainConfig)]
    assert all(isinstance(TrainConfig(), group) for group in GROUPS.values())


def test_a_setting_has_a_name_with_its_group_and_one_without() -> None:
    names = dotted_names()
    assert (names["loss.temperature"], names["loss.name"], names["strategy.name"]) == ("temperature", "loss", "strategy")
    assert set(names.values()) == {field.name for field in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": "0.05", "loss": "symmetric_infonce", "rank": 4},
        {"loss.temperature": "0.05", "loss.name": "symmetric_infonce", "strategy.rank": 4},
        {"loss": {"temperature": 0.05, "name": "symmetric_infonce"}, "strategy": {"rank": 4}},
        {"loss": {"temperature": 0.05}, "loss.name": "symmetric_infonce", "rank": 4},
    ],
)
def test_flat_dotted_and_grouped_names_give_one_configuration(values: dict[str, object]) -> None:
    assert config_from(values) == TrainConfig(temperature=0.05, loss="symmetric_infonce", rank=4)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("temprature", r"unknown setting 'temprature'\. Did you mean temperature"),
        ("loss.temprature", r"unknown setting 'loss\.temprature'\. Did you mean loss\.temperature"),
        ("optimizer.learning_rate", r"unknown setting 'optimizer\.learning_rate'\. Did you mean optimiser\.learning_rate"),
        ("strategy.temperature", r"unknown setting 'strategy\.temperature'\. Did you mean .*loss\.temperature"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_of_its_kind(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        flatten_settings({name: 1})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("values", [{"temperature": 1, "loss.temperature": 2}, {"loss": {"temperature": 1}, "temperature": 2}])
def test_a_setting_by_both_its_names_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"temperature is given twice, as .*temperature and as .*temperature; keep one"):
        flatten_settings(values)


def test_a_group_checks_its_own_values() -> None:
    assert LossSettings(temperature=1).temperature == 1
    with pytest.raises(ConfigError, match="temperature is 0"):
        LossSettings(temperature=0)
    with pytest.raises(TypeError):
        BatchSettings(temperature=1)  # type: ignore[call-arg]


# What a row reads


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the symmetric loss not read a setting that the plain one reads."""
    row = LOSSES["symmetric_infonce"]
    settings = tuple(each for each in row.settings if each != name)
    monkeypatch.setitem(LOSSES, "symmetric_infonce", dataclasses.replace(row, settings=settings))


@pytest.mark.parametrize("value", [0.5, 0.0])
def test_a_setting_that_the_loss_does_not_read_is_refused_with_those_that_it_reads(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    without("frequency_correction", monkeypatch)
    message = "the loss symmetric_infonce does not read frequency_correction; it reads temperature, corpus_negatives"
    with pytest.raises(RequestError, match=message):
        config_from({"loss": "symmetric_infonce", "loss.frequency_correction": value})
    config_from({"loss": "infonce", "frequency_correction": value})


def test_it_is_refused_in_python_too_where_it_is_not_at_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    without("corpus_negatives", monkeypatch)
    with pytest.raises(RequestError, match="does not read corpus_negatives"):
        TrainConfig(loss="symmetric_infonce", corpus_negatives=3)
    with pytest.raises(RequestError, match="does not read corpus_negatives"):
        dataclasses.replace(TrainConfig(corpus_negatives=3), loss="symmetric_infonce")
    assert TrainConfig(loss="symmetric_infonce").corpus_negatives == 0


def test_what_is_not_read_is_not_recorded_and_the_record_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    without("corpus_negatives", monkeypatch)
    config = TrainConfig(loss="symmetric_infonce", temperature=0.1)
    assert "corpus_negatives" not in config.as_dict()
    assert config_from(config.as_dict()) == config


def test_an_optimiser_refuses_what_only_another_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTIMISERS, "plain", dataclasses.replace(OPTIMISERS["adamw"], settings=()))
    with pytest.raises(RequestError, match="the optimiser plain does not read weight_decay; it reads none of its kind"):
        config_from({"optimiser": "plain", "weight_decay": 0.01})
    assert TrainConfig(optimiser="plain").optimiser == "plain"


@pytest.mark.parametrize("choice", TABLES)
def test_every_setting_that_a_row_reads_exists_in_its_group(choice: str) -> None:
    of_group = describe_settings(GROUPS.get(choice, TrainConfig))  # a side reads settings of several groups
    assert all(name in of_group for row in TABLES[choice].values() for name in row.settings)


# Names of runs

NAMED_FROM_THE_START = (
    "alpha batch_size clip_norm corpus_negatives dropout epochs eval_steps frequency_correction learning_rate loss max_tokens "
    "negatives_per_query patience positives_per_query precision rank schedule seed store targets temperature warmup_share weight_decay"
)


def test_a_new_setting_at_its_default_does_not_rename_a_run() -> None:
    later = [name for name, each in describe_settings(TrainConfig).items() if each.setting.is_later]
    first = describe_settings(TrainConfig).keys() - {*later}
    assert sorted(first) == sorted(NAMED_FROM_THE_START.split())
    config = TrainConfig(seed=3)
    assert config.identity().keys() == config.as_dict().keys() - {*later}
    assert {"rank", "corpus_negatives", "targets"} <= config.identity().keys()


def test_a_run_keeps_the_name_that_it_had_before_settings_had_groups(
    tiny_base: Path, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, base = list[str](), load_base(resolve_base(str(tiny_base)))
    dumps = checkpoint.json.dumps
    monkeypatch.setattr(checkpoint.json, "dumps", lambda *given, **more: hashed.append(dumps(*given, **more)) or hashed[-1])
    run_id(TrainConfig(), base, toy_data)
    flat = (
        '[{"alpha": 32, "batch_size": 32, "clip_norm": 1.0, "corpus_negatives": 0, "dropout": 0.0, "epochs": 3, "eval_steps": null, '
        '"frequency_correction": 0.0, "learning_rate": 0.0005, "loss": "infonce", "max_tokens": 256, "negatives_per_query": 7, "patience": 3, '
        '"positives_per_query": 4, "precision": "auto", "rank": 16, "schedule": "cosine", "seed": 0, "store": "fp16", "targets": '
        '["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"], "temperature": 0.02, '
        '"warmup_share": 0.1, "weight_decay": 0.01}, ['
    )
    assert hashed[0].startswith(flat)


# The command and the docs


def train(*settings: str, more: tuple[str, ...] = ()) -> Result:
    options = [part for setting in settings for part in ("--set", setting)]
    return CliRunner().invoke(main, ["train", "--domain", "legal", *options, *more])


def test_the_command_refuses_what_is_not_read_as_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    without("frequency_correction", monkeypatch)
    result = train("loss=symmetric_infonce", "loss.frequency_correction=1")
    assert result.exit_code == 2
    assert "the loss symmetric_infonce does not read frequency_correction; it reads temperature" in result.stderr


def test_what_is_not_read_is_refused_before_torch_is_imported() -> None:
    code = (
        "import sys, dataclasses\nfrom adapt_embed.adapters.losses.table import LOSSES\nfrom adapt_embed.cli import main\n"
        "LOSSES['symmetric_infonce'] = dataclasses.replace(LOSSES['symmetric_infonce'], settings=('temperature',))\n"
        "try: main(['train', '--domain', 'legal', '--set', 'loss=symmetric_infonce', '--set', 'corpus_negatives=4'])\n"
        "finally: print('torch' in sys.modules or 'peft' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (2, "False\n"), result.stderr
    assert "does not read corpus_negatives; it reads temperature" in result.stderr


def test_the_command_line_wins_over_the_file_by_whichever_name(tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("temperature = 0.5\n[strategy]\nrank = 2\n[batches]\nepochs = 1\nmax_tokens = 16\n", encoding="utf-8")
    more = ("--config", str(file), "--data", str(toy_folder), "--base", str(tiny_base), "--dry-run", "--json")
    told = json.loads(train("loss.temperature=0.25", "alpha=7", more=more).stdout)["config"]
    assert (told["temperature"], told["rank"], told["alpha"], told["epochs"], told["max_tokens"]) == (0.25, 2, 7, 1, 16)


def test_a_setting_given_by_both_names_on_the_command_line_is_told() -> None:
    result = train("temperature=0.5", "loss.temperature=0")
    assert "note: --set temperature is given 2 times; the last value counts" in result.stderr
    assert "temperature is 0" in result.stderr


def row_of(group: str, each: Described) -> str:
    """A setting's row as the docs show it."""
    value = each.default
    shown = ", ".join(f"`{part}`" for part in value) or "empty" if isinstance(value, tuple) else f"`{'none' if value is None else value}`"
    return f"| `{each.name}` | {group} | {shown} | {each.setting.help} | {each.setting.when} |"


def test_the_table_in_the_docs_is_that_of_the_settings() -> None:
    rows = [row_of(group, each) for group, settings in GROUPS.items() for each in describe_settings(settings).values()]
    text = DOCS.read_text(encoding="utf-8")
    table = text[text.index("| setting | group |") :].split("\n\n")[0].splitlines()[2:]
    assert table == rows


@pytest.mark.parametrize("heading", ["| optimiser | settings |", "| schedule | settings |", "| averaging | settings |"])
def test_the_tables_of_optimisers_schedules_and_averages_in_the_docs_are_the_codes(heading: str) -> None:
    choice, text = heading.split()[1], DOCS.read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {', '.join(f'`{setting}`' for setting in row.settings) or 'none'} | {row.use} |"
        + (f" {f'<{row.source}>' if row.source else ''} |" if hasattr(row, "source") else "")
        for name, row in TABLES[choice].items()
    ]
    assert text[text.index(heading) :].split("\n\n")[0].splitlines()[2:] == rows


def test_the_docs_name_the_rows_of_every_table() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert all(re.search(f"`{name}`", text) for table in TABLES.values() for name in table)
