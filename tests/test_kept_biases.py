"""Changed biases in an adapter's folder: what adapt reads, what peft and sentence-transformers load, and what is refused."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import Base
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdapterError
from adapt_embed.lora import BIASES, CONFIG, WEIGHTS, bias_update, factors_sha256, is_bias, read_lora, write_adapter, write_lora
from adapt_embed.registry import open_registry
from adapt_embed.registry.foreign import add_folder
from safetensors import safe_open
from safetensors.torch import load_file, save_file

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
def test_a_folder_of_which_a_field_is_ignored_keeps_its_biases(
    kept, form: str, loaded_tiny_base: Base, tiny_base: Path, home: Path, tmp_path: Path
) -> None:
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", kept.changes(loaded_tiny_base, form))
    plain, config = read_lora(folder), json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | {"news": 3}), encoding="utf-8")
    given = {"name": "own", "domain": None, "base_reference": str(tiny_base), "options": BaseOptions()}
    added = add_folder(open_registry(home), folder, ignored=("news",), **given)
    assert factors_sha256(read_lora(added.folder)) == factors_sha256(plain)
    assert "news" not in json.loads((added.folder / CONFIG).read_text(encoding="utf-8"))


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


def rewritten(folder: Path, name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    """Change the tensors of a file, its metadata staying as they are."""
    tensors, metadata = load_file(folder / name), safe_open(folder / name, framework="pt").metadata()
    change(tensors)
    save_file(tensors, folder / name, metadata=metadata)
    return folder


def restated(folder: Path, **fields: object) -> Path:
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    (folder / CONFIG).write_text(json.dumps(config | fields), encoding="utf-8")
    return folder


BIAS = "embeddings.LayerNorm.bias"
STORED = f"base_model.model.{BIAS}"
FILLER = "base_model.model.encoder.layer.0.attention.self.query.lora_{}.weight"


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda folder: (folder / BIASES).unlink(), r"sets bias='all' \(trains biases of the base\), which plain factors cannot express"),
        (lambda folder: restated(folder, bias="none"), r"holds changed biases and sets bias='none'; expected 'all'"),
        (lambda folder: restated(folder, use_dora=True), r"sets use_dora=True"),
        (lambda folder: rewritten(folder, WEIGHTS, lambda tensors: tensors.pop(STORED)), f"no bias of 32 values.* for {BIAS}"),
        (lambda folder: rewritten(folder, WEIGHTS, lambda tensors: tensors[STORED].add_(0.5)), f"say different things of {BIAS}"),
        (
            lambda folder: rewritten(folder, WEIGHTS, lambda tensors: tensors.update({STORED.replace("Norm", "Norm2"): torch.ones(32)})),
            r"LayerNorm2\.bias: a weight of the base",
        ),
        (
            lambda folder: rewritten(folder, WEIGHTS, lambda tensors: [tensors[FILLER.format(side)].fill_(1) for side in "AB"]),
            r"factors that are not zero, as biases\.safetensors has them,",
        ),
        (
            lambda folder: rewritten(folder, WEIGHTS, lambda tensors: [tensors.pop(FILLER.format(side)) for side in "AB"]),
            r"no bias of 32 values, which biases",
        ),
        (lambda folder: rewritten(folder, BIASES, lambda tensors: tensors.pop(f"base.{BIAS}")), r"two parts of each bias and nothing else"),
        (
            lambda folder: rewritten(folder, BIASES, lambda tensors: tensors.update({f"base.{BIAS}": torch.ones(31)})),
            f"no two vectors of one length in float32 for {BIAS}",
        ),
        (lambda folder: (folder / BIASES).write_bytes(b"no tensors"), r"biases\.safetensors is damaged"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused_with_the_reason(
    kept, change: Callable[[Path], object], message: str, loaded_tiny_base: Base, tmp_path: Path
) -> None:
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", kept.changes(loaded_tiny_base, "biases"))
    change(folder)
    with pytest.raises(AdapterError, match=message):
        read_lora(folder)


def test_a_file_of_a_newer_format_says_so(kept, loaded_tiny_base: Base, tmp_path: Path) -> None:
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", kept.changes(loaded_tiny_base, "biases"))
    save_file(load_file(folder / BIASES), folder / BIASES, metadata={"biases": json.dumps({"format": 9, "filler": None})})
    with pytest.raises(AdapterError, match=r"has format 9, and this version reads 1; upgrade adapt-embed"):
        read_lora(folder)


def test_factors_alone_are_written_as_ever_and_biases_need_the_bases_own(kept, loaded_tiny_base: Base, tmp_path: Path) -> None:
    factors = kept.changes(loaded_tiny_base, "factors")
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "out", factors)
    write_lora(factors, tmp_path / WEIGHTS)
    assert (folder / WEIGHTS).read_bytes() == (tmp_path / WEIGHTS).read_bytes()
    assert not (folder / BIASES).exists()
    for write in (write_lora, lambda changed, _: write_adapter(changed, tmp_path, "base", None)):
        with pytest.raises(ValueError, match="a bias is changed"):
            write(kept.changes(loaded_tiny_base, "both"), tmp_path / WEIGHTS)
    with pytest.raises(ValueError, match=r"pooler2\.bias is changed, and the base has no bias of that name"):
        kept.write_changes(loaded_tiny_base, tmp_path / "out", {"pooler2.bias": bias_update(torch.ones(3))})


def test_a_folder_with_biases_is_added_where_its_base_has_them(
    kept, loaded_tiny_base: Base, tiny_base: Path, home: Path, tmp_path: Path
) -> None:
    factors = kept.changes(loaded_tiny_base, "biases")
    folder = kept.write_changes(loaded_tiny_base, tmp_path / "偏置", factors)
    given = {"name": None, "domain": None, "base_reference": str(tiny_base), "options": BaseOptions()}
    added = add_folder(open_registry(home), folder, **given)
    assert added.entry.rank is None
    assert factors_sha256(read_lora(added.folder)) == factors_sha256(dict(sorted(factors.items())))
    queries = add_folder(open_registry(home), folder, side="query", **given)
    assert not (queries.folder / "document" / BIASES).exists()
    other = kept.write_changes(
        loaded_tiny_base, tmp_path / "other", {BIAS: bias_update(torch.ones(32)), **kept.changes(loaded_tiny_base, "factors")}
    )
    rewritten(other, WEIGHTS, lambda tensors: tensors.update({"base_model.model.embeddings.Norm.bias": tensors.pop(STORED)}))
    rewritten(
        other,
        BIASES,
        lambda tensors: [
            tensors.update({f"{part}.embeddings.Norm.bias": tensors.pop(f"{part}.{BIAS}")}) for part in ("base", "difference")
        ],
    )
    with pytest.raises(
        AdapterError, match=r"embeddings\.Norm\.bias \(32, 1\), and tiny-base has no such bias; it was made for another base"
    ):
        add_folder(open_registry(home), other, **given)
