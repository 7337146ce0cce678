"""LoRA factors as data: what peft writes is read as peft means it, and what factors cannot say is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from adapt_embed.errors import AdapterError
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, factors_sha256, read_lora, write_lora
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import AutoModel

pytestmark = [  # both raised within peft
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Adapter 'default'. .* LoRA tensor.s. have invalid shape"),
]
TARGETS = ["query", "value", "output.dense"]


def make_peft(tiny_base: Path, folder: Path, **options: Any) -> PeftModel:
    """Save a PEFT adapter with random factors on the tiny base."""
    torch.manual_seed(0)
    model = get_peft_model(
        AutoModel.from_pretrained(tiny_base), LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": TARGETS} | options)
    )
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(folder)
    return model


def random_factors(seed: int = 0, *, rank: int = 4) -> dict[str, LoraModule]:
    draw = torch.Generator().manual_seed(seed)
    return {
        name: LoraModule(torch.randn(rank, 6, generator=draw), torch.randn(5, rank, generator=draw), 2.0) for name in ("b.query", "a.value")
    }


def write_folder(folder: Path, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    write_lora(random_factors(), folder / WEIGHTS, dtype=torch.float32)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8} | config))
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"alpha_pattern": {"query": 32, "layer.1.output.dense": 1}},
        {"rank_pattern": {"value": 2, r"layer\.0\.attention\.self\.query": 7}},
        {
            "rank_pattern": {"query": 2},
            "alpha_pattern": {r"^encoder\.layer\.0\.attention\.self\.query": 5, "self.query": 3},
            "use_rslora": True,
        },
    ],
    ids=["plain", "rslora", "alpha_pattern", "rank_pattern", "all of them"],
)
def test_delta_w_is_what_peft_computes(tiny_base: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    make_peft(tiny_base, tmp_path, **options)
    loaded = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), tmp_path)
    theirs = {
        name: module.get_delta_weight("default")
        for name, module in loaded.base_model.model.named_modules()
        if isinstance(module, LoraLayer)
    }
    ours = read_lora(tmp_path)
    assert ours.keys() == theirs.keys()
    for name, delta in theirs.items():
        torch.testing.assert_close(ours[name].delta(), delta, atol=1e-6, rtol=1e-6)
        assert delta.abs().max() > 0.01


def test_a_round_trip_in_float32_is_exact(tmp_path: Path) -> None:
    factors, back = random_factors(), read_lora(write_folder(tmp_path / "a"))
    assert back.keys() == factors.keys()
    assert all(torch.equal(back[name].a, factors[name].a) and torch.equal(back[name].b, factors[name].b) for name in factors)
    assert {module.scale for module in back.values()} == {2.0}
    assert factors_sha256(back) == factors_sha256(factors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_rounds_once_and_is_read_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    folder, factors = write_folder(tmp_path / "a"), random_factors()
    write_lora(factors, folder / WEIGHTS, dtype=dtype)
    back = read_lora(folder)["a.value"]
    assert back.a.dtype == torch.float32
    assert torch.equal(back.a, factors["a.value"].a.to(dtype).float())
    assert not torch.equal(back.a, factors["a.value"].a)


def test_the_same_factors_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    factors = random_factors()
    write_lora(factors, tmp_path / "one")
    write_lora(dict(reversed(list(factors.items()))), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_we_write_peft_reads(tiny_base: Path, tmp_path: Path) -> None:
    make_peft(tiny_base, tmp_path)
    factors = {name: LoraModule(module.a + 1, module.b, module.scale) for name, module in read_lora(tmp_path).items()}
    write_lora(factors, tmp_path / WEIGHTS, dtype=torch.float32)
    loaded = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), tmp_path)
    for name, module in loaded.base_model.model.named_modules():
        if isinstance(module, LoraLayer):
            torch.testing.assert_close(module.get_delta_weight("default"), factors[name].delta(), atol=1e-5, rtol=1e-5)


def test_the_hash_heeds_names_values_and_scale(tmp_path: Path) -> None:
    factors = random_factors()
    some = factors["a.value"]
    others = [
        {"renamed": some, "b.query": factors["b.query"]},
        factors | {"a.value": LoraModule(some.a, some.b, 1.0)},
        factors | {"a.value": LoraModule(some.a + 1e-6, some.b, 2.0)},
        {"a.value": some},
    ]
    assert len({factors_sha256(each) for each in [factors, *others]}) == 5


def test_the_rank_and_the_update_follow_from_the_factors() -> None:
    module = LoraModule(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0], [5.0]]), 0.5)
    assert module.rank == 1
    assert module.delta().tolist() == [[1.5, 3.0], [2.0, 4.0], [2.5, 5.0]]


@pytest.mark.parametrize(
    "options, what",
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "lora_only"}, "trains biases"),
        ({"lora_bias": True}, "LoRA bias"),
        ({"modules_to_save": ["pooler"]}, "whole modules"),
    ],
)
def test_what_peft_writes_and_factors_cannot_say_is_refused_by_name(
    tiny_base: Path, tmp_path: Path, options: dict[str, Any], what: str
) -> None:
    make_peft(tiny_base, tmp_path, **options)
    with pytest.raises(AdapterError, match=what):
        read_lora(tmp_path)


def test_a_truncated_file_is_one_clear_line(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "a") / WEIGHTS
    content = path.read_bytes()
    for length in (len(content) // 2, 4, 0):
        path.write_bytes(content[:length])
        with pytest.raises(AdapterError, match=r"adapter_model.safetensors is damaged .*restore it from a copy") as error:
            read_lora(tmp_path / "a")
        assert "\n" not in str(error.value)


def test_a_missing_half_of_a_pair_is_told_by_module(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = write_folder(tmp_path / "a") / WEIGHTS
    tensors = load_file(path)
    del tensors["base_model.model.b.query.lora_B.weight"]
    save_file(tensors, path)
    with pytest.raises(AdapterError, match=r"no matching pair of factors for .*b.query"):
        read_lora(tmp_path / "a")


@pytest.mark.parametrize(
    "content, message",
    [(None, "holds no adapter_config.json"), ("{", "cannot be read"), ("[]", "type list"), ('{"peft_type": "IA3"}', "type IA3; only LoRA")],
)
def test_a_configuration_of_no_lora_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    config = write_folder(tmp_path / "a") / CONFIG
    config.unlink() if content is None else config.write_text(content)
    with pytest.raises(AdapterError, match=message):
        read_lora(tmp_path / "a")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (write_folder(tmp_path / "a") / WEIGHTS).unlink()
    with pytest.raises(AdapterError, match=r"holds no adapter_model.safetensors"):
        read_lora(tmp_path / "a")
