"""Loading a base: frozen, whole or not at all; an adapter merged into its weights and taken out again, bit for bit."""

import shutil
from pathlib import Path

import pytest
import torch
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.load import pool
from adapt_embed.errors import AdapterError, BaseError
from safetensors.torch import load_file, save_file

NAMES = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.self.value")


def weights(base: Base) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def deltas(*names: str, seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.randn(32, 32, generator=draw) for name in names}


@pytest.fixture
def copied(tiny_base: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_base, tmp_path / "copied")
    return tmp_path / "copied"


def test_the_network_is_frozen_and_in_evaluation_mode(loaded_tiny_base: Base) -> None:
    assert not loaded_tiny_base.model.training
    assert not any(parameter.requires_grad for parameter in loaded_tiny_base.model.parameters())
    assert {parameter.dtype for parameter in loaded_tiny_base.model.parameters()} == {torch.float32}


def test_laying_over_adds_and_taking_off_restores_every_bit(loaded_tiny_base: Base) -> None:
    before, change = weights(loaded_tiny_base), deltas(*NAMES, seed=0)
    loaded_tiny_base.network.merge_weights("one", change)
    merged = weights(loaded_tiny_base)
    for name in NAMES:
        assert torch.equal(merged[f"{name}.weight"], before[f"{name}.weight"] + change[name])
    assert not same_bits(merged, before)
    loaded_tiny_base.network.merge_weights(None, {})
    assert same_bits(weights(loaded_tiny_base), before)


def test_one_adapter_after_another_leaves_nothing_of_the_first(loaded_tiny_base: Base, tiny_base: Path) -> None:
    loaded_tiny_base.network.merge_weights("one", deltas(*NAMES, seed=0))
    loaded_tiny_base.network.merge_weights("two", deltas(NAMES[1], seed=1))
    alone = load_base(resolve_base(str(tiny_base)))
    alone.network.merge_weights("two", deltas(NAMES[1], seed=1))
    assert same_bits(weights(loaded_tiny_base), weights(alone))


def test_the_same_key_again_changes_nothing(loaded_tiny_base: Base) -> None:
    loaded_tiny_base.network.merge_weights("one", deltas(*NAMES, seed=0))
    merged = weights(loaded_tiny_base)
    loaded_tiny_base.network.merge_weights("one", deltas(*NAMES, seed=5))
    assert same_bits(weights(loaded_tiny_base), merged)


@pytest.mark.parametrize(
    "name, shape", [("encoder.layer.9.attention.self.query", (32, 32)), (NAMES[0], (32, 64)), ("encoder.layer.0", (1, 1))]
)
def test_an_adapter_of_another_base_is_refused_and_changes_nothing(loaded_tiny_base: Base, name: str, shape: tuple[int, int]) -> None:
    before = weights(loaded_tiny_base)
    with pytest.raises(AdapterError, match="it was made for another base"):
        loaded_tiny_base.network.merge_weights("other", {NAMES[1]: torch.ones(32, 32), name: torch.ones(shape)})
    assert same_bits(weights(loaded_tiny_base), before)
    assert loaded_tiny_base.network.merged is None


def test_weights_that_lack_a_tensor_are_refused_and_never_filled_with_noise(copied: Path) -> None:
    tensors = load_file(copied / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseError, match=r"lack 1 tensors of its config.json \(encoder.layer.1.output.dense.weight"):
        load_base(resolve_base(str(copied)))


def test_a_missing_pooler_is_no_fault_and_no_noise_on_stderr(copied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tensors = {name: tensor for name, tensor in load_file(copied / "model.safetensors").items() if not name.startswith("pooler.")}
    save_file(tensors, copied / "model.safetensors", metadata={"format": "pt"})
    base = load_base(resolve_base(str(copied)))
    assert base.spec.dimension == 32
    assert capfd.readouterr() == ("", "")


def test_truncated_weights_are_one_clear_line(copied: Path) -> None:
    content = (copied / "model.safetensors").read_bytes()
    (copied / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(BaseError, match="could not be loaded: ") as error:
        load_base(resolve_base(str(copied)))
    assert "\n" not in str(error.value)


def test_a_missing_tokenizer_is_refused_and_never_made_up(copied: Path) -> None:
    for path in copied.glob("*token*"):
        path.unlink()
    (copied / "vocab.txt").unlink()
    with pytest.raises(BaseError, match="holds no tokenizer"):
        load_base(resolve_base(str(copied)))


def test_the_tokenizer_is_copied_once_a_length(loaded_tiny_base: Base) -> None:
    short = loaded_tiny_base.backend_tokenizer(8)
    assert loaded_tiny_base.backend_tokenizer(8) is short
    assert [len(loaded_tiny_base.backend_tokenizer(longest).encode("a " * 50).ids) for longest in (8, 16)] == [8, 16]
    assert loaded_tiny_base.tokenizer.backend_tokenizer.truncation is None


def test_mean_pooling_leaves_padding_out_and_cls_takes_the_first() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pool(hidden, mask, "mean").tolist() == [[2.0, 3.0]]
    assert pool(hidden, mask, "cls").tolist() == [[1.0, 2.0]]
