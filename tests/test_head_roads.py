"""Where an adapter with a projection head goes: ensembles, merges, indexes, exports, archives, the Hub's folder; and what is refused."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
import torch
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.head import Head
from adapt_embed.base.load import with_head
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json, write_sentence_files
from adapt_embed.cli import main
from adapt_embed.encoders import MixedEncoder
from adapt_embed.ensemble.job import prepare_ensemble
from adapt_embed.ensemble.request import EnsembleRequest
from adapt_embed.errors import AdaptError, BaseError, ConfigError
from adapt_embed.lora import LoraModule, lora_config, write_lora
from adapt_embed.merge import MergeRequest, prepare_merge
from adapt_embed.publish.card import CardOptions, card_files
from adapt_embed.publish.model.job import prepare_model
from adapt_embed.publish.model.request import ModelRequest
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import Entry, Registry, base_record, open_registry
from adapt_embed.registry.foreign import add_folder
from click.testing import CliRunner

TEXTS = ["the court and the judge", "a tenant pays rent to the landlord", "法律 房屋", ""]


def draw_head(seed: int, width: int = 8, inputs: int = 32) -> Head:
    return Head(torch.randn(width, inputs, generator=torch.Generator().manual_seed(seed)))


def write_version(folder: Path, tiny_base: Path, head: Head | None, seed: int) -> None:
    base = with_head(load_base(resolve_base(str(tiny_base))), head)
    draw = torch.Generator().manual_seed(seed)
    factors = {"encoder.layer.1.output.dense": LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw), 0.3)}
    write_sentence_files(base, folder)
    write_lora(factors, folder / "adapter_model.safetensors", dtype=torch.float32)
    write_json(folder / "adapter_config.json", lora_config(factors, str(tiny_base), None))


def add(registry: Registry, name: str, tiny_base: Path, head: Head | None, seed: int = 0) -> Entry:
    """Register an adapter whose factors and head were drawn."""
    spec = resolve_base(str(tiny_base))
    draft = Entry(
        kind="adapter",
        name=name,
        domain="legal",
        bases=(base_record(spec.spec),),
        pooling="cls",
        prompts=spec.encoding.prompts,
        method="lora",
        rank=2,
        config={} if head is None else {"head": head.width},
    )
    return registry.add(draft, lambda folder: write_version(folder, tiny_base, head, seed))


@pytest.fixture
def registry(tiny_base: Path, home: Path) -> Registry:
    """`short` and `同头` have one head, `other` has the factors of `short` under another of the same width, `whole` has none."""
    made = open_registry(home)
    for name, head, seed in (("short", 1, 0), ("同头", 1, 1), ("other", 2, 0), ("whole", None, 2)):
        add(made, name, tiny_base, None if head is None else draw_head(head), seed)
    return made


@pytest.fixture
def where(registry: Registry) -> Search:
    return Search(registry=registry)


def vectors(reference: str, where: Search) -> np.ndarray:
    opened = open_encoder(resolve_reference(reference, where), LoadedBases(EncoderSettings(precision="fp32")))
    return opened.encode(TEXTS).vectors


def run(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.stderr


# Ensembles


def test_an_ensemble_puts_vectors_of_different_widths_side_by_side(where: Search) -> None:
    recipe = prepare_ensemble(EnsembleRequest(references=("short", "whole"), where=where, name="both")).run().recipe
    assert (recipe.dimension, [member.dimension for member in recipe.members]) == (40, [8, 32])
    joined = vectors("both", where)
    assert np.allclose(joined[:, :8] * 2**0.5, vectors("short", where), atol=1e-6)


def test_the_mean_of_different_heads_is_refused_and_of_one_head_is_not(where: Search) -> None:
    for member in ("whole", "other"):
        with pytest.raises(ConfigError, match=r"one space: short@1 has the 8 numbers of a projection head.*take concat, rrf or max"):
            prepare_ensemble(EnsembleRequest(references=("short", member), where=where, name="both", mode="mean"))
    prepare_ensemble(EnsembleRequest(references=("short", "同头"), where=where, name="both", mode="mean")).run()
    assert vectors("both", where).shape == (4, 8)


def test_an_ensemble_notices_that_the_head_of_a_member_changed(where: Search, registry: Registry) -> None:
    prepare_ensemble(EnsembleRequest(references=("short", "whole"), where=where, name="both")).run()
    folder = registry.folder(registry.find_reference("short"))
    shutil.copyfile(registry.folder(registry.find_reference("other")) / "2_Dense/model.safetensors", folder / "2_Dense/model.safetensors")
    with pytest.raises(AdaptError, match="was made with short@1 of sha256"):
        vectors("both", where)


# Merges


def test_adapters_of_one_head_are_merged_under_it(where: Search, registry: Registry) -> None:
    report = prepare_merge(MergeRequest(references=("short", "同头", "base"), where=where, name="merged")).run()
    assert report.entry is not None
    assert report.entry.dimension == 8
    merged = vectors("merged", where)
    assert merged.shape == (4, 8)
    in_memory = prepare_merge(MergeRequest(references=("short", "同头", "base"), where=where, register=False))
    opened = in_memory.open(in_memory.plan(), LoadedBases(EncoderSettings(precision="fp32")))
    assert np.abs(opened.encode(TEXTS).vectors - merged).max() < 1e-3  # the version's factors are rounded
    folder = registry.folder(report.entry)
    assert (folder / "2_Dense/model.safetensors").read_bytes() == (
        registry.folder(registry.find_reference("short")) / "2_Dense/model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(("other", "has"), [("other", "another one"), ("whole", "none")])
def test_heads_are_not_merged(where: Search, other: str, has: str) -> None:
    for pair in (("short", other), (other, "short")):
        with pytest.raises(
            ConfigError, match=rf"has a projection head and .* has {has}; heads are not merged.*adapt ensemble --mode concat"
        ):
            prepare_merge(MergeRequest(references=pair, where=where, name="merged"))


# Other roads


def test_one_batch_goes_through_one_head(where: Search) -> None:
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    short, same, other = (open_encoder(resolve_reference(name, where), bases) for name in ("short", "同头", "other"))
    mixed = MixedEncoder((short, same)).encode(TEXTS, [0, 1, 0, 1]).vectors
    apart = np.stack([(short, same)[row % 2].encode([text], "query").vectors[0] for row, text in enumerate(TEXTS)])
    assert np.abs(mixed - apart).max() < 1e-5
    with pytest.raises(ConfigError, match="projection heads of their own"):
        MixedEncoder((short, other))


def test_an_index_and_its_search_have_the_heads_width(where: Search, registry: Registry, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": str(n), "text": text}, ensure_ascii=False) + "\n" for n, text in enumerate(TEXTS[:3])))
    run("index", "build", corpus, "-o", tmp_path / "index", "--ref", "short", "--registry", registry.home)
    assert json.loads(run("index", "info", tmp_path / "index", "--json"))["dimension"] == 8
    found = run("search", "short", "the court", "--index", tmp_path / "index", "--registry", registry.home, "--json")
    assert json.loads(found)["queries"]
    assert "the projection head" in refused("search", "other", "the court", "--index", tmp_path / "index", "--registry", registry.home)
    run("index", "build", corpus, "-o", tmp_path / "plain", "--base", resolve_reference("short", where).base.folder)
    assert "its queries do not fit" in refused("search", "short", "the court", "--index", tmp_path / "plain", "--registry", registry.home)


def test_the_merged_export_has_the_head_and_opens_as_a_base(where: Search, tmp_path: Path) -> None:
    report = prepare_model(ModelRequest(reference="short", folder=tmp_path / "model", where=where)).run()
    assert report.difference is not None
    assert report.difference <= 1e-6
    sentence_transformers = pytest.importorskip("sentence_transformers")
    model = sentence_transformers.SentenceTransformer(str(tmp_path / "model"), device="cpu")
    assert np.abs(model.encode_document(TEXTS) - vectors("short", where)).max() < 1e-6
    assert resolve_base(str(tmp_path / "model")).dimension == 8


def test_an_archive_brings_the_head(where: Search, registry: Registry, tmp_path: Path) -> None:
    prepare_ensemble(EnsembleRequest(references=("short", "whole"), where=where, name="both")).run()
    run("export", "both", tmp_path / "both.tar", "--registry", registry.home)
    run("import", tmp_path / "both.tar", "--registry", tmp_path / "elsewhere")
    there = Search(registry=open_registry(tmp_path / "elsewhere"), base=str(resolve_reference("short", where).base.folder))
    for name in ("short", "both"):
        assert np.array_equal(vectors(name, there), vectors(name, where))
    problems = open_registry(tmp_path / "elsewhere").verify().problems
    assert {problem.kind for problem in problems} == {"base"}  # which was named, and lies where nothing looks


def test_a_folder_made_elsewhere_is_taken_with_its_head(tiny_base: Path, registry: Registry, where: Search, tmp_path: Path) -> None:
    write_version(tmp_path / "made", tiny_base, draw_head(1), seed=0)
    for name in ("2_Dense", "3_Normalize"):
        (tmp_path / "made" / name).rename(tmp_path / "made" / f"x{name}")
    modules = json.loads((tmp_path / "made" / "modules.json").read_text())
    write_json(
        tmp_path / "made" / "modules.json", [each | {"path": f"x{each['path']}" if each["idx"] > 1 else each["path"]} for each in modules]
    )
    entry = add_folder(registry, tmp_path / "made", name="taken", domain=None, base_reference=None, options=BaseOptions()).entry
    assert entry.dimension == 8
    assert np.array_equal(vectors("taken", where), vectors("short", where))
    assert np.array_equal(vectors(str(tmp_path / "made"), where), vectors("short", where))


def test_width_is_told_of_a_version(registry: Registry) -> None:
    assert json.loads(run("show", "short", "--registry", registry.home, "--json"))["dimension"] == 8
    assert json.loads(run("show", "whole", "--registry", registry.home, "--json"))["dimension"] == 32
    rows = {row["reference"]: row["dimension"] for row in json.loads(run("list", "--registry", registry.home, "--json"))["entries"]}
    assert (rows["short@1"], rows["whole@1"]) == (8, 32)
    assert "8 dimensions" in run("list", "--registry", registry.home)


# What is damaged or of another kind


def test_a_damaged_head_is_told_in_a_line(registry: Registry, where: Search) -> None:
    weights = registry.folder(registry.find_reference("short")) / "2_Dense" / "model.safetensors"
    whole = weights.read_bytes()
    for content, message in ((whole[:-4], "is damaged"), (b"", "is damaged"), (None, "is missing")):
        weights.unlink() if content is None else weights.write_bytes(content)
        with pytest.raises(BaseError, match=message) as caught:
            vectors("short", where)
        assert "\n" not in str(caught.value)
    other = registry.folder(add(registry, "wider", Path(resolve_reference("whole", where).base.folder), draw_head(3, width=9)))
    shutil.copyfile(other / "2_Dense" / "model.safetensors", weights)
    with pytest.raises(BaseError, match=r"expected finite numbers of .*\(8, 32\)"):
        vectors("short", where)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"activation_function": "torch.nn.modules.activation.Tanh"}, "has the activation torch.nn.modules.activation.Tanh"),
        ({"activation_function": None}, "has the activation None"),
        ({"in_features": 16}, "has a projection head of 16 numbers, and .* gives 32"),
        ({"out_features": 0}, "expected whole numbers of at least 1"),
        ({"in_features": "32"}, "expected whole numbers of at least 1"),
        ({"use_residual": True}, "sets use_residual"),
        ({"module_output_name": "token_embeddings"}, "sets module_output_name"),
    ],
)
def test_a_layer_that_is_no_linear_map_of_the_vector_is_refused(
    registry: Registry, where: Search, config: dict[str, object], message: str
) -> None:
    path = registry.folder(registry.find_reference("short")) / "2_Dense" / "config.json"
    write_json(path, json.loads(path.read_text()) | config)
    with pytest.raises(BaseError, match=message):
        resolve_reference("short", where)


@pytest.mark.parametrize(
    "order",
    [
        ("Transformer", "Pooling", "Normalize", "Dense"),
        ("Transformer", "Dense", "Pooling", "Normalize"),
        ("Transformer", "Pooling", "Dense", "Dense"),
    ],
)
def test_a_head_elsewhere_than_after_the_pooling_is_refused(registry: Registry, where: Search, order: tuple[str, ...]) -> None:
    folder = registry.folder(registry.find_reference("short"))
    write_json(
        folder / "modules.json",
        [{"path": "2_Dense" if kind == "Dense" else "", "type": f"sentence_transformers.models.{kind}"} for kind in order],
    )
    with pytest.raises(BaseError, match="layer of type Dense"):
        resolve_reference("short", where)


# Its card


@pytest.mark.parametrize(("language", "said"), [("en", "gives its vectors **8 numbers**"), ("zh", "变为 **8 维**")])
def test_the_card_tells_the_width_and_its_examples_give_the_vectors(
    registry: Registry, where: Search, language: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = registry.find_reference("short")
    folder, base = registry.folder(entry), resolve_reference("short", where).base
    options = CardOptions(repo_id="someone/short", base_ids={base.sha256: "someone/base"}, language=language)
    text = card_files(replace(entry, config=entry.config | {"dims": [8, 4]}), folder, options)["README.md"]
    assert said in text
    assert "truncate_dim=4" in text
    assert ("first 8, 4 numbers" if language == "en" else "前 8、4 维") in text
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo, name: str(folder / name))
    (code,) = (each for each in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE) if "peft" in each)
    names: dict[str, object] = {}
    exec(code.replace('"someone/short"', repr(str(folder))).replace('"someone/base"', repr(str(base.folder))), names)
    embed = names["embed"]
    assert callable(embed)
    assert np.abs(np.asarray(embed(TEXTS)) - vectors("short", where)).max() < 1e-5


# The Hub


def test_a_push_and_a_pull_bring_the_head(hub: object, tiny_on_hub: str, registry: Registry, where: Search, tmp_path: Path) -> None:
    from adapt_embed.hub.snapshots import fetch_snapshot

    fetch_snapshot(tiny_on_hub)
    run("push", "short", "me/short", "--base-id", tiny_on_hub, "--yes", "--registry", registry.home)
    run("pull", "me/short", "--registry", tmp_path / "theirs")
    there = Search(registry=open_registry(tmp_path / "theirs"))
    assert np.array_equal(vectors("short", there), vectors("short", where))
    assert there.registry.find_reference("short").dimension == 8
    assert there.registry.verify().is_clean
