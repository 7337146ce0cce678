"""Folders that peft wrote: what is taken gives peft's vectors, directly, registered, merged, and in peft and sentence-transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.encoders import Vectors
from adapt_embed.errors import AdapterError
from adapt_embed.lora import CONFIG, WEIGHTS, read_lora
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, BertForMaskedLM, PreTrainedModel

pytestmark = [  # all raised within peft
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The following alpha_pattern keys did not match:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:Unexpected keyword arguments .'new_in_peft'.:UserWarning"),
]
TEXTS = ["a lease of land", "the court", "who pays the rent?"]
FULL = r"encoder\.layer\.1\.attention\.self\.value"


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    result = adapt(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def make_peft(network: PreTrainedModel, base: Path, folder: Path, **options: Any) -> Path:
    """Save an adapter with random factors as peft does."""
    torch.manual_seed(0)
    model = get_peft_model(network, LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": ["query", "value"]} | options))
    for name, parameter in model.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return change_config(folder, base_model_name_or_path=str(base))


def change_config(folder: Path, **fields: Any) -> Path:
    path = folder / CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def rename(folder: Path, old: str, new: str) -> Path:
    tensors = load_file(folder / WEIGHTS)
    save_file({key.replace(old, new, 1): tensor for key, tensor in tensors.items()}, folder / WEIGHTS)
    return folder


def pooled(network: torch.nn.Module, base: Path) -> Vectors:
    """The documents' vectors as the tiny base states them: CLS, length 1, no prompt."""
    encoded = AutoTokenizer.from_pretrained(base)(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        return torch.nn.functional.normalize(network.eval()(**encoded).last_hidden_state[:, 0], dim=-1).numpy()


def of_peft(folder: Path, base: Path) -> Vectors:
    return pooled(PeftModel.from_pretrained(AutoModel.from_pretrained(base), folder), base)


def of_adapt(reference: object) -> Vectors:
    resolved = resolve_reference(str(reference), Search(registry=open_registry()))
    return open_encoder(resolved, LoadedBases(EncoderSettings(precision="fp32"))).encode(TEXTS).vectors


def same(ours: Vectors, theirs: Vectors) -> bool:
    return bool(np.abs(ours - theirs).max() < 1e-5)


def check_registered_everywhere(folder: Path, base: Path, expected: Vectors, *options: object) -> Path:
    """Register a folder, and hold its vectors in adapt, peft and sentence-transformers against `expected`."""
    added = adapt_json("add", folder, *options)
    path = Path(added["path"])
    assert same(of_adapt(added["reference"]), expected)
    assert same(of_adapt(path), expected)
    assert same(of_peft(path, base), expected)
    assert same(SentenceTransformer(str(path), device="cpu").encode(TEXTS, prompt_name="document"), expected)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lora_dropout": 0.3, "init_lora_weights": "gaussian"},
        {"init_lora_weights": False, "layers_to_transform": [1]},
        {"init_lora_weights": "orthogonal"},
        {"target_modules": r".*\.(query|dense)", "exclude_modules": ["pooler.dense"]},
        {"use_rslora": True},
        {"rank_pattern": {"query": 2, FULL: 7}, "alpha_pattern": {"value": 3, FULL: 30}},
        {"rank_pattern": {FULL: 7, "value": 3}, "alpha_pattern": {"self.value": 5, ".*value": 50}, "use_rslora": True},
        {"alpha_pattern": {"alue": 100, "^query": 100, "layer.0": 100, "query|value": 16}},
        {"alpha_pattern": {rf"^{FULL}": 1, r"layer\.\d\..*": 20}},
        {"task_type": "FEATURE_EXTRACTION"},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_a_folder_that_is_taken_gives_the_vectors_of_peft(tiny_base: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    folder = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made", **options)
    expected = of_peft(folder, tiny_base)
    assert not same(expected, pooled(AutoModel.from_pretrained(tiny_base), tiny_base))
    assert same(of_adapt(folder), expected)
    check_registered_everywhere(folder, tiny_base, expected)


@pytest.mark.parametrize("task_type", [None, "FEATURE_EXTRACTION", "CAUSAL_LM", "SEQ_CLS", "QUESTION_ANS", "TEXT_EMBEDDING"])
def test_a_folder_with_any_task_type_loads_everywhere_once_registered(tiny_base: Path, tmp_path: Path, task_type: str | None) -> None:
    folder = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made")
    expected = of_peft(folder, tiny_base)
    assert same(of_adapt(change_config(folder, task_type=task_type)), expected)
    check_registered_everywhere(folder, tiny_base, expected)


@pytest.mark.parametrize("patterns", [{}, {"rank_pattern": {FULL: 2}, "alpha_pattern": {rf"^bert\.{FULL}": 24}, "use_rslora": True}])
def test_names_in_a_wrapper_are_taken_where_all_fit_the_base(tiny_base: Path, tmp_path: Path, patterns: dict[str, Any]) -> None:
    network = BertForMaskedLM.from_pretrained(tiny_base)  # its head is random, and no part of the vectors
    network.bert.load_state_dict(AutoModel.from_pretrained(tiny_base).state_dict(), strict=False)
    folder = make_peft(network, tiny_base, tmp_path / "made", **patterns)
    assert all(".bert.encoder." in key for key in load_file(folder / WEIGHTS))
    expected = pooled(network.bert, tiny_base)  # peft changed its modules in place
    assert same(of_adapt(folder), expected)
    path = check_registered_everywhere(folder, tiny_base, expected)
    assert set(load_file(path / WEIGHTS)) == {key.replace("bert.", "", 1) for key in load_file(folder / WEIGHTS)}


@pytest.mark.parametrize("wrapper", ["roberta.", "model.", "0.auto_model.", "base_model.model.bert."])
def test_other_wrappers_are_taken_off_as_well(tiny_base: Path, tmp_path: Path, wrapper: str) -> None:
    folder = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made")
    expected = of_peft(folder, tiny_base)
    rename(folder, "encoder.", f"{wrapper}encoder.")
    assert same(of_adapt(folder), expected)
    check_registered_everywhere(folder, tiny_base, expected)


def test_names_without_the_prefix_of_peft_are_written_with_it(tiny_base: Path, tmp_path: Path) -> None:
    folder = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made")
    expected = of_peft(folder, tiny_base)
    check_registered_everywhere(rename(folder, "base_model.model.", ""), tiny_base, expected)


def test_a_wrapper_is_taken_off_in_a_merge_as_well(tiny_base: Path, tmp_path: Path) -> None:
    plain = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "plain")
    make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "wrapped")
    wrapped = rename(tmp_path / "wrapped", "encoder.", "bert.encoder.")
    merged = read_lora(Path(adapt_json("merge", plain, wrapped, "--name", "both", "--store", "fp32")["path"]))
    for name, module in read_lora(plain).items():
        torch.testing.assert_close(merged[name].delta(), module.delta(), atol=1e-5, rtol=1e-4)
    assert len(merged) == len(read_lora(plain))


@pytest.mark.parametrize(
    "old, new, what",
    [
        ("encoder.layer.1.attention.self.value", "cls.predictions.transform.dense", "has no such linear module"),
        ("encoder.layer.0.", "bert.encoder.layer.0.", "has no such linear module"),
        ("encoder.layer.1.attention.self.value", "embeddings.word_embeddings", "has it as Embedding, not as a linear module"),
        ("encoder.layer.1.", "encoder.layer.7.", "has no such linear module"),
    ],
)
def test_a_module_that_the_base_lacks_is_refused_by_name(tiny_base: Path, tmp_path: Path, old: str, new: str, what: str) -> None:
    folder = rename(make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made"), old, new)
    for arguments in (("add", folder), ("merge", folder, "--name", "one")):
        result = adapt(*arguments)
        assert result.exit_code == 1
        assert f"changes {new}" in result.stderr
        assert what in result.stderr
        assert len(result.stderr.splitlines()) == 1
    with pytest.raises(AdapterError, match=rf"made changes {new}.*{what}"):
        of_adapt(folder)
    assert open_registry().entries() == []


def test_an_unknown_field_is_ignored_at_the_users_word_and_never_asked_for_again(tiny_base: Path, tmp_path: Path) -> None:
    folder = make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made")
    expected = of_peft(folder, tiny_base)
    change_config(folder, new_in_peft={"gain": 2}, other=1)
    with pytest.raises(AdapterError, match=r"--ignore-field new_in_peft"):
        of_adapt(folder)
    assert "sets other=1" in adapt("add", folder, "--ignore-field", "new_in_peft").stderr
    flags = ("--ignore-field", "new_in_peft", "--ignore-field", "other")
    path = check_registered_everywhere(folder, tiny_base, expected, *flags)
    assert {"new_in_peft", "other"}.isdisjoint(json.loads((path / CONFIG).read_text()))
    notes = open_registry().find("made").data.notes
    assert "the field new_in_peft={'gain': 2} of adapter_config.json is left out, as --ignore-field says" in notes
    assert adapt_json("merge", path, "base", "--name", "both")["reference"] == "both@1"
    assert adapt("verify").exit_code == 0


def test_a_field_that_changes_the_vectors_is_not_ignored(tiny_base: Path, tmp_path: Path) -> None:
    folder = change_config(make_peft(AutoModel.from_pretrained(tiny_base), tiny_base, tmp_path / "made"), kasa_config={})
    result = adapt("add", folder, "--ignore-field", "kasa_config")
    assert result.exit_code == 1
    assert "the field kasa_config of" in result.stderr
    assert "cannot be ignored" in result.stderr
    assert open_registry().entries() == []
