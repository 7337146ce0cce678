"""A network that computes fast gives the vectors of the plain one, and is the plain one again afterwards."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig
from adapt_embed.adapters.fused_layers import LoraProduct, fast_layers
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.adapters.token_ids import TokenIds
from adapt_embed.base import Base
from adapt_embed.encoders import LoraEncoder, attention
from adapt_embed.encoders.first_token import LIKE_BERT, first_token_alone
from adapt_embed.encoders.forward import PLAIN, embed
from adapt_embed.encoders.quick import quick_network
from torch import Tensor, nn

IDS = [[2, 7, 8, 9, 10, 11, 12, 3], [2, 40, 41, 3], [2, 5, 3], [2, 3]]
TEXTS = ["the court", "a long text of the tenant and the landlord of the house", ""]
SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 64}
KINDS = ["bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "mpnet"]


def make_base(kind: str, pooling: str = "cls") -> Base:
    """What `embed` reads of a base, around a network of random weights."""
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(AutoConfig.for_model(kind, **SIZES, max_position_embeddings=32, pad_token_id=0)).eval()
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(0, 0.2)
    model.requires_grad_(False)
    encoding, tokenizer = SimpleNamespace(pooling=pooling), SimpleNamespace(pad_token_id=0)
    return cast("Base", SimpleNamespace(model=model, device=torch.device("cpu"), encoding=encoding, tokenizer=tokenizer, head=None))


def state(base: Base) -> dict[str, object]:
    weights = {name: (id(parameter), parameter.dtype) for name, parameter in base.model.named_parameters()}
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in base.model.modules()]
    own = ["forward" in vars(module) for module in base.model.modules()]
    return {"weights": weights, "hooks": hooks, "own": own, "attention": base.model.config._attn_implementation}


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_in_bf16_are_near_those_in_float32(kind: str, pooling: str) -> None:
    base = make_base(kind, pooling)
    with torch.inference_mode():
        full = embed(base, IDS, "fp32")
        with quick_network(base, "bf16"):
            quick = embed(base, IDS, "bf16")
    assert (full * quick).sum(1).min() > 0.999
    assert not torch.equal(full, quick)


def test_the_tables_of_kinds_are_tested_whole() -> None:
    assert set(KINDS) - {"mpnet"} == PLAIN
    assert LIKE_BERT < PLAIN


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_is_its_own_again_also_after_an_error(kind: str) -> None:
    base = make_base(kind)
    before = state(base)

    def fail() -> None:
        with quick_network(base, "bf16"):
            assert all(module.weight.dtype == torch.bfloat16 for module in base.model.modules() if isinstance(module, nn.Linear))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert state(base) == before


def test_on_a_cpu_float32_stays_as_it_is() -> None:
    base = make_base("bert")
    before = state(base)
    with quick_network(base, "fp32"):
        assert state(base) == before


@pytest.mark.parametrize("kind", sorted(LIKE_BERT))
def test_the_first_token_alone_is_the_first_of_all(kind: str) -> None:
    base = make_base(kind)
    with torch.inference_mode():
        whole = embed(base, IDS, "fp32")
        with first_token_alone(base):
            states = base.model(input_ids=torch.tensor(IDS[:1])).last_hidden_state
            alone = embed(base, IDS, "fp32")
    assert states.shape == (1, 1, 32)
    assert (whole - alone).abs().max() < 1e-6


def test_mean_pooling_gets_all_states() -> None:
    base = make_base("bert", "mean")
    with first_token_alone(base):
        assert base.model(input_ids=torch.tensor(IDS[:1])).last_hidden_state.shape == (1, len(IDS[0]), 32)


def attended(values: list[Tensor], mask: Tensor | None, scale: float) -> tuple[Tensor, list[Tensor]]:
    """Our attention and its gradients."""
    leaves = [value.clone().requires_grad_() for value in values]
    result, _ = attention.attend(nn.Identity(), *leaves, attention.key_mask(attention_mask=mask), scaling=scale)
    result.backward(torch.arange(result.numel()).reshape(result.shape) / result.numel())
    return result.detach(), [cast("Tensor", leaf.grad) for leaf in leaves]


def reference(values: list[Tensor], mask: Tensor | None, scale: float) -> tuple[Tensor, list[Tensor]]:
    """The same by torch's own operations in float64."""
    leaves = [value.double().requires_grad_() for value in values]
    scores = leaves[0] @ leaves[1].transpose(2, 3) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None, :], -torch.inf)
    result = (scores.softmax(-1) @ leaves[2]).transpose(1, 2)
    result.backward(torch.arange(result.numel()).reshape(result.shape).double() / result.numel())
    return result.detach(), [cast("Tensor", leaf.grad) for leaf in leaves]


@pytest.mark.parametrize("scale", [0.3, 60.0, -60.0])  # the exponentials of the second and third leave the range
@pytest.mark.parametrize("lengths", [(6, 6), (6, 2)])
@pytest.mark.parametrize("queries", [6, 1])
def test_attention_and_its_gradients_are_softmax_attention(scale: float, lengths: tuple[int, int], queries: int) -> None:
    draw = torch.Generator().manual_seed(1)
    values = [torch.randn(2, 3, tokens, 4, generator=draw) for tokens in (queries, 6, 6)]
    mask = torch.arange(6)[None] < torch.tensor(lengths)[:, None]
    (ours, our_gradients), (theirs, their_gradients) = attended(values, mask, scale), reference(values, mask, scale)
    tolerance = 1e-5 * max(1.0, abs(scale))
    assert (ours - theirs).abs().max() < tolerance
    assert all((one - other).abs().max() < tolerance for one, other in zip(our_gradients, their_gradients, strict=True))


def test_no_mask_is_made_where_nothing_is_padded() -> None:
    assert attention.key_mask(attention_mask=torch.ones(2, 3)) is None
    assert attention.key_mask(attention_mask=None) is None


@pytest.mark.parametrize("bias", [True, False])
def test_a_fused_layer_has_the_gradients_of_its_parts(bias: bool) -> None:
    draw = torch.Generator().manual_seed(2)
    weight, shift, *drawn = (torch.randn(*shape, generator=draw) for shape in ((4, 5), (4,), (2, 3, 5), (2, 5), (4, 2)))
    found = []
    for is_fused in (True, False):
        leaves = [tensor.clone().requires_grad_() for tensor in drawn]
        base, (x, a, b) = (weight, shift if bias else None), leaves
        fused_result = LoraProduct.apply(x, *base, a, b, 0.5 * a.detach(), b.detach(), 0.5) if is_fused else None
        result = nn.functional.linear(x, *base) + 0.5 * (x @ a.T @ b.T) if fused_result is None else fused_result
        result.square().sum().backward()
        found.append([result.detach(), *(leaf.grad for leaf in leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_fused_layers_give_pefts_gradients_near_enough(loaded_tiny_base: Base) -> None:
    base, found = loaded_tiny_base, []
    strategy = open_strategy(TrainConfig(rank=4, precision="bf16"))
    with put_in(strategy, base) as parameters:
        strategy.training(True)
        with torch.no_grad():
            for number, parameter in enumerate(parameters):
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)) * 0.1)
        for precision in ("fp32", "bf16"):
            for parameter in parameters:
                parameter.grad = None
            with fast_layers(base, precision):  # type: ignore[arg-type]
                vectors = embed(base, IDS, precision)  # type: ignore[arg-type]
                vectors.backward(torch.linspace(-1, 1, vectors.numel()).reshape(vectors.shape))
            found.append(torch.cat([cast("Tensor", parameter.grad).flatten() for parameter in parameters]))
    assert torch.cosine_similarity(*found, dim=0) > 0.99
    assert not torch.equal(*found)


def test_layers_with_dropout_stay_pefts(loaded_tiny_base: Base) -> None:
    base = loaded_tiny_base
    with put_in(open_strategy(TrainConfig(rank=4, dropout=0.1)), base), fast_layers(base, "bf16"):
        assert not any("forward" in vars(module) and hasattr(module, "lora_A") for module in base.model.modules())


def test_the_encoder_computes_with_the_adapter_in_bf16(loaded_tiny_base: Base) -> None:
    vectors = {precision: LoraEncoder(loaded_tiny_base, precision=precision).encode(TEXTS).vectors for precision in ("fp32", "bf16")}  # type: ignore[arg-type]
    assert (vectors["fp32"] * vectors["bf16"]).sum(1).min() > 0.999
    assert not np.array_equal(vectors["fp32"], vectors["bf16"])
    assert np.array_equal(vectors["fp32"], LoraEncoder(loaded_tiny_base, precision="fp32").encode(TEXTS).vectors)


def test_a_text_is_tokenised_once(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.adapters import token_ids

    asked: list[list[str]] = []
    real = token_ids.tokenize
    monkeypatch.setattr(token_ids, "tokenize", lambda base, texts, *rest: (asked.append(texts), real(base, texts, *rest))[1])
    ids = TokenIds(loaded_tiny_base, 8)
    first = ids.of(["the court", "rent", "the court"], "query")
    assert [row.tolist() for row in ids.of(["rent", "the court"], "query")] == [first[1].tolist(), first[0].tolist()]
    assert asked == [["the court", "rent"]]
    ids.of(["rent"], "document")
    assert asked[1:] == [["rent"]]
    assert [row.tolist() for row in first] == real(loaded_tiny_base, ["the court", "rent", "the court"], "query", 8).ids
