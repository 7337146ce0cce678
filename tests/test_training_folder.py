"""The folder of a trained version: its bytes, its record, and that peft and sentence-transformers load it unchanged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, run_id, train_adapter
from adapt_embed.adapters.register import register_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.choices import Role
from adapt_embed.data.domains import load_domain
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sources import load_training_data
from adapt_embed.encoders import LoraEncoder
from adapt_embed.lora import read_lora
from adapt_embed.registry import Entry, open_registry
from safetensors import safe_open

TEXTS = ["the court and the judge", "", "a tenant pays rent to the landlord", "season " * 700, "law"]
QUICK = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05, "rank": 4, "max_tokens": 16, "precision": "fp32"}
WEIGHTS = "adapter_model.safetensors"
Register = Callable[..., tuple[Entry, Path]]


@pytest.fixture
def register(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> Register:
    def train(data: TrainingData = toy_data, **settings: object) -> tuple[Entry, Path]:
        config = TrainConfig(**(QUICK | settings))  # type: ignore[arg-type]
        base, registry = load_base(resolve_base(str(tiny_base))), open_registry(tmp_path / "registry")
        entry = register_adapter(registry, "toy", "legal", base, data, config, train_adapter(base, data, config))
        return entry, registry.folder(entry)

    return train


def test_the_same_seed_gives_the_same_file_and_another_seed_another(register: Register) -> None:
    folders = [register(dropout=0.1, seed=seed)[1] for seed in (0, 0, 1)]
    first, second, other = ((folder / WEIGHTS).read_bytes() for folder in folders)
    assert first == second != other
    of_run = {path.name for path in folders[0].rglob("*") if path.is_file()} - {"adapt.json"}
    assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in of_run if (folders[0] / name).exists())


@pytest.mark.parametrize(("settings", "dtype"), [({}, "F16"), ({"store": "fp32"}, "F32"), ({"store": "bf16"}, "BF16")])
def test_factors_are_stored_in_half_precision_unless_asked_otherwise(register: Register, settings: dict[str, object], dtype: str) -> None:
    with safe_open(register(epochs=1, **settings)[1] / WEIGHTS, framework="pt") as file:
        assert {file.get_slice(key).get_dtype() for key in file.keys()} == {dtype}  # noqa: SIM118 (safe_open is no mapping)


def test_the_entry_records_what_made_it(register: Register, toy_data: TrainingData, tiny_base: Path) -> None:
    entry, folder = register(seed=3)
    spec = resolve_base(str(tiny_base)).spec
    assert (entry.reference, entry.kind, entry.method, entry.domain, entry.rank, entry.seed) == ("toy@1", "adapter", "lora", "legal", 4, 3)
    assert (entry.bases[0].sha256, entry.bases[0].id, entry.bases[0].path) == (spec.sha256, None, str(tiny_base.resolve()))
    assert entry.prompts == {"query": "find: ", "document": ""}
    assert entry.data.fingerprint == toy_data.fingerprint()
    assert entry.data.counts == {"train_queries": 64, "train_pairs": 128, "passages": 32, "dev_queries": 16}
    assert entry.config["learning_rate"] == 1e-2
    assert entry.config["libraries"]["torch"] == torch.__version__
    history = json.loads((folder / "history.json").read_text())
    assert len(history["losses"]) == 8
    assert [look["step"] for look in history["looks"]] == [0, 4, 8]
    assert entry.dev.before == history["looks"][0]["nDCG@10"]
    assert entry.dev.after == max(look["nDCG@10"] for look in history["looks"][1:])
    assert open_registry(folder.parents[1]).verify().is_clean


def test_without_dev_no_score_is_recorded(register: Register, toy_data: TrainingData) -> None:
    from dataclasses import replace

    assert register(replace(toy_data, dev=None), epochs=1)[0].scores == {}


def test_a_test_split_deleted_or_corrupted_changes_no_byte(register: Register, toy_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    shutil.copytree(toy_folder, folder)
    test = folder / "qrels" / "test.tsv"
    outcomes = []
    for change in (lambda: None, test.unlink, lambda: test.write_bytes(b"\xff\x00 no table at all\n\n1\t2\t3\t4")):
        change()
        data = load_training_data(str(folder), domain=load_domain("legal"), lang="en", seed=0)
        entry, version = register(data)
        outcomes.append(((version / WEIGHTS).read_bytes(), (version / "history.json").read_bytes(), entry.data, entry.scores))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_the_name_of_the_run_does_not_see_the_test_split(toy_folder: Path, tiny_base: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_folder, tmp_path / "beir")
    base = load_base(resolve_base(str(tiny_base)))

    def name() -> str:
        return run_id(TrainConfig(), base, load_training_data(str(tmp_path / "beir"), domain=load_domain("legal"), lang="en", seed=0))

    with_test = name()
    (tmp_path / "beir/qrels/test.tsv").unlink()
    assert name() == with_test


def our_vectors(tiny_base: Path, folder: Path, role: Role) -> np.ndarray:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), read_lora(folder), precision="fp32").encode(TEXTS, role).vectors


@pytest.mark.parametrize("role", ["query", "document"])
def test_sentence_transformers_gives_our_vectors(register: Register, tiny_base: Path, role: Role) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    folder = register()[1]
    model = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    encode = model.encode_query if role == "query" else model.encode_document
    theirs, ours = encode(TEXTS), our_vectors(tiny_base, folder, role)
    assert np.abs(theirs - ours).max() < 1e-5
    bare = LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32").encode(TEXTS, role).vectors
    assert np.abs(bare - ours).max() > 1e-2


@pytest.mark.parametrize("role", ["query", "document"])
def test_peft_gives_our_vectors(register: Register, tiny_base: Path, role: Role) -> None:
    from peft import PeftModel
    from transformers import AutoModel, AutoTokenizer

    folder = register()[1]
    model = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_base), folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = "find: " if role == "query" else ""
    batch = tokenizer([prompt + text for text in TEXTS], padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = torch.nn.functional.normalize(model(**batch).last_hidden_state[:, 0], dim=-1).numpy()
    assert np.abs(theirs - our_vectors(tiny_base, folder, role)).max() < 1e-5


def test_the_folder_names_its_base_and_nothing_of_this_machine_beside(register: Register, tiny_base: Path) -> None:
    folder = register()[1]
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_base.resolve())
    assert (config["r"], config["lora_alpha"], config["peft_type"], config["inference_mode"]) == (4, 32, "LORA", True)
    others = [path for path in folder.rglob("*.json") if path.name not in ("adapter_config.json", "adapt.json")]
    assert len(others) > 5
    assert all(str(tiny_base.parent) not in path.read_text(encoding="utf-8") for path in others)
