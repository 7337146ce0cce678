"""Optimisers and schedules: what each row computes, what it reads, what it refuses, and that its runs go on to the bit."""

import dataclasses
import importlib
import math
import types
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, optimisers, train_adapter
from adapt_embed.adapters.job import TrainRequest
from adapt_embed.adapters.optimisers import OPTIMISERS
from adapt_embed.adapters.schedules import SCHEDULES, learning_rate_factor
from adapt_embed.adapters.settings.optimiser import OptimiserSettings
from adapt_embed.adapters.settings.schedule import ScheduleSettings
from adapt_embed.adapters.strategies.protocol import TrainedParameter
from adapt_embed.adapters.strategies.table import STRATEGIES, open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import ConfigError, MissingExtraError, RequestError
from adapt_embed.lora import factors_sha256
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import get_cosine_with_hard_restarts_schedule_with_warmup, get_polynomial_decay_schedule_with_warmup

QUICK = {"epochs": 1, "batch_size": 16, "rank": 2, "max_tokens": 16, "precision": "fp32", "temperature": 0.05, "targets": ("query",)}
RATES = {"sgd": 1.0, "adafactor": 0.1}


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | {"learning_rate": RATES.get(str(settings.get("optimiser")), 1e-2)} | settings))  # type: ignore[arg-type]


def hash_of(base: Base, data: TrainingData, **settings: object) -> str:
    return factors_sha256(train_adapter(base, dataclasses.replace(data, dev=None), quick(**settings)).factors)


@pytest.fixture(params=OPTIMISERS)
def optimiser(request: pytest.FixtureRequest) -> str:
    """The name of an optimiser whose package is here."""
    package = OPTIMISERS[request.param].package
    if package is not None:
        pytest.importorskip(package[0])
    return request.param


def made(name: str, *parameters: nn.Parameter, settings: OptimiserSettings | None = None) -> Optimizer:
    return OPTIMISERS[name].make([TrainedParameter(parameter=each) for each in parameters], settings or OptimiserSettings())


def test_an_optimiser_changes_its_parameters_and_reads_the_settings_that_its_row_names(optimiser: str) -> None:
    class Watched:
        def __init__(self) -> None:
            self.values, self.read = OptimiserSettings(), set[str]()

        def __getattr__(self, setting: str) -> object:
            self.read.add(setting)
            return getattr(self.values, setting)

    watched, parameter = Watched(), nn.Parameter(torch.ones(3))
    changing = made(optimiser, parameter, settings=watched)  # type: ignore[arg-type]
    parameter.grad = torch.ones(3)
    changing.step()
    assert (parameter < 1).all()
    assert watched.read == {"peak_rate", *OPTIMISERS[optimiser].settings}
    assert OPTIMISERS[optimiser].source.startswith("https://")


@pytest.mark.parametrize("name", [name for name, row in OPTIMISERS.items() if "weight_decay" in row.settings and row.package is None])
def test_weight_decay_is_decoupled(name: str) -> None:
    parameter = nn.Parameter(torch.full((4, 4), 2.0))
    changing = made(name, parameter, settings=OptimiserSettings(optimiser=name, learning_rate=0.1, weight_decay=0.5))
    parameter.grad = torch.zeros(4, 4)
    changing.step()
    assert torch.allclose(parameter, torch.full((4, 4), 2.0 * (1 - 0.1 * 0.5)))


def descend(name: str, gradients: list[float], **settings: object) -> list[float]:
    """Where steps at a rate of 0.1 lead from 1."""
    parameter = nn.Parameter(torch.ones(1))
    changing = made(name, parameter, settings=OptimiserSettings(optimiser=name, learning_rate=0.1, **settings))  # type: ignore[arg-type]
    places = []
    for gradient in gradients:
        parameter.grad = torch.full((1,), gradient)
        changing.step()
        places.append(parameter.item())
    return places


def test_momentum_by_hand() -> None:
    assert descend("sgd", [1.0, 1.0], momentum=0.5) == pytest.approx([0.9, 0.9 - 0.1 * 1.5])
    assert descend("sgd", [1.0, 1.0], momentum=0.0) == pytest.approx([0.9, 0.8])


def test_adam_by_hand() -> None:
    first, second = (1 - 0.9) * 2.0 * 0.9 + (1 - 0.9) * 1.0, (1 - 0.999) * 4.0 * 0.999 + (1 - 0.999) * 1.0
    step = first / (1 - 0.9**2) / (math.sqrt(second / (1 - 0.999**2)) + 1e-8)
    assert descend("adam", [2.0, 1.0]) == pytest.approx([0.9, 0.9 - 0.1 * step], abs=1e-6)


def test_the_second_factors_have_the_rate_times_the_ratio() -> None:
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    trained = [TrainedParameter(parameter=a), TrainedParameter(parameter=b, is_second_factor=True)]
    changing = OPTIMISERS["loraplus"].make(trained, OptimiserSettings(learning_rate=0.01, b_rate_ratio=8.0, weight_decay=0.0))
    a.grad, b.grad = torch.ones(2), torch.ones(2)
    changing.step()
    assert (1 - a).tolist() == pytest.approx([0.01, 0.01], rel=1e-4)
    assert (1 - b).tolist() == pytest.approx([0.08, 0.08], rel=1e-4)


def test_a_rate_share_counts_in_every_optimiser(optimiser: str) -> None:
    one, half = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    trained = [TrainedParameter(parameter=one), TrainedParameter(parameter=half, rate_share=0.5)]
    rates = [group["lr"] for group in OPTIMISERS[optimiser].make(trained, OptimiserSettings(learning_rate=0.01)).param_groups]
    assert rates == [0.01, 0.005]


# In runs


def test_loraplus_at_a_ratio_of_one_is_adamw(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    plus = {ratio: hash_of(loaded_tiny_base, toy_data, optimiser="loraplus", b_rate_ratio=ratio) for ratio in (1.0, 4.0)}
    assert plus[1.0] == hash_of(loaded_tiny_base, toy_data) != plus[4.0]


def test_every_step_scales_the_rate_of_each_group(loaded_tiny_base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[float]] = []
    step = torch.optim.AdamW.step

    def watched(self: torch.optim.AdamW, *given: object) -> object:
        seen.append([group["lr"] for group in self.param_groups])
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    config = quick(optimiser="loraplus", b_rate_ratio=4.0, schedule="linear", warmup_share=0.5)
    train_adapter(loaded_tiny_base, dataclasses.replace(toy_data, dev=None), config)
    assert seen == [[pytest.approx(0.01 * share), pytest.approx(0.04 * share)] for share in (0.5, 1.0, 1.0, 0.5)]


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"optimiser": "adamw"}, {"weight_decay": 0.5}),
        ({"optimiser": "sgd"}, {"momentum": 0.0}),
        ({"optimiser": "adafactor"}, {"weight_decay": 0.5}),
        ({"optimiser": "adamw"}, {"optimiser": "adam"}),
        ({"schedule": "cosine_restarts"}, {"restarts": 2}),
        ({"schedule": "polynomial"}, {"power": 3.0}),
        ({"schedule": "cosine"}, {"schedule": "constant"}),
    ],
)
def test_a_setting_takes_part(loaded_tiny_base: Base, toy_data: TrainingData, settings: dict, changed: dict) -> None:
    assert hash_of(loaded_tiny_base, toy_data, **settings) != hash_of(loaded_tiny_base, toy_data, **settings | changed)


class Killed(BaseException):
    """Stands for a kill."""


def test_a_killed_run_ends_as_the_uninterrupted_one(loaded_tiny_base: Base, toy_data: TrainingData, tmp_path: Path, optimiser: str) -> None:
    config, data = quick(optimiser=optimiser, rank=128 if optimiser == "adamw8bit" else 2), dataclasses.replace(toy_data, dev=None)

    def run(folder: Path | None, **options: object) -> TrainResult:
        checkpoint = Checkpoint(folder, every_s=0.0) if folder else None
        return train_adapter(loaded_tiny_base, data, config, checkpoint=checkpoint, **options)  # type: ignore[arg-type]

    def kill(step: object) -> None:
        if step.step == 2:  # type: ignore[attr-defined]
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, on_step=kill)
    resumed, whole = run(tmp_path, resume=True), run(None)
    assert resumed.losses == whole.losses
    assert factors_sha256(resumed.factors) == factors_sha256(whole.factors)


def test_the_strategy_says_which_factors_are_the_second_ones(loaded_tiny_base: Base) -> None:
    strategy = open_strategy(quick())
    with put_in(strategy, loaded_tiny_base):
        seconds: list[Tensor] = [each.parameter for each in strategy.trained() if each.is_second_factor]
        assert len(seconds) == len(strategy.trained()) / 2 > 0
        assert all(not parameter.any() for parameter in seconds)


# What is refused


def test_an_optimiser_of_pairs_is_refused_where_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRATEGIES, "whole", dataclasses.replace(STRATEGIES["lora"], has_pairs=False))
    message = "the optimiser loraplus needs pairs of factors, and the strategy whole trains none; strategies that do: lora; or"
    with pytest.raises(RequestError, match=message):
        TrainConfig(strategy="whole", optimiser="loraplus")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimiser": "adam", "weight_decay": 0.1}, "the optimiser adam does not read weight_decay; it reads none of its kind"),
        ({"momentum": 0.5}, "the optimiser adamw does not read momentum; it reads weight_decay"),
        ({"b_rate_ratio": 2}, "the optimiser adamw does not read b_rate_ratio"),
        ({"power": 3}, "the schedule cosine does not read power"),
        ({"schedule": "linear", "restarts": 3}, "the schedule linear does not read restarts"),
        ({"optimiser": "sgd", "momentum": 1}, "momentum is 1.0; it must be at least 0 and below 1"),
        ({"optimiser": "loraplus", "b_rate_ratio": 0}, "b_rate_ratio is 0.0; it must be above 0"),
        ({"schedule": "cosine_restarts", "restarts": 0}, "restarts is 0; it must be above 0"),
        ({"schedule": "polynomial", "power": "nan"}, "power is nan; it must be above 0"),
        ({"optimiser": "adamW"}, "unknown optimiser 'adamW'. Did you mean adamw"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from(values)


def test_an_optimiser_whose_package_is_absent_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimisers, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'optimiser=adamw8bit needs an optional package: pip install "adapt-embed\[8bit\]"'):
        TrainRequest(domain="legal", config=TrainConfig(optimiser="adamw8bit"))
    TrainRequest(domain="legal", config=TrainConfig(optimiser="adafactor"))


def test_the_8_bit_optimiser_is_made_by_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    class AdamW8bit(torch.optim.AdamW):
        def __init__(self, groups: list[dict], **options: float) -> None:
            given.update(options)
            super().__init__(groups, **options)

    module = types.ModuleType("bitsandbytes.optim")
    module.AdamW8bit = AdamW8bit  # type: ignore[attr-defined]
    monkeypatch.setitem(importlib.sys.modules, "bitsandbytes", types.ModuleType("bitsandbytes"))  # type: ignore[attr-defined]
    monkeypatch.setitem(importlib.sys.modules, "bitsandbytes.optim", module)  # type: ignore[attr-defined]
    changing = made("adamw8bit", nn.Parameter(torch.ones(3)), settings=OptimiserSettings(learning_rate=0.1, weight_decay=0.3))
    assert isinstance(changing, AdamW8bit)
    assert given == {"lr": 0.1, "weight_decay": 0.3}


# Schedules


def factors(name: str, steps: int = 10, warmup_share: float = 0.2, **settings: object) -> list[float]:
    given = ScheduleSettings(schedule=name, warmup_share=warmup_share, **settings)  # type: ignore[arg-type]
    return [learning_rate_factor(step, steps, given) for step in range(steps)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_rises_linearly_to_the_peak(name: str) -> None:
    assert factors(name)[:3] == [0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("constant", {}, [1] * 8),
        ("linear", {}, [1 - done / 8 for done in range(8)]),
        ("cosine", {}, [(1 + math.cos(math.pi * done / 8)) / 2 for done in range(8)]),
        ("cosine_restarts", {"restarts": 1}, [1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4] * 2),
        ("cosine_restarts", {"restarts": 3}, [1, 0.5] * 4),
        ("polynomial", {"power": 2.0}, [(1 - done / 8) ** 2 for done in range(8)]),
        ("polynomial", {"power": 0.5}, [math.sqrt(1 - done / 8) for done in range(8)]),
    ],
)
def test_the_rates_after_the_warm_up_by_hand(name: str, settings: dict[str, object], expected: list[float]) -> None:
    assert factors(name, **settings)[2:] == pytest.approx(expected)


def test_a_polynomial_of_power_one_is_linear() -> None:
    assert factors("polynomial", power=1.0) == factors("linear")


@pytest.mark.parametrize("steps", [10, 37])
def test_restarts_and_polynomials_are_those_of_transformers(steps: int) -> None:
    def of_transformers(make: object, **options: object) -> list[float]:
        plain = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
        warmup = round(0.2 * steps)
        schedule = make(plain, num_warmup_steps=warmup, num_training_steps=steps, **options)  # type: ignore[operator]
        return [schedule.lr_lambdas[0](step) for step in range(warmup, steps)]

    cycles = of_transformers(get_cosine_with_hard_restarts_schedule_with_warmup, num_cycles=3)
    assert factors("cosine_restarts", steps, restarts=2)[round(0.2 * steps) :] == pytest.approx(cycles)
    power = of_transformers(get_polynomial_decay_schedule_with_warmup, lr_end=0.0, power=3.0)
    assert factors("polynomial", steps, power=3.0)[round(0.2 * steps) :] == pytest.approx(power)


def test_without_a_warm_up_a_schedule_begins_at_the_peak() -> None:
    assert {name: factors(name, 100, warmup_share=0.0)[0] for name in SCHEDULES} == dict.fromkeys(SCHEDULES, 1.0)
