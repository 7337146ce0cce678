"""Steps that begin above the frozen layers: the same gradients, from states that are kept by content, and done without where they do not fit."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, gradients, train_adapter
from adapt_embed.adapters import train as train_module
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.frozen import plan as frozen_plan
from adapt_embed.adapters.frozen import store as frozen_store
from adapt_embed.adapters.frozen import stored as frozen_stored
from adapt_embed.adapters.frozen.open import open_frozen
from adapt_embed.adapters.frozen.space import states_space, text_key
from adapt_embed.adapters.frozen.stored import FrozenStates
from adapt_embed.adapters.gradients import accumulate_gradients
from adapt_embed.adapters.memory import graph_bytes_per_token
from adapt_embed.adapters.plan import plan_training
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.adapters.token_ids import TokenIds
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.cache import CacheFiles, open_cache_files
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders.forward import embed
from adapt_embed.encoders.layer_cut import embed_states, first_trained_layer, states_before
from adapt_embed.encoders.quick import quick_network
from adapt_embed.errors import ConfigError, DataError, RequestError
from adapt_embed.events import Quiet, Step
from adapt_embed.lora import factors_sha256
from torch import Tensor, nn

QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05, "rank": 4, "max_tokens": 16, "precision": "fp32"}
IDS = [[5, 6, 7, 8, 9, 10], [7, 8, 9], [11, 12, 13, 14]]
Train = Callable[..., object]


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | {"layers": "last:1"} | settings))  # type: ignore[arg-type]


class Notes(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.notes)


@pytest.fixture
def base(loaded_tiny_base: Base) -> Base:
    return loaded_tiny_base


def run(base: Path | Base, data: TrainingData, config: TrainConfig, folder: Path | None = None, **more: object) -> TrainResult:
    loaded = base if isinstance(base, Base) else load_base(resolve_base(str(base)))
    return train_adapter(loaded, data, config, checkpoint=Checkpoint(folder, every_s=0) if folder else None, **more)  # type: ignore[arg-type]


def shards() -> list[Path]:
    return sorted((open_cache_files().folder / "states").glob("*.safetensors"))


# The cut


def tiny_network(kind: str) -> nn.Module:
    import transformers

    with torch.random.fork_rng():
        torch.manual_seed(0)
        if kind == "DistilBert":
            config = transformers.DistilBertConfig(vocab_size=40, dim=32, n_layers=3, n_heads=4, hidden_dim=64, initializer_range=0.3)
        else:
            config = getattr(transformers, f"{kind}Config")(
                vocab_size=40,
                hidden_size=32,
                num_hidden_layers=3,
                num_attention_heads=4,
                intermediate_size=64,
                initializer_range=0.3,
                pad_token_id=0,
            )
        return getattr(transformers, f"{kind}Model")(config).requires_grad_(False).eval()


def of_kind(kind: str, pooling: str) -> Base:
    stands_for = {
        "device": torch.device("cpu"),
        "encoding": SimpleNamespace(pooling=pooling),
        "tokenizer": SimpleNamespace(pad_token_id=0),
        "head": None,
    }
    return SimpleNamespace(model=tiny_network(kind), **stands_for)  # type: ignore[return-value]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", ["Bert", "XLMRoberta", "DistilBert"])
def test_the_two_parts_of_a_network_give_what_the_whole_gives(kind: str, precision: str, pooling: str) -> None:
    base = of_kind(kind, pooling)
    with torch.no_grad(), quick_network(base, precision):  # type: ignore[arg-type]
        whole = embed(base, IDS, precision)  # type: ignore[arg-type]
        for layer in range(4):
            padded = states_before(base, IDS, layer, precision)  # type: ignore[arg-type]
            states = [each[: len(ids)] for each, ids in zip(padded, IDS, strict=True)]
            assert padded.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
            assert torch.equal(embed_states(base, states, layer, precision), whole)  # type: ignore[arg-type]
        assert torch.equal(embed(base, IDS, precision), whole)  # type: ignore[arg-type]


def test_the_first_trained_layer_follows_from_what_gets_gradients(base: Base) -> None:
    assert first_trained_layer(base) == 2  # nothing is trained
    for layers, first in (("last:1", 1), (None, 0), ("0", 0), ("1", 1)):
        with put_in(open_strategy(quick(layers=layers)), base):
            assert first_trained_layer(base) == first
    with put_in(open_strategy(quick(layers="last:1")), base):
        next(base.model.embeddings.parameters()).requires_grad_(True)
        assert first_trained_layer(base) == 0


def test_gradients_do_not_go_below_the_first_trained_layer(base: Base) -> None:
    seen: dict[int, bool] = {}
    with put_in(open_strategy(quick(layers="last:1")), base):
        for number, layer in enumerate(base.model.encoder.layer):
            layer.register_forward_hook(lambda _module, _inputs, states, number=number: seen.update({number: states.requires_grad}))
        embed(base, IDS, "fp32").sum().backward()
    assert seen == {0: False, 1: True}


def test_graphs_take_the_memory_of_the_layers_that_are_trained(base: Base) -> None:
    whole, parts = graph_bytes_per_token(base, 16, "fp32"), dict[object, float]()
    for layers in (None, "last:1"):
        with put_in(open_strategy(quick(layers=layers)), base):
            parts[layers] = graph_bytes_per_token(base, 16, "fp32")
    assert parts == {None: whole, "last:1": whole / 2}


# Gradients


def gradient_of(
    base: Base, data: TrainingData, config: TrainConfig, states: FrozenStates | str | None, micro_tokens: int = 64
) -> list[Tensor]:
    """Return the gradient of a batch, with states that are stored, computed in its own micro-batches ("here"), or not cut out at all (None)."""
    strategy, known = open_strategy(config), TokenIds(base, config.max_tokens)
    with put_in(strategy, base) as parameters, pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(gradients, "micro_batch_tokens", lambda base, config: micro_tokens)
        draw = torch.Generator().manual_seed(5)
        for parameter in parameters:
            parameter.copy_(torch.randn(parameter.shape, generator=draw) / 10)
        strategy.training(True)
        batch = Batches(data.train, data.corpus, config).batch(0)
        if states == "stored":
            known.states = open_frozen(base, [*known.of(batch.queries, "query"), *known.of(batch.passages, "document")], config)
            assert known.states is not None
        elif states == "here":
            known.states = FrozenStates(base, first_trained_layer(base), config.precision)
        with torch.enable_grad():
            accumulate_gradients(base, batch, config, 1, token_ids=known)
        return [parameter.grad.clone() for parameter in parameters]


def distance(some: list[Tensor], others: list[Tensor]) -> float:
    """Return how far two gradients are from each other, as a share of the length of the first."""
    one, other = (torch.cat([each.flatten() for each in found]) for found in (some, others))
    return float((one - other).norm() / one.norm())


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("strategy", ["lora", "partial"])
def test_states_of_the_same_micro_batches_give_the_same_bits(base: Base, toy_data: TrainingData, strategy: str, dropout: float) -> None:
    config = quick(strategy=strategy, dropout=dropout)
    plain, cut = (gradient_of(base, toy_data, config, states) for states in (None, "here"))
    assert all(torch.equal(one, other) for one, other in zip(plain, cut, strict=True))
    assert all(float(gradient.abs().max()) > 0 for gradient in plain)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_stored_states_give_the_same_gradient_but_for_rounding(base: Base, toy_data: TrainingData, dropout: float) -> None:
    config = quick(dropout=dropout)
    plain, stored, without_last_word = (
        gradient_of(base, toy_data, replace(config, max_tokens=length), states)
        for states, length in ((None, 16), ("stored", 16), ("stored", 8))
    )
    other_batches = [] if dropout else [gradient_of(base, toy_data, config, None, micro_tokens=32)]  # which draw another dropout
    assert distance(plain, stored) <= max(1e-6, *(1.5 * distance(plain, others) for others in other_batches), 0)
    assert distance(plain, without_last_word) > 1e-3


def test_in_bfloat16_stored_states_are_as_good_as_other_micro_batches(base: Base, toy_data: TrainingData) -> None:
    config = quick(precision="bf16")
    exact = gradient_of(base, toy_data, quick(), None)
    plain, others, stored = (
        gradient_of(base, toy_data, config, states, tokens) for states, tokens in ((None, 64), (None, 16), ("stored", 64))
    )
    assert distance(plain, stored) <= max(1.5 * distance(plain, others), 1e-6)
    assert distance(exact, stored) < 1.2 * distance(exact, plain)


# Runs


def test_a_run_learns_the_same_with_and_without(tiny_base: Path, toy_data: TrainingData) -> None:
    steps: list[Step] = []
    plain, stored, again = (run(tiny_base, toy_data, quick(cache_frozen=word), on_step=steps.append) for word in ("false", "true", "auto"))
    assert stored.losses == again.losses == pytest.approx(plain.losses, rel=1e-5)
    assert factors_sha256(stored.factors) == factors_sha256(again.factors)
    for name, module in plain.factors.items():
        torch.testing.assert_close(stored.factors[name].b, module.b, rtol=1e-3, atol=1e-5)
    assert [step.stored_layers for step in steps] == [0] * 8 + [1] * 16
    assert stored.before == plain.before


def test_the_frozen_layers_run_once_for_each_text(tiny_base: Path, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[int] = []
    compute = FrozenStates.compute
    monkeypatch.setattr(FrozenStates, "compute", lambda self, ids: texts.append(len(ids)) or compute(self, ids))
    events = Notes()
    run(tiny_base, toy_data, quick(), events=events)
    assert sum(texts) == 64 + 32 + 1  # of one, the size is measured
    assert "training begins at layer 1 of 2" in events.text
    texts.clear()
    run(tiny_base, toy_data, quick(seed=1, rank=2, side="query"))  # another seed, another rank, another side
    assert sum(texts) == 1


def test_a_run_killed_while_states_are_computed_goes_on_where_it_was(
    tiny_base: Path, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(frozen_store, "SHARD_BYTES", 10_000)
    monkeypatch.setattr(frozen_stored, "default_batch_tokens", lambda device: 64)
    expected = run(tiny_base, toy_data, quick())
    whole, names = sum(path.stat().st_size for path in shards()), [path.name for path in shards()]
    assert len(names) > 4
    shutil.rmtree(open_cache_files().folder)

    class Killed(Notes):
        def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
            if len(shards()) == 2:
                raise SystemExit

    with pytest.raises(SystemExit):
        run(tiny_base, toy_data, quick(), tmp_path, events=Killed())
    assert len(shards()) == 2
    result = run(tiny_base, toy_data, quick(), tmp_path, resume=True)
    assert [path.name for path in shards()] == names
    assert sum(path.stat().st_size for path in shards()) == whole
    assert factors_sha256(result.factors) == factors_sha256(expected.factors)


@pytest.mark.parametrize("strategy", ["partial", "layerwise"])
def test_weights_that_are_trained_begin_above_what_is_frozen_for_the_whole_run(
    tiny_base: Path, toy_data: TrainingData, strategy: str
) -> None:
    config = quick(strategy=strategy, learning_rate=1e-3, keep="model", rank=16)
    steps: list[Step] = []
    plain, stored = (run(tiny_base, toy_data, replace(config, cache_frozen=word), on_step=steps.append) for word in ("false", "true"))
    assert [step.stored_layers for step in steps] == [0] * 8 + [1] * 8
    assert stored.losses == pytest.approx(plain.losses, rel=1e-5)
    assert plain.losses[0] != plain.losses[-1]


def test_states_are_left_when_something_below_them_is_trained(base: Base, toy_data: TrainingData) -> None:
    with put_in(open_strategy(quick()), base):
        states = FrozenStates(base, 1, "fp32")
        assert states.are_valid
        base.model.encoder.layer[0].output.dense.bias.requires_grad_(True)
        assert not states.are_valid


@pytest.mark.parametrize(
    "settings", [{"cache_frozen": "false"}, {"layers": None}, {"layers": "first:1"}, {"epochs": 1}], ids=lambda settings: "".join(settings)
)
def test_nothing_is_stored_where_that_was_not_wanted_or_would_not_pay(base: Base, toy_data: TrainingData, settings: dict) -> None:
    events, steps = Notes(), list[Step]()
    run(base, toy_data, quick(**settings), events=events, on_step=steps.append)
    assert not shards()
    assert not events.notes
    assert {step.stored_layers for step in steps} == {0}


def test_one_epoch_uses_what_is_there(base: Base, toy_data: TrainingData) -> None:
    steps: list[Step] = []
    run(base, toy_data, quick(cache_frozen="true", epochs=1))
    run(base, toy_data, quick(epochs=1), on_step=steps.append)
    assert {step.stored_layers for step in steps} == {1}


def test_texts_that_are_not_stored_are_computed_as_they_come(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(base, toy_data, quick())
    monkeypatch.setattr(train_module, "repeated_ids", lambda objective, token_ids: token_ids.of(["court today"], "query"))
    result = run(base, toy_data, quick(cache_frozen="true"))
    assert result.losses == pytest.approx(expected.losses, rel=1e-5)


# By content


def test_a_text_is_known_by_its_tokens(base: Base) -> None:
    def key(text: str, role: str = "query", length: int = 16, of: Base = base) -> bytes:
        return text_key(TokenIds(of, length).of([text], role)[0])  # type: ignore[arg-type]

    text = "court law season house market teacher"
    others = {key("court"), key(text), key(text, "document"), key(text, length=8), key("find: " + text, "document")}
    assert len(others) == 4  # of one prompt and text together, it does not matter which was which
    prompted = replace(base, encoding=replace(base.encoding, query_prompt="law: "))
    assert key(text, of=prompted) not in others


def test_states_are_of_weights_layer_and_precision(base: Base, second_base: Path) -> None:
    spaces = {states_space(base, 1, "fp32"), states_space(base, 2, "fp32"), states_space(base, 1, "bf16")}
    spaces.add(states_space(load_base(resolve_base(str(second_base))), 1, "fp32"))
    assert len(spaces) == 4
    with put_in(open_strategy(quick()), base):
        assert states_space(base, 1, "fp32") in spaces  # what lies above does not count
    with torch.no_grad():
        base.model.encoder.layer[0].output.dense.bias.add_(1)
    assert states_space(base, 1, "fp32") not in spaces


def test_a_damaged_file_is_computed_again(tiny_base: Path, toy_data: TrainingData) -> None:
    expected = run(tiny_base, toy_data, quick())
    (path,) = shards()
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    events = Notes()
    result = run(tiny_base, toy_data, quick(), events=events)
    assert "1 damaged file of stored states was removed" in events.text
    assert factors_sha256(result.factors) == factors_sha256(expected.factors)
    path.write_bytes(bytes(content[:200]))
    assert factors_sha256(run(tiny_base, toy_data, quick()).factors) == factors_sha256(expected.factors)


def test_states_that_change_under_a_running_training_stop_it(base: Base, toy_data: TrainingData) -> None:
    steps: list[Step] = []

    def change(step: Step) -> None:
        steps.append(step)
        (path,) = shards()
        content = bytearray(path.read_bytes())
        content[-100] ^= 1
        with path.open("r+b") as file:
            file.write(content)

    with pytest.raises(DataError, match=r"stored states of the frozen layers changed.*--resume"):
        run(base, toy_data, quick(), on_step=change)
    assert len(steps) == 1


def test_a_file_that_others_use_or_remove_does_not_stop_it(tiny_base: Path, toy_data: TrainingData) -> None:
    expected = run(tiny_base, toy_data, quick())

    def touch_then_remove(step: Step) -> None:
        for path in shards():
            path.touch() if step.step == 1 else path.unlink()

    assert run(tiny_base, toy_data, quick(), on_step=touch_then_remove).losses == expected.losses


# Done without, or refused


def small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200_000_001))


def small_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_CACHE_SIZE", "50KB")


def other_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapt_embed.encoders.layer_cut.LAYERS", {})
    monkeypatch.setattr(frozen_plan, "LAYERS", {})


def no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CacheFiles, "write", lambda self, path, content: setattr(self, "problem", f"{path.parent} cannot be written"))


@pytest.mark.parametrize(
    "hindered, reason",
    [
        (small_disk, "its disk has 200.0 MB free"),
        (small_cache, "the cache may hold 50 KB; set ADAPT_CACHE_SIZE higher"),
        (other_kind, "is a bert, which is not cut at a layer"),
        (no_folder, "cannot be written"),
    ],
)
def test_what_cannot_be_stored_is_done_without_or_refused(
    tiny_base: Path, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch, hindered: Callable[[pytest.MonkeyPatch], None], reason: str
) -> None:
    plain = run(tiny_base, toy_data, quick(cache_frozen="false"))
    hindered(monkeypatch)
    events, steps = Notes(), list[Step]()
    result = run(tiny_base, toy_data, quick(), events=events)
    assert result.losses == plain.losses
    assert "the frozen layers are computed in every step: " in events.notes[-1]
    assert reason in events.notes[-1]
    assert not shards()
    with pytest.raises(ConfigError) as refused:
        run(tiny_base, toy_data, quick(cache_frozen="true"), on_step=steps.append)
    assert reason in str(refused.value)
    assert "--set strategy.cache_frozen=false" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not steps


def test_the_size_is_told_before_anything_is_written(base: Base, toy_data: TrainingData) -> None:
    class Told(Notes):
        def stage(self, what: str) -> None:
            if what == "computing the frozen layers":
                assert not shards()
                assert "the states that enter layer 1 of 96 texts take" in self.text

    events = Told()
    run(base, toy_data, quick(), events=events)
    (path,) = shards()
    assert path.stat().st_size == pytest.approx(96_000, rel=0.3)


@pytest.mark.parametrize("word", ["auto", "true", "false"])
def test_a_plan_tells_what_will_be_stored_and_writes_nothing(base: Base, toy_data: TrainingData, word: str) -> None:
    plan = plan_training(base, toy_data, quick(cache_frozen=word), timed=True)
    assert not shards()
    if word == "false":
        assert plan.frozen is None
        return
    assert plan.frozen is not None
    assert (plan.frozen.layer, plan.frozen.texts, plan.frozen.bytes) == (1, 96, plan.frozen.new_bytes)
    assert plan.frozen.seconds
    assert plan.seconds is not None
    assert plan.seconds > plan.frozen.seconds
    run(base, toy_data, quick())
    assert shards()[0].stat().st_size == pytest.approx(plan.frozen.bytes, rel=0.01)
    kept = plan_training(base, toy_data, quick(cache_frozen=word), timed=True).frozen
    assert kept == replace(plan.frozen, new_bytes=0, seconds=0.0)


def test_a_plan_is_refused_as_the_run_would_be(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    small_cache(monkeypatch)
    assert plan_training(base, toy_data, quick(), timed=True).frozen is None
    with pytest.raises(ConfigError, match="the cache may hold 50 KB"):
        plan_training(base, toy_data, quick(cache_frozen="true"), timed=True)


def test_true_needs_layers_that_are_not_trained() -> None:
    with pytest.raises(RequestError, match=r"cache_frozen=true .* add --set strategy.layers=last:4"):
        quick(layers=None, cache_frozen="true")


def test_a_command_says_what_it_stores(train: Train) -> None:
    result = train("--set", "layers=last:1", "--set", "strategy.cache_frozen=true")
    assert result.exit_code == 0, result.output  # type: ignore[attr-defined]
    assert "training begins at layer 1 of 2: the layer below is not computed" in result.stderr  # type: ignore[attr-defined]
    planned = train("--set", "layers=last:1", "--dry-run")
    assert "frozen    the states that enter layer 1 of 96 texts take" in planned.output  # type: ignore[attr-defined]
    wrong = train("--set", "cache_frozen=yes")
    assert wrong.exit_code == 1  # type: ignore[attr-defined]
    assert "cache_frozen 'yes'" in wrong.stderr  # type: ignore[attr-defined]
