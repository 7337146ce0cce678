"""`adapt base compare`: bases side by side on the dev split, and which are refused."""

import json
from pathlib import Path

import pytest
from adapt_embed.base.load import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.cli import main
from adapt_embed.data.dev_set import draw_dev_set
from adapt_embed.encoders.lora import LoraEncoder
from click.testing import CliRunner, Result


def compare(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["base", "compare", *map(str, arguments)])


def test_bases_are_scored_as_dev_scores_of_training_are(tiny_base: Path, second_base: Path, toy_folder: Path, toy_data) -> None:
    result = compare(tiny_base, second_base, "--data", toy_folder, "--dtype", "fp32", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["split"], found["queries"], found["passages"]) == ("dev", 16, 32)
    dev = draw_dev_set(toy_data.dev, toy_data.corpus)
    scores = {
        str(base): dev.score(LoraEncoder(load_base(resolve_base(str(base))), precision="fp32", max_tokens=256))
        for base in (tiny_base, second_base)
    }
    assert {row["reference"]: pytest.approx(row["ndcg10"]) for row in found["bases"]} == scores
    assert [row["ndcg10"] for row in found["bases"]] == sorted(scores.values(), reverse=True)
    for row in found["bases"]:
        assert row["recall"]["1"] <= row["recall"]["10"] <= row["recall"]["100"] == 1
        assert min(row["queries_per_s"], row["passages_per_s"]) > 0
        assert (row["dimension"], row["max_tokens"], row["cut_at"], row["cut"]) == (32, 512, 256, 0)
        assert row["size_bytes"] == (Path(row["reference"]) / "model.safetensors").stat().st_size


def test_without_a_dev_split_train_queries_are_said_to_be_scored(tiny_base: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text(
        "".join(json.dumps({"query": f"河{n}", "pos": [f"river {n}"], "neg": ["none"]}) + "\n" for n in range(5)), encoding="utf-8"
    )
    result = compare(tiny_base, "--data", lines, "--max-tokens", 8)
    assert result.exit_code == 0, result.output
    assert "has no dev split: bases are compared on train queries" in result.stdout
    assert "train (5 queries over 6 passages)" in result.stdout
    assert "512 (8)" in result.stdout


def test_bases_that_are_not_here_are_named_in_one_line_and_nothing_is_fetched(
    tiny_base: Path, toy_folder: Path, tiny_on_hub: str, encoded: list[str]
) -> None:
    result = compare(tiny_base, "bge-m3", tiny_on_hub, "--data", toy_folder)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: bge-m3, {tiny_on_hub} are not here (of 3 bases)")
    assert len(result.stderr.strip().splitlines()) == 1
    assert encoded == []


@pytest.mark.parametrize(
    ("bases", "message", "code"),
    [(("no-such-base",), "no-such-base", 1), (("{tiny}", "{tiny}"), "is named twice", 2), (("/nowhere/at-all",), "/nowhere/at-all", 1)],
)
def test_what_is_not_a_base_is_refused_in_a_line(
    tiny_base: Path, toy_folder: Path, bases: tuple[str, ...], message: str, code: int
) -> None:
    result = compare(*(base.format(tiny=tiny_base) for base in bases), "--data", toy_folder)
    assert result.exit_code == code
    assert message in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_length_that_a_base_does_not_read_is_refused(tiny_base: Path, toy_folder: Path) -> None:
    assert "takes at most 512" in compare(tiny_base, "--data", toy_folder, "--max-tokens", 600).stderr
