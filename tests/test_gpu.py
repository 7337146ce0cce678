"""What holds on a CPU holds on a GPU: the same vectors, the same bits of the same seed, runs that go on; and too little memory is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, TrainResult, gradients, train_adapter
from adapt_embed.adapters.after.grams import collect_grams, draw_texts
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.checkpoint import Checkpoint
from adapt_embed.adapters.gradients import accumulate_gradients
from adapt_embed.adapters.strategies.table import open_strategy
from adapt_embed.base import load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.pairs import TrainingData, draw_queries
from adapt_embed.encoders import LoraEncoder, MixedEncoder
from adapt_embed.errors import ConfigError, TrainingError
from adapt_embed.events import Step
from adapt_embed.lora import LoraModule, factors_sha256
from click.testing import CliRunner

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU"),
]
TEXTS = [
    "What is a tort?",
    "",
    "用人单位可以随时解除劳动合同吗？",
    "a long text " * 400,
    "🙂",
    "short",
    "合同",
    "The tenant pays the deposit. " * 20,
]
Load = Callable[[str], LoraEncoder]


@pytest.fixture
def load(shared: Path) -> Load:
    """Return the real base on a device."""
    found = resolve_base(str(shared / "bases" / "bge-small-en-v1.5"))
    return lambda device, precision="fp32": LoraEncoder(load_base(found, device=device), precision=precision)


@pytest.fixture
def legal(shared: Path) -> TrainingData:
    """Return 160 real training queries, and no dev split."""
    source = BeirFolder(shared / "data" / "legal-conditionalqa")
    corpus = source.corpus()
    return TrainingData(corpus=corpus, train=draw_queries(source.pairs("train", corpus), 160, 0), dev=None, source="legal")


@pytest.fixture
def little_memory() -> Iterator[Callable[[int], None]]:
    """Leave this process so many bytes of the GPU's memory."""

    def leave(size: int) -> None:
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(size / torch.cuda.get_device_properties(0).total_memory)

    yield leave
    torch.cuda.set_per_process_memory_fraction(1.0)


def train(base: Path, data: TrainingData, config: TrainConfig, device: str = "cuda", **options: object) -> TrainResult:
    return train_adapter(load_base(resolve_base(str(base)), device=device), data, config, **options)  # type: ignore[arg-type]


@pytest.mark.shared
def test_vectors_are_those_of_the_cpu(load: Load) -> None:
    here, there = load("cuda").encode(TEXTS, "query").vectors, load("cpu").encode(TEXTS, "query").vectors
    assert np.abs(here - there).max() < 1e-5


@pytest.mark.shared
def test_bf16_is_close_to_fp32_and_is_the_default(load: Load) -> None:
    full, half, default = (load("cuda", precision).encode(TEXTS).vectors for precision in ("fp32", "bf16", "auto"))
    assert (full * half).sum(1).min() >= 0.999
    assert np.array_equal(half, default)


@pytest.mark.shared
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_seed_gives_the_same_factors(shared: Path, legal: TrainingData, precision: str) -> None:
    config = TrainConfig(epochs=2, precision=precision, dropout=0.1)  # type: ignore[arg-type]
    one, other = (train(shared / "bases" / "bge-small-en-v1.5", legal, config) for _ in range(2))
    assert one.losses == other.losses
    assert factors_sha256(one.factors) == factors_sha256(other.factors)


@pytest.mark.shared
@pytest.mark.parametrize("settings", [{}, {"side": "query"}, {"side": "query", "candidates": 64, "rest_sample": 500}, {"corpus": 0.5}])
def test_losses_are_near_those_of_the_cpu(shared: Path, legal: TrainingData, settings: dict) -> None:
    config = TrainConfig(epochs=1, precision="fp32", max_tokens=64, **settings)
    here, there = (train(shared / "bases" / "bge-small-en-v1.5", legal, config, device).losses for device in ("cuda", "cpu"))
    np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_less_memory_gives_the_same_bits(load: Load, legal: TrainingData, monkeypatch: pytest.MonkeyPatch, dropout: float) -> None:
    monkeypatch.setattr(gradients, "micro_batch_tokens", lambda base, config: 1024)
    config, base = TrainConfig(precision="fp32", dropout=dropout), load("cuda").base
    strategy, batch = open_strategy(config), Batches(legal.train, legal.corpus, config).batch(0)
    parameters = strategy.put_in(base)
    strategy.training(True)
    found = []
    for budget in (float("inf"), 0):
        for parameter in parameters:
            parameter.grad = None
        accumulate_gradients(base, batch, config, 1, budget)
        found.append([parameter.grad.clone() for parameter in parameters])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


QUICK = TrainConfig(epochs=2, batch_size=16, learning_rate=5e-3, temperature=0.05, rank=4, max_tokens=16, precision="fp32", dropout=0.1)


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize("then", ["cuda", "cpu"])
def test_a_run_that_was_killed_goes_on(tiny_base: Path, toy_data: TrainingData, tmp_path: Path, then: str) -> None:
    def stop(progress: Step) -> None:
        if progress.step == 3:
            raise Killed

    whole = train(tiny_base, toy_data, QUICK)
    with pytest.raises(Killed):
        train(tiny_base, toy_data, QUICK, checkpoint=Checkpoint(tmp_path, every_s=0), on_step=stop)
    rest = train(tiny_base, toy_data, QUICK, then, checkpoint=Checkpoint(tmp_path, every_s=0), resume=True)
    if then == "cuda":
        assert rest.losses == whole.losses
        assert factors_sha256(rest.factors) == factors_sha256(whole.factors)
    np.testing.assert_allclose(rest.losses[:3], whole.losses[:3])
    assert rest.steps == whole.steps


def test_no_bit_of_the_base_changes(tiny_base: Path, toy_data: TrainingData) -> None:
    base = load_base(resolve_base(str(tiny_base)), device="cuda")
    before = {name: parameter.clone() for name, parameter in base.model.named_parameters()}
    train_adapter(base, toy_data, QUICK)
    after = {name.replace(".base_layer", ""): value for name, value in base.model.named_parameters() if ".lora_" not in name}
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_training_leaves_the_random_state_of_the_gpu_alone(tiny_base: Path, toy_data: TrainingData) -> None:
    state = torch.cuda.get_rng_state()
    train(tiny_base, toy_data, QUICK)
    assert torch.equal(torch.cuda.get_rng_state(), state)


@pytest.mark.shared
def test_gram_matrices_are_those_of_the_cpu(load: Load, legal: TrainingData) -> None:
    config = replace(QUICK, max_tokens=64)
    texts, names = draw_texts(legal, 0), ["encoder.layer.0.attention.self.query", "encoder.layer.11.output.dense"]
    here, there = (collect_grams(load(device).base, names, texts, config) for device in ("cuda", "cpu"))
    assert here.first == there.first
    for name, gram in there.matrices.items():
        assert (here.matrices[name] - gram).norm() / gram.norm() < 1e-4


@pytest.mark.shared
def test_encoding_in_little_memory_gives_the_same_vectors(load: Load, little_memory: Callable[[int], None]) -> None:
    texts = ["the tenant pays the deposit " * 80] * 200 + TEXTS
    encoder = load("cuda")
    expected = encoder.encode(texts).vectors
    little_memory(400_000_000)
    assert np.abs(encoder.encode(texts).vectors - expected).max() < 1e-5


@pytest.mark.shared
def test_no_memory_at_all_is_told(load: Load, legal: TrainingData, little_memory: Callable[[int], None]) -> None:
    encoder = load("cuda")
    little_memory(140_000_000)
    with pytest.raises(ConfigError, match=r"cuda(:0)? has too little free memory for one text of 512 tokens; lower --max-tokens"):
        encoder.encode(["the tenant " * 600] * 3)
    with pytest.raises(TrainingError, match=r"the memory of cuda(:0)? ran out at step 1; lower max_tokens \(now 256\)"):
        train_adapter(encoder.base, legal, TrainConfig(epochs=1))


def test_the_commands_run(tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(main, [*map(str, arguments), "--base", str(tiny_base), "--device", "cuda"])
        assert done.exit_code == 0, done.output
        return done.output

    settings = [part for key, value in {"epochs": 2, "batch_size": 16, "max_tokens": 16}.items() for part in ("--set", f"{key}={value}")]
    run("train", "--domain", "legal", "--data", toy_folder, *settings, "--registry", tmp_path / "registry")
    assert "nDCG@10" in run("bench", "legal", "--data", toy_folder, "--registry", tmp_path / "registry")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_each_row_of_a_batch_for_several_adapters_has_the_vector_of_its_adapter_alone(load: Load, precision: str) -> None:
    base = load("cuda", precision)  # type: ignore[call-arg]
    draw = torch.Generator().manual_seed(0)
    names = [f"encoder.layer.{layer}.attention.self.{kind}" for layer in (0, 5, 11) for kind in ("query", "key", "value")]

    def drawn() -> dict[str, LoraModule]:
        pairs = ((torch.randn(8, 384, generator=draw) / 20, torch.randn(384, 8, generator=draw) / 8) for _ in names)
        return {name: LoraModule(a, b, 1.0) for name, (a, b) in zip(names, pairs, strict=True)}

    members = (base, *(replace(base, factors=drawn(), document_factors={}) for _ in range(3)))
    adapters = [row % 4 for row in range(len(TEXTS))]
    together = MixedEncoder(members).encode(TEXTS, adapters).vectors
    alone = np.concatenate([members[adapter].encode([text], "query").vectors for text, adapter in zip(TEXTS, adapters, strict=True)])
    np.testing.assert_allclose(together, alone, atol=1e-5 if precision == "fp32" else 2e-2)
