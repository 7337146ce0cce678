"""Training: what it changes, what it keeps, when it stops, and what it refuses."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, TrainResult, config_from, gradients, plan_training, train_adapter
from adapt_embed.adapters.after.gram_plan import estimate_gram_seconds, plan_grams
from adapt_embed.adapters.after.grams import GramRequest, measure_grams
from adapt_embed.adapters.evaluation import make_dev_set
from adapt_embed.adapters.plan import describe_dev
from adapt_embed.adapters.register import write_adapter
from adapt_embed.adapters.schedules import learning_rate_factor
from adapt_embed.adapters.strategies.lora_layers import read_factors
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.data import dev_set
from adapt_embed.data.dev_set import DevSet
from adapt_embed.data.domains import load_domain
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sources import load_training_data
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError, TrainingError
from adapt_embed.events import Step
from adapt_embed.lora import factors_sha256, read_lora

QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 5e-3, "temperature": 0.05, "rank": 4, "max_tokens": 16, "precision": "fp32"}


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | settings))  # type: ignore[arg-type]


@pytest.fixture
def base(loaded_tiny_base: Base) -> Base:
    return loaded_tiny_base


def train_fresh(tiny_base: Path, data: TrainingData, **settings: object) -> TrainResult:
    return train_adapter(load_base(resolve_base(str(tiny_base))), data, quick(**settings))


def test_training_gains_on_dev(base: Base, toy_data: TrainingData) -> None:
    result = train_adapter(base, toy_data, quick(epochs=8, learning_rate=1e-2, patience=None))
    assert result.after > result.before + 0.3
    assert sum(result.losses[-4:]) < sum(result.losses[:4]) / 2
    assert not result.stopped_early


def test_no_bit_of_the_base_changes(base: Base, toy_data: TrainingData) -> None:
    before = {name: parameter.clone() for name, parameter in (*base.model.named_parameters(), *base.model.named_buffers())}
    factors = train_adapter(base, toy_data, quick()).factors
    after = {
        name.replace(".base_layer", ""): value
        for name, value in (*base.model.named_parameters(), *base.model.named_buffers())
        if ".lora_" not in name
    }
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(module.b.abs().max() > 0 for module in factors.values())


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_same_seed_gives_the_same_factors_and_another_seed_others(tiny_base: Path, toy_data: TrainingData, dropout: float) -> None:
    first = train_fresh(tiny_base, toy_data, dropout=dropout)
    torch.manual_seed(99)
    torch.rand(7)
    second, other = train_fresh(tiny_base, toy_data, dropout=dropout), train_fresh(tiny_base, toy_data, dropout=dropout, seed=1)
    assert first.losses == second.losses
    assert first.evaluations == second.evaluations
    assert factors_sha256(first.factors) == factors_sha256(second.factors) != factors_sha256(other.factors)
    assert first.losses != other.losses


def test_training_leaves_the_global_random_state_alone(base: Base, toy_data: TrainingData) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train_adapter(base, toy_data, quick(epochs=1, dropout=0.1))
    assert torch.equal(torch.rand(4), expected)


def test_dropout_takes_part(tiny_base: Path, toy_data: TrainingData) -> None:
    # The first loss is the base's own, since B is zero; dropout shows from the second step on.
    without, dropped = train_fresh(tiny_base, toy_data, epochs=1), train_fresh(tiny_base, toy_data, epochs=1, dropout=0.5)
    assert without.losses[0] == pytest.approx(dropped.losses[0], abs=1e-6)
    assert without.losses[1] != dropped.losses[1]


def test_factors_have_the_rank_the_scale_and_the_targets_asked_for(base: Base, toy_data: TrainingData) -> None:
    factors = train_adapter(base, toy_data, quick(epochs=1, rank=3, alpha=12, targets=("query", "output.dense"))).factors
    expected = {
        f"encoder.layer.{layer}.{end}" for layer in range(2) for end in ("attention.self.query", "attention.output.dense", "output.dense")
    }
    assert factors.keys() == expected
    assert {(module.rank, module.scale) for module in factors.values()} == {(3, 4.0)}


def test_a_target_that_does_not_exist_is_answered_with_those_that_do(base: Base, toy_data: TrainingData) -> None:
    with pytest.raises(
        ConfigError, match=r"target 'quarry' names no linear module of .*its linear modules end in dense, key, query, value"
    ):
        train_adapter(base, toy_data, quick(targets=("query", "quarry")))


@pytest.mark.parametrize("settings", [{"learning_rate": 1e30}, {"temperature": 1e-30}])
@pytest.mark.parametrize("with_dev", [True, False])
def test_not_a_number_stops_and_says_what_to_lower(base: Base, toy_data: TrainingData, settings: dict[str, float], with_dev: bool) -> None:
    data = toy_data if with_dev else dataclasses.replace(toy_data, dev=None)
    with pytest.raises(TrainingError, match=r"(not a number|too large).*lower learning_rate"):
        train_adapter(base, data, quick(**settings))


def test_running_out_of_memory_stops_and_says_what_to_lower(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(gradients, "embed_above", no_memory)
    with pytest.raises(TrainingError, match=r"the memory of cpu ran out at step 1; lower max_tokens \(now 16\)"):
        train_adapter(base, toy_data, quick())


def test_factors_too_large_for_their_format_are_refused(tiny_base: Path, toy_data: TrainingData) -> None:
    one_step = {"epochs": 1, "batch_size": 64, "learning_rate": 1e6}
    with pytest.raises(TrainingError, match="too large to be stored in fp16; lower learning_rate"):
        train_fresh(tiny_base, toy_data, **one_step)
    assert train_fresh(tiny_base, toy_data, **one_step, store="bf16").steps == 1


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_learning_rate_rises_then_falls_to_almost_nothing(schedule: str) -> None:
    config = quick(schedule=schedule, warmup_share=0.1)
    factors = [learning_rate_factor(step, 100, config) for step in range(100)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert max(factors) == factors[9] == factors[10] == 1
    assert all(left > right for left, right in itertools.pairwise(factors[10:]))
    assert 0 < factors[-1] < 0.02
    assert factors[55] == pytest.approx(0.5)


def test_a_run_of_one_step_learns() -> None:
    assert learning_rate_factor(0, 1, quick()) == 1
    assert learning_rate_factor(0, 5, quick(warmup_share=0.0)) == 1


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[float], list[str]]]:
    """Dev scores that are given beforehand, and the factors that they were given to."""
    scores: list[float] = []
    seen: list[str] = []

    def score(self: DevSet, encoder: LoraEncoder) -> float:
        seen.append(factors_sha256(read_factors(encoder.base)))
        return scores[len(seen) - 1]

    monkeypatch.setattr(DevSet, "score", score)
    return scores, seen


def test_the_best_state_is_kept_and_not_the_last(base: Base, toy_data: TrainingData, scripted: tuple[list[float], list[str]]) -> None:
    scores, seen = scripted
    scores += [0.2, 0.5, 0.9, 0.9, 0.3]
    result = train_adapter(base, toy_data, quick(epochs=4, patience=None))
    assert [each.step for each in result.evaluations] == [0, 4, 8, 12, 16]
    assert (result.before, result.after, result.best.step) == (0.2, 0.9, 8)
    assert factors_sha256(result.factors) == seen[2]
    assert len(set(seen)) == 5


def test_the_run_stops_when_dev_has_not_gained_for_patience_evaluations(
    base: Base, toy_data: TrainingData, scripted: tuple[list[float], list[str]]
) -> None:
    scripted[0].extend([0.9, 0.4, 0.5, 0.5, 0.4, 0.9])
    result = train_adapter(base, toy_data, quick(epochs=10, patience=2))
    assert result.stopped_early
    assert (result.steps, result.after) == (16, 0.5)  # the base's own 0.9 is no state of the run


def test_a_gain_at_the_last_of_patience_evaluations_goes_on(
    base: Base, toy_data: TrainingData, scripted: tuple[list[float], list[str]]
) -> None:
    scripted[0].extend([0.1, 0.4, 0.3, 0.5, 0.4])
    result = train_adapter(base, toy_data, quick(epochs=4, patience=2))
    assert not result.stopped_early
    assert result.best.step == 12


def test_without_dev_the_last_state_is_kept_and_told(base: Base, toy_data: TrainingData) -> None:
    data = dataclasses.replace(toy_data, dev=None)
    seen: list[str] = []
    result = train_adapter(base, data, quick(), on_step=lambda _: seen.append(factors_sha256(read_factors(base))))
    assert (result.best, result.before, result.after, result.evaluations) == (None, None, None, [])
    assert (result.steps, result.stopped_early) == (8, False)
    assert factors_sha256(result.factors) == seen[-1]
    assert "the last state is kept" in describe_dev(make_dev_set(data), data)


def test_dev_is_scored_every_eval_steps_and_at_the_end(base: Base, toy_data: TrainingData) -> None:
    result = train_adapter(base, toy_data, quick(eval_steps=3, patience=None))
    assert [each.step for each in result.evaluations] == [0, 3, 6, 8]


def test_the_first_evaluation_is_the_bases_own_score(tiny_base: Path, toy_data: TrainingData) -> None:
    alone = LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32", max_tokens=16)
    assert train_fresh(tiny_base, toy_data, epochs=1).before == make_dev_set(toy_data).score(alone)


def test_the_last_evaluation_is_the_score_of_the_factors(tiny_base: Path, toy_data: TrainingData) -> None:
    result = train_fresh(tiny_base, toy_data, epochs=3)
    encoder = LoraEncoder(load_base(resolve_base(str(tiny_base))), result.factors, precision="fp32", max_tokens=16)
    assert result.after == pytest.approx(make_dev_set(toy_data).score(encoder), abs=0.01)


def test_the_dev_set_is_bounded_always_the_same_and_said(toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_set, "MAX_DISTRACTORS", 5)
    few = dataclasses.replace(toy_data, dev=toy_data.dev.select(sorted(toy_data.dev.queries)[:3]))
    positives = {pid for passages in few.dev.positives.values() for pid in passages}
    drawn = make_dev_set(few)
    assert positives < drawn.passages.keys()
    assert len(drawn.passages) == len(positives) + 5
    assert make_dev_set(few) == drawn
    assert drawn.describe(32) == f"dev: 3 queries over {len(positives) + 5} of 32 passages (the dev positives and at most 5 others)"


def vectors_of(base: Base) -> np.ndarray:
    return LoraEncoder(base, precision="fp32").encode(["the court", "a tenant and the judge"], "query").vectors


def state_of(base: Base) -> dict[str, object]:
    """All that a run could leave behind in a network."""
    return {
        "modules": dict(base.model.named_modules()),
        "attributes": sorted(vars(base.model)),
        "training": {name: module.training for name, module in base.model.named_modules()},
        "requires_grad": {name: parameter.requires_grad for name, parameter in base.model.named_parameters()},
        "attention": base.model.config._attn_implementation,
        "weights": {name: value.clone().numpy().tobytes() for name, value in base.model.state_dict().items()},
    }


def stop(error: type[BaseException]) -> Callable[[Step], None]:
    def on_step(progress: Step) -> None:
        if progress.step == 3:
            raise error

    return on_step


@pytest.mark.parametrize("end", ["done", "plan", "Ctrl-C at a step", "Ctrl-C at an evaluation", "error", "target", "not a number", "grams"])
def test_a_base_is_as_it_was_after_a_run_however_it_ends(
    base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    before, vectors = state_of(base), vectors_of(base)
    expected: tuple[type[BaseException], ...] = (KeyboardInterrupt, RuntimeError, ConfigError, TrainingError)
    with contextlib.suppress(*expected):
        if end == "plan":
            plan_training(base, toy_data, quick(), timed=True)
            plan_grams(base, toy_data, quick(), 4)
            estimate_gram_seconds(base, toy_data, quick())
        elif end == "Ctrl-C at a step":
            train_adapter(base, toy_data, quick(), on_step=stop(KeyboardInterrupt))
        elif end == "Ctrl-C at an evaluation":
            monkeypatch.setattr(DevSet, "score", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            train_adapter(base, toy_data, quick())
        elif end == "error":
            train_adapter(base, toy_data, quick(), on_step=stop(RuntimeError))
        else:
            settings = {"target": {"targets": ("quarry",)}, "not a number": {"learning_rate": 1e30}}.get(end, {})
            result = train_adapter(base, toy_data, quick(**settings))
            if end == "grams":
                measure_grams(base, result.factors, toy_data, quick(), GramRequest(rank=4))
    assert state_of(base) == before
    assert np.array_equal(vectors_of(base), vectors)


def test_a_second_run_on_a_base_is_that_on_a_fresh_one(base: Base, tiny_base: Path, toy_data: TrainingData) -> None:
    plan_training(base, toy_data, quick(), timed=True)
    train_adapter(base, toy_data, quick(seed=5, targets=("query",)))
    again, fresh = train_adapter(base, toy_data, quick()), train_fresh(tiny_base, toy_data)
    assert factors_sha256(again.factors) == factors_sha256(fresh.factors)
    assert (again.losses, again.evaluations) == (fresh.losses, fresh.evaluations)


def test_an_adapter_that_lies_over_the_base_takes_no_part_in_a_run(base: Base, tiny_base: Path, toy_data: TrainingData) -> None:
    fresh = train_fresh(tiny_base, toy_data)
    over = LoraEncoder(base, train_fresh(tiny_base, toy_data, seed=5).factors, precision="fp32")
    vectors = over.encode(["the court"]).vectors
    assert base.network.merged is not None
    assert factors_sha256(train_adapter(base, toy_data, quick()).factors) == factors_sha256(fresh.factors)
    assert np.array_equal(over.encode(["the court"]).vectors, vectors)


def test_two_runs_at_once_on_one_base_are_refused(base: Base, toy_data: TrainingData) -> None:
    with pytest.raises(ValueError, match="is being trained already; load the base a second time"):
        train_adapter(base, toy_data, quick(), on_step=lambda _: train_adapter(base, toy_data, quick()))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("store", ["fp16", "bf16", "fp32"])
def test_the_score_of_a_run_is_that_of_the_file(base: Base, toy_data: TrainingData, tmp_path: Path, store: str, precision: str) -> None:
    config = quick(store=store, precision=precision, rank=3, alpha=5)
    result = train_adapter(base, toy_data, config)
    write_adapter(tmp_path, base, toy_data, config, result)
    stored = LoraEncoder(base, read_lora(tmp_path), precision=precision, max_tokens=16)
    assert make_dev_set(toy_data).score(stored) == result.after


def test_each_step_is_told(base: Base, toy_data: TrainingData) -> None:
    told: list[Step] = []
    result = train_adapter(base, toy_data, quick(), on_step=told.append)
    assert [progress.step for progress in told] == list(range(1, 9))
    assert [progress.loss for progress in told] == result.losses
    assert {progress.steps for progress in told} == {8}
    assert told[2].dev == result.before
    assert told[-1].dev == result.evaluations[-1].score
    assert all(progress.pairs_per_s > 0 for progress in told)


def test_bf16_trains_near_fp32_and_not_alike(tiny_base: Path, toy_data: TrainingData) -> None:
    full, half = (train_fresh(tiny_base, toy_data, precision=precision) for precision in ("fp32", "bf16"))
    assert half.losses[0] == pytest.approx(full.losses[0], rel=0.1)
    assert half.losses != full.losses
    assert half.losses[-1] < half.losses[0]
    assert all(module.a.dtype == torch.float32 for module in half.factors.values())


def test_the_plan_says_what_the_run_then_does(tiny_base: Path, toy_data: TrainingData) -> None:
    config = quick(store="fp32")
    base = load_base(resolve_base(str(tiny_base)))
    planned = plan_training(base, toy_data, config)
    assert planned.seconds is None
    result = train_adapter(base, toy_data, config)
    numbers = sum(module.a.numel() + module.b.numel() for module in result.factors.values())
    assert (planned.parameters, planned.file_bytes, planned.steps) == (numbers, 4 * numbers, result.steps)
    assert (planned.queries, planned.pairs, planned.passages) == (64, 128, 32)
    assert {"few-pairs"}.isdisjoint(warning.code for warning in planned.warnings)


def test_a_timed_plan_estimates_seconds(tiny_base: Path, toy_data: TrainingData) -> None:
    def estimate(epochs: int) -> float:
        return plan_training(load_base(resolve_base(str(tiny_base))), toy_data, quick(epochs=epochs), timed=True).seconds

    short, long = estimate(1), estimate(1000)
    assert 0 < short < 60
    assert long > 20 * short


# The configuration


def test_an_unknown_setting_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting 'learning_rat'\. Did you mean learning_rate"):
        config_from({"learning_rat": "1"})


def test_texts_are_read_as_the_settings_types() -> None:
    config = config_from(
        {"epochs": "2", "learning_rate": "1e-3", "targets": "query, value", "patience": "none", "eval_steps": "5", "rank": 4.0}
    )
    assert (config.epochs, config.learning_rate, config.targets, config.patience, config.eval_steps) == (
        2,
        1e-3,
        ("query", "value"),
        None,
        5,
    )
    assert type(config.rank) is int


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": "two"}, "epochs is 'two'; expected a whole number"),
        ({"epochs": "2.5"}, "epochs is '2.5'; expected a whole number"),
        ({"epochs": "inf"}, "epochs is 'inf'; expected a whole number"),
        ({"epochs": True}, "epochs is True; expected a whole number"),
        ({"epochs": "none"}, "epochs is 'none'; expected a whole number"),
        ({"epochs": [1]}, r"epochs is \[1\]; expected a whole number"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; expected a number"),
        ({"targets": 5}, "targets is 5; expected names"),
        ({"targets": ["query", 5]}, "expected names"),
        ({"loss": 5}, "loss is 5; expected a text"),
        ({"schedule": 5}, "schedule is 5; expected a text"),
        ({"epochs": 0}, "epochs is 0; it must be above 0"),
        ({"learning_rate": "nan"}, "learning_rate is nan; it must be above 0"),
        ({"learning_rate": "inf"}, "learning_rate is inf; it must be above 0 and finite"),
        ({"learning_rate": "1e39"}, r"learning_rate is 1e\+39; it must be at most 1e\+36"),
        ({"l2": "1e39"}, r"l2 is 1e\+39; it must be at most 1e\+36"),
        ({"temperature": -1}, "temperature is -1.0; it must be above 0"),
        ({"eval_steps": 0}, "eval_steps is 0; it must be above 0"),
        ({"weight_decay": "nan"}, "weight_decay is nan; it must be 0 or more"),
        ({"negatives_per_query": -1}, "negatives_per_query is -1; it must be 0 or more"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"seed": 2**32}, "seed is 4294967296; it must be at least 0 and below"),
        ({"dropout": 1}, "dropout is 1.0; it must be at least 0 and below 1"),
        ({"frequency_correction": 1.5}, "frequency_correction is 1.5; it must be at least 0 and at most 1"),
        ({"warmup_share": -0.1}, "warmup_share is -0.1; it must be at least 0"),
        ({"batch_size": 1}, "batch_size is 1; .*at least 2"),
        ({"max_tokens": 7}, "max_tokens is 7; at least 8"),
        ({"targets": " , "}, "targets is empty"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean cosine"),
        ({"precision": "fp16"}, "unknown precision 'fp16'"),
        ({"store": "int8"}, "unknown store 'int8'"),
        ({"loss": "infoncee"}, "unknown loss 'infoncee'. Did you mean infonce"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        config_from(values)
    assert "\n" not in str(caught.value)


def test_a_configuration_comes_back_from_its_own_record() -> None:
    config = quick(targets=("query",), patience=None)
    assert config_from(config.as_dict()) == config


# Real weights


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_the_real_base_keeps_or_gains_dev(shared: Path, monkeypatch: pytest.MonkeyPatch, precision: str) -> None:
    monkeypatch.setattr(dev_set, "MAX_DISTRACTORS", 40)
    data = load_training_data(str(shared / "data/legal-conditionalqa"), domain=load_domain("legal"), lang="en", seed=0, train_queries=64)
    data = dataclasses.replace(data, dev=data.dev.select(sorted(data.dev.queries)[:20]))
    base = load_base(resolve_base(str(shared / "bases/bge-small-en-v1.5")))
    result = train_adapter(base, data, TrainConfig(epochs=1, batch_size=16, positives_per_query=1, max_tokens=64, precision=precision))  # type: ignore[arg-type]
    assert result.steps == 4
    assert result.after >= result.before - 0.01
    assert all(module.b.abs().max() > 0 for module in result.factors.values())
