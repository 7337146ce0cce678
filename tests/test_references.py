"""References: what the user names, found and opened."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load as base_load
from adapt_embed.base.resolve import BaseOptions, BaseSpec, resolve_base
from adapt_embed.errors import AdapterError, BaseError, ConfigError, HubError, UnknownReferenceError
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.references import EncoderSettings, LoadedBases, Search, locate, open_encoder, resolve_reference, resolve_references
from adapt_embed.registry import Entry, Registry, base_record, open_registry

MODULE = "encoder.layer.0.attention.self.query"
TEXTS = ["the tenant", "the landlord and the court"]


def write_adapter(folder: Path, seed: int, base: str | None = None) -> None:
    folder.mkdir(exist_ok=True)
    draw = torch.Generator().manual_seed(seed)
    write_lora(
        {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)},
        folder / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": base}
    (folder / "adapter_config.json").write_text(json.dumps(config))


@pytest.fixture
def spec(tiny_base: Path) -> BaseSpec:
    return resolve_base(str(tiny_base)).spec


@pytest.fixture
def registry(tmp_path: Path, spec: BaseSpec) -> Registry:
    """Hold legal@1 (alias best) and legal@2 on the tiny base."""
    registry = open_registry(tmp_path / "registry")
    for seed in (1, 2):
        draft = Entry(kind="adapter", name="legal", domain="legal", bases=(base_record(spec),), pooling="cls", prompts={"query": "ask: "})
        registry.add(draft, lambda folder, seed=seed: write_adapter(folder, seed))
    registry.set_alias(registry.find("legal", 1), "best")
    return registry


@pytest.fixture
def search(registry: Registry) -> Search:
    return Search(registry=registry)


def other_base(tiny_base: Path, folder: Path) -> Path:
    """Copy the base with other weights."""
    from adapt_embed.base import load_base

    base = load_base(resolve_base(str(tiny_base)))
    with torch.no_grad():
        base.model.embeddings.word_embeddings.weight.mul_(2)
    base.model.save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text((tiny_base / "1_Pooling" / "config.json").read_text())
    return folder


@pytest.mark.parametrize(("text", "expected"), [("legal", "legal@2"), ("legal@1", "legal@1"), ("legal@best", "legal@1")])
def test_a_name_is_its_newest_version_unless_a_version_or_alias_is_given(search: Search, spec: BaseSpec, text: str, expected: str) -> None:
    found = resolve_reference(text, search)
    assert (found.reference, found.kind, found.base.sha256) == (expected, "adapter", spec.sha256)
    assert found.entry is not None
    assert found.entry.reference == expected


def test_the_base_is_found_at_its_recorded_path_with_the_adapters_own_prompt(search: Search, tiny_base: Path) -> None:
    found = resolve_reference("legal", search)
    assert (found.base.folder, found.encoding.query_prompt, found.encoding.pooling) == (tiny_base.resolve(), "ask: ", "cls")


def test_base_beside_an_adapter_is_that_adapters_base(search: Search) -> None:
    base, legal = resolve_references(["base", "legal@1"], search)
    assert (base.kind, base.base) == ("base", legal.base)


def test_base_alone_is_the_one_that_was_named(search: Search, tiny_base: Path) -> None:
    assert resolve_references(["base"], replace(search, base=str(tiny_base)))[0].base.folder == tiny_base.resolve()


def test_a_version_folder_is_found_by_its_path_and_knows_its_entry(search: Search, registry: Registry) -> None:
    found = resolve_reference(str(registry.folder(registry.find("legal", 1))), search)
    assert found.entry == registry.find("legal", 1)
    assert found.encoding.query_prompt == "ask: "


def test_a_bare_peft_folder_lies_on_the_base_that_it_names(search: Search, tiny_base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "bare", 3, str(tiny_base))
    found = resolve_reference(str(tmp_path / "bare"), search)
    assert (found.kind, found.entry, found.base.folder) == ("adapter", None, tiny_base.resolve())


def test_a_bare_peft_folder_without_a_base_asks_for_one(search: Search, tiny_base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "bare", 3)
    with pytest.raises(BaseError, match=r"names no base.*--base"):
        resolve_reference(str(tmp_path / "bare"), search)
    assert resolve_reference(str(tmp_path / "bare"), replace(search, base=str(tiny_base))).base.folder == tiny_base.resolve()


def test_a_model_folder_is_a_reference_by_itself(search: Search, tiny_base: Path) -> None:
    found = resolve_reference(str(tiny_base), search)
    assert (found.kind, found.reference, found.folder) == ("base", str(tiny_base), None)


def test_an_unknown_name_lists_the_known_ones(search: Search) -> None:
    with pytest.raises(UnknownReferenceError, match=r"'legl'.*Did you mean legal"):
        resolve_reference("legl", search)


def test_an_unknown_version_lists_the_versions(search: Search) -> None:
    with pytest.raises(UnknownReferenceError, match="'7'; it has 1, 2, best"):
        resolve_reference("legal@7", search)


def test_base_has_no_versions(search: Search) -> None:
    with pytest.raises(UnknownReferenceError, match="base has no versions"):
        resolve_reference("base@1", search)


def test_a_bare_word_that_is_a_folder_says_how_to_name_it(search: Search, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownReferenceError, match=r"write \./mine"):
        resolve_reference("mine", search)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [("./absent", UnknownReferenceError, "does not exist"), ("hf:nobody", UnknownReferenceError, "hf:OWNER/REPO")],
)
def test_what_names_nothing_is_one_clear_line(search: Search, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        resolve_reference(text, search)
    assert "\n" not in str(caught.value)


def test_a_folder_of_nothing_is_refused(search: Search, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(AdapterError, match=r"no adapter_config\.json and no config\.json"):
        resolve_reference(str(tmp_path / "empty"), search)


def test_a_damaged_adapt_json_is_refused(search: Search, tmp_path: Path) -> None:
    write_adapter(tmp_path / "torn", 3)
    (tmp_path / "torn" / "adapt.json").write_text('{"kind": "adap')
    with pytest.raises(AdapterError, match=r"adapt\.json cannot be read"):
        resolve_reference(str(tmp_path / "torn"), search)


def test_an_adapter_is_refused_on_a_named_base_with_other_weights(search: Search, tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"legal@1 was made for .* with weights of sha256 .*, but --base"):
        resolve_reference("legal@1", replace(search, base=str(other_base(tiny_base, tmp_path / "other"))))


def test_the_recorded_path_is_not_taken_when_its_weights_have_changed(
    registry: Registry, spec: BaseSpec, tiny_base: Path, tmp_path: Path
) -> None:
    moved = replace(base_record(spec), path=str(other_base(tiny_base, tmp_path / "other")))
    registry.add(Entry(kind="adapter", name="moved", bases=(moved,), pooling="cls"), lambda folder: write_adapter(folder, 1))
    with pytest.raises(BaseError, match="no longer exists; name that base with --base"):
        resolve_reference("moved", Search(registry=registry))
    assert resolve_reference("moved", Search(registry=registry, base=str(tiny_base))).base.sha256 == spec.sha256


def test_of_versions_on_several_bases_the_choice_is_told(registry: Registry, tiny_base: Path, tmp_path: Path) -> None:
    other = resolve_base(str(other_base(tiny_base, tmp_path / "other"))).spec
    registry.add(Entry(kind="adapter", name="legal", bases=(base_record(other),), pooling="cls"), lambda folder: write_adapter(folder, 3))
    newest = resolve_reference("legal", Search(registry=registry))
    assert newest.reference == "legal@3"
    assert "taking legal@3" in newest.notes[0]
    assert resolve_reference("legal", Search(registry=registry, base=str(tiny_base))).reference == "legal@2"
    assert resolve_reference("legal@1", Search(registry=registry)).notes == ()


def test_an_ensemble_without_its_recipe_is_damaged(registry: Registry, spec: BaseSpec) -> None:
    registry.add(Entry(kind="ensemble", name="both", bases=(base_record(spec),)), lambda folder: None)
    with pytest.raises(AdapterError, match=r"both/1 holds no ensemble: it has no ensemble\.json"):
        resolve_reference("both", Search(registry=registry))


def test_what_the_hub_cannot_give_is_a_hub_error(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "hub_is_reachable", lambda: False)
    with pytest.raises(HubError, match="nobody/nothing is not in the Hugging Face cache"):
        resolve_reference("hf:nobody/nothing", search)


def test_a_cached_snapshot_is_used_without_asking_the_hub(
    search: Search, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    def snapshot_download(repo: str, *, revision: str | None, local_files_only: bool, **_: object) -> str:
        assert (repo, revision, local_files_only) == ("me/mine", "v1", True)
        return str(tmp_path / "snapshot")

    write_adapter(tmp_path / "snapshot", 4, str(tiny_base))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    found = resolve_reference("hf:me/mine@v1", search)
    assert (found.reference, found.kind, found.folder) == ("hf:me/mine@v1", "adapter", tmp_path / "snapshot")


def test_references_on_one_base_share_its_network(search: Search) -> None:
    bases = LoadedBases()
    encoders = [open_encoder(found, bases) for found in resolve_references(["base", "legal@1", "legal@2"], search)]
    assert len({id(encoder.base) for encoder in encoders}) == 1
    first = [encoder.encode(TEXTS).vectors for encoder in encoders]
    again = [encoder.encode(TEXTS).vectors for encoder in reversed(encoders)]
    assert np.abs(first[1] - first[0]).max() > 1e-3
    assert np.abs(first[2] - first[1]).max() > 1e-3
    for one, other in zip(first, reversed(again), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders of the networks that were loaded, in order."""
    seen: list[Path] = []
    real = base_load.load_network
    monkeypatch.setattr(base_load, "load_network", lambda spec, **options: (seen.append(spec.folder), real(spec, **options))[1])
    return seen


def test_adapters_that_read_texts_in_other_ways_share_one_network(
    registry: Registry, search: Search, spec: BaseSpec, loads: list[Path], tmp_path: Path
) -> None:
    """Other prompts, lengths, pooling and case: the network is in memory once, and each has the vectors that it has alone."""

    def write(folder: Path) -> None:
        write_adapter(folder, 3)
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 8, "do_lower_case": True}))

    registry.add(Entry(kind="adapter", name="other", bases=(base_record(spec),), pooling="mean", prompts={"query": "say: "}), write)
    texts = ["The Tenant and the landlord of the house in the street", "law"]
    bases = LoadedBases(EncoderSettings(precision="fp32"))
    encoders = [open_encoder(found, bases) for found in resolve_references(["legal@1", "other", "base"], search)]
    assert loads == [spec.folder]
    assert [encoder.max_tokens for encoder in encoders] == [512, 8, 512]
    together = [encoder.encode(texts, "query").vectors for encoder in encoders for _ in range(2)]
    for reference, first, second in zip(("legal@1", "other"), together[0:4:2], together[1:4:2], strict=True):
        alone = open_encoder(resolve_reference(reference, search), LoadedBases(EncoderSettings(precision="fp32")))
        np.testing.assert_array_equal(first, alone.encode(texts, "query").vectors)
        np.testing.assert_array_equal(first, second)
    assert len(loads) == 3


def test_a_base_with_other_weights_in_the_same_memory_is_loaded_for_itself(
    search: Search, spec: BaseSpec, loads: list[Path], tiny_base: Path, tmp_path: Path
) -> None:
    other, bases = other_base(tiny_base, tmp_path / "other"), LoadedBases()
    loads.clear()
    for reference in ("legal@1", str(other), "legal@2", str(other)):
        open_encoder(resolve_reference(reference, search), bases)
    assert loads == [spec.folder, other]


def test_a_base_that_says_nothing_of_its_pooling_still_has_a_fingerprint_to_find_versions_by(
    registry: Registry, tiny_base: Path, tmp_path: Path
) -> None:
    import shutil

    silent = tmp_path / "silent"
    shutil.copytree(tiny_base, silent, ignore=shutil.ignore_patterns("1_Pooling"))
    found = resolve_reference("legal", Search(registry=registry, base=str(silent)))
    assert (found.base.folder, found.encoding.pooling) == (silent.resolve(), "cls")
    with pytest.raises(BaseError, match="does not say how its vectors are pooled"):
        resolve_reference("base", Search(registry=registry, base=str(silent)))


def test_a_version_gives_the_vectors_of_its_factors(search: Search, registry: Registry) -> None:
    encoder = open_encoder(resolve_reference("legal@1", search))
    assert encoder.factors is not None
    assert encoder.factors[MODULE].scale == 2.0
    with_prompt = encoder.encode(TEXTS, "query").vectors
    np.testing.assert_allclose(with_prompt, encoder.encode(["ask: " + text for text in TEXTS], "document").vectors, atol=1e-6)


def test_a_length_beyond_the_bases_is_refused(search: Search) -> None:
    with pytest.raises(ConfigError, match="takes at most 512"):
        open_encoder(resolve_reference("legal", search), LoadedBases(EncoderSettings(max_tokens=100_000)))


@pytest.mark.parametrize("settings", [{"max_tokens": 3}, {"batch_tokens": 0}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least"):
        EncoderSettings(**settings)


def test_what_the_user_says_of_the_base_comes_before_what_the_adapter_says(registry: Registry) -> None:
    found = resolve_reference("legal", Search(registry=registry, options=BaseOptions(query_prompt="other: ")))
    assert found.encoding.query_prompt == "other: "
