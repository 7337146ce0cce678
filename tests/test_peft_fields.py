"""Every field of peft's configuration is classified, and every tensor that is not a factor is refused by name."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from adapt_embed.errors import AdapterError
from adapt_embed.lora import CONFIG, FIELDS, WEIGHTS, LoraFile, LoraModule, write_lora
from peft import LoraConfig
from safetensors.torch import load_file, save_file

MODULE = "encoder.layer.0.attention.self.query"
CHANGED: dict[str, Any] = {
    "bias": "all",
    "fan_in_fan_out": True,
    "modules_to_save": ["classifier"],
    "use_dora": True,
    "lora_bias": True,
    "megatron_config": {"tensor_model_parallel_size": 2},
    "trainable_token_indices": [1, 2],
    "loftq_config": {"loftq_bits": 4},
    "alora_invocation_tokens": [2],
    "use_qalora": True,
    "monteclora_config": {"num_samples": 8},
    "layer_replication": [[0, 2], [1, 2]],
    "target_parameters": ["feed_forward.experts.gate_up_proj"],
    "use_bdlora": {"nblocks": 2},
    "arrow_config": {"top_k": 3},
    "kasa_config": {"beta": 0.0001},
}
WITHOUT_EFFECT: dict[str, Any] = {
    "target_modules": ".*query",
    "exclude_modules": ["value"],
    "layers_to_transform": [0],
    "layers_pattern": "layer",
    "task_type": "CAUSAL_LM",
    "auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models.bert.modeling_bert"},
    "peft_version": "0.99.0",
    "base_model_name_or_path": "org/base",
    "revision": "main",
    "inference_mode": True,
    "lora_dropout": 0.1,
    "runtime_config": {"ephemeral_gpu_offload": True},
    "megatron_core": "megatron.core",
    "qalora_group_size": 16,
    "eva_config": {"rho": 2.0},
    "corda_config": {"corda_method": "ipm"},
    "lora_ga_config": {"direction": "ArB2r"},
    "velora_config": {"num_groups": 64},
    "ensure_weight_tying": True,
}


def write_folder(folder: Path, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    draw = torch.Generator().manual_seed(0)
    write_lora({MODULE: LoraModule(torch.randn(4, 32, generator=draw), torch.randn(32, 4, generator=draw), 2.0)}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8} | config))
    return folder


def named(effect: str) -> set[str]:
    return {name for name, field in FIELDS.items() if field.effect == effect}


def test_every_field_of_the_installed_peft_is_classified_and_no_other() -> None:
    assert {field.name for field in dataclasses.fields(LoraConfig)} == set(FIELDS)
    assert named("changes") == set(CHANGED)
    assert named("none") == set(WITHOUT_EFFECT)


def test_what_peft_writes_for_a_plain_lora_is_taken(tmp_path: Path) -> None:
    defaults = LoraConfig(r=4, target_modules=["query"]).to_dict() | {"target_modules": ["query"]}
    assert len(defaults) > 40
    assert list(LoraFile(write_folder(tmp_path / "a", **defaults))) == [MODULE]


@pytest.mark.parametrize("name", CHANGED)
def test_a_field_that_changes_the_vectors_is_refused_by_name_with_what_it_does(tmp_path: Path, name: str) -> None:
    with pytest.raises(AdapterError, match=f"sets {name}=") as error:
        LoraFile(write_folder(tmp_path / "a", **{name: CHANGED[name]}))
    assert FIELDS[name].reason in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(AdapterError, match=f"the field {name} of .* cannot be ignored: it changes the vectors"):
        LoraFile(tmp_path / "a", ignored=[name])


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_a_field_without_effect_is_taken_and_the_scale_stays(tmp_path: Path, name: str) -> None:
    assert LoraFile(write_folder(tmp_path / "a", **{name: WITHOUT_EFFECT[name]}))[MODULE].scale == 2.0


@pytest.mark.parametrize("name", ["kasa_config", "use_bdlora", "arrow_config", "monteclora_config"])
def test_an_empty_object_turns_a_variant_on_as_in_peft_and_is_refused(tmp_path: Path, name: str) -> None:
    if name != "monteclora_config":
        assert getattr(LoraConfig(**{name: {}}), name) is not None
    with pytest.raises(AdapterError, match=f"sets {name}="):
        LoraFile(write_folder(tmp_path / "a", **{name: {}}))


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_an_unknown_field_that_says_nothing_is_taken(tmp_path: Path, value: Any) -> None:
    assert len(LoraFile(write_folder(tmp_path / "a", new_in_peft=value))) == 1


@pytest.mark.parametrize("value", [True, 0, 1.5, "on", [1], {"a": None}])
def test_an_unknown_field_is_refused_by_name_with_the_way_out(tmp_path: Path, value: Any) -> None:
    folder = write_folder(tmp_path / "a", new_in_peft=value)
    with pytest.raises(AdapterError, match=r"sets new_in_peft=.*adapt add .*a --ignore-field new_in_peft"):
        LoraFile(folder)
    assert len(LoraFile(folder, ignored=["new_in_peft"])) == 1


def test_each_unknown_field_must_be_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", first=1, second=2)
    with pytest.raises(AdapterError, match="sets second=2"):
        LoraFile(folder, ignored=["first"])
    with pytest.raises(AdapterError, match=r"the field frist is to be ignored, but .* does not have it"):
        LoraFile(folder, ignored=["frist", "second"])


@pytest.mark.parametrize("name", ["r", "use_rslora", "init_lora_weights"])
def test_a_field_that_is_read_cannot_be_ignored(tmp_path: Path, name: str) -> None:
    with pytest.raises(AdapterError, match=f"the field {name} of .* cannot be ignored"):
        LoraFile(write_folder(tmp_path / "a", use_rslora=True, init_lora_weights=True), ignored=[name])


@pytest.mark.parametrize("start", [True, False, None, "gaussian", "Gaussian", "eva", "orthogonal", "mica"])
def test_a_start_that_leaves_the_base_as_it_is_is_taken(tmp_path: Path, start: Any) -> None:
    assert len(LoraFile(write_folder(tmp_path / "a", init_lora_weights=start))) == 1


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "PiSSA", "olora", "corda", "loftq", "lora_ga"])
def test_a_start_that_changes_the_base_is_refused(tmp_path: Path, start: str) -> None:
    with pytest.raises(AdapterError, match=f"init_lora_weights='{start}': .*changes the base's own weights"):
        LoraFile(write_folder(tmp_path / "a", init_lora_weights=start))


@pytest.mark.parametrize("start", ["new_start", 1, ["eva"]])
def test_an_unknown_start_is_refused(tmp_path: Path, start: Any) -> None:
    with pytest.raises(AdapterError, match="a start that adapt does not know"):
        LoraFile(write_folder(tmp_path / "a", init_lora_weights=start))


@pytest.mark.parametrize(
    "key, cause",
    [
        ("embeddings.word_embeddings.lora_embedding_A", "LoRA of embeddings"),
        (f"{MODULE}.lora_magnitude_vector", "DoRA"),
        (f"{MODULE}.lora_magnitude_vector.weight", "DoRA"),
        (f"{MODULE}.lora_B.bias", "LoRA bias"),
        (f"{MODULE}.lora_diag", "KaSA"),
        (f"{MODULE}.lora_monteclora_sampler.expert_weights", "MonteCLoRA"),
        (f"{MODULE}.lora_velora_embed", "VeLoRA"),
        ("embeddings.word_embeddings.token_adapter.trainable_tokens_delta", "trainable_token_indices"),
        (f"{MODULE}.lora_A.default.weight", "adapter's name"),
        (f"{MODULE}.lora_C.weight", "a kind of LoRA that adapt does not know"),
        (f"{MODULE}.base_layer.weight", "a weight of the base"),
        (f"{MODULE}.bias", "a weight of the base"),
        ("classifier.weight", "whole module"),
    ],
)
def test_a_tensor_that_is_not_a_factor_is_refused_by_name_with_its_cause(tmp_path: Path, key: str, cause: str) -> None:
    path = write_folder(tmp_path / "a") / WEIGHTS
    save_file(load_file(path) | {f"base_model.model.{key}": torch.ones(2, 2)}, path)
    with pytest.raises(AdapterError, match=rf"holds base_model.model.{key}: .*{cause}"):
        LoraFile(tmp_path / "a")


def test_of_several_tensors_the_one_that_names_the_cause_is_told(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "a") / WEIGHTS
    word = "base_model.model.embeddings.word_embeddings"
    save_file(load_file(path) | {f"{word}.base_layer.weight": torch.ones(2, 2), f"{word}.lora_embedding_A": torch.ones(2, 2)}, path)
    with pytest.raises(AdapterError, match=r"lora_embedding_A: LoRA of embeddings"):
        LoraFile(tmp_path / "a")


def test_pickled_weights_alone_are_told_with_how_to_convert_them(tmp_path: Path) -> None:
    path = write_folder(tmp_path / "a") / WEIGHTS
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    with pytest.raises(AdapterError, match=r"adapter_model\.bin alone") as error:
        LoraFile(tmp_path / "a")
    command = str(error.value).split("python -c '")[1].removesuffix("'")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "a")
        exec(command, {})  # what the message tells the user to run
    assert list(LoraFile(tmp_path / "a")) == [MODULE]


def test_a_rank_other_than_the_tensors_is_refused_as_in_peft(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=rf"says rank 8 for {MODULE}, and {WEIGHTS} holds rank 4"):
        LoraFile(write_folder(tmp_path / "a", r=8))
    with pytest.raises(AdapterError, match="says rank 2"):
        LoraFile(write_folder(tmp_path / "a", rank_pattern={"query": 2}))


def test_without_alpha_the_scale_is_that_of_the_default_of_peft(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a")
    (folder / CONFIG).write_text(json.dumps({"peft_type": "LORA", "r": 4}))
    assert LoraConfig().lora_alpha == 8
    assert LoraFile(folder)[MODULE].scale == 2.0


@pytest.mark.parametrize(
    "config, what",
    [
        ({"lora_alpha": None}, "lora_alpha=None; expected a number"),
        ({"lora_alpha": "16"}, "lora_alpha='16'; expected a number"),
        ({"alpha_pattern": {"query": None}}, r"alpha_pattern\['query'\]=None; expected a number"),
        ({"alpha_pattern": ["query"]}, r"alpha_pattern=\['query'\]; expected an object"),
        ({"rank_pattern": {"query(": 4}}, "rank_pattern holds a name that is not a regular expression"),
        ({"use_rslora": "no"}, "use_rslora='no'; expected true or false"),
    ],
)
def test_a_scale_that_is_malformed_is_one_clear_line(tmp_path: Path, config: dict[str, Any], what: str) -> None:
    with pytest.raises(AdapterError, match=what):
        LoraFile(write_folder(tmp_path / "a", **config))
