"""Texts to vectors: order, roles, batches, odd texts, precision, and what an adapter changes."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.encoders import LoraEncoder, Vectors
from adapt_embed.encoders import lora as lora_encoder
from adapt_embed.encoders.batching import length_batches
from adapt_embed.encoders.forward import choose_device, embed, uses_bf16
from adapt_embed.encoders.tokens import tokenize
from adapt_embed.errors import ConfigError, DataError
from adapt_embed.lora import LoraFactors, LoraModule, factors_sha256, read_lora
from transformers import AutoModel, AutoTokenizer

TEXTS = ["hello world", "the court gave the house back", "", "租客要归还什么？", "a " * 90, "water, war & song!", "law"]


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    names = ("encoder.layer.0.attention.self.query", "encoder.layer.1.attention.output.dense")
    return {name: LoraModule(torch.randn(4, 32, generator=draw), torch.randn(32, 4, generator=draw), 0.2) for name in names}


def plain_transformers(folder: Path, texts: list[str], pooling: str = "cls") -> Vectors:
    """Embed one text at a time, with nothing but transformers."""
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        with torch.no_grad():
            hidden = model(**tokenizer(text, truncation=True, max_length=512, return_tensors="pt")).last_hidden_state
        rows.append(hidden[0, 0] if pooling == "cls" else hidden[0].mean(0))
    return torch.nn.functional.normalize(torch.stack(rows), dim=-1).numpy()


@pytest.fixture
def encoder(loaded_tiny_base: Base) -> LoraEncoder:
    return LoraEncoder(loaded_tiny_base, precision="fp32")


def test_vectors_are_those_of_plain_transformers(encoder: LoraEncoder, tiny_base: Path) -> None:
    vectors = encoder.encode(TEXTS).vectors
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, plain_transformers(tiny_base, TEXTS), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_mean_pooling_is_that_of_plain_transformers(tiny_base: Path) -> None:
    from adapt_embed.base.resolve import BaseOptions

    base = load_base(resolve_base(str(tiny_base), options=BaseOptions(pooling="mean")))
    np.testing.assert_allclose(
        LoraEncoder(base, precision="fp32").encode(TEXTS).vectors, plain_transformers(tiny_base, TEXTS, "mean"), atol=1e-5
    )


def test_order_is_kept_whatever_the_lengths(encoder: LoraEncoder) -> None:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(["law", "rent", "court", "water"], k=draw.randint(0, 40))) for _ in range(60)]
    alone = np.concatenate([encoder.encode([text]).vectors for text in texts])
    for budget in (None, 64, 1):
        np.testing.assert_allclose(replace(encoder, batch_tokens=budget).encode(texts).vectors, alone, atol=1e-5)


def test_the_role_decides_the_prompt(encoder: LoraEncoder) -> None:
    np.testing.assert_array_equal(encoder.encode(["rent"], "query").vectors, encoder.encode(["find: rent"], "document").vectors)
    np.testing.assert_array_equal(encoder.encode(["rent"]).vectors, encoder.encode(["rent"], "document").vectors)
    assert np.abs(encoder.encode(["rent"], "query").vectors - encoder.encode(["rent"]).vectors).max() > 0.01


def test_an_unknown_role_is_the_callers_bug(encoder: LoraEncoder) -> None:
    with pytest.raises(ValueError, match=r"unknown role 'passage'. Known: query, document"):
        encoder.encode(["rent"], "passage")  # type: ignore[arg-type]


def test_one_text_in_place_of_a_list_is_the_callers_bug(encoder: LoraEncoder) -> None:
    with pytest.raises(TypeError, match="a list"):
        encoder.encode("rent")


def test_no_texts_give_no_vectors(encoder: LoraEncoder) -> None:
    assert encoder.encode([]).vectors.shape == (0, 32)


@pytest.mark.parametrize("seed", range(5))
def test_length_batches_hold_every_row_once_within_the_budget(seed: int) -> None:
    draw = random.Random(seed)
    lengths, budget = [draw.randint(2, 300) for _ in range(200)], 256
    batches = length_batches(lengths, budget)
    assert sorted(row for batch in batches for row in batch) == list(range(200))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[row] for row in batch) * len(batch) <= budget
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)


def test_batches_are_told_text_by_text(encoder: LoraEncoder) -> None:
    told: list[int] = []
    replace(encoder, batch_tokens=32).encode(TEXTS, on_batch=told.append)
    assert sum(told) == len(TEXTS)
    assert len(told) > 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        "\U0001f600\U0001f469\u200d\U0001f680",
        "a\x00b\x07\x1b[31m",
        "\ud83d",
        "law \udfff rent",
        "\ufeff",
        "‮abc",
        "é" * 300,
    ],
    ids=["empty", "blank", "white", "emoji", "control", "surrogate", "surrogate inside", "bom", "bidi", "accents"],
)
def test_odd_texts_have_a_vector(encoder: LoraEncoder, text: str) -> None:
    vectors = encoder.encode(["law", text, "rent"]).vectors
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[[0, 2]], encoder.encode(["law", "rent"]).vectors, atol=1e-5)


@pytest.mark.parametrize("missing, what", [(None, "row 2 is empty"), (3, "row 2 is a int"), (float("nan"), "row 2 is a float")])
def test_a_missing_text_is_told_by_its_row_counted_from_one(encoder: LoraEncoder, missing: object, what: str) -> None:
    with pytest.raises(DataError, match=what):
        encoder.encode(["law", missing])  # type: ignore[list-item]


def test_long_texts_are_truncated_and_counted(encoder: LoraEncoder) -> None:
    words = ["water"] * 10_000
    encoded = encoder.encode([" ".join(words), "law", " ".join(words[:510]), " ".join(words[:511])])
    assert encoded.is_cut.tolist() == [True, False, False, True]
    assert encoded.truncated == 2
    np.testing.assert_allclose(encoded.vectors[0], encoded.vectors[2], atol=1e-5)


def test_a_length_beyond_the_bases_is_the_bases(encoder: LoraEncoder) -> None:
    assert [replace(encoder, max_tokens=length).max_tokens for length in (8, 512, 9999)] == [8, 512, 512]
    assert (encoder.max_tokens, encoder.dimension) == (512, 32)


def test_factors_are_hashed_once_however_often_texts_are_encoded(loaded_tiny_base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[object] = []
    monkeypatch.setattr(lora_encoder, "factors_sha256", lambda factors: hashed.append(factors) or factors_sha256(factors))
    module = {"encoder.layer.0.attention.self.query": LoraModule(torch.ones(1, 32), torch.ones(32, 1), 0.1)}
    encoder = LoraEncoder(loaded_tiny_base, module, precision="fp32")
    for role in ("query", "document", "query"):
        encoder.encode(TEXTS, role)  # type: ignore[arg-type]
    assert len(hashed) == 1


def test_the_maximum_length_can_be_lowered_and_never_raised(loaded_tiny_base: Base) -> None:
    text = ["water " * 600]
    assert [len(tokenize(loaded_tiny_base, text, "document", most).ids[0]) for most in (8, None, 9999)] == [8, 512, 512]


def test_the_prompt_counts_towards_the_length(loaded_tiny_base: Base) -> None:
    assert tokenize(loaded_tiny_base, ["a b c d e f"], "document", 8).truncated == 0
    assert tokenize(loaded_tiny_base, ["a b c d e f"], "query", 8).truncated == 1


def test_bf16_is_close_to_fp32(loaded_tiny_base: Base) -> None:
    fp32, bf16 = (LoraEncoder(loaded_tiny_base, precision=precision).encode(TEXTS).vectors for precision in ("fp32", "bf16"))
    assert (fp32 * bf16).sum(1).min() >= 0.999
    assert not np.array_equal(fp32, bf16)


def test_a_batch_too_large_for_the_memory_is_halved(encoder: LoraEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = encoder.encode(TEXTS).vectors
    sizes: list[int] = []

    def short_of_memory(base: Base, ids: list[list[int]], precision: str) -> torch.Tensor:
        sizes.append(len(ids))
        if len(ids) > 3:
            raise torch.OutOfMemoryError
        return embed(base, ids, precision)  # type: ignore[arg-type]

    monkeypatch.setattr(lora_encoder, "embed", short_of_memory)
    np.testing.assert_allclose(encoder.encode(TEXTS).vectors, expected, atol=1e-6)
    assert sizes == [7, 3, 4, 2, 2]


def test_no_memory_for_a_single_text_says_what_to_lower(encoder: LoraEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(lora_encoder, "embed", no_memory)
    with pytest.raises(
        ConfigError, match=r"cpu has too little free memory for one text of \d+ tokens; lower --max-tokens, or use --device cpu"
    ):
        encoder.encode(TEXTS)


def test_precision_is_as_asked_for() -> None:
    cpu = torch.device("cpu")
    assert (uses_bf16(cpu, "fp32"), uses_bf16(cpu, "bf16")) == (False, True)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")  # raised within peft
def test_an_adapter_gives_the_vectors_of_peft(tiny_base: Path, loaded_tiny_base: Base, tmp_path: Path) -> None:
    from peft import LoraConfig, PeftModel, get_peft_model

    torch.manual_seed(0)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "intermediate.dense"], init_lora_weights=False)
    get_peft_model(AutoModel.from_pretrained(tiny_base), config).save_pretrained(tmp_path)
    theirs = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    with torch.no_grad():
        hidden = theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).last_hidden_state[:, 0]
    ours = LoraEncoder(loaded_tiny_base, read_lora(tmp_path), precision="fp32").encode(TEXTS).vectors
    np.testing.assert_allclose(ours, torch.nn.functional.normalize(hidden, dim=-1).numpy(), atol=1e-5)


def test_encoders_share_a_base_and_swap_their_adapters(loaded_tiny_base: Base) -> None:
    def embed(some: LoraFactors | None) -> Vectors:
        return LoraEncoder(loaded_tiny_base, some, precision="fp32").encode(TEXTS).vectors

    state = {name: tensor.clone() for name, tensor in loaded_tiny_base.model.state_dict().items()}
    bare, one, two = embed(None), embed(factors(1)), embed(factors(2))
    assert min(np.abs(one - bare).max(), np.abs(two - bare).max(), np.abs(one - two).max()) > 0.01
    np.testing.assert_array_equal(embed(factors(1)), one)
    np.testing.assert_array_equal(embed(factors(2)), two)
    np.testing.assert_array_equal(embed(None), bare)
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded_tiny_base.model.state_dict().items())


def test_an_adapter_for_queries_alone_leaves_documents_to_the_base(loaded_tiny_base: Base) -> None:
    def embed(role: str, query: LoraFactors | None, document: LoraFactors | None) -> Vectors:
        return LoraEncoder(loaded_tiny_base, query, document, precision="fp32").encode(TEXTS, role).vectors  # type: ignore[arg-type]

    np.testing.assert_array_equal(embed("document", factors(1), {}), embed("document", None, None))
    np.testing.assert_array_equal(embed("query", factors(1), {}), embed("query", factors(1), None))
    np.testing.assert_array_equal(embed("document", factors(1), factors(2)), embed("document", factors(2), None))
    assert np.abs(embed("query", factors(1), {}) - embed("query", None, None)).max() > 0.01


def test_the_device_is_the_best_one_here_or_the_named_one() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device() == choose_device("auto")
    with pytest.raises(ConfigError, match=r"device 'tpu' is not available; this machine has .*cpu"):
        choose_device("tpu")


@pytest.fixture
def real(shared: Path) -> Callable[[str], LoraEncoder]:
    base = load_base(resolve_base(str(shared / "bases" / "bge-small-en-v1.5")))
    return lambda precision: LoraEncoder(base, precision=precision)  # type: ignore[arg-type]


@pytest.mark.shared
def test_the_real_base_gives_its_known_vector(real: Callable[[str], LoraEncoder]) -> None:
    vector = real("fp32").encode(["hello world"]).vectors[0]
    np.testing.assert_allclose(vector[:5], [0.0152, -0.0226, 0.0085, -0.0742, 0.0038], atol=1e-4)


@pytest.mark.shared
def test_the_real_base_is_that_of_plain_transformers_and_close_in_bf16(real: Callable[[str], LoraEncoder], shared: Path) -> None:
    fp32 = real("fp32").encode(TEXTS).vectors
    np.testing.assert_allclose(fp32, plain_transformers(shared / "bases" / "bge-small-en-v1.5", TEXTS), atol=1e-5)
    assert (fp32 * real("bf16").encode(TEXTS).vectors).sum(1).min() >= 0.999
