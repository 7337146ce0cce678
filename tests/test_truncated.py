"""Vectors cut after their first numbers: `--dim`, in Python and on the command line, and what was trained for it."""

import json
from dataclasses import replace
from pathlib import Path

import adapt_embed
import numpy as np
import pytest
import torch
from adapt_embed.adapters import TrainConfig, train_adapter
from adapt_embed.base import Base
from adapt_embed.bench.run.identity import identify
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.encoders.truncated import TruncatedEncoder
from adapt_embed.errors import ConfigError
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result

TEXTS = ["the court and the judge", "法律 房屋", ""]


@pytest.fixture
def plain(loaded_tiny_base: Base) -> LoraEncoder:
    return LoraEncoder(loaded_tiny_base, precision="fp32")


def run(*words: object) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert "Traceback" not in result.output
    return result


def test_vectors_are_the_first_numbers_at_length_one(plain: LoraEncoder) -> None:
    cut, whole = TruncatedEncoder(plain, 8).encode(TEXTS).vectors, plain.encode(TEXTS).vectors
    assert cut.dtype == np.float32
    assert np.allclose(np.linalg.norm(cut, axis=1), 1, atol=1e-6)
    assert np.allclose(cut * np.linalg.norm(whole[:, :8], axis=1, keepdims=True), whole[:, :8], atol=1e-6)


def test_another_width_is_another_model_over_the_same_network(plain: LoraEncoder) -> None:
    cut = TruncatedEncoder(plain, 8)
    revisions = {identify("x", each).revision for each in (plain, cut, TruncatedEncoder(plain, 16))}
    assert len(revisions) == 3
    assert cut.content("query") == plain.content("query") | {"dim": 8}
    assert cut.networks() == (plain,)
    assert cut.with_networks([replace(plain)]).dimension == 8


def test_the_command_cuts_and_says_what_was_not_trained_for_it(tiny_base: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the court\n法律\n", encoding="utf-8")
    result = run("encode", "base", texts, "--base", tiny_base, "--dim", 8, "--json")
    assert json.loads(result.stdout)["shape"] == [2, 8]
    assert "base was trained for whole vectors alone, and its vectors are cut after 8 of 32" in result.stderr
    assert "--set loss.dims=32,8" in result.stderr
    whole = run("encode", "base", texts, "--base", tiny_base, "--dim", 32, "--json")
    assert (json.loads(whole.stdout)["shape"], "trained" in whole.stderr) == ([2, 32], False)
    wide = run("encode", "base", texts, "--base", tiny_base, "--dim", 33)
    assert (wide.exit_code, "--dim is 33, and the vectors of base have 32 numbers; name at most 32" in wide.stderr) == (1, True)
    assert run("encode", "base", texts, "--base", tiny_base, "--dim", 0).exit_code == 2


def test_what_was_trained_for_a_width_says_so(train, toy_folder: Path, home: Path, tmp_path: Path) -> None:
    result = train("--set", "loss.dims=32,8", "--set", "epochs=1")
    assert result.exit_code == 0, result.output
    (entry,) = open_registry(home).entries()
    assert entry.dims == (32, 8)
    shown = json.loads(run("show", entry.name, "--registry", home, "--json").stdout)
    assert (shown["dims"], shown["dimension"]) == ([32, 8], 32)
    texts = tmp_path / "texts.txt"
    texts.write_text("the court\n", encoding="utf-8")
    trained, other = (run("encode", entry.name, texts, "--dim", dim, "--registry", home, "--json") for dim in (8, 16))
    assert (trained.exit_code, other.exit_code) == (0, 0)
    assert "trained for" not in trained.stderr
    assert "was trained for 32, 8 numbers, and its vectors are cut after 16 of 32" in other.stderr


def test_an_index_of_cut_vectors_is_searched_with_cut_queries(tiny_base: Path, tmp_path: Path) -> None:
    corpus, more = tmp_path / "corpus.jsonl", tmp_path / "more.jsonl"
    for path, ids in ((corpus, range(3)), (more, range(3, 5))):
        path.write_text("".join(json.dumps({"_id": str(n), "text": f"text {n} 第{n}条"}, ensure_ascii=False) + "\n" for n in ids))
    built = run("index", "build", corpus, "-o", tmp_path / "index", "--base", tiny_base, "--dim", 8)
    assert (built.exit_code, "3 rows of 8 dimensions" in built.stdout) == (0, True)
    assert run("index", "add", tmp_path / "index", more).exit_code == 0
    facts = json.loads(run("index", "info", tmp_path / "index", "--json").stdout)
    assert (facts["dimension"], facts["dim"], facts["rows"]) == (8, 8, 5)
    found = json.loads(run("search", "base", "text 4 第4条", "--index", tmp_path / "index", "--json").stdout)
    assert "4" in json.dumps(found)
    data = tmp_path / "pairs.jsonl"
    data.write_text('{"query": "a", "positive": "text 1 第1条"}\n')
    refused = run("train", "--domain", "legal", "--data", data, "--side", "query", "--index", tmp_path / "index", "--base", tiny_base)
    assert (refused.exit_code, "cut after 8 numbers, and queries are trained against whole ones" in refused.stderr) == (1, True)


def test_python_cuts_one_call_or_all(tiny_base: Path) -> None:
    loaded = adapt_embed.load("base", base=str(tiny_base))
    cut, whole = loaded.encode(TEXTS, dim=8), loaded.encode(TEXTS)
    assert (cut.shape, whole.shape) == ((3, 8), (3, 32))
    short = loaded.using(dim=8)
    assert short.dimension == 8
    assert np.array_equal(short.encode(TEXTS), cut)
    assert short.similarity("the court", "the judge").shape == (1, 1)
    for wrong in (0, 33):
        with pytest.raises(ConfigError, match=r"name 1 to 32"):
            loaded.encode(TEXTS, dim=wrong)


def test_an_ensemble_side_by_side_cannot_be_cut_and_a_mean_can(shelf: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("the court\n", encoding="utf-8")
    refused = run("encode", "all", texts, "--dim", 8, "--registry", shelf)
    assert (refused.exit_code, "the vectors of its members one behind the other; leave --dim out" in refused.stderr) == (1, True)
    made = run("ensemble", "法律", "med", "--mode", "mean", "--name", "middle", "--registry", shelf)
    assert made.exit_code == 0, made.output
    assert json.loads(run("encode", "middle", texts, "--dim", 8, "--registry", shelf, "--json").stdout)["shape"] == [1, 8]


def test_matryoshka_is_of_what_the_head_gives(loaded_tiny_base: Base, toy_data: TrainingData) -> None:
    common = {"epochs": 1, "batch_size": 16, "rank": 4, "max_tokens": 16, "precision": "fp32", "head": 8}
    plain, of_both = (train_adapter(loaded_tiny_base, toy_data, TrainConfig(**common, dims=dims)) for dims in ((), (8, 4)))  # type: ignore[arg-type]
    assert of_both.losses[0] > plain.losses[0] + 0.1
    assert plain.head is not None
    assert of_both.head is not None
    assert not torch.equal(plain.head.weight, of_both.head.weight)


def test_the_bench_scores_cut_vectors_apart_from_whole_ones(tiny_base: Path, toy_folder: Path) -> None:
    whole, cut = (adapt_embed.bench_adapters(["base"], toy_folder, base=str(tiny_base), dim=dim) for dim in (None, 2))
    ((first,), (second,)) = (table.outcome.result.references for table in (whole, cut))
    assert first.revision != second.revision
    assert second.description.endswith("cut after 2 numbers")
    assert whole.rows()[0]["nDCG@10"] != cut.rows()[0]["nDCG@10"]
