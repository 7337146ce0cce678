"""The settings of a run as a file, and the run again from the file."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from adapt_embed.adapters import TrainConfig, config_from
from adapt_embed.adapters.settings.file import read_settings, write_settings
from adapt_embed.cli import main
from click.testing import CliRunner, Result


def printed(*more: str) -> Result:
    return CliRunner().invoke(main, ["train", "--domain", "legal", *more, "--print-config"])


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(
            patience=None, eval_steps=7, learning_rate=1.1e-7, targets=("查询", 'a "b"\\c'), optimiser="loraplus", b_rate_ratio=1 / 3
        ),
        TrainConfig(side="query", candidates=100, seed=2**32 - 1, schedule="polynomial", power=1e22, averaging="swa"),
    ],
)
def test_settings_come_back_from_their_file_to_the_last_bit(config: TrainConfig, tmp_path: Path) -> None:
    file = tmp_path / "设置.toml"
    file.write_text(write_settings(config.as_dict()), encoding="utf-8")
    assert config_from(read_settings(file)) == config


def test_the_command_prints_every_setting_that_is_read_and_does_nothing(home: Path) -> None:
    result = printed("--set", "optimiser=sgd", "--seed", "4", "--registry", str(home))
    assert result.exit_code == 0, result.output
    told = tomllib.loads(result.stdout)
    assert (told["optimiser"]["name"], told["optimiser"]["momentum"], told["run"]["seed"]) == ("sgd", 0.9, 4)
    assert "weight_decay" not in told["optimiser"]
    assert told["evaluation"]["eval_steps"] == "none"
    assert not home.exists()


def test_as_json_it_is_one_object_of_the_settings() -> None:
    result = printed("--set", "rank=3", "--json")
    assert json.loads(result.stdout) == json.loads(json.dumps(TrainConfig(rank=3).as_dict()))


def test_it_is_not_the_plan() -> None:
    result = printed("--dry-run")
    assert result.exit_code == 2
    assert "--print-config and --dry-run exclude one another" in result.stderr


def test_what_contradicts_itself_is_not_printed() -> None:
    result = printed("--set", "l1=1", "--set", "averaging=ema")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "exclude one another" in result.stderr


def test_the_run_of_a_printed_file_has_the_same_bytes(
    train: Callable, tiny_base: Path, toy_folder: Path, home: Path, tmp_path: Path
) -> None:
    settings = ("dropout=0.1", "optimiser=loraplus", "schedule=cosine_restarts", "averaging=ema", "l2=0.01", "eval_steps=3", "seed=7")
    given = [part for setting in settings for part in ("--set", setting)]
    file = tmp_path / "run.toml"
    file.write_text(train(*given, "--print-config").stdout, encoding="utf-8")
    assert train(*given).exit_code == 0
    what = ["--domain", "legal", "--data", toy_folder, "--base", tiny_base, "--registry", home, "--config", file]
    again = CliRunner().invoke(main, ["train", *map(str, what)])
    assert again.exit_code == 0, again.output
    first, second = ((home / "legal" / version / "adapter_model.safetensors").read_bytes() for version in "12")
    assert first == second


def test_the_file_has_a_table_for_each_group_in_the_order_of_the_groups() -> None:
    assert list(tomllib.loads(write_settings(TrainConfig().as_dict()))) == [
        "batches", "loss", "strategy", "optimiser", "schedule", "regularisation", "evaluation", "run",
    ]  # fmt: skip
