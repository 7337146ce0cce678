"""Cross-encoders: their scores are transformers' own, kept on disk, and what is none is refused in a line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.encoders.cross_encoder import CrossEncoder, probabilities
from adapt_embed.errors import BaseError
from adapt_embed.references import EncoderSettings
from adapt_embed.references.cross_encoder import find_cross_encoder, open_cross_encoder

FP32 = EncoderSettings(precision="fp32")
QUERIES = ["who pays the rent", "谁付租金", "who pays the rent", "again and again " * 200]
PASSAGES = ["the tenant pays", "租户付租金", "the landlord mends the roof", "often " * 500]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every pair that goes through a network."""
    seen: list[tuple[str, str]] = []
    original = CrossEncoder.score

    def spy(self: CrossEncoder, queries: list[str], passages: list[str], *rest: object) -> object:
        seen.extend(zip(queries, passages, strict=True))
        return original(self, queries, passages, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(CrossEncoder, "score", spy)
    return seen


def test_scores_are_the_logits_of_transformers_whatever_the_batch(tiny_cross_encoder: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    opened = open_cross_encoder(str(tiny_cross_encoder), FP32)
    found = opened.score(QUERIES, PASSAGES)
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(tiny_cross_encoder),
        AutoTokenizer.from_pretrained(tiny_cross_encoder),
    )
    for pair, score in zip(zip(QUERIES, PASSAGES, strict=True), found, strict=True):
        with torch.inference_mode():
            alone = model.eval()(**tokenizer(*pair, truncation=True, max_length=512, return_tensors="pt")).logits
        assert alone.item() == pytest.approx(float(score), abs=1e-5)
    assert len(set(found.tolist())) == 4


def test_a_pair_is_scored_once_and_found_again_by_another_process_of_the_same_network(
    tiny_cross_encoder: Path, scored: list[tuple[str, str]], isolation: Path
) -> None:
    first = open_cross_encoder(str(tiny_cross_encoder), FP32).score([*QUERIES, QUERIES[0]], [*PASSAGES, PASSAGES[0]])
    assert len(scored) == 4
    again = open_cross_encoder(str(tiny_cross_encoder), FP32)
    assert np.array_equal(again.score([*QUERIES, QUERIES[0]], [*PASSAGES, PASSAGES[0]]), first)
    again.score(PASSAGES[:1], QUERIES[:1])  # the other way round it is another pair
    assert len(scored) == 5
    open_cross_encoder(str(tiny_cross_encoder), EncoderSettings(precision="fp32", max_tokens=16)).score(QUERIES, PASSAGES)
    assert len(scored) == 9  # another length is another network
    for path in (isolation / "adapt-cache" / "store" / "pair-scores").iterdir():
        path.write_bytes(path.read_bytes()[:-3] + b"xyz")
    assert np.array_equal(open_cross_encoder(str(tiny_cross_encoder), FP32).score(QUERIES, PASSAGES), first[:4])
    assert len(scored) == 13


def test_probabilities_are_the_sigmoid() -> None:
    assert probabilities(np.array([0, 3, -200], np.float32)) == pytest.approx([0.5, 1 / (1 + np.exp(-3)), 0])


def test_what_is_no_cross_encoder_is_refused_in_a_line(
    tiny_base: Path, tiny_cross_encoder: Path, two_label_cross_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(BaseError, match=r"is not a cross-encoder: its weights lack classifier\.bias"):
        open_cross_encoder(str(tiny_base), FP32)
    with pytest.raises(BaseError, match="gives 2 numbers for a pair; expected one"):
        open_cross_encoder(str(two_label_cross_encoder), FP32)
    with pytest.raises(BaseError, match="a tokenizer and model"):
        find_cross_encoder(str(tmp_path))
    with pytest.raises(BaseError, match="there is no cross-encoder"):
        find_cross_encoder("reranker")
    with pytest.raises(BaseError, match="owner/reranker is not in the Hugging Face cache, and"):
        find_cross_encoder("owner/reranker")
    damaged = shutil.copytree(tiny_cross_encoder, tmp_path / "damaged")
    (damaged / "config.json").write_text(json.dumps({"model_type": "bert", "auto_map": {"AutoConfig": "x.Y"}, "hidden_size": "wide"}))
    with pytest.raises(BaseError, match="could not be loaded") as caught:
        open_cross_encoder(str(damaged), FP32)
    assert "\n" not in str(caught.value)
