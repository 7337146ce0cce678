"""How much memory training may take: the estimate holds, and limits of containers and batch systems are seen."""

import weakref
from pathlib import Path

import pytest
import torch
from adapt_embed.adapters import TrainConfig, memory
from adapt_embed.adapters.fused_layers import fast_layers
from adapt_embed.adapters.memory import BYTES_PER_UNIT, control_group_limits, device_memory, graph_bytes_per_token, micro_batch_tokens
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.choices import Precision
from adapt_embed.encoders.batching import CPU_BATCH_TOKENS, GPU_BATCH_TOKENS
from adapt_embed.encoders.forward import embed
from torch import Tensor


@pytest.fixture(scope="module")
def minilm() -> Base:
    return load_base(resolve_base("minilm"))


class Held:
    """A tensor that a graph keeps; it goes when the graph does."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("texts, length", [(4, 64), (2, 256)])
@pytest.mark.parametrize("dora", [False, True])
def test_what_a_graph_holds_is_as_estimated(minilm: Base, precision: Precision, texts: int, length: int, dora: bool) -> None:
    base, strategy, held = minilm, open_strategy(TrainConfig(dora=dora)), weakref.WeakSet[Held]()

    def see(tensor: Tensor) -> Held:
        held.add(kept := Held(tensor))
        return kept

    with put_in(strategy, base):
        strategy.training(True)
        with fast_layers(base, precision), torch.autograd.graph.saved_tensors_hooks(see, lambda kept: kept.tensor):
            weights = {parameter.untyped_storage().data_ptr() for parameter in base.model.parameters()}
            vectors = embed(base, [[5] * length] * texts, precision)
        storages = {each.tensor.untyped_storage().data_ptr(): each.tensor.untyped_storage().nbytes() for each in held}
        estimate = texts * length * graph_bytes_per_token(base, length, precision)
    found = sum(size for address, size in storages.items() if address not in weights)
    assert vectors.requires_grad
    assert found < estimate < 1.25 * found


def test_a_micro_batch_on_a_gpu_is_no_larger_than_its_memory_allows(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    class OnGpu:
        device = torch.device("cuda")
        encoding, model = loaded_tiny_base.encoding, loaded_tiny_base.model

    def tokens(size: float) -> int:
        monkeypatch.setattr(memory, "device_memory", lambda device: size)
        return micro_batch_tokens(OnGpu(), TrainConfig(precision="fp32"))  # type: ignore[arg-type]

    per_token = 2 * 32 * BYTES_PER_UNIT
    assert tokens(3 * 1000 * per_token) in (999, 1000)
    assert tokens(1e15) == GPU_BATCH_TOKENS
    assert tokens(0) == 1
    assert micro_batch_tokens(loaded_tiny_base, TrainConfig()) == 1


def test_a_micro_batch_on_a_cpu_stays_in_the_cache(loaded_tiny_base: Base) -> None:
    assert micro_batch_tokens(loaded_tiny_base, TrainConfig()) == CPU_BATCH_TOKENS


def test_the_memory_of_a_device_is_that_of_this_machine() -> None:
    assert 2**28 < device_memory(torch.device("cpu")) < 2**50


@pytest.mark.parametrize(
    "groups, files, limits",
    [
        ("0::/user/job\n", {"user/job/memory.max": "4000", "user/memory.max": "max", "memory.max": "9000"}, {4000, 9000}),
        ("0::/\n", {"memory.max": "4000"}, {4000}),
        (
            "5:cpu:/other\n4:memory:/job\n0::/\n",
            {"memory/job/memory.limit_in_bytes": "4000", "cpu/other/memory.limit_in_bytes": "1"},
            {4000},
        ),
        ("4:cpu,memory:/job\n", {"memory/job/memory.limit_in_bytes": "4000"}, {4000}),
        ("4:memory:/not/seen/here\n", {"memory/memory.limit_in_bytes": "4000"}, {4000}),
        ("0::/a:b\n", {"a:b/memory.max": "4000"}, {4000}),
        ("0::/\n", {"memory.max": "max"}, set()),
        ("0::/\n", {}, set()),
        (None, {}, set()),
    ],
)
def test_limits_of_control_groups_are_seen(tmp_path: Path, groups: str | None, files: dict[str, str], limits: set[int]) -> None:
    for name, content in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(content + "\n")
    if groups is not None:
        (tmp_path / "groups").write_text(groups)
    assert set(control_group_limits(tmp_path / "root", tmp_path / "groups")) == limits


def test_a_limit_below_the_machines_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "control_group_limits", lambda: [2**29, 2**60])
    assert device_memory.__wrapped__(torch.device("cpu")) == 2**29
