"""`adapt pull` against a Hub on the loopback: what was pushed comes back whole, and nothing wrong gets into the registry."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

TOKEN = "hf_dummyWriteTokenOfTheTests"


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited: none in fact."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def lora(tmp_path: Path, tiny_base: Path) -> Path:
    """Somebody's PEFT LoRA of the tiny base, which lies on the Hub as me/tiny-base."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertModel

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = get_peft_model(
            BertModel.from_pretrained(tiny_base), LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False)
        )
    folder = tmp_path / "lora"
    model.save_pretrained(folder)
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "me/tiny-base"}), encoding="utf-8")
    return folder


@pytest.fixture
def cached_base(hub, tiny_on_hub: str) -> str:
    """The tiny base in the Hugging Face cache."""
    from adapt_embed.hub.snapshots import fetch_snapshot

    fetch_snapshot(tiny_on_hub)
    return tiny_on_hub


def adapt(home: Path, *words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words), "--registry", str(home)])


def pulled(home: Path, *words: object) -> dict:
    ran = adapt(home, "pull", *words, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def refused(home: Path, *words: object) -> str:
    """The line that a pull is refused with; the registry is byte for byte as it was."""
    before = snapshot(home)
    ran = adapt(home, "pull", *words)
    assert ran.exit_code == 1, ran.output
    assert snapshot(home) == before
    (line,) = [each for each in ran.stderr.splitlines() if each.startswith("Error: ")]
    assert line.isprintable()
    assert "hf_" not in ran.output
    return line.removeprefix("Error: ")


def snapshot(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(home.rglob("*")) if path.is_file()
    }


def test_anybodys_lora_becomes_a_version_with_its_bases_encoding(hub, home: Path, lora: Path, cached_base: str, tmp_path: Path) -> None:
    commit = hub.put("you/their-lora", lora).head.oid
    found = pulled(home, "you/their-lora")
    assert (found["reference"], found["revision"], found["unchecked"]) == ("their-lora@1", commit, [])
    entry = json.loads(adapt(home, "show", "their-lora", "--json").stdout)
    assert (entry["pooling"], entry["prompts"]) == ("cls", {"query": "find: ", "document": ""})
    assert entry["hub"] == [{"repository": "you/their-lora", "revision": commit, "how": "pulled"}]
    out = tmp_path / "vectors.npy"
    (tmp_path / "texts.txt").write_text("rent\ncourt\n", encoding="utf-8")
    assert adapt(home, "encode", "their-lora", tmp_path / "texts.txt", "--dtype", "fp32", "-o", out).exit_code == 0
    other = tmp_path / "others.npy"
    assert adapt(home, "encode", lora, tmp_path / "texts.txt", "--dtype", "fp32", "-o", other).exit_code == 0
    assert np.array_equal(np.load(out), np.load(other))


def test_the_same_commit_is_not_registered_twice(hub, home: Path, lora: Path, cached_base: str) -> None:
    hub.put("you/lora", lora)
    pulled(home, "you/lora")
    before = snapshot(home)
    again = pulled(home, "hf:you/lora@main")
    assert (again["reference"], again["already_here"]) == ("lora@1", True)
    assert snapshot(home) == before
    assert len(hub.asked("GET", "you/lora/resolve")) == 3
    assert pulled(home, "you/lora", "--name", "other")["reference"] == "other@1"
