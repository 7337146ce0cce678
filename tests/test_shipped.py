"""Adapters that ship: what the package holds, and how a machine with nothing but those behaves. The other tests leave them out."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.cli import main
from adapt_embed.lora import WEIGHTS
from adapt_embed.publish.folder import is_of_a_version
from adapt_embed.registry import Entry, Layer, Registry, open_registry, read_entry
from adapt_embed.registry.foreign import add_folder
from adapt_embed.registry.index import Index
from adapt_embed.registry.layer import BUILTIN, NO_LAYER
from adapt_embed.registry.stored import entry_file
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

ROOT = Path(__file__).parent.parent
NAMES = ("ecommerce", "legal", "medical")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def adapt_json(*arguments: object) -> dict:
    result = adapt(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the package alone: nothing of the user's, no base."""
    monkeypatch.delenv("ADAPT_SHIPPED")


@pytest.fixture
def tiny_layer(tmp_path: Path, tiny_base: Path, fresh: None, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Two adapters on the tiny base ship, without tokenizer; the base lies in ADAPT_BASES."""
    import torch
    from adapt_embed.lora import LoraModule, write_lora

    monkeypatch.setenv("ADAPT_BASES", str(tiny_base.parent))
    made = Registry(tmp_path / "shipped", builtin=NO_LAYER)
    for seed, name in enumerate(("legal", "medical")):
        draw, folder = torch.Generator().manual_seed(seed), tmp_path / f"peft-{name}"
        folder.mkdir()
        factors = {"encoder.layer.1.output.dense": LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw), 1.0)}
        write_lora(factors, folder / WEIGHTS)
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(tiny_base)}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        add_folder(made, folder, name=name, domain=name, base_reference=None, options=BaseOptions())
    monkeypatch.setattr("adapt_embed.registry.layer.BUILTIN", Layer(made.home / "shipped.json", made.home))
    (made.home / "shipped.json").write_bytes(Index(tuple(as_shipped(made.user.folder(entry)) for entry in made.entries())).to_json())
    return open_registry()


def as_shipped(folder: Path) -> Entry:
    """Take the tokenizer and the place of the base out of a version's folder, as benchmarks/make_shipped.py does."""
    for name in TOKENIZER:
        (folder / name).unlink()
    entry = read_entry(folder / "adapt.json")
    files = {name: file for name, file in entry.files.items() if name not in TOKENIZER}
    entry = replace(entry, bases=tuple(replace(base, path=None) for base in entry.bases), files=files)
    (folder / "adapt.json").write_bytes(entry_file(entry))
    return entry


# a machine with adapters that ship


def test_list_tells_what_ships_from_what_the_user_made(tiny_layer: Registry, tmp_path: Path) -> None:
    assert [(each["reference"], each["builtin"]) for each in adapt_json("list")["entries"]] == [("legal@1", True), ("medical@1", True)]
    assert adapt_json("add", tmp_path / "peft-legal", "--name", "legal", "--domain", "legal")["reference"] == "legal@2"
    rows = [line.split() for line in adapt("list").stdout.splitlines() if "@" in line]
    assert [(row[0], "built" in row) for row in rows] == [("legal@1", True), ("legal@2", False), ("medical@1", True)]


def test_the_users_versions_come_first_and_nothing_is_said_of_those_that_ship(
    tiny_layer: Registry, tmp_path: Path, second_base: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("court\n")
    adapt_json("add", tmp_path / "peft-medical", "--name", "legal", "--base", second_base)
    result = adapt("encode", "legal", texts, "-o", tmp_path / "own.npy")
    assert (result.exit_code, "several bases" in result.output) == (0, False)
    assert adapt("encode", "legal@2", texts, "-o", tmp_path / "second.npy").exit_code == 0
    assert np.array_equal(np.load(tmp_path / "own.npy"), np.load(tmp_path / "second.npy"))


def test_a_merge_of_what_ships_gets_the_bases_tokenizer_where_the_base_is_here(tiny_layer: Registry) -> None:
    path = Path(adapt_json("merge", "legal", "medical")["path"])
    assert all((path / name).is_file() for name in TOKENIZER)
    assert open_registry().verify().is_clean


def test_a_merge_of_what_ships_needs_no_base_and_is_the_same(tiny_layer: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_base = Path(adapt_json("merge", "legal", "medical")["path"])
    bases = os.environ["ADAPT_BASES"]
    monkeypatch.delenv("ADAPT_BASES")
    without = Path(adapt_json("merge", "legal", "medical")["path"])
    assert not any((without / name).exists() for name in TOKENIZER)
    assert (without / WEIGHTS).read_bytes() == (with_base / WEIGHTS).read_bytes()
    monkeypatch.setenv("ADAPT_BASES", bases)
    texts = tmp_path / "texts.txt"
    texts.write_text("court\nthe doctor\n")
    for reference in ("legal-medical@1", "legal-medical@2"):
        assert adapt("encode", reference, texts, "-o", tmp_path / f"{reference}.npy").exit_code == 0
    assert np.array_equal(np.load(tmp_path / "legal-medical@1.npy"), np.load(tmp_path / "legal-medical@2.npy"))


def test_an_ensemble_and_an_alias_take_what_ships(tiny_layer: Registry, tmp_path: Path) -> None:
    assert adapt_json("ensemble", "legal", "medical")["reference"] == "legal-medical-concat@1"
    assert adapt("alias", "legal@1", "best").exit_code == 0
    texts = tmp_path / "texts.txt"
    texts.write_text("court\n")
    for reference in ("legal@best", "legal-medical-concat"):
        assert adapt("encode", reference, texts, "-o", tmp_path / "vectors.npy").exit_code == 0
    assert adapt("verify").stdout == "3 versions with 15 files checked: no problems\n"


def test_what_ships_is_not_removed(tiny_layer: Registry) -> None:
    result = adapt("rm", "legal", "--force")
    assert result.exit_code == 1
    assert result.stderr == "Error: legal@1 ships with the package and cannot be removed; to leave out all that ship: ADAPT_SHIPPED=0\n"
    assert tiny_layer.folder(tiny_layer.find("legal")).is_dir()


def test_a_shell_offers_to_remove_the_users_versions_alone(tiny_layer: Registry, tmp_path: Path) -> None:
    adapt_json("add", tmp_path / "peft-legal", "--name", "legal")
    offered = {}
    for command in ("show", "rm"):
        items = ShellComplete(main, {}, "adapt", "_ADAPT_COMPLETE").get_completions([command], "legal@")
        offered[command] = [item.value for item in items if item.type == "plain"]
    assert offered == {"show": ["legal@1", "legal@2"], "rm": ["legal@2"]}


def test_what_ships_can_be_left_out(tiny_layer: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_SHIPPED", "0")
    assert adapt_json("list")["entries"] == []
    monkeypatch.setenv("ADAPT_SHIPPED", "1")
    assert len(adapt_json("list")["entries"]) == 2


# what the package holds


@pytest.fixture
def package(fresh: None) -> Registry:
    return open_registry()


def test_three_domains_ship_and_their_files_are_whole(package: Registry) -> None:
    assert [entry.name for entry in package.entries()] == list(NAMES)
    assert all(package.is_builtin(entry) and entry.domain == entry.name for entry in package.entries())
    report = package.verify()
    assert (report.versions, report.problems) == (3, ())


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_is_small_and_holds_no_tokenizer(package: Registry, name: str) -> None:
    entry = package.find(name)
    assert entry.files[WEIGHTS].size <= 3e6
    assert entry.config["store"] in ("fp16", "bf16")
    assert not {file for file in entry.files if file.startswith(("tokenizer", "vocab", "special_tokens"))}
    assert "README.md" in entry.files


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_names_its_base_by_hub_id_and_nothing_of_the_machine_that_made_it(package: Registry, name: str) -> None:
    entry = package.find(name)
    folder = package.folder(entry)
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == (entry.bases[0].id, entry.bases[0].revision)
    assert entry.bases[0].path is None
    paths = re.compile(r"(?<![\w.:/-])/(?:work|tmp|home|root|usr|var)\b|[A-Za-z]:\\\\")
    for path in (BUILTIN.index_path, *(folder / file for file in [*entry.files, "adapt.json"] if not file.endswith(".safetensors"))):
        assert not paths.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_gained_on_test_and_says_how_much(package: Registry, name: str) -> None:
    entry = package.find(name)
    test = next(score for of, score in entry.scores.items() if of.startswith(entry.data.source))
    general = next(score for of, score in entry.scores.items() if of.startswith("STSBenchmark"))
    assert (test.metric, general.metric) == ("nDCG@10", "Spearman")
    assert test.after > test.before + 0.02
    assert general.after > general.before - 0.02


@pytest.mark.parametrize("name", NAMES)
def test_the_card_of_what_ships_has_its_scores_data_and_use(package: Registry, name: str) -> None:
    entry = package.find(name)
    lying = (package.folder(entry) / "README.md").read_text(encoding="utf-8")
    made = adapt_json("card", entry.reference)["files"]["README.md"]
    for card in (lying, made):
        card = card.replace("\\", "")  # which escapes what Markdown would take for its own
        for of, score in entry.scores.items():
            assert f"{score.after:.4f}" in card, of
        assert all(each in card for each in (entry.data.source, entry.data.licence, *entry.data.notes))
    assert f"adapt encode {name} texts.txt" in lying
    assert "OWNER/NAME" not in lying


def test_every_file_of_what_ships_goes_with_it_when_it_is_shared(package: Registry) -> None:
    files = {file for entry in package.entries() for file in entry.files}
    assert {file for file in files if not is_of_a_version(file)} == {"README.md"}  # which is written anew, from bench.json


def test_two_that_ship_are_merged_at_once_without_their_base(package: Registry) -> None:
    result = adapt_json("merge", "legal", "medical")
    assert result["reference"] == "legal-medical@1"
    config = json.loads((Path(result["path"]) / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "BAAI/bge-small-en-v1.5"


@pytest.mark.parametrize("arguments", [("encode", "legal", "texts.txt", "-o", "out.npy"), ("bench", "legal")], ids=lambda given: given[0])
def test_without_the_base_it_is_said_what_is_missing_and_how_to_bring_it(
    package: Registry, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("a\n")
    result = adapt(*arguments)
    assert result.exit_code == 1
    for said in (
        "legal@1 needs the base that it was made for: BAAI/bge-small-en-v1.5 was found neither in ADAPT_BASES",
        "hf download",
        "--base",
    ):
        assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_notice_names_the_data_and_licences_of_all_that_ship(package: Registry) -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for entry in package.entries():
        assert re.search(r"https://\S+", entry.data.notes[0])[0] in notice
        assert all(each in notice.lower() for each in entry.data.licence.split(" and "))


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_on_a_part_of_dev_what_ships_is_better_than_its_base(package: Registry, shared: Path, name: str) -> None:
    """40 queries over their answers and 200 other passages; the whole of dev: benchmarks/make_shipped.py --only check."""
    from adapt_embed.data.beir import BeirFolder
    from adapt_embed.data.dev_set import DevSet
    from adapt_embed.data.pairs import draw_passages, draw_queries
    from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_reference, resolve_references

    entry = package.find(name)
    source = BeirFolder(shared / "data" / entry.data.source)
    corpus = source.corpus()
    pairs = draw_queries(source.pairs("dev", corpus), 40, 0)
    dev = DevSet(pairs.queries, draw_passages(pairs, corpus, 200, 0), pairs.positives)
    search = Search(registry=package, base=str(shared / "bases" / "bge-small-en-v1.5"), options=BaseOptions(max_tokens=128))
    loaded = LoadedBases(EncoderSettings(precision="fp32"))
    before, after = (dev.score(open_reference(each, loaded)) for each in resolve_references(["base", entry.reference], search))
    assert after > before + 0.01
