"""Training a network's own weights: which ones get gradients, in which step, at which rate, and how they are kept."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import adapt_embed as adapt
import numpy as np
import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, plan_training, train_adapter
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.gradients import accumulate_gradients
from adapt_embed.adapters.job import TrainRequest
from adapt_embed.adapters.optimisers import OPTIMISERS
from adapt_embed.adapters.plan import check_rate
from adapt_embed.adapters.strategies.layerwise import LayerwiseStrategy
from adapt_embed.adapters.strategies.table import KEEPS, STRATEGIES, open_strategy, put_in
from adapt_embed.adapters.strategies.trained import ModelWeights
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.dev_set import draw_dev_set
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdapterError, RequestError
from adapt_embed.events import Step
from adapt_embed.lora import factors_sha256, is_bias, read_lora
from click.testing import CliRunner, Result

WEIGHTS = [name for name, row in STRATEGIES.items() if "keep" in row.settings]
"""The strategies that train a network's own weights."""
TEXTS = ["the court", "a tenant and the judge", "合同"]


def quick(strategy: str, **settings: object) -> TrainConfig:
    plain = {"epochs": 1, "batch_size": 16, "max_tokens": 16, "precision": "fp32", "learning_rate": 5e-3, "temperature": 0.05}
    return config_from({"strategy": strategy, **plain, **settings})


def vectors_of(base: Base, **options: object) -> np.ndarray:
    return LoraEncoder(base, precision="fp32", max_tokens=16, **options).encode(TEXTS, "query").vectors  # type: ignore[arg-type]


def gradients(base: Base, data: TrainingData, config: TrainConfig, step: int = 0, steps: int = 10) -> dict[str, torch.Tensor]:
    """The gradients of a step, by the names of the parameters that have one."""
    strategy = open_strategy(config)
    with put_in(strategy, base):
        strategy.training(True)
        strategy.begin_step(step, steps)
        accumulate_gradients(base, Batches(data.train, data.corpus, config).batch(0), config, seed=1)
        return {name: each.grad.clone() for name, each in base.model.named_parameters() if each.grad is not None}


def own_names(base: Base) -> set[str]:
    return {name for name, _ in base.model.named_parameters() if not name.startswith("pooler.")}


# Which weights


def test_full_gives_every_weight_a_gradient_that_vectors_come_from(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    found = gradients(loaded_tiny_base, toy_data, quick("full"))
    assert found.keys() == own_names(loaded_tiny_base)
    silent = {name for name, grad in found.items() if not grad.any()}
    assert not silent, silent


def test_bitfit_gives_biases_alone_a_gradient_in_half_precision_too(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    biases = {name for name in own_names(loaded_tiny_base) if is_bias(name)}
    for precision in ("fp32", "bf16"):
        assert gradients(loaded_tiny_base, toy_data, quick("bitfit", precision=precision)).keys() == biases


@pytest.mark.parametrize(("layers", "numbers"), [(None, {1}), ("last:1", {1}), ("0", {0}), ("first:2", {0, 1})])
def test_partial_gives_the_named_layers_a_gradient(
    loaded_tiny_base: Base, toy_data: TrainingData, layers: str | None, numbers: set[int]
) -> None:
    found = gradients(loaded_tiny_base, toy_data, quick("partial", layers=layers))
    assert found.keys() == {name for name in own_names(loaded_tiny_base) if any(f"layer.{number}." in name for number in numbers)}


def test_layers_join_from_the_top_down_to_the_embeddings(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    top = {name for name in own_names(loaded_tiny_base) if "layer.1." in name}
    lower = {name for name in own_names(loaded_tiny_base) if "layer." in name}
    joined = [(0, top), (2, top), (3, lower), (5, lower), (6, own_names(loaded_tiny_base)), (9, own_names(loaded_tiny_base))]
    for step, names in joined:
        found = gradients(loaded_tiny_base, toy_data, quick("layerwise", steps_per_layer=3), step)
        assert found.keys() == names, step
    assert gradients(loaded_tiny_base, toy_data, quick("layerwise", steps_per_layer=0)).keys() == own_names(loaded_tiny_base)
    assert gradients(loaded_tiny_base, toy_data, quick("layerwise", layers="last:1"), 9).keys() == top


def test_by_half_of_a_run_all_layers_have_joined(loaded_tiny_base: Base) -> None:
    strategy = LayerwiseStrategy(quick("layerwise"))
    with put_in(strategy, loaded_tiny_base):
        assert [strategy.joined(step, 12) for step in range(8)] == [0, 0, 0, 1, 1, 1, 2, 2]
        assert strategy.joined(0, 1) == 0


def test_rates_fall_by_layer(loaded_tiny_base: Base) -> None:
    def rates(**settings: object) -> list[float]:
        config = quick("layerwise", learning_rate=0.1, **settings)
        strategy = open_strategy(config)
        with put_in(strategy, loaded_tiny_base):
            return sorted({group["lr"] for group in OPTIMISERS["adamw"].make(strategy.trained(), config).param_groups})

    assert rates(layer_decay=0.5) == pytest.approx([0.025, 0.05, 0.1])
    assert rates(layer_decay=1) == [0.1]


def test_matrices_alone_decay(loaded_tiny_base: Base) -> None:
    config = quick("full", weight_decay=0.5)
    strategy = open_strategy(config)
    with put_in(strategy, loaded_tiny_base) as parameters:
        groups = OPTIMISERS["adamw"].make(strategy.trained(), config).param_groups
        decay = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
        assert {(parameter.ndim, decay[id(parameter)]) for parameter in parameters} == {(2, 0.5), (1, 0.0)}


def test_l2_pulls_weights_to_those_of_the_base(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    def moved(l2: float) -> float:
        result = train_adapter(
            loaded_tiny_base, toy_data, quick("full", optimiser="sgd", momentum=0, learning_rate=0.5, l2=l2, keep="model")
        )
        own = dict(loaded_tiny_base.model.named_parameters())
        return sum(float((tensor - own[name]).square().sum()) for name, tensor in result.trained.parameters.items())

    assert 0 < moved(1.0) < 0.8 * moved(0.0)


@pytest.mark.parametrize("name", WEIGHTS)
def test_dropout_changes_gradients_and_is_taken_back(loaded_tiny_base: Base, toy_data: TrainingData, name: str) -> None:
    shares = [module.p for module in loaded_tiny_base.model.modules() if isinstance(module, torch.nn.Dropout)]
    plain, dropped, again = (gradients(loaded_tiny_base, toy_data, quick(name, dropout=share)) for share in (0.0, 0.3, 0.3))
    assert any(not torch.equal(plain[each], dropped[each]) for each in plain)
    assert all(torch.equal(again[each], dropped[each]) for each in again)
    assert [module.p for module in loaded_tiny_base.model.modules() if isinstance(module, torch.nn.Dropout)] == shares


def test_frozen_layers_have_no_dropout(loaded_tiny_base: Base) -> None:
    strategy = open_strategy(quick("partial", layers="last:1", dropout=0.3))
    with put_in(strategy, loaded_tiny_base):
        strategy.training(True)
        on = {name for name, module in loaded_tiny_base.model.named_modules() if isinstance(module, torch.nn.Dropout) and module.training}
        assert on
        assert all("layer.1." in name for name in on)
        strategy.training(False)
        assert not any(module.training for module in loaded_tiny_base.model.modules() if isinstance(module, torch.nn.Dropout))


# How they are kept


@pytest.fixture
def disturbed(loaded_tiny_base: Base) -> Callable[..., object]:
    """Put a strategy in and move what it trains."""

    def disturb(config: TrainConfig):
        strategy = open_strategy(config)
        draw = torch.Generator().manual_seed(5)
        for parameter in strategy.put_in(loaded_tiny_base):
            parameter.data.add_(torch.randn(parameter.shape, generator=draw) / 20)
        strategy.training(False)
        return strategy

    return disturb


@pytest.mark.parametrize("name", WEIGHTS)
def test_as_stored_computes_what_the_folder_gives(
    loaded_tiny_base: Base, disturbed: Callable[..., object], tmp_path: Path, name: str
) -> None:
    settings = {"rank": 3} if "rank" in STRATEGIES[name].settings else {}
    strategy = disturbed(quick(name, **settings))
    trained, live = strategy.read_out(), vectors_of(loaded_tiny_base)
    with strategy.as_stored():
        here = vectors_of(loaded_tiny_base)
    assert np.array_equal(vectors_of(loaded_tiny_base), live)
    assert np.allclose(here, live, atol=1e-6) == (
        name == "bitfit"
    )  # the others lose embeddings, LayerNorm weights, or part of the spectrum
    strategy.take_out()
    strategy.write(trained, tmp_path, loaded_tiny_base)
    assert np.array_equal(vectors_of(loaded_tiny_base, factors=read_lora(tmp_path)), here)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_whole_model_is_kept_bit_for_bit(loaded_tiny_base: Base, disturbed: Callable[..., object], tmp_path: Path, name: str) -> None:
    strategy = disturbed(quick(name, keep="model"))
    trained, live = strategy.read_out(), vectors_of(loaded_tiny_base)
    with strategy.as_stored():
        assert np.array_equal(vectors_of(loaded_tiny_base), live)
    assert strategy.energy(trained) is None
    strategy.take_out()
    strategy.write(trained, tmp_path, loaded_tiny_base)
    assert np.array_equal(vectors_of(load_base(resolve_base(str(tmp_path)))), live)


def test_rank_decides_how_much_of_matrices_is_kept(disturbed: Callable[..., object]) -> None:
    shares = []
    for rank in (1, 8, 32):
        strategy = disturbed(quick("full", rank=rank))
        trained = strategy.read_out()
        energy = strategy.energy(trained)
        assert {module.rank for name, module in trained.items() if not is_bias(name)} == {rank}
        assert (energy.share_of("biases"), energy.share_of("embeddings")) == (pytest.approx(1), 0)
        shares.append(energy.share_of("linear layers"))
        strategy.take_out()
    assert shares[0] < shares[1] < shares[2] == pytest.approx(1)
    assert "linear layers 100.0%" in energy.describe()
    assert "embeddings 0.0%" in energy.describe()


def test_energy_is_the_share_of_the_squared_norm(loaded_tiny_base: Base, disturbed: Callable[..., object]) -> None:
    own = {name: parameter.detach().clone() for name, parameter in loaded_tiny_base.model.named_parameters()}
    strategy = disturbed(quick("full", rank=2))
    moved = {name: parameter.detach() - own[name] for name, parameter in loaded_tiny_base.model.named_parameters()}
    trained = strategy.read_out()
    kept = sum(float(module.delta().double().square().sum()) for module in trained.values())
    assert strategy.energy(trained).share == pytest.approx(
        kept / sum(float(each.double().square().sum()) for each in moved.values()), rel=1e-4
    )
    strategy.take_out()


def test_what_was_read_out_with_other_settings_is_not_read_in(disturbed: Callable[..., object]) -> None:
    strategy = disturbed(quick("full"))
    trained = strategy.read_out()
    strategy.take_out()
    narrower = disturbed(quick("bitfit"))
    with pytest.raises(ValueError, match="it is of other settings"):
        narrower.read_in(trained)
    with pytest.raises(ValueError, match="it is of other settings"):
        narrower.read_in(ModelWeights({}))
    narrower.take_out()


@pytest.mark.parametrize(("name", "settings"), [("full", {"rank": 2}), ("bitfit", {}), ("full", {"side": "query", "rank": 2})])
def test_dev_scores_are_of_what_is_kept(loaded_tiny_base: Base, toy_data: TrainingData, name: str, settings: dict[str, object]) -> None:
    config = quick(name, **settings)
    result = train_adapter(loaded_tiny_base, toy_data, config)
    factors = open_strategy(config).as_read(result.trained)
    dev = draw_dev_set(toy_data.dev, toy_data.searched)
    documents = {} if config.side == "query" else None
    encoder = LoraEncoder(loaded_tiny_base, factors, documents, precision="fp32", max_tokens=16)
    assert dev.score(encoder) == result.after


# Runs


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize(
    "config",
    [
        quick("full", epochs=2, rank=2, averaging="ema", eval_steps=3, dropout=0.1),
        quick("layerwise", epochs=2, keep="model", steps_per_layer=3, eval_steps=3),
    ],
)
def test_a_run_that_goes_on_after_a_kill_ends_as_the_whole_one(
    tiny_base: Path, toy_data: TrainingData, tmp_path: Path, config: TrainConfig
) -> None:
    def run(folder: Path | None, **options: object) -> TrainResult:
        checkpoint = Checkpoint(folder, every_s=0) if folder else None
        return train_adapter(load_base(resolve_base(str(tiny_base))), toy_data, config, checkpoint=checkpoint, **options)  # type: ignore[arg-type]

    def stop(step: Step) -> None:
        if step.step == 4:
            raise Killed

    whole = run(None)
    with pytest.raises(Killed):
        run(tmp_path, on_step=stop)
    resumed = run(tmp_path, resume=True)
    assert (resumed.losses, resumed.evaluations) == (whole.losses, whole.evaluations)
    if config.keep == "factors":
        assert factors_sha256(resumed.factors) == factors_sha256(whole.factors)
    else:
        assert all(torch.equal(tensor, whole.trained.parameters[name]) for name, tensor in resumed.trained.parameters.items())


def test_large_states_are_written_less_often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now, saved = [100.0], []
    monkeypatch.setattr("adapt_embed.adapters.checkpoint.time.monotonic", lambda: now[0])
    monkeypatch.setattr(Checkpoint, "save", lambda self, run: saved.append(now[0]))
    checkpoint = Checkpoint(tmp_path, every_s=20.0)
    checkpoint._last, checkpoint._took_s = 100.0, 3.0
    for now[0] in (119.0, 121.0, 159.0, 161.0):
        checkpoint.save_when_due(None)  # type: ignore[arg-type]
    assert saved == [161.0]


def test_every_strategy_has_its_own_rate_where_none_is_given() -> None:
    assert {name: TrainConfig(strategy=name).peak_rate for name in STRATEGIES} == {
        name: row.learning_rate for name, row in STRATEGIES.items()
    }
    assert TrainConfig().peak_rate == 5e-4
    assert TrainConfig(strategy="full").as_dict()["learning_rate"] == 1e-4
    assert config_from(TrainConfig(strategy="full").as_dict()) == TrainConfig(strategy="full")
    assert TrainConfig(strategy="full", learning_rate=1e-4).peak_rate == 1e-4
    assert dataclasses.replace(TrainConfig(strategy="full"), seed=1).peak_rate == 1e-4


def test_a_rate_that_suits_factors_is_warned_of_for_all_weights() -> None:
    (warning,) = check_rate(TrainConfig(strategy="full", learning_rate=5e-4))
    assert str(warning) == "learning_rate is 0.0005, and 1e-05 to 0.0002 suits strategy=full; leave it out for 0.0001"
    assert not check_rate(TrainConfig(strategy="full"))
    assert not check_rate(TrainConfig(learning_rate=1.0))
    assert not check_rate(TrainConfig(strategy="full", optimiser="sgd", learning_rate=1.0))


def test_the_plan_tells_memory_and_size(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    plans = {keep: plan_training(loaded_tiny_base, toy_data, quick("full", keep=keep)) for keep in KEEPS}
    numbers = plans["model"].parameters
    assert plans["model"].memory_bytes == numbers * (4 + 8 + 4 + 4)  # gradient, AdamW's two moments, best state, the base's own
    assert plans["model"].state_bytes == numbers * (4 + 8 + 4)
    assert plans["factors"].file_bytes < plans["model"].file_bytes
    sgd = plan_training(loaded_tiny_base, toy_data, quick("full", optimiser="sgd"))
    assert sgd.memory_bytes == numbers * (4 + 4 + 4 + 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strategy": "bitfit", "rank": 4}, "the strategy bitfit does not read rank; it reads dropout, keep"),
        ({"strategy": "full", "layers": "last:2"}, "the strategy full does not read layers"),
        ({"strategy": "full", "alpha": 8}, "the strategy full does not read alpha"),
        ({"strategy": "full", "keep": "model", "rank": 4}, "keep=model does not read rank"),
        ({"strategy": "full", "layer_decay": 0.5}, "the strategy full does not read layer_decay"),
        ({"keep": "model"}, "the strategy lora does not read keep"),
        ({"strategy": "full", "keep": "model", "side": "query"}, "leave out keep=model, so that factors are kept, or train both sides"),
        ({"strategy": "full", "optimiser": "loraplus"}, "the optimiser loraplus needs pairs of factors"),
        ({"strategy": "bitfit", "weight_decay": 0.1}, "weight_decay is 0.1, and bitfit trains biases alone, to which it does not apply"),
        (
            {"init": "pissa", "weight_decay": 0.1},
            "weight_decay is 0.1, and init=pissa trains a part of the base, to which it does not apply",
        ),
        ({"strategy": "full", "l1": 0.1}, "l1 makes factors sparse, and the strategy full trains none"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        config_from(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [({"strategy": "bitfit"}, "the strategy bitfit changes none"), ({"strategy": "full", "keep": "model"}, "keep=model keeps none")],
)
def test_gram_matrices_without_factors_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        TrainRequest(domain="legal", config=config_from(values), gram_rank=4)


# The command


@pytest.fixture
def train(tiny_base: Path, toy_folder: Path, home: Path) -> Callable[..., Result]:
    def run(*settings: str, more: tuple[str, ...] = ()) -> Result:
        plain = ("epochs=1", "batch_size=16", "max_tokens=16", "precision=fp32", "learning_rate=5e-3", "temperature=0.05")
        options = [part for setting in (*plain, *settings) for part in ("--set", setting)]
        where = ("--data", str(toy_folder), "--base", str(tiny_base), "--registry", str(home))
        return CliRunner().invoke(main, ["train", "--domain", "legal", *where, *options, *more])

    return run


def test_the_command_tells_what_is_kept(train: Callable[..., Result], home: Path) -> None:
    result = train("strategy=full", "rank=2", more=("--gram-rank", "2"))
    assert result.exit_code == 0, result.output
    assert "kept         " in result.stdout
    assert "linear layers" in result.stdout
    assert "learning_rate is 0.005, and 1e-05 to 0.0002 suits strategy=full" in result.stderr
    entry = json.loads((home / "legal" / "1" / "adapt.json").read_text(encoding="utf-8"))
    assert (entry["kind"], entry["method"], entry["rank"]) == ("adapter", "full", 2)
    assert 0 < entry["config"]["energy"]["all"] < 1
    assert json.loads(train("strategy=full", "rank=2", more=("--json",)).stdout)["energy"] == entry["config"]["energy"]


@pytest.mark.parametrize("strategy", ["bitfit", "full"])
def test_the_plan_knows_the_size_of_the_files(train: Callable[..., Result], strategy: str) -> None:
    planned = json.loads(train(f"strategy={strategy}", more=("--dry-run", "--json")).stdout)["file_bytes"]
    written = json.loads(train(f"strategy={strategy}", more=("--json",)).stdout)["bytes"]
    assert planned < written < planned + 20_000  # the headers


def test_the_command_keeps_a_whole_model(train: Callable[..., Result], home: Path) -> None:
    result = train("strategy=layerwise", "keep=model")
    assert result.exit_code == 0, result.output
    assert f"model        {home / 'legal' / '1'}" in result.stdout
    assert "kept" not in result.stdout
    assert "\nmodel     86,208 numbers" in train("strategy=layerwise", "keep=model", more=("--dry-run",)).stdout
    assert json.loads((home / "legal" / "1" / "adapt.json").read_text(encoding="utf-8"))["kind"] == "model"


def test_seeds_of_a_strategy_are_versions_that_merge(train: Callable[..., Result], home: Path) -> None:
    result = train("strategy=bitfit", more=("--seeds", "2"))
    assert result.exit_code == 0, result.output
    merged = CliRunner().invoke(main, ["merge", "legal@1", "legal@2", "--name", "both", "--registry", str(home)])
    assert merged.exit_code == 0, merged.output


def test_a_model_in_memory_encodes_as_its_folder_does(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> None:
    config, where = quick("full", keep="model"), {"base": str(tiny_base), "registry": tmp_path}
    in_memory = adapt.train("legal", data=toy_data, config=config, register=False, **where)  # type: ignore[arg-type]
    registered = adapt.train("legal", data=toy_data, config=config, **where)  # type: ignore[arg-type]
    base = adapt.load("base", **where)  # type: ignore[arg-type]
    assert np.array_equal(in_memory.encode(TEXTS), registered.encode(TEXTS))
    assert not np.allclose(in_memory.encode(TEXTS), base.encode(TEXTS), atol=1e-3)
    with pytest.raises(AdapterError, match="is a whole model, which has no factors"):
        _ = in_memory.factors
    with pytest.raises(RequestError, match=r"legal is a whole model in memory alone, .*; make it with register=True"):
        adapt.bench_adapters([in_memory, "base"], data=[tmp_path])


# The docs


def test_the_tables_in_the_docs_are_the_codes() -> None:
    text = (Path(__file__).parent.parent / "docs" / "strategies.md").read_text(encoding="utf-8")
    settings = [f"| `{name}` | {', '.join(f'`{each}`' for each in row.settings)} |" for name, row in STRATEGIES.items()]
    assert text[text.index("| strategy | settings |") :].split("\n\n")[0].splitlines()[2:] == settings
    rates = text[text.index("| strategy | what is trained |") :].split("\n\n")[0].splitlines()[2:]
    assert [row.split(" | ")[0] for row in rates] == [f"| `{name}`" for name in STRATEGIES]
    for told, row in zip(rates, STRATEGIES.values(), strict=True):
        suits = "see Forgetting" if row.usual_rates is None else f"{row.usual_rates[0]} to {row.usual_rates[1]}"
        assert told.endswith(f" | {row.learning_rate} | {suits} |")
    assert all(f"`keep={name}`" in text for name in KEEPS)
