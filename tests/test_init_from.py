"""Training that starts from another adapter's factors: what is taken from it, what is refused, and what is recorded."""

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import TrainConfig, train_adapter
from adapt_embed.adapters.pretraining import PretrainConfig, PretrainRequest, prepare_pretraining
from adapt_embed.adapters.strategies.starting import start_from
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import ConfigError
from adapt_embed.lora import LoraFactors, LoraModule, factors_sha256, read_lora
from adapt_embed.references import Search
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

Train = Callable[..., Result]
TEXTS = [f"the {one} and the {other}" for one in ("court", "judge", "tenant", "rent") for other in ("law", "river", "army", "school")]


@pytest.fixture
def home(tmp_path: Path, tiny_base: Path) -> Path:
    """A registry with legal-pretrained@1, of rank 2 and two targets."""
    home = tmp_path / "registry"
    config = PretrainConfig(
        epochs=4,
        batch_size=4,
        max_tokens=16,
        rank=2,
        alpha=6,
        targets=("query", "value"),
        learning_rate=1e-2,
        token_head_rate=1,
        eval_steps=1000,
        precision="fp32",
    )
    where = Search(registry=open_registry(home), base=str(tiny_base))
    prepare_pretraining(PretrainRequest(domain="legal", texts=TEXTS, config=config, where=where)).run()
    return home


@pytest.fixture
def start(home: Path) -> LoraFactors:
    return read_lora(home / "legal-pretrained" / "1")


@pytest.fixture
def begin(home: Path, tiny_base: Path, toy_folder: Path) -> Train:
    """`adapt train` on the toy data, without a rank of its own."""

    def run(*more: object, reference: object = "legal-pretrained") -> Result:
        given = ["train", "--domain", "legal", "--data", toy_folder, "--registry", home, "--dtype", "fp32"]
        given += ["--init-from", reference] if reference is not None else ["--base", tiny_base]
        settings = [part for each in ("epochs=1", "batch_size=16", "max_tokens=16", "learning_rate=1e-3") for part in ("--set", each)]
        return CliRunner().invoke(main, [str(each) for each in (*given, *settings, *more)])

    return run


def test_the_first_loss_is_another_and_a_rate_of_nothing_keeps_the_start(
    loaded_tiny_base: Base, toy_data: TrainingData, start: LoraFactors
) -> None:
    config = TrainConfig(
        epochs=1, batch_size=16, max_tokens=16, rank=2, alpha=6, targets=("query", "value"), precision="fp32", store="fp32"
    )
    fresh, begun = (train_adapter(loaded_tiny_base, toy_data, config, start=each) for each in (None, start))
    assert fresh.losses[0] != begun.losses[0]
    assert fresh.before != begun.before or fresh.losses != begun.losses
    still = TrainConfig(
        **{**config.as_dict(), "targets": ("query", "value"), "learning_rate": 1e-30, "dims": (), "dim_weights": (), "source_weights": ()}
    )  # type: ignore[arg-type]
    kept = train_adapter(loaded_tiny_base, toy_data, still, start=start).factors
    assert all(torch.allclose(kept[name].a, start[name].a) and torch.allclose(kept[name].b, start[name].b) for name in start)


def test_another_scale_gives_the_same_update(loaded_tiny_base: Base, start: LoraFactors) -> None:
    strategy = open_strategy(TrainConfig(rank=2, alpha=1, targets=("query", "value")))
    with put_in(strategy, loaded_tiny_base):
        start_from(strategy, start)
        own = strategy.read_out()
    assert all(torch.allclose(own[name].delta(), start[name].delta(), atol=1e-6) for name in start)  # type: ignore[index]
    assert {each.scale for each in own.values()} == {0.5}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "message"),
    [({"targets": ("query",)}, "changes 4 modules, and the settings name 2"), ({"rank": 3}, "has rank 2 .* and the settings rank 3")],
)
def test_factors_that_do_not_fit_are_refused(loaded_tiny_base: Base, start: LoraFactors, more: dict, message: str) -> None:
    strategy = open_strategy(TrainConfig(**({"rank": 2, "targets": ("query", "value")} | more)))
    with put_in(strategy, loaded_tiny_base), pytest.raises(ConfigError, match=message):
        start_from(strategy, start)


def test_rank_alpha_and_targets_are_those_of_the_start_and_it_is_a_parent(begin: Train, home: Path, start: LoraFactors) -> None:
    result = begin()
    assert result.exit_code == 0, result.output
    assert "the factors start from legal-pretrained@1: rank 2, alpha 6 and 4 modules are its own" in result.stderr
    (entry,) = (each for each in open_registry(home).entries() if each.parents)
    assert (entry.rank, entry.config["alpha"], entry.targets) == (2, 6, ("query", "value"))
    assert entry.config["init_from"] == "legal-pretrained@1"
    assert [(parent.reference, parent.sha256) for parent in entry.parents] == [("legal-pretrained@1", factors_sha256(start))]
    shown = CliRunner().invoke(main, ["show", entry.reference, "--registry", str(home)])
    assert "└── legal-pretrained@1" in shown.stdout


@pytest.mark.parametrize("setting", ["rank=16", "rank=4", "alpha=5", "targets=query"])
def test_what_was_given_and_contradicts_the_start_is_refused_in_a_line(begin: Train, setting: str) -> None:
    result = begin("--set", setting)
    assert result.exit_code in (1, 2)
    name, _, value = setting.partition("=")
    assert f"{name} is {value}, and legal-pretrained@1, which is started from, has" in result.stderr
    assert f"leave {name} out" in result.stderr


def test_another_pooling_and_another_side_than_those_of_the_start_are_told(begin: Train) -> None:
    assert begin("--side", "query", "--pooling", "mean", "--name", "queries").exit_code == 0
    told = begin(reference="queries").stderr
    assert (
        "warning: queries@1 was trained with the pooling 'mean', and here it is 'cls'; to go on as it was, give --pooling as then" in told
    )
    assert "warning: queries@1 changes queries alone, and here documents go through its factors as well" in told
    told = begin("--side", "query", "--pooling", "mean", reference="queries").stderr
    assert "was trained with" not in told
    assert "changes queries alone" not in told


def test_states_of_frozen_layers_may_be_demanded_where_the_start_names_the_layers(begin: Train) -> None:
    assert begin("--set", "layers=last:1", reference="legal-pretrained").exit_code in (1, 2)  # it has all layers
    refused = begin("--set", "cache_frozen=true")
    assert refused.exit_code == 1
    assert "the first layer or the embeddings are trained" in refused.stderr
    given = [part for each in ("layers=last:1", "rank=2") for part in ("--set", each)]
    assert begin(*given, "--name", "upper", reference=None).exit_code == 0
    begun = begin("--set", "cache_frozen=true", "--set", "epochs=2", reference="upper")
    assert begun.exit_code == 0, begun.output
    assert "training begins at layer 1 of 2" in begun.stderr


def test_what_was_given_and_is_the_same_is_taken(begin: Train) -> None:
    assert begin("--set", "rank=2", "--dry-run").exit_code == 0


def test_the_printed_settings_are_resolved_and_repeat_the_run(
    begin: Train, home: Path, tiny_base: Path, toy_folder: Path, tmp_path: Path
) -> None:
    printed = begin("--print-config")
    told = tomllib.loads(printed.stdout)["strategy"]
    assert (told["init_from"], told["rank"], told["alpha"], told["targets"]) == ("legal-pretrained@1", 2, 6, ["query", "value"])
    file = tmp_path / "run.toml"
    file.write_text(printed.stdout, encoding="utf-8")
    assert begin("--name", "one").exit_code == 0
    given = ["train", "--domain", "legal", "--name", "two", "--data", toy_folder, "--registry", home, "--base", tiny_base, "--config", file]
    again = CliRunner().invoke(main, [str(each) for each in given])
    assert again.exit_code == 0, again.output
    first, second = ((home / name / "1" / "adapter_model.safetensors").read_bytes() for name in ("one", "two"))
    assert first == second


def test_what_has_no_factors_of_one_rank_is_refused(begin: Train, home: Path, tiny_base: Path, second_base: Path) -> None:
    def error(*more: object, reference: object) -> str:
        result = begin(*more, reference=reference)
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        return result.stderr

    assert "base is a base, and factors start from an adapter's" in error("--base", tiny_base, reference="base")
    assert "there is legal-pretrained@1 on tiny-base" in error("--base", second_base, reference="legal-pretrained")
    assert "was made for tiny-base" in error("--base", second_base, reference="legal-pretrained@1")
    assert "unknown" in error(reference="legl-pretrained")
    made = CliRunner().invoke(main, ["ensemble", "legal-pretrained@1", "base", "--name", "both", "--registry", str(home)])
    assert made.exit_code == 0, made.output
    assert "is an ensemble, and factors start from an adapter's" in error(reference="both")


def test_a_folder_is_started_from_and_other_content_is_another_run(begin: Train, home: Path, tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "起点"
    shutil.copytree(home / "legal-pretrained" / "1", folder)
    (folder / "adapt.json").unlink(missing_ok=True)
    result = begin("--base", tiny_base, "--side", "query", "--name", "queries", "--json", reference=folder)
    assert result.exit_code == 0, result.output
    entry = open_registry(home).find_reference(json.loads(result.stdout)["reference"])
    assert (entry.side, entry.rank) == ("query", 2)


def test_ranks_that_differ_are_refused_with_the_way_out(
    begin: Train, tmp_path: Path, tiny_base: Path, start: LoraFactors, home: Path
) -> None:
    from adapt_embed.lora import CONFIG, WEIGHTS, lora_config, write_lora

    name = sorted(start)[0]
    uneven = start | {name: LoraModule(start[name].a[:1], start[name].b[:, :1], start[name].scale)}
    folder = tmp_path / "uneven"
    folder.mkdir()
    write_lora(uneven, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(lora_config(uneven, str(tiny_base), None)), encoding="utf-8")
    result = begin("--base", tiny_base, reference=folder)
    assert result.exit_code == 1
    assert "has ranks from 1 to 2, and training has one" in result.stderr
    assert "--rank 2 --name NAME" in result.stderr


@pytest.mark.parametrize("setting", ["init=pissa", "dora=true"])
def test_what_makes_fresh_factors_is_refused(begin: Train, setting: str) -> None:
    result = begin("--set", setting)
    assert result.exit_code == 2
    assert f"{setting.partition('=')[0]} is of fresh factors, and these start from legal-pretrained@1" in result.stderr


def test_a_version_with_a_head_of_its_own_is_refused(begin: Train) -> None:
    assert begin("--set", "head=8", "--name", "short").exit_code == 0
    result = begin(reference="short")
    assert result.exit_code == 1
    assert "short@1 has a projection head to 8 numbers" in result.stderr
