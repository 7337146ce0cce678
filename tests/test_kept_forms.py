"""Every form in which what was trained is kept, on every road: encoded, merged, put together, benched, exported, shared, or refused."""

import hashlib
import json
import re
import shutil
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.api.batching import batch_adapters
from adapt_embed.api.loading import load
from adapt_embed.base import Base
from adapt_embed.base.head import Head
from adapt_embed.base.load import with_head
from adapt_embed.base.model_folder import write_model
from adapt_embed.bench.leaks.trained_on import trained_on
from adapt_embed.cli import main
from adapt_embed.encoders import LoraEncoder, MixedEncoder
from adapt_embed.errors import AdapterError, ConfigError
from adapt_embed.lora import is_bias
from adapt_embed.references import EncoderSettings, LoadedBases, Search, base_of, open_encoder, resolve_reference
from adapt_embed.registry import Entry, Registry, base_record, open_registry
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

BIAS = "embeddings.LayerNorm.bias"
FORMS = ("factors", "biases", "both", "model")
FP32 = EncoderSettings(device="cpu", precision="fp32")


@pytest.fixture(scope="session")
def every_form(kept, tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    """A registry with a version of every form, their names Chinese, which nobody changes."""
    found = open_registry(tmp_path_factory.mktemp("forms") / "registry")
    for seed, form in enumerate(FORMS):
        kept.register(found, f"法律-{form}", tiny_base, form, seed)
    return found.home


@pytest.fixture
def registry(every_form: Path, home: Path) -> Registry:
    """The same, the test's own."""
    return open_registry(shutil.copytree(every_form, home))


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


@pytest.mark.parametrize("form", ["biases", "model"])
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


# In one batch, in ensembles, in the bench, over an index


@pytest.mark.parametrize("precision, tolerance", [("fp32", 1e-5), ("bf16", 0.02)])
def test_in_a_batch_of_several_adapters_each_row_has_its_own_biases(kept, precision: str, tolerance: float, tiny_base: Path) -> None:
    base = kept.load(tiny_base)
    forms = [None, *(kept.changes(base, form, seed) for seed, form in enumerate(FORMS) if form != "model")]
    members = tuple(LoraEncoder(base, factors, precision=precision, batch_tokens=256) for factors in forms)
    texts, rows = kept.TEXTS * 3, [row % len(members) for row in range(len(kept.TEXTS) * 3)]
    rows = rows[1:] + rows[:1]
    found = MixedEncoder(members).encode(texts, rows).vectors
    alone = np.concatenate([members[row].encode([text], "query").vectors for text, row in zip(texts, rows, strict=True)])
    np.testing.assert_allclose(found, alone, atol=tolerance)
    shifted = np.concatenate([members[row].encode([text], "query").vectors for text, row in zip(texts, rows[1:] + rows[:1], strict=True)])
    assert np.abs(found - shifted).max() > 10 * tolerance


def test_biases_change_no_document_under_an_adapter_for_queries_alone(kept, registry: Registry, tiny_base: Path) -> None:
    kept.register(registry, "查询", tiny_base, "both", 9, side="query")
    assert np.array_equal(vectors(registry, "查询@1", kept.TEXTS, "document"), vectors(registry, str(tiny_base), kept.TEXTS, "document"))
    folder = str(registry.home / "查询" / "1")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"SentenceTransformer\.load\(\.\.\.\) is deprecated", DeprecationWarning)
        model = SentenceTransformer(folder, device="cpu", local_files_only=True)
    for role, encode in (("query", model.encode_query), ("document", model.encode_document)):
        np.testing.assert_allclose(encode(kept.TEXTS), vectors(registry, "查询@1", kept.TEXTS, role), atol=1e-6)


def test_a_batch_with_a_whole_model_is_refused(registry: Registry, tiny_base: Path) -> None:
    with pytest.raises(ConfigError, match=r"one batch goes through one network \(a whole model is a network of its own\)"):
        batch_adapters(["法律-model", "法律-both"], registry=registry)


@pytest.mark.parametrize("form", FORMS)
def test_forms_are_members_of_one_ensemble(kept, form: str, registry: Registry, tiny_base: Path) -> None:
    done = adapt(
        registry.home, "ensemble", f"法律-{form}", "法律-both" if form != "both" else "法律-biases", "--mode", "concat", "--name", "合"
    )
    assert done.exit_code == 0, done.output
    found = vectors(registry, "合@1", kept.TEXTS)
    own = expected(kept, form, tiny_base, FORMS.index(form))
    np.testing.assert_allclose(found[:, :32] * np.sqrt(2), own, atol=5e-6)
    if form == "model":
        refused = adapt(registry.home, "ensemble", "法律-model", "法律-both", "--mode", "mean", "--name", "平均")
        assert refused.exit_code == 1
        assert "only means something in one space" in refused.output


def test_an_ensemble_finds_its_model_after_the_registry_has_moved(kept, registry: Registry, tmp_path: Path) -> None:
    assert adapt(registry.home, "ensemble", "法律-model", "法律-factors", "--mode", "concat", "--name", "合").exit_code == 0
    before = vectors(registry, "合@1", kept.TEXTS)
    moved = open_registry(registry.home.rename(tmp_path / "搬家"))
    assert np.array_equal(vectors(moved, "合@1", kept.TEXTS), before)
    assert moved.verify().is_clean


@pytest.mark.parametrize("form", ["biases", "model"])
def test_the_bench_compares_a_form_with_the_base_that_it_was_made_from(form: str, registry: Registry, toy_folder: Path) -> None:
    done = adapt(registry.home, "bench", f"法律-{form}", "--data", toy_folder, "--json", "--no-cache")
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in json.loads(done.stdout)["references"]}
    assert rows[f"法律-{form}@1"]["base"] == "base"
    assert "tiny-base" in rows["base"]["description"]


@pytest.mark.parametrize("form", ["both", "model"])
def test_an_index_of_a_form_is_searched_by_it_alone(form: str, registry: Registry, toy_folder: Path, tmp_path: Path) -> None:
    name, index = f"法律-{form}", tmp_path / "索引"
    done = adapt(registry.home, "index", "build", toy_folder, "-o", index, "--ref", name, "--device", "cpu")
    assert done.exit_code == 0, done.output
    done = adapt(registry.home, "search", name, "--index", index, "court 法院", "--top", "2", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["references"] == [f"{name}@1"]
    other = adapt(registry.home, "search", "法律-factors", "--index", index, "court", "--top", "2")
    assert other.exit_code == 1
    assert "does not fit" in other.output


# Given away


@pytest.mark.parametrize("form", ["biases", "model"])
def test_an_archive_holds_a_form_whole(
    kept, form: str, registry: Registry, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPT_BASES", str(tiny_base.parent))
    archive, elsewhere = tmp_path / "版本.tar", open_registry(tmp_path / "elsewhere")
    assert adapt(registry.home, "export", f"法律-{form}", archive).exit_code == 0
    done = adapt(elsewhere.home, "import", archive, "--name", "进口")
    assert done.exit_code == 0, done.output
    assert "unchecked" not in done.output
    assert np.array_equal(vectors(elsewhere, "进口@1", kept.TEXTS), vectors(registry, f"法律-{form}@1", kept.TEXTS))
    assert elsewhere.verify().is_clean
    assert "already" in adapt(elsewhere.home, "import", archive, "--name", "进口").output


def test_an_archive_of_an_ensemble_holds_its_model(
    kept, registry: Registry, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPT_BASES", str(tiny_base.parent))
    archive, elsewhere = tmp_path / "all.tar", open_registry(tmp_path / "elsewhere")
    assert adapt(registry.home, "ensemble", "法律-model", "法律-both", "--mode", "concat", "--name", "合").exit_code == 0
    assert adapt(registry.home, "export", "合", archive).exit_code == 0
    kept.register(elsewhere, "法律-model", tiny_base, "model", 77)  # the name is taken there
    done = adapt(elsewhere.home, "import", archive)
    assert done.exit_code == 0, done.output
    assert np.array_equal(vectors(elsewhere, "合@1", kept.TEXTS), vectors(registry, "合@1", kept.TEXTS))
    assert elsewhere.find("合").unchecked == ()
    assert elsewhere.verify().is_clean


def test_a_model_under_a_head_is_known_for_one_in_an_ensemble(kept, registry: Registry, tiny_base: Path, tmp_path: Path, hub) -> None:
    kept.register(registry, "窄", tiny_base, "model", 3, head=Head(torch.eye(8, 32)))
    assert adapt(registry.home, "ensemble", "窄", "法律-both", "--mode", "concat", "--name", "合").exit_code == 0
    refused = adapt(registry.home, "push", "合", "me/both", "--yes").output.replace("\n", " ")
    assert "has the member 窄@1, a whole model, which is not pushed inside an ensemble" in refused
    archive, elsewhere = tmp_path / "all.tar", open_registry(tmp_path / "elsewhere")
    assert adapt(registry.home, "export", "合", archive).exit_code == 0
    done = adapt(elsewhere.home, "import", archive, "--base", tiny_base)
    assert done.exit_code == 0, done.output
    assert np.array_equal(vectors(elsewhere, "合@1", kept.TEXTS), vectors(registry, "合@1", kept.TEXTS))
    assert elsewhere.find("合").unchecked == ()
    assert elsewhere.verify().is_clean


def test_an_ensemble_with_a_model_changes_documents(kept, registry: Registry, tiny_base: Path) -> None:
    kept.register(registry, "查询", tiny_base, "both", 9, side="query")
    done = adapt(registry.home, "ensemble", "法律-model", "查询", "--mode", "rrf", "--name", "合")
    assert done.exit_code == 0, done.output
    assert registry.find("合").side == "both"
    assert "法律-model@1 changes documents too" in done.output


def damage(archive: Path, change: Callable[[dict[str, torch.Tensor]], None], tmp_path: Path) -> Path:
    """Change tensors of an archive, with every hash made right again."""
    folder = tmp_path / "unpacked"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (record,) = folder.rglob("adapt.json")
    (weights,) = [path for name in ("biases.safetensors", "model.safetensors") for path in folder.rglob(name)]
    tensors = load_file(weights)
    metadata = safe_open(weights, framework="pt").metadata()
    change(tensors)
    save_file(tensors, weights, metadata=metadata)
    entry = json.loads(record.read_text(encoding="utf-8"))
    entry["files"][weights.name] = {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest(), "size": weights.stat().st_size}
    record.write_text(json.dumps(entry, ensure_ascii=False), encoding="utf-8")
    manifest = json.loads((folder / "adapt-archive.json").read_text(encoding="utf-8"))
    manifest["versions"][0]["sha256"] = hashlib.sha256(record.read_bytes()).hexdigest()
    (folder / "adapt-archive.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    with tarfile.open(tmp_path / "damaged.tar", "w") as tar:
        tar.add(folder / "adapt-archive.json", "adapt-archive.json")
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "adapt-archive.json"):
            tar.add(path, path.relative_to(folder).as_posix())
    return tmp_path / "damaged.tar"


@pytest.mark.parametrize(
    "form, change, message",
    [
        ("both", lambda tensors: tensors[f"difference.{BIAS}"].add_(1), f"say different things of {BIAS}"),
        ("both", lambda tensors: tensors[f"base.{BIAS}"].fill_(float("inf")), f"not finite for {BIAS}"),
        ("both", lambda tensors: tensors.pop(f"base.{BIAS}"), "two parts of each bias and nothing else"),
        ("biases", lambda tensors: [tensors.pop(f"{part}.{BIAS}") for part in ("base", "difference")], f"holds .*{BIAS}"),
        ("model", lambda tensors: tensors[BIAS].fill_(float("nan")), f"{BIAS} in model.safetensors is not .* finite numbers"),
        ("model", lambda tensors: tensors.pop(BIAS), f"not of the network that config.json states: {BIAS}"),
        ("model", lambda tensors: tensors.update(more=torch.zeros(1)), "not of the network that config.json states: more"),
    ],
)
def test_a_changed_archive_is_refused_though_its_hashes_are_right(
    form: str, change: Callable[[dict[str, torch.Tensor]], None], message: str, registry: Registry, tmp_path: Path
) -> None:
    assert adapt(registry.home, "export", f"法律-{form}", tmp_path / "a.tar").exit_code == 0
    done = adapt(tmp_path / "elsewhere", "import", damage(tmp_path / "a.tar", change, tmp_path))
    assert done.exit_code == 1
    assert re.search(message, done.output.replace("\n", " ")), done.output
    assert not open_registry(tmp_path / "elsewhere").entries()


@pytest.mark.parametrize("form", ["both", "model"])
def test_a_form_is_pushed_and_pulled_and_sentence_transformers_loads_it(
    kept, form: str, home: Path, hub, tiny_on_hub: str, tiny_base: Path, tmp_path: Path
) -> None:
    registry = open_registry(home)
    kept.register(registry, "法律", tiny_base, form)
    done = adapt(home, "push", "法律", "me/law", "--yes", *(() if form == "model" else ("--base-id", tiny_on_hub)))
    assert done.exit_code == 0, done.output
    elsewhere = open_registry(tmp_path / "elsewhere")
    done = adapt(elsewhere.home, "pull", "me/law", "--name", "拉取", "--base", tiny_base)
    assert done.exit_code == 0, done.output
    assert np.array_equal(vectors(elsewhere, "拉取@1", kept.TEXTS), vectors(registry, "法律@1", kept.TEXTS))
    assert elsewhere.find("拉取").unchecked == ()
    model = SentenceTransformer("me/law", device="cpu")
    np.testing.assert_allclose(model.encode(kept.TEXTS, prompt_name="query"), vectors(registry, "法律@1", kept.TEXTS), atol=1e-6)
    direct = vectors(registry, "hf:me/law", kept.TEXTS) if form == "model" else None
    assert direct is None or np.array_equal(direct, vectors(registry, "法律@1", kept.TEXTS))


def test_a_repository_changes_its_form_with_what_is_pushed(kept, home: Path, hub, tiny_on_hub: str, tiny_base: Path) -> None:
    registry = open_registry(home)
    for form in ("model", "both"):
        kept.register(registry, "法律", tiny_base, form)
        assert adapt(home, "push", "法律", "me/law", "--yes", "--base-id", tiny_on_hub).exit_code == 0
    files = {*hub.files("me/law")}
    assert {"adapter_model.safetensors", "biases.safetensors"} <= files
    assert not {"model.safetensors", "config.json"} & files


def test_the_card_of_a_model_says_that_it_is_one(registry: Registry) -> None:
    english, chinese = (adapt(registry.home, "card", "法律-model", "--card-lang", each).output for each in ("en", "zh"))
    assert "fine-tuned from" in english
    assert "全参数微调" in chinese
    for text in (english, chinese):
        assert "PeftModel" not in text
        assert "LoRA" not in text
        assert "base_model_relation: finetune" in text or "base_model:" not in text


def test_an_ensemble_with_a_model_is_not_pushed(registry: Registry, hub) -> None:
    assert adapt(registry.home, "ensemble", "法律-model", "法律-both", "--mode", "concat", "--name", "合").exit_code == 0
    done = adapt(registry.home, "push", "合", "me/both", "--yes")
    assert done.exit_code == 1
    assert "has the member 法律-model@1, a whole model, which is not pushed inside an ensemble" in done.output.replace("\n", " ")


@pytest.mark.parametrize("form", ["biases", "model"])
def test_a_form_becomes_one_model(kept, form: str, registry: Registry, tmp_path: Path) -> None:
    done = adapt(registry.home, "export", f"法律-{form}", "--merged", tmp_path / "模型")
    assert done.exit_code == 0, done.output
    model = SentenceTransformer(str(tmp_path / "模型"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(model.encode(kept.TEXTS, prompt_name="query"), vectors(registry, f"法律-{form}@1", kept.TEXTS), atol=1e-6)


@pytest.mark.parametrize("form", ["both"])
def test_a_form_becomes_a_graph(form: str, registry: Registry, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    done = adapt(registry.home, "export", f"法律-{form}", "--onnx", tmp_path / "图", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["checked"]["least_cosine"] > 0.9999


# Listed, shown, verified, named, removed


@pytest.mark.parametrize("form", ["biases", "model"])
def test_a_form_is_listed_shown_verified_named_and_removed(form: str, registry: Registry) -> None:
    name = f"法律-{form}"
    assert name in adapt(registry.home, "list").output
    shown = adapt(registry.home, "show", name)
    assert shown.exit_code == 0, shown.output
    assert ("model" if form == "model" else "adapter") in shown.output
    assert adapt(registry.home, "verify").exit_code == 0
    assert adapt(registry.home, "alias", f"{name}@1", "最好").exit_code == 0
    weights = registry.folder(registry.find(name)) / {"factors": "adapter_model.safetensors", "model": "model.safetensors"}.get(
        form, "biases.safetensors"
    )
    weights.write_bytes(weights.read_bytes()[:-1])
    assert adapt(registry.home, "verify").exit_code == 1
    assert adapt(registry.home, "rm", f"{name}@1", "--force").exit_code == 0
    assert name not in adapt(registry.home, "list").output


def test_what_lies_on_a_model_needs_it(kept, registry: Registry) -> None:
    model = registry.find("法律-model")
    kept.register(registry, "其上", registry.folder(model), "factors")
    assert registry.find("其上").bases[0].label == "法律-model@1"
    behind = trained_on(resolve_reference("其上", Search(registry=registry)), Search(registry=registry))
    assert behind.unknown == ("其上@1", str(registry.folder(model)))  # neither says what it was trained on
    refused = adapt(registry.home, "rm", "法律-model@1")
    assert refused.exit_code == 1
    assert "法律-model@1 is needed by 其上@1; to remove it anyway" in refused.output.replace("\n", " ")


# In Python, and a search for weights


def test_python_loads_every_form_and_gives_the_factors_of_those_that_have_some(kept, registry: Registry) -> None:
    for form in FORMS:
        found = load(f"法律-{form}", registry=registry, dtype="fp32", device="cpu")
        assert np.array_equal(found.encode_query(kept.TEXTS[:2]), vectors(registry, f"法律-{form}@1", kept.TEXTS[:2]))
        if form == "model":
            with pytest.raises(
                AdapterError, match=r"法律-model@1 is a whole model, which has no factors; .*adapt merge 法律-model@1 --rank 64"
            ):
                _ = found.factors
        else:
            assert any(map(is_bias, found.factors)) == (form != "factors")


def test_weights_are_searched_for_over_biases_and_a_model(registry: Registry, toy_folder: Path) -> None:
    names = ["法律-biases", "法律-model"]
    search = ("--search", toy_folder, "--evaluations", "2", "--curve-steps", "0")
    done = adapt(registry.home, "merge", *names, *search, "--name", "搜索", "--rank", "4", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["search"]["score"] is not None
    assert "biases.safetensors" in registry.find("搜索").files


def test_a_model_keeps_its_projection_head_and_its_base_has_none(kept, home: Path, tiny_base: Path, tmp_path: Path) -> None:
    registry, plain = open_registry(home), kept.load(tiny_base)
    base = with_head(plain, Head(torch.randn(16, 32, generator=torch.Generator().manual_seed(5))))
    draft = Entry(kind="model", name="头", bases=(base_record(base.spec),), pooling=base.encoding.pooling, prompts=base.encoding.prompts)
    registry.add(draft, lambda folder: write_model(base, folder, kept.parameters(base)))
    found = vectors(registry, "头@1", kept.TEXTS)
    own = dict(base.model.named_parameters())
    with torch.no_grad():
        for name, value in kept.parameters(base).items():
            own[name].copy_(value)
    assert np.array_equal(found, LoraEncoder(base, precision="fp32").encode(kept.TEXTS, "query").vectors)
    resolved = resolve_reference("头@1", Search(registry=registry))
    assert open_encoder(base_of(resolved), LoadedBases(FP32)).dimension == 32
    assert adapt(home, "export", "头", "--merged", tmp_path / "whole").exit_code == 0
    assert adapt(home, "export", "头", tmp_path / "a.tar").exit_code == 0
    assert adapt(tmp_path / "elsewhere", "import", tmp_path / "a.tar").exit_code == 0
    assert np.array_equal(vectors(open_registry(tmp_path / "elsewhere"), "头@1", kept.TEXTS), found)
