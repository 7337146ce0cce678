"""Which layers of a network are meant: the words, the networks, and what LoRA makes of them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from adapt_embed.adapters import TrainConfig, config_from, train_adapter
from adapt_embed.adapters.settings.layers import parse_layers
from adapt_embed.adapters.strategies.layers import LayerList, choose_layers, find_layers
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.base import Base
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import ConfigError
from adapt_embed.lora import read_lora
from transformers import AlbertConfig, AutoModel, DistilBertConfig, PreTrainedConfig, XLMRobertaConfig


def network(config: PreTrainedConfig) -> Base:
    with torch.device("meta"):
        return SimpleNamespace(model=AutoModel.from_config(config), spec=SimpleNamespace(name="a base"))  # type: ignore[return-value]


DISTILBERT = DistilBertConfig(n_layers=3, dim=8, n_heads=2, hidden_dim=8, vocab_size=20)
XLM_R = XLMRobertaConfig(num_hidden_layers=12, hidden_size=8, num_attention_heads=2, intermediate_size=8, vocab_size=20)
ALBERT = AlbertConfig(num_hidden_layers=4, hidden_size=8, embedding_size=8, num_attention_heads=2, intermediate_size=8, vocab_size=20)


@pytest.mark.parametrize(
    ("text", "of_12"),
    [
        ("last:4", (8, 9, 10, 11)),
        ("first:2", (0, 1)),
        ("0,3,9-11", (0, 3, 9, 10, 11)),
        ("11,3,3-5", (3, 4, 5, 11)),
        ("last:12", tuple(range(12))),
    ],
)
def test_the_words_name_layers(text: str, of_12: tuple[int, ...]) -> None:
    choice = parse_layers(text)
    assert choice.among(12) == of_12
    assert choice.least_depth == (12 if "last:12" in text or "11" in text else len(of_12))


@pytest.mark.parametrize(
    "text", ["last", "last:", "last:-1", "all", "1-", "3-1", "1,,2", "-1", "1.5", "last:4,0", "1000", "0-99999999999", "一"]
)
def test_other_words_are_refused_in_a_line(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"layers is .*; expected last:4, first:2, numbers from 0 such as 0,3,9-11, or none for all"
    ) as it:
        config_from({"layers": text})
    assert "\n" not in str(it.value)


def test_no_layer_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="layers is 'last:0', which names no layer"):
        TrainConfig(layers="last:0")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ([0, 3, "9-11"], "0,3,9-11"),
        (3, "3"),
        (" Last: 4", "last:4"),
        ("0，3，9－11", "0,3,9-11"),
        ("last：4", "last:4"),
        ("", None),
        ([], None),
        ("none", None),
    ],
)
def test_lists_numbers_and_wide_signs_are_read(value: object, kept: str | None) -> None:
    config = config_from({"strategy": {"layers": value}})
    assert config.layers == kept
    assert config_from(config.as_dict()) == config


@pytest.mark.parametrize("value", [True, 1.5, [[1]], {"a": 1}])
def test_what_cannot_name_layers_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="layers is"):
        config_from({"strategy.layers": value})


@pytest.mark.parametrize(("config", "path", "depth"), [(DISTILBERT, "transformer.layer", 3), (XLM_R, "encoder.layer", 12)])
def test_the_list_of_layers_is_found_in_each_kind_of_network(config: PreTrainedConfig, path: str, depth: int) -> None:
    base = network(config)
    layers = find_layers(base)
    assert layers == LayerList(path, depth)
    numbers = {layers.number_of(name) for name, _ in base.model.named_parameters()}
    assert numbers == {None, *range(depth)}
    assert all(any(name.startswith(layers.path_of(n)) for name, _ in base.model.named_modules()) for n in range(depth))


def test_a_name_that_only_begins_like_that_of_the_list_is_of_no_layer() -> None:
    layers = LayerList("encoder.layer", 12)
    assert layers.number_of("encoder.layer.11.output.dense.weight") == 11
    assert [layers.number_of(name) for name in ("encoder.layers.1", "embeddings.word", "encoder.layer", "x.encoder.layer.1")] == [None] * 4


def test_layers_that_do_not_exist_are_refused(loaded_tiny_base: Base) -> None:
    assert choose_layers(None, loaded_tiny_base) == choose_layers("", loaded_tiny_base) == (0, 1)
    for text in ("last:3", "first:3", "2", "0-7"):
        with pytest.raises(ConfigError, match=rf"layers is '{text}', and .* has 2 layers, 0 to 1; name those alone"):
            choose_layers(text, loaded_tiny_base)


def test_a_network_whose_layers_share_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a base has no list of layers of its own weights each.*; leave out layers"):
        choose_layers("last:1", network(ALBERT))


def test_lora_in_chosen_layers_alone_changes_them_alone(loaded_tiny_base: Base, toy_data: TrainingData, tmp_path: Path) -> None:
    config = TrainConfig(layers="last:1", targets=("query", "output.dense"), rank=2, epochs=1, max_tokens=16, store="fp32")
    factors = train_adapter(loaded_tiny_base, toy_data, config).factors
    names = {f"encoder.layer.1.{end}" for end in ("attention.self.query", "attention.output.dense", "output.dense")}
    assert factors.keys() == names
    strategy = open_strategy(config)
    assert set(strategy.plan(loaded_tiny_base).modules) == names
    strategy.write(factors, tmp_path, loaded_tiny_base)
    assert read_lora(tmp_path).keys() == names


def test_a_target_that_the_chosen_layers_lack_is_refused(loaded_tiny_base: Base) -> None:
    strategy = open_strategy(TrainConfig(layers="last:1", targets=("pooler.dense",)))
    with (
        pytest.raises(ConfigError, match=r"target 'pooler.dense' names no linear module of .* in layers last:1"),
        put_in(strategy, loaded_tiny_base),
    ):
        raise AssertionError
