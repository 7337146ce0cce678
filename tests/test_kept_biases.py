"""Changed biases in an adapter's folder: what adapt reads, what peft and sentence-transformers load, and what is refused."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import Base
from adapt_embed.encoders import LoraEncoder
from adapt_embed.lora import WEIGHTS, factors_sha256, is_bias, read_lora
from safetensors.torch import load_file

WITH_BIASES = ("biases", "both")


@pytest.mark.parametrize("form", WITH_BIASES)
def test_changes_come_back_the_same_numbers_whatever_the_format_of_matrices(
    kept, form: str, loaded_tiny_base: Base, tmp_path: Path
) -> None:
    factors = kept.changes(loaded_tiny_base, form)
    read = read_lora(kept.write_changes(loaded_tiny_base, tmp_path / "out", factors, torch.float32))
    assert list(read) == sorted(factors)
    assert factors_sha256({name: read[name] for name in factors}) == factors_sha256(factors)
    halved = read_lora(kept.write_changes(loaded_tiny_base, tmp_path / "half", factors))
    assert all(torch.equal(halved[name].b, factors[name].b) for name in factors if is_bias(name))


@pytest.mark.parametrize("form", WITH_BIASES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_peft_and_sentence_transformers_load_the_folder_alone(
    kept, form: str, dtype: torch.dtype, loaded_tiny_base: Base, tmp_path: Path
) -> None:
    from peft import AutoPeftModelForFeatureExtraction
    from sentence_transformers import SentenceTransformer

    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", kept.changes(loaded_tiny_base, form), dtype)
    ours = LoraEncoder(loaded_tiny_base, read_lora(folder), precision="fp32")
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    for role in ("query", "document"):
        np.testing.assert_allclose(model.encode(kept.TEXTS, prompt_name=role), ours.encode(kept.TEXTS, role).vectors, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        alone = AutoPeftModelForFeatureExtraction.from_pretrained(folder).eval()
    ids = torch.randint(5, 100, (3, 9), generator=torch.Generator().manual_seed(1))
    ours.merge_weights("query")
    with torch.no_grad():
        expected, found = (
            each(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state for each in (loaded_tiny_base.model, alone)
        )
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_the_sums_in_pefts_file_are_the_bases_own_and_the_differences(kept, loaded_tiny_base: Base, tmp_path: Path) -> None:
    factors = kept.changes(loaded_tiny_base, "both")
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", factors)
    stored, own = load_file(folder / WEIGHTS), loaded_tiny_base.network.own_biases()
    for name in kept.BIASES:
        module = name.removesuffix(".bias")
        key = f"base_model.model.{module}.base_layer.bias" if module in kept.MODULES else f"base_model.model.{name}"
        assert torch.equal(stored[key], own[name] + factors[name].b[:, 0])
    assert len(stored) == 2 * len(kept.MODULES) + len(kept.BIASES)
