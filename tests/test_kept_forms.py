"""Every form in which what was trained is kept, on every road: encoded, merged, put together, benched, exported, shared, or refused."""

from pathlib import Path

import numpy as np
import pytest
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


def expected(kept, form: str, base_folder: Path, seed: int, role: str = "query") -> np.ndarray:
    """Encode with the changes put into the network's parameters by hand."""
    import torch

    base = kept.load(base_folder)
    with torch.no_grad():
        own = dict(base.model.named_parameters())
        if form == "model":
            for name, value in kept.parameters(base, seed).items():
                own[name].copy_(value)
        else:
            for name, module in kept.changes(base, form, seed).items():
                if name.endswith(".bias"):
                    own[name].add_(module.b[:, 0])
                else:
                    a, b = module.a.half().float(), module.b.half().float()
                    own[f"{name}.weight"].add_(module.scale * (b @ a))
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
