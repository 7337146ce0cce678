"""Every form in which what was trained is kept, on every road: encoded, merged, put together, benched, exported, shared, or refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import Base
from adapt_embed.cli import main
from adapt_embed.encoders import LoraEncoder
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import Registry, open_registry
from click.testing import CliRunner, Result

FORMS = ("factors", "biases", "both", "model")
FP32 = EncoderSettings(device="cpu", precision="fp32")


@pytest.fixture
def registry(kept, home: Path, tiny_base: Path) -> Registry:
    """A registry with a version of every form, their names Chinese."""
    found = open_registry(home)
    for seed, form in enumerate(FORMS):
        kept.register(found, f"法律-{form}", tiny_base, form, seed)
    return found


def adapt(home: Path, *words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in (*words, "--registry", home)])


def vectors(registry: Registry, reference: str, texts: list[str], role: str = "query") -> np.ndarray:
    resolved = resolve_reference(reference, Search(registry=registry))
    return open_encoder(resolved, LoadedBases(FP32)).encode(texts, role).vectors


def put(kept, base: Base, form: str, seed: int) -> None:
    """Put the changes of a form into the network's parameters by hand."""
    own = dict(base.model.named_parameters())
    with torch.no_grad():
        for name, value in (kept.parameters(base, seed) if form == "model" else {}).items():
            own[name].copy_(value)
        for name, module in (kept.changes(base, form, seed) if form != "model" else {}).items():
            if name.endswith(".bias"):
                own[name].add_(module.b[:, 0])
            else:
                own[f"{name}.weight"].add_(module.scale * (module.b.half().float() @ module.a.half().float()))


def expected(kept, form: str, base_folder: Path, seed: int, role: str = "query") -> np.ndarray:
    """Encode with the changes put into the network's parameters by hand."""
    base = kept.load(base_folder)
    put(kept, base, form, seed)
    return LoraEncoder(base, precision="fp32").encode(kept.TEXTS, role).vectors


@pytest.mark.parametrize("form", FORMS)
def test_a_version_encodes_as_its_form_says(kept, form: str, registry: Registry, tiny_base: Path) -> None:
    for role in ("query", "document"):
        found = vectors(registry, f"法律-{form}@1", kept.TEXTS, role)
        np.testing.assert_allclose(found, expected(kept, form, tiny_base, FORMS.index(form), role), atol=2e-6)
        assert np.abs(found - vectors(registry, str(tiny_base), kept.TEXTS, role)).max() > 0.01


@pytest.mark.parametrize("form", FORMS)
def test_the_command_encodes_with_every_form(kept, form: str, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(kept.TEXTS[:2]) + "\n", encoding="utf-8")
    done = adapt(registry.home, "encode", f"法律-{form}", tmp_path / "texts.txt", "-o", tmp_path / "out.npy")
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "out.npy").shape == (2, 32)


# Merged


def merged_network(kept, base_folder: Path, forms: list[str], weight: float):
    """A base whose linear matrices and biases are moved by the weighted sum of what the forms change, dense."""
    base, sums = kept.load(base_folder), {}
    for form in forms:
        whole, own = kept.load(base_folder), kept.load(base_folder)
        parameters, before = dict(whole.model.named_parameters()), dict(own.model.named_parameters())
        with torch.no_grad():
            put(kept, whole, form, FORMS.index(form))
            for name, parameter in parameters.items():
                if name.endswith(".bias") or (parameter.ndim == 2 and "embeddings" not in name):
                    sums[name] = sums.get(name, 0) + weight * (parameter - before[name])
    with torch.no_grad():
        for name, change in sums.items():
            dict(base.model.named_parameters())[name].add_(change)
    return base


@pytest.mark.parametrize("forms", [["biases", "factors"], ["both", "biases"], ["biases"], ["model", "factors"], ["model"]], ids="+".join)
def test_a_merge_of_forms_is_the_sum_of_their_changes(kept, forms: list[str], registry: Registry, tiny_base: Path) -> None:
    names = [f"法律-{form}" for form in forms]
    weights = ("--weights", ",".join(["0.5"] * len(forms)))
    done = adapt(registry.home, "merge", *names, *weights, "--rank", "full", "--name", "合并", "--method", "linear")
    assert done.exit_code == 0, done.output
    assert ("embeddings and weights of LayerNorms" in done.output) == ("model" in forms)
    dense = LoraEncoder(merged_network(kept, tiny_base, forms, 0.5), precision="fp32").encode(kept.TEXTS, "query").vectors
    np.testing.assert_allclose(vectors(registry, "合并@1", kept.TEXTS), dense, atol=5e-6)
    assert (registry.home / "合并" / "1" / "biases.safetensors").is_file()
    assert registry.find("合并").rank == (None if forms == ["biases"] else registry.find("合并").rank)


def test_a_merge_of_a_model_is_cut_to_the_rank_that_is_asked_for(registry: Registry) -> None:
    done = adapt(registry.home, "merge", "法律-model", "--rank", "4", "--name", "低秩")
    assert done.exit_code == 0, done.output
    entry = registry.find("低秩")
    assert entry.rank == 4
    assert 0 < entry.config["energy_kept"] < 1
    assert entry.parents[0].reference == "法律-model@1"


def test_a_merge_writes_the_same_bytes_where_the_base_is_not_at_hand(registry: Registry, tiny_base: Path, tmp_path: Path) -> None:
    assert adapt(registry.home, "merge", "法律-both", "法律-biases", "--name", "one").exit_code == 0
    aside = tiny_base.rename(tmp_path / "aside")
    try:
        assert adapt(registry.home, "merge", "法律-both", "法律-biases", "--name", "two").exit_code == 0
    finally:
        aside.rename(tiny_base)
    for file in ("adapter_model.safetensors", "biases.safetensors"):
        assert (registry.home / "one" / "1" / file).read_bytes() == (registry.home / "two" / "1" / file).read_bytes()


def test_a_model_has_no_gram_matrices_for_regmean(registry: Registry) -> None:
    done = adapt(registry.home, "merge", "法律-model", "法律-factors", "--method", "regmean", "--name", "no")
    assert done.exit_code == 1
    assert "法律-model@1 is a whole model, which carries no activation Gram matrices; take another method" in done.output
