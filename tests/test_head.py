"""A projection head: trained along, kept as sentence-transformers' Dense module, read again wherever a version is used."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, train_adapter
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.evaluation import make_dev_set
from adapt_embed.adapters.head_start import start_head, start_texts
from adapt_embed.adapters.register import register_adapter
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.base.load import with_head
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError, RequestError
from adapt_embed.lora import factors_sha256
from adapt_embed.references import EncoderSettings, LoadedBases, Search, of_base, open_encoder, resolve_reference
from adapt_embed.registry import Entry, open_registry

QUICK = {
    "epochs": 2,
    "batch_size": 16,
    "learning_rate": 5e-3,
    "temperature": 0.05,
    "rank": 4,
    "max_tokens": 16,
    "precision": "fp32",
    "head": 8,
}
TEXTS = ["the court and the judge", "", "a tenant pays rent to the landlord", "season " * 700, "law", "法律 房屋"]
Register = Callable[..., tuple[Entry, Path]]


def quick(**settings: object) -> TrainConfig:
    of_head: dict[str, object] = {} if settings.get("head", 8) is None else {"head_rate": 5e-4}
    return TrainConfig(**(QUICK | of_head | settings))  # type: ignore[arg-type]


def run(tiny_base: Path, data: TrainingData, config: TrainConfig, **more: object) -> TrainResult:
    return train_adapter(load_base(resolve_base(str(tiny_base))), data, config, **more)  # type: ignore[arg-type]


@pytest.fixture
def base(loaded_tiny_base: Base) -> Base:
    return loaded_tiny_base


@pytest.fixture
def register(tiny_base: Path, toy_data: TrainingData, home: Path) -> Register:
    def train(name: str = "short", **settings: object) -> tuple[Entry, Path]:
        config, loaded, registry = quick(**({"epochs": 1} | settings)), load_base(resolve_base(str(tiny_base))), open_registry(home)
        entry = register_adapter(registry, name, "legal", loaded, toy_data, config, train_adapter(loaded, toy_data, config))
        return entry, registry.folder(entry)

    return train


# Training


def test_a_head_learns_and_the_dev_score_is_that_of_what_is_kept(base: Base, toy_data: TrainingData) -> None:
    config = quick(epochs=6)
    result, dev = train_adapter(base, toy_data, config), make_dev_set(toy_data)
    assert dev is not None
    assert result.head is not None
    assert result.head.weight.shape == (8, 32)
    assert result.after > result.before + 0.2
    assert base.head is None
    kept = LoraEncoder(with_head(base, result.head), result.factors, precision="fp32", max_tokens=16)
    assert kept.dimension == 8
    assert dev.score(kept) == pytest.approx(result.after, abs=1e-3)  # the factors are not rounded here


def test_it_begins_as_a_truncated_pca_of_the_base_and_moves_from_there(base: Base, toy_data: TrainingData) -> None:
    config = quick()
    batches = Batches(toy_data.train, toy_data.corpus, config)
    start = start_head(base, config, batches)
    assert start is not None
    vectors = np.concatenate(
        [LoraEncoder(base, precision="fp32").encode(texts, role).vectors for role, texts in start_texts(config, batches).items()]
    )
    directions = np.linalg.svd(vectors, full_matrices=False)[2][:8]
    assert np.abs(np.abs(start.weight.numpy() @ directions.T) - np.eye(8)).max() < 1e-3
    trained = train_adapter(base, toy_data, config).head
    assert trained is not None
    assert 1e-3 < float((trained.weight - start.weight).abs().max()) < 0.5


@pytest.mark.parametrize("width", [32, 40])
def test_a_head_that_leaves_nothing_out_begins_without_changing_a_cosine(base: Base, toy_data: TrainingData, width: int) -> None:
    result = train_adapter(base, toy_data, quick(epochs=1, head=width))
    plain = train_adapter(base, toy_data, quick(epochs=1, head=None))
    assert result.before == pytest.approx(plain.before, abs=1e-6)
    assert result.losses[0] == pytest.approx(plain.losses[0], abs=1e-4)


def test_the_same_seed_gives_the_same_head_and_another_seed_another(tiny_base: Path, toy_data: TrainingData) -> None:
    config = quick(epochs=1, dropout=0.1)
    heads = [run(tiny_base, toy_data, each).head for each in (config, config, quick(epochs=1, dropout=0.1, seed=1))]
    first, second, other = (head.sha256() for head in heads if head is not None)
    assert first == second != other


def test_a_resumed_run_gives_the_head_of_one_that_was_not_interrupted(
    tiny_base: Path, toy_data: TrainingData, tmp_path: Path, ctrl_c: Callable[[int], None]
) -> None:
    config, whole = quick(averaging="ema"), run(tiny_base, toy_data, quick(averaging="ema"))
    ctrl_c(2)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_base, toy_data, config, checkpoint=Checkpoint(tmp_path, every_s=0))
    ctrl_c(0)
    resumed = run(tiny_base, toy_data, config, checkpoint=Checkpoint(tmp_path, every_s=0), resume=True)
    assert whole.head is not None
    assert resumed.head is not None
    assert (resumed.losses, resumed.head.sha256()) == (whole.losses, whole.head.sha256())
    assert factors_sha256(resumed.factors) == factors_sha256(whole.factors)


def test_rate_and_bias_are_heeded(tiny_base: Path, toy_data: TrainingData) -> None:
    slow, quicker, biased = (
        run(tiny_base, toy_data, quick(epochs=1, **more)).head for more in ({}, {"head_rate": 5e-3}, {"head_bias": True})
    )
    assert slow is not None
    assert quicker is not None
    assert biased is not None
    assert not torch.equal(slow.weight, quicker.weight)
    assert slow.bias is None
    assert biased.bias is not None
    assert float(biased.bias.abs().max()) > 0


def test_steps_that_begin_above_the_frozen_layers_go_through_the_head(tiny_base: Path, toy_data: TrainingData) -> None:
    stored, computed = (run(tiny_base, toy_data, quick(epochs=1, layers="last:1", cache_frozen=word)) for word in ("true", "false"))
    assert stored.head is not None
    assert computed.head is not None
    assert stored.losses == pytest.approx(computed.losses, abs=1e-4)
    assert float((stored.head.weight - computed.head.weight).abs().max()) < 1e-4


def test_an_l1_term_spares_the_head(tiny_base: Path, toy_data: TrainingData) -> None:
    plain, sparse = (run(tiny_base, toy_data, quick(epochs=1, l1=factor)).head for factor in (0.0, 50.0))
    assert plain is not None
    assert sparse is not None
    assert int((sparse.weight == 0).sum()) == int((plain.weight == 0).sum())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"side": "query"}, "another space than the base's, which --side query compares"),
        ({"corpus": 0.5}, r"which loss.corpus=0.5 compares.*loss\.dims"),
        ({"anchor": 0.1}, "which loss.anchor=0.1 compares"),
        ({"head": None, "head_bias": True}, "head_bias is of a projection head, and there is none"),
        ({"head": None, "head_rate": 0.5}, "head_rate is of a projection head, and there is none"),
        ({"dims": (16, 8)}, "dims holds 16, and strategy.head gives 8 numbers; name at most 8"),
        ({"head": 0}, "head is 0; it must be above 0"),
    ],
)
def test_what_a_head_does_not_go_with_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises((RequestError, ConfigError), match=message):
        quick(**settings)


def test_runs_without_a_head_keep_their_names() -> None:
    assert not {"head", "head_bias", "head_rate"} & config_from({}).identity().keys()
    assert config_from({"strategy.head": "8"}).identity()["head"] == 8


# Its folder


def test_sentence_transformers_gives_adapts_vectors_of_the_new_width(register: Register, tiny_base: Path, home: Path) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    entry, folder = register(head_bias=True)
    modules = [each["type"].rsplit(".", 1)[-1] for each in json.loads((folder / "modules.json").read_text())]
    assert modules == ["Transformer", "Pooling", "Dense", "Normalize"]
    opened = open_encoder(
        resolve_reference(entry.reference, Search(registry=open_registry(home))), LoadedBases(EncoderSettings(precision="fp32"))
    )
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    assert opened.dimension == model.get_embedding_dimension() == 8
    for role, encode in (("query", model.encode_query), ("document", model.encode_document)):
        assert np.abs(encode(TEXTS) - opened.encode(TEXTS, role).vectors).max() < 1e-6


def test_the_head_is_part_of_what_vectors_depend_on_and_the_network_is_shared(register: Register, home: Path) -> None:
    where, bases = Search(registry=open_registry(home)), LoadedBases(EncoderSettings(precision="fp32"))
    resolved = [resolve_reference(register(seed=seed)[0].reference, where) for seed in (0, 1)]
    first, second, plain = (open_encoder(each, bases) for each in (*resolved, of_base(resolved[0].base, resolved[0].encoding)))
    assert len({first.content()["document"]["head"], second.content()["document"]["head"]}) == 2  # type: ignore[index]
    assert "head" not in plain.content("document")
    assert (plain.dimension, resolved[0].dimension) == (32, 8)
    assert len(bases.networks) == 1


@pytest.mark.parametrize(("strategy", "settings"), [("full", {"keep": "model", "learning_rate": 1e-3}), ("bitfit", {"l2": 0.1})])
def test_a_head_goes_with_every_kept_form(register: Register, home: Path, strategy: str, settings: dict[str, object]) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    entry, folder = register(strategy=strategy, rank=16, **settings)
    opened = open_encoder(
        resolve_reference(entry.reference, Search(registry=open_registry(home))), LoadedBases(EncoderSettings(precision="fp32"))
    )
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    assert opened.dimension == 8
    assert np.abs(model.encode_document(TEXTS) - opened.encode(TEXTS).vectors).max() < 1e-6
