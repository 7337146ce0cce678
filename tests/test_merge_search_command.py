"""`adapt merge --search`: weights from dev data, the curve, and what the version remembers of it."""

import json
import os
import threading
from pathlib import Path

import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

MODULE = "encoder.layer.1.output.dense"


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def adapters(tiny_base: Path, tmp_path: Path) -> list[str]:
    """Two registered adapters on the tiny base."""
    for seed, name in enumerate(("legal", "medical")):
        folder, draw = tmp_path / name, torch.Generator().manual_seed(seed)
        folder.mkdir()
        factors = {MODULE: LoraModule(torch.randn(2, 64, generator=draw), torch.randn(32, 2, generator=draw) * 0.3, 1.0)}
        write_lora(factors, folder / "adapter_model.safetensors")
        config = {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "base_model_name_or_path": str(tiny_base)}
        (folder / "adapter_config.json").write_text(json.dumps(config))
        assert adapt("add", folder).exit_code == 0
    return ["legal", "medical"]


@pytest.fixture
def dev_folder(tmp_path: Path) -> Path:
    """A BEIR folder with nothing but a dev split."""
    folder, words = tmp_path / "court", ["court", "judge", "tenant", "rent", "season", "law", "appeal", "landlord"]
    (folder / "qrels").mkdir(parents=True)
    for file, before in (("corpus.jsonl", "the"), ("queries.jsonl", "who is a")):
        rows = [{"_id": str(row), "text": f"{before} {word}"} for row, word in enumerate(words)]
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{row}\t{row}\t1\n" for row in range(len(words))))
    return folder


@pytest.fixture
def general(tmp_path: Path) -> Path:
    folder = tmp_path / "sts"
    folder.mkdir()
    rows = ["5\tthe court\tthe court", "1\tthe court\trent", "3\ta judge\tthe law", "0\tseason\ta tenant"]
    (folder / "en-dev.tsv").write_text("score\tsentence1\tsentence2\n" + "\n".join(rows) + "\n")
    return folder


def test_a_picture_follows_a_link_and_fills_a_pipe(adapters: list[str], dev_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "link.svg").symlink_to("far.svg")
    os.mkfifo(tmp_path / "pipe.png")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe.png").read_bytes()), daemon=True)
    reader.start()
    for name in ("link.svg", "pipe.png"):
        options = (
            "--search",
            dev_folder,
            "--evaluations",
            3,
            "--curve-steps",
            2,
            "--plot",
            tmp_path / name,
            "--dry-run",
            "--dtype",
            "fp32",
        )
        ran = adapt("merge", *adapters, *options)
        assert ran.exit_code == 0, ran.output
    reader.join(timeout=30)
    assert read[0].startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "far.svg").read_text()
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "pipe.png").is_fifo()


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_picture_that_finds_no_space_costs_the_picture_and_not_the_merge(adapters: list[str], dev_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "curve.svg").symlink_to("/dev/full")
    options = ("--search", dev_folder, "--evaluations", 3, "--curve-steps", 2, "--plot", tmp_path / "curve.svg", "--name", "both")
    ran = adapt("merge", *adapters, *options, "--dtype", "fp32")
    assert ran.exit_code == 1
    assert "curve.svg cannot be written: No space left on device" in ran.stderr
    assert ran.stdout.count("both@1") == 1
    assert open_registry().find_reference("both@1").kind == "merge"
    again = adapt("merge", *adapters, *options, "--dtype", "fp32", "--json")
    told = json.loads(again.stdout)
    assert (again.exit_code, told["reference"]) == (1, "both@2")
    assert "curve.svg cannot be written: No space left on device" in told["error"]
    assert again.stderr.count("Error: ") == 1
    assert open_registry().find_reference("both@2").kind == "merge"


def test_the_chosen_weights_are_told_drawn_and_kept(adapters: list[str], dev_folder: Path, general: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curve.svg"
    options = ("--search", dev_folder, "--general", general, "--evaluations", 4, "--curve-steps", 3, "--plot", picture, "--dtype", "fp32")
    ran = adapt("merge", *adapters, *options, "--json")
    assert ran.exit_code == 0, ran.output
    assert "search: at most 10 measurements of 20 texts each" in ran.stderr  # the base, 2 parents, 4 merges, 3 points of the curve
    told = json.loads(ran.stdout)
    search = told["search"]
    assert [parent["weight"] for parent in told["parents"]] == search["weights"]
    assert (search["names"], list(search["domains"]), search["general"]["kind"]) == (["legal@1", "medical@1"], ["court"], "spearman")
    assert [point["x"] for point in search["curve"]["lines"][0]["points"]] == [0.0, 0.5, 1.0]
    assert len(search["evaluations"]) <= 4
    assert "<svg" in picture.read_text()
    entry = open_registry().find_reference(told["reference"])
    assert json.loads((open_registry().folder(entry) / "search.json").read_text()) == search
    assert entry.config["search"]["sources"] == [dev_folder.name]  # its path stands in search.json
    assert [parent.weight for parent in entry.parents] == search["weights"]


def test_the_tables_are_printed(adapters: list[str], dev_folder: Path) -> None:
    ran = adapt("merge", *adapters, "--search", dev_folder, "--evaluations", 2, "--curve-steps", 2, "--method", "ties", "--dry-run")
    assert ran.exit_code == 0, ran.output
    for words in ("scores on dev", "closeness to the base", "gain kept", "chosen", "weight of legal@1", "density", "nothing is written"):
        assert words in ran.stdout
    assert len(open_registry().entries()) == 2


@pytest.mark.parametrize(
    "options, code, message",
    [
        (("--plot", "x.svg"), 2, "--plot goes with --search"),
        (("--dtype", "fp32"), 2, "--dtype goes with --search"),
        (("--search", "no/such/folder"), 1, "no/such/folder does not exist"),
        (("--search", "leagl"), 1, "unknown domain 'leagl'"),
        (("--search", "{dev}", "--curve-steps", "1"), 2, "--curve-steps is 1"),
        (("--search", "{dev}", "--curve-steps", "0", "--plot", "x.svg"), 2, "--curve-steps 0 leaves it out"),
        (("--search", "{dev}", "--evaluations", "0"), 2, "0 is not in the range x>=1"),
        (("--search", "{dev}", "--general", "{dev}"), 1, "en-dev.tsv does not exist"),
        (("--search", "{dev},{dev}"), 1, "each with its own name"),
        (("--search", "{dev}", "--plot", "x.gif"), 2, "--plot x.gif ends in .gif; a picture is written as .svg or .png"),
    ],
)
def test_what_does_not_fit_is_one_line_and_writes_nothing(
    adapters: list[str], dev_folder: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    ran = adapt("merge", *adapters, *(option.format(dev=dev_folder) for option in options))
    assert (ran.exit_code, message in ran.stderr) == (code, True), ran.output
    assert len(open_registry().entries()) == 2


def test_an_idle_option_is_refused_before_any_adapter_is_looked_for() -> None:
    ran = adapt("merge", "nowhere", "nothing", "--plot", "x.svg")
    assert (ran.exit_code, "--plot goes with --search" in ran.stderr) == (2, True), ran.output


def test_a_search_hashes_its_parents_once(adapters: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.lora import factors_sha256, read_lora
    from adapt_embed.merge import MergeConfig, merge_factors
    from adapt_embed.merge import merge as module
    from adapt_embed.merge.search import Candidates

    registry = open_registry()
    parents = [read_lora(registry.folder(registry.find_reference(each))) for each in adapters]
    candidates = Candidates(parents, adapters, MergeConfig(method="dare_ties"))
    expected = merge_factors(parents, candidates.config(candidates.own_point)).factors

    def refuse(_factors: object) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr(module, "factors_sha256", refuse)
    assert factors_sha256(candidates.merge(candidates.own_point)) == factors_sha256(expected)
