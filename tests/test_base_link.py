"""`adapt base link`: a complete snapshot, found by its Hub id by peft, sentence-transformers and adapt, and nothing else touched."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.base import known, link_base, unlink_base
from adapt_embed.base import link as link_module
from adapt_embed.base.fingerprint import fingerprint
from adapt_embed.base.resolve import resolve_base
from adapt_embed.errors import BaseError
from adapt_embed.hub.snapshots import hub_cache

TEXTS = ["what must a tenant give back?", "hello world", "租客要归还什么？"]


@pytest.fixture
def known_tiny(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the tiny base a known one, so that linking can be tested without the real weights."""
    entry = dataclasses.replace(
        known.KNOWN_BASES["minilm"], alias="tiny", hub_id="owner/tiny", sha256=fingerprint(tiny_base), dimension=32, pooling="cls"
    )
    monkeypatch.setitem(known.KNOWN_BASES, "tiny", entry)
    monkeypatch.setattr(known, "_ALL", (*known._ALL, entry))
    return tiny_base


def test_a_linked_base_is_found_under_its_hub_id(known_tiny: Path) -> None:
    link = link_base(known_tiny, "tiny")
    found = resolve_base("owner/tiny").spec
    assert (found.found_in, found.hub_id, found.revision) == ("cache", "owner/tiny", known.KNOWN_BASES["tiny"].revision)
    assert {
        "config.json",
        "model.safetensors",
        "modules.json",
        "1_Pooling/config.json",
        "2_Normalize/config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    } <= set(link.files)
    assert json.loads((link.snapshot / "1_Pooling" / "config.json").read_text())["pooling_mode_cls_token"] is True


def test_weights_that_are_not_known_are_refused(tiny_base: Path) -> None:
    with pytest.raises(BaseError, match="does not hold the weights of sentence-transformers/all-MiniLM-L6-v2"):
        link_base(tiny_base, "minilm")
    with pytest.raises(BaseError, match="is not known, so"):
        link_base(tiny_base, "bge-m3")
    assert not list(hub_cache().glob("models--*"))


def test_an_entry_that_exists_is_never_touched(known_tiny: Path) -> None:
    entry = hub_cache() / "models--owner--tiny"
    entry.mkdir(parents=True)
    with pytest.raises(BaseError, match="already exists"):
        link_base(known_tiny, "tiny")
    assert list(entry.iterdir()) == []
    with pytest.raises(BaseError, match="was not written by adapt base link"):
        unlink_base("tiny")
    assert entry.is_dir()


def test_undo_removes_what_link_wrote_and_leaves_the_source(known_tiny: Path) -> None:
    link_base(known_tiny, "tiny")
    removed = unlink_base("tiny")
    assert not removed.exists()
    assert (known_tiny / "model.safetensors").is_file()
    with pytest.raises(BaseError, match="is not linked"):
        unlink_base("tiny")


def test_a_failure_leaves_nothing_behind(known_tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(link_module, "place", fail)
    with pytest.raises(BaseError, match="No space left on device"):
        link_base(known_tiny, "tiny")
    assert list(hub_cache().iterdir()) == []


def test_a_copy_is_made_where_no_link_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "symlink", refuse)
    (tmp_path / "a").write_bytes(b"weights")
    assert link_module.place(tmp_path / "a", tmp_path / "b") == "hard link"
    monkeypatch.setattr(os, "link", refuse)
    assert link_module.place(tmp_path / "a", tmp_path / "c") == "copy"
    assert (tmp_path / "c").read_bytes() == b"weights"


LOAD = """
import sys, json, warnings
import numpy as np
from sentence_transformers import SentenceTransformer
reference, texts, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
model = SentenceTransformer(reference, device="cpu")
kinds = [type(module).__name__ for module in model]
pooling = model[1].pooling_mode if hasattr(model[1], "pooling_mode") else model[1].get_pooling_mode_str()
np.savez(out, query=model.encode_query(texts), document=model.encode_document(texts))
print(json.dumps({"kinds": kinds, "pooling": pooling}))
"""
LOAD_PEFT = """
import sys, json
import numpy as np, torch
from peft import PeftModel
from transformers import AutoModel, AutoTokenizer
base, reference, texts, out = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4]
model = PeftModel.from_pretrained(AutoModel.from_pretrained(base), reference).eval()
tokens = AutoTokenizer.from_pretrained(reference)(texts, padding=True, return_tensors="pt")
with torch.no_grad():
    np.save(out, torch.nn.functional.normalize(model(**tokens).last_hidden_state[:, 0], dim=-1).numpy())
"""


@pytest.mark.shared
@pytest.mark.slow
def test_an_adapter_on_the_real_base_loads_unchanged_elsewhere(shared: Path, tmp_path: Path) -> None:
    from adapt_embed.adapters import TrainConfig, train_adapter
    from adapt_embed.adapters.register import register_adapter
    from adapt_embed.base import load_base
    from adapt_embed.data import load_sample
    from adapt_embed.data.pairs import TrainingData, draw_queries
    from adapt_embed.encoders import LoraEncoder
    from adapt_embed.lora import read_lora
    from adapt_embed.registry import open_registry

    folder = shared / "bases" / "bge-small-en-v1.5"
    link_base(folder, "bge-small-en")
    found = resolve_base("bge-small-en")
    assert found.spec.found_in == "cache"
    sample = load_sample("legal", "en")
    data = TrainingData(corpus=sample.corpus, train=draw_queries(sample.train, 32, 0), dev=None, source="sample")
    base, config = load_base(found), TrainConfig(epochs=2, batch_size=16, max_tokens=48)
    registry = open_registry(tmp_path / "registry")
    entry = register_adapter(registry, "legal", "legal", base, data, config, train_adapter(base, data, config))
    adapter = registry.folder(entry)

    ours = LoraEncoder(load_base(found), read_lora(adapter), precision="fp32")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    for reference, encoder in ((str(adapter), ours), ("BAAI/bge-small-en-v1.5", LoraEncoder(ours.base, precision="fp32"))):
        out = tmp_path / "vectors.npz"
        done = subprocess.run(
            [sys.executable, "-c", LOAD, reference, json.dumps(TEXTS), str(out)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.splitlines()[-1])
        assert told == {"kinds": ["Transformer", "Pooling", "Normalize"], "pooling": "cls"}
        vectors = np.load(out)
        for role in ("query", "document"):
            assert np.abs(vectors[role] - encoder.encode(TEXTS, role).vectors).max() < 1e-5
    out = tmp_path / "peft.npy"
    done = subprocess.run(
        [sys.executable, "-c", LOAD_PEFT, "BAAI/bge-small-en-v1.5", str(adapter), json.dumps(TEXTS), str(out)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert np.abs(np.load(out) - ours.encode(TEXTS, "document").vectors).max() < 1e-5
    assert np.abs(ours.encode(TEXTS).vectors - LoraEncoder(ours.base, precision="fp32").encode(TEXTS).vectors).max() > 1e-3, (
        "the adapter changes nothing"
    )
