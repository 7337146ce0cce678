"""Regularisation: what each setting adds or takes off, that none at zero changes a bit, and that averages are what is kept."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, train_adapter
from adapt_embed.adapters.averaging import AVERAGES, Average
from adapt_embed.adapters.evaluation import Evaluation, make_dev_set
from adapt_embed.adapters.loop import Run, RunState
from adapt_embed.adapters.register import write_adapter
from adapt_embed.adapters.regularisers import add_squares, shrink
from adapt_embed.adapters.settings.regularisation import RegularisationSettings
from adapt_embed.adapters.strategies.lora_layers import read_factors
from adapt_embed.adapters.strategies.protocol import TrainedParameter
from adapt_embed.adapters.strategies.table import STRATEGIES
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError, RequestError
from adapt_embed.lora import LoraFactors, LoraModule, factors_sha256, read_lora
from adapt_embed.lora.vanished import cut_vanished, measure_sparsity
from torch import nn

QUICK = {"epochs": 1, "batch_size": 16, "rank": 4, "max_tokens": 16, "precision": "fp32", "temperature": 0.05, "learning_rate": 1e-2}


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | {"targets": ("query", "value")} | settings))  # type: ignore[arg-type]


def trained(base: Base, data: TrainingData, with_dev: bool = False, **settings: object) -> LoraFactors:
    return train_adapter(base, data if with_dev else dataclasses.replace(data, dev=None), quick(**settings)).factors


def hash_of(base: Base, data: TrainingData, **settings: object) -> str:
    return factors_sha256(trained(base, data, **settings))


@pytest.fixture
def plain(loaded_tiny_base: Base, toy_data: TrainingData) -> str:
    return hash_of(loaded_tiny_base, toy_data)


# L2


def test_l2_adds_the_gradient_of_half_the_squares() -> None:
    parameter, frozen = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.ones(1))
    parameter.grad = torch.tensor([0.5, 0.5])
    add_squares([TrainedParameter(parameter=each) for each in (parameter, frozen)], 0.1)
    assert parameter.grad.tolist() == pytest.approx([0.6, 0.3])
    assert frozen.grad is None


def test_l2_of_what_has_an_origin_is_of_the_distance_to_it() -> None:
    parameter = nn.Parameter(torch.tensor([1.0, -2.0]))
    parameter.grad = torch.tensor([0.5, 0.5])
    add_squares([TrainedParameter(parameter=parameter, origin=torch.tensor([1.0, 1.0]))], 0.1)
    assert parameter.grad.tolist() == pytest.approx([0.5, 0.2])


def test_l2_with_plain_gradient_descent_is_decay(loaded_tiny_base: Base, toy_data: TrainingData, plain: str) -> None:
    one = {"optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.5, "batch_size": 64, "clip_norm": 1e9}
    with_l2, without = (trained(loaded_tiny_base, toy_data, **one, l2=l2) for l2 in (0.2, 0.0))  # type: ignore[arg-type]
    start = trained(loaded_tiny_base, toy_data, **(one | {"learning_rate": 1e-30}))
    name = next(iter(start))
    assert torch.allclose(with_l2[name].a, without[name].a - 0.5 * 0.2 * start[name].a, atol=1e-6)
    assert plain == hash_of(loaded_tiny_base, toy_data, l2=0.0) != hash_of(loaded_tiny_base, toy_data, l2=0.2)


# L1


def test_an_l1_step_pulls_to_zero_by_the_rate_of_the_group_and_not_past_it() -> None:
    first, second = nn.Parameter(torch.tensor([1.0, -0.05, -0.3])), nn.Parameter(torch.tensor([1.0]))
    shrink(torch.optim.SGD([{"params": [first], "lr": 0.1}, {"params": [second], "lr": 0.2}]), 2.0)
    assert first.tolist() == pytest.approx([0.8, 0.0, -0.1])
    assert second.tolist() == pytest.approx([0.6])


def test_l1_gives_zeros_and_l1_zero_is_as_if_there_were_none(loaded_tiny_base: Base, toy_data: TrainingData, plain: str) -> None:
    assert hash_of(loaded_tiny_base, toy_data, l1=0.0) == plain
    dense, sparse = (measure_sparsity(trained(loaded_tiny_base, toy_data, l1=l1)) for l1 in (0.0, 0.5))
    assert dense.zeros == 0
    assert sparse.zeros > 0.05 * sparse.numbers


def test_a_component_that_is_zero_on_either_side_is_cut_off() -> None:
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0], [5.0, 6.0]])
    b = torch.tensor([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 0.0, 0.0]])
    factors = {"some": LoraModule(a, b, 1.5), "none": LoraModule(a, torch.zeros_like(b), 1.5)}
    cut = cut_vanished(factors)
    assert cut["some"].a.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert torch.equal(cut["some"].delta(), factors["some"].delta())
    assert (cut["none"].rank, cut["none"].delta().abs().max()) == (1, 0.0)
    assert measure_sparsity(factors).describe() == "46.9% of the factors' numbers are zero; 6 of 8 rank components change nothing"


@pytest.mark.parametrize("l1", [0.95, 50.0])
def test_the_file_of_sparse_factors_is_smaller_and_gives_the_score_of_the_run(
    loaded_tiny_base: Base, toy_data: TrainingData, tmp_path: Path, l1: float
) -> None:
    config = quick(l1=l1, epochs=3, patience=None, rank=8, learning_rate=3e-2)
    result = train_adapter(loaded_tiny_base, toy_data, config)
    write_adapter(tmp_path, loaded_tiny_base, toy_data, config, result)
    stored, found = read_lora(tmp_path), measure_sparsity(result.factors)
    ranks = [module.rank for module in stored.values()]
    assert found.vanished > 0
    assert sum(ranks) == max(found.components - found.vanished, len(ranks))
    encoder = LoraEncoder(loaded_tiny_base, stored, precision="fp32", max_tokens=16)
    assert make_dev_set(toy_data).score(encoder) == result.after  # type: ignore[union-attr]


def test_peft_loads_factors_whose_ranks_differ(loaded_tiny_base: Base, toy_data: TrainingData, tmp_path: Path, tiny_base: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    config = quick(l1=0.95, epochs=3, patience=None, rank=8, learning_rate=3e-2)
    result = train_adapter(loaded_tiny_base, dataclasses.replace(toy_data, dev=None), config)
    write_adapter(tmp_path, loaded_tiny_base, toy_data, config, result)
    stored = read_lora(tmp_path)
    assert len({module.rank for module in stored.values()}) > 1
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), tmp_path)
    for name, module in stored.items():
        assert torch.allclose(model.get_submodule(f"base_model.model.{name}").get_delta_weight("default"), module.delta(), atol=1e-6)


def test_what_vanished_is_told(train: Callable, home: Path) -> None:
    some = train("--set", "l1=0.95", "--set", "rank=8", "--set", "learning_rate=3e-2")
    assert "of the factors' numbers are zero; " in some.stderr
    assert "rank components change nothing, and are cut off" in some.stderr
    assert "warning: nothing of the factors is left" not in some.stderr
    nothing = train("--set", "l1=50", "--set", "epochs=1")
    assert "warning: nothing of the factors is left, and the vectors are the base's; lower l1 (now 50)" in nothing.stderr
    assert "l1:" not in train("--set", "epochs=1").stderr


# Averages


def averages(states: list[float], steps: int, **settings: object) -> list[float | None]:
    """The average after each step, of one number."""
    average, parameter = Average(RegularisationSettings(**settings)), nn.Parameter(torch.zeros(1))  # type: ignore[arg-type]
    found: list[float | None] = []
    for step, state in enumerate(states, 1):
        parameter.data.fill_(state)
        if average.is_due(step, steps):
            average.add([parameter])
        found.append(average.weights[0].item() if average.weights else None)
    return found


def test_an_exponential_average_by_hand() -> None:
    assert averages([1.0, 3.0, 3.0], 3, averaging="ema", average_decay=0.75) == pytest.approx([1.0, 1.5, 1.875])


def test_a_mean_of_the_states_after_the_start_by_hand() -> None:
    assert averages([9.0, 9.0, 1.0, 2.0, 6.0], 5, averaging="swa", average_start=0.4) == [None, None, 1.0, 1.5, 3.0]


def test_without_an_average_nothing_is_kept() -> None:
    assert averages([1.0, 2.0], 2) == [None, None]


@pytest.mark.parametrize("with_dev", [True, False])
def test_an_average_without_decay_is_as_if_there_were_none(loaded_tiny_base: Base, toy_data: TrainingData, with_dev: bool) -> None:
    hashes = [
        hash_of(loaded_tiny_base, toy_data, with_dev=with_dev, **settings)
        for settings in ({}, {"averaging": "ema", "average_decay": 0.0}, {"averaging": "ema", "average_decay": 0.9}, {"averaging": "swa"})
    ]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def watch(monkeypatch: pytest.MonkeyPatch) -> tuple[list[list[torch.Tensor]], list[str]]:
    """The parameters after each step, and the factors that each evaluation scores."""
    states: list[list[torch.Tensor]] = []
    scored: list[str] = []
    take, score = Run._take, Run._evaluate

    def taking(self: Run, loss: float) -> None:
        take(self, loss)
        states.append([parameter.detach().clone() for parameter in self.parameters])

    def evaluating(self: Run, dev: object) -> None:
        original = self.objective.score
        self.objective.__class__.score = lambda it, *given: scored.append(factors_sha256(read_factors(self.base))) or 1.0 + len(scored)  # type: ignore[method-assign,func-returns-value]
        try:
            score(self, dev)  # type: ignore[arg-type]
        finally:
            self.objective.__class__.score = original.__func__  # type: ignore[method-assign,attr-defined]

    monkeypatch.setattr(Run, "_take", taking)
    monkeypatch.setattr(Run, "_evaluate", evaluating)
    return states, scored


def test_the_average_is_what_is_scored_and_kept_and_training_goes_on_without_it(
    loaded_tiny_base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, scored = watch(monkeypatch)
    plain = train_adapter(loaded_tiny_base, toy_data, quick(epochs=2))
    without = [*states]
    states.clear()
    averaged = train_adapter(loaded_tiny_base, toy_data, quick(epochs=2, averaging="swa", average_start=0.75))
    assert plain.losses == averaged.losses
    assert all(torch.equal(one, other) for left, right in zip(states, without, strict=True) for one, other in zip(left, right, strict=True))
    assert scored[:2] == scored[3:5]  # before the average begins
    assert scored[2] != scored[5] == factors_sha256(averaged.factors)
    mean = [(one + other) / 2 for one, other in zip(*states[-2:], strict=True)]
    found = [tensor for module in averaged.factors.values() for tensor in (module.a, module.b)]
    assert all(torch.allclose(one, other, atol=1e-7) for one, other in zip(found, mean, strict=True))


def test_a_run_does_not_stop_before_its_average_has_begun(
    loaded_tiny_base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapt_embed.data.dev_set.DevSet.score", lambda *_: 0.5)
    steps = [
        train_adapter(loaded_tiny_base, toy_data, quick(epochs=4, patience=1, eval_steps=2, **settings)).steps
        for settings in ({}, {"averaging": "swa", "average_start": 0.5})
    ]
    assert steps == [4, 12]


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize(
    "settings", [{"averaging": "ema"}, {"averaging": "swa", "average_start": 0.1}, {"l1": 0.3, "l2": 0.1, "optimiser": "loraplus"}]
)
def test_a_killed_run_ends_as_the_uninterrupted_one(
    loaded_tiny_base: Base, toy_data: TrainingData, tmp_path: Path, settings: dict[str, object]
) -> None:
    config = quick(epochs=2, eval_steps=3, **settings)

    def run(folder: Path | None, **options: object) -> TrainResult:
        checkpoint = Checkpoint(folder, every_s=0.0) if folder else None
        return train_adapter(loaded_tiny_base, toy_data, config, checkpoint=checkpoint, **options)  # type: ignore[arg-type]

    def kill(step: object) -> None:
        if step.step == 4:  # type: ignore[attr-defined]
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, on_step=kill)
    resumed, whole = run(tmp_path, resume=True), run(None)
    assert (resumed.losses, resumed.evaluations) == (whole.losses, whole.evaluations)
    assert factors_sha256(resumed.factors) == factors_sha256(whole.factors)


# Early stopping


@pytest.mark.parametrize(
    ("scores", "least", "expected"),
    [([0.5, 0.6, 0.6, 0.6], 0.0, 2), ([0.5, 0.51, 0.52], 0.05, 2), ([0.5, 0.54, 0.58], 0.05, 0), ([0.5, 0.6], 0.0, 0), ([], 0.0, 0)],
)
def test_a_gain_exceeds_the_last_gain_by_more_than_the_least(scores: list[float], least: float, expected: int) -> None:
    state = RunState(evaluations=[Evaluation(step=step, score=score) for step, score in enumerate([0.9, *scores])])
    assert state.evaluations_without_gain(least) == expected


def test_the_least_gain_takes_part(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    steps = [train_adapter(loaded_tiny_base, toy_data, quick(epochs=3, patience=1, min_gain=least)).steps for least in (0.0, 1.0)]
    assert steps == [12, 8]


# What is refused


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"l1": 0.1, "averaging": "ema"}, "an average of sparse factors is not sparse, so that l1 and averaging=ema exclude one another"),
        ({"average_decay": 0.5}, "the averaging none does not read average_decay; it reads none of its kind"),
        ({"averaging": "ema", "average_start": 0.5}, "the averaging ema does not read average_start; it reads average_decay"),
        ({"averaging": "ema", "average_decay": 1}, "average_decay is 1.0; it must be at least 0 and below 1"),
        ({"averaging": "mean"}, "unknown averaging 'mean'"),
        ({"min_gain": 0.1, "patience": "none"}, "min_gain is of early stopping, and patience is none, so that no run stops early"),
        ({"l1": -1}, "l1 is -1.0; it must be 0 or more"),
        ({"l2": "nan"}, "l2 is nan; it must be 0 or more"),
        ({"min_gain": -1}, "min_gain is -1.0; it must be 0 or more"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from(values)


def test_l1_is_refused_where_there_are_no_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "whole", dataclasses.replace(STRATEGIES["lora"], has_pairs=False))
    with pytest.raises(
        RequestError, match="l1 makes factors sparse, and the strategy whole trains none; leave it out, or take strategy=lora"
    ):
        TrainConfig(strategy="whole", l1=0.1)


def test_every_average_but_none_has_a_source() -> None:
    assert [name for name, row in AVERAGES.items() if not row.source.startswith("https://")] == ["none"]
