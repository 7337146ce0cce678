"""`adapt ensemble`, and what the other commands say of an ensemble."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base.resolve import resolve_base
from adapt_embed.cli import main
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.registry import Entry, base_record, open_registry
from click.testing import CliRunner, Result

MODULE = "encoder.layer.0.attention.self.query"


def adapt(*arguments: object, given: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


def adapt_json(*arguments: object, given: str | None = None) -> dict:
    result = adapt(*arguments, "--json", given=given)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def write(folder: Path, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    write_lora(
        {MODULE: LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 1.0)},
        folder / "adapter_model.safetensors",
    )
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 2}))


@pytest.fixture(autouse=True)
def filled(isolation: Path, tiny_base: Path, second_base: Path) -> None:
    """legal@1 and medical@1 on the tiny base and other@1 on the second one, in the default registry."""
    registry = open_registry()
    for seed, (name, base) in enumerate([("legal", tiny_base), ("medical", tiny_base), ("other", second_base)]):
        spec = resolve_base(str(base)).spec
        draft = Entry(kind="adapter", name=name, domain="legal", bases=(base_record(spec),), pooling="cls", prompts={"query": "find: "})
        registry.add(draft, lambda folder, seed=seed: write(folder, seed))


def test_two_names_alone_make_the_exact_sum_of_cosines() -> None:
    ran = adapt("ensemble", "legal", "medical")
    assert ran.exit_code == 0, ran.output
    lines = ran.stdout.splitlines()
    assert lines[:5] == [
        "legal-medical-concat@1",
        "mode         concat",
        "members      0.5 legal@1, 0.5 medical@1",
        "on           tiny-base",
        "vectors      of 64 dimensions",
    ]
    assert Path(lines[5].removeprefix("recipe       "), "ensemble.json").is_file()


def test_json_says_members_with_version_hash_and_share() -> None:
    result = adapt_json("ensemble", "legal", "other", "--mode", "rrf", "--weights", "3,1", "--name", "both")
    assert (result["reference"], result["mode"], result["dimension"], result["pca"]) == ("both@1", "rrf", None, None)
    assert [(member["reference"], member["weight"]) for member in result["members"]] == [("legal@1", 0.75), ("other@1", 0.25)]
    assert all(len(member["sha256"]) == 64 for member in result["members"])
    assert result["bases"] == ["tiny-base", "second-base"]
    listed = next(entry for entry in adapt_json("list")["entries"] if entry["reference"] == "both@1")
    assert (listed["kind"], listed["domain"], listed["bases"]) == ("ensemble", "legal", ["tiny-base", "second-base"])


def test_show_prints_the_tree_and_rm_refuses_a_member() -> None:
    adapt_json("ensemble", "legal", "medical", "--mode", "max", "--weights", "1,3", "--name", "both")
    tree = adapt("show", "both").stdout.split("lineage\n")[1].splitlines()
    assert tree[0].startswith("both@1  ensemble, max")
    assert "legal@1" in tree[1]
    assert "weight 0.25" in tree[1]
    assert "medical@1" in tree[2]
    assert "weight 0.75" in tree[2]
    refused = adapt("rm", "medical@1")
    assert refused.exit_code == 1
    assert "medical@1 is needed by both@1" in refused.stderr
    assert adapt_json("show", "legal")["children"] == ["both@1"]
    assert adapt("verify").exit_code == 0


def test_encode_gives_vectors_of_concat_in_any_script() -> None:
    adapt_json("ensemble", "legal", "other", "--name", "both", "--weights", "1,3")
    lines = "the court\n租客要归还什么？\n"
    both = adapt_json("encode", "both", "--dtype", "fp32", given=lines)
    one, other = (np.array(adapt_json("encode", name, "--dtype", "fp32", given=lines)["vectors"]) for name in ("legal", "other"))
    vectors = np.array(both["vectors"])
    assert (both["shape"], both["base"], both["truncated"]) == ([2, 64], "tiny-base + second-base", 0)
    np.testing.assert_allclose(vectors @ vectors.T, 0.25 * one @ one.T + 0.75 * other @ other.T, atol=1e-6)
    cut = adapt("encode", "both", "--max-tokens", "8", given="law " * 30)
    assert "1 of 1 texts were longer than 8 tokens and were truncated" in cut.stderr


@pytest.mark.parametrize("mode", ["rrf", "max"])
def test_encode_refuses_what_ranks_before_it_reads_a_text(mode: str, tmp_path: Path) -> None:
    adapt_json("ensemble", "legal", "other", "--name", "both", "--mode", mode)
    ran = adapt("encode", "both", tmp_path / "absent.txt")
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"Error: both@1 has no vectors: the mode {mode} only ranks passages")
    assert ran.stderr.count("\n") == 1


def test_merge_refuses_an_ensemble() -> None:
    adapt_json("ensemble", "legal", "medical", "--name", "both")
    ran = adapt("merge", "both", "legal")
    assert ran.exit_code == 1
    assert "both@1 is an ensemble" in ran.stderr


@pytest.mark.parametrize("mode", ["concat", "rrf"])
def test_bench_takes_an_ensemble_beside_the_base(toy_folder: Path, mode: str) -> None:
    adapt_json("ensemble", "legal", "other", "--name", "both", "--mode", mode)
    result = adapt_json("bench", "both", "legal", "--data", toy_folder)
    assert [(reference["name"], reference["base"]) for reference in result["references"]] == [
        ("base", None),
        ("both@1", "base"),
        ("legal@1", "base"),
    ]
    scores = {score["reference"]: score for score in result["scores"]}
    assert scores["both@1"]["difference"] is not None
    assert scores["both@1"]["metrics"] != scores["legal@1"]["metrics"]
    assert 0 < scores["both@1"]["metrics"]["nDCG@10"] < 1
    planned = adapt_json("bench", "both", "--data", toy_folder, "--dry-run")
    assert planned["cells"][1]["tokens"] == 2 * planned["cells"][0]["tokens"]


def test_bench_refuses_a_ranking_on_sentence_pairs(tmp_path: Path) -> None:
    (tmp_path / "en-test.tsv").write_text("score\tsentence1\tsentence2\n1\ta\tb\n2\tc\td\n")
    adapt_json("ensemble", "legal", "other", "--name", "both", "--mode", "max")
    ran = adapt("bench", "both", "--data", tmp_path)
    assert ran.exit_code == 1
    assert "both@1 ranks passages and has no vectors" in ran.stderr
    assert "(STS)" in ran.stderr


def test_pca_shortens_vectors_and_says_what_it_keeps(tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"the court {word} 法院\n" for word in ("rent", "judge", "law", "house", "notice", "appeal", "tenant")))
    result = adapt_json("ensemble", "legal", "other", "--pca", texts, "--dim", 7, "--name", "short")
    assert (result["dimension"], result["pca"]["texts"]) == (7, 7)
    assert result["pca"]["energy"] == pytest.approx(1)
    adapt_json("ensemble", "legal", "other", "--name", "whole")
    short, whole = (np.array(adapt_json("encode", name, texts, "--dtype", "fp32")["vectors"]) for name in ("short", "whole"))
    assert (short.shape, whole.shape) == ((7, 7), (7, 64))
    np.testing.assert_allclose(short @ short.T, whole @ whole.T, atol=1e-5)  # seven texts span seven dimensions
    shorter = adapt("ensemble", "legal", "other", "--pca", texts, "--dim", 5, "--name", "short")
    assert re.search(r"vectors +of 5 dimensions, which keep 0\.9\d+ of the energy", shorter.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["legal", "medical", "--mode", "sum"], 2, "'sum' is not one of 'concat', 'mean', 'rrf', 'max'"),
        (["legal", "medical", "--weights", "1;2"], 2, "'1;2' is not a list of weights"),
        (["legal", "medical", "--dim", "8"], 2, "--pca TEXTFILE and --dim D go together"),
        (["legal", "medical", "--pca", "texts.txt"], 2, "--pca TEXTFILE and --dim D go together"),
        ([], 2, "Missing argument"),
        (["legal"], 2, "an ensemble needs at least 2 members; name another one"),
        (["legal", "medical", "--weights", "1,2,3"], 2, "3 weights for 2 members; give one each, in their order"),
        (["legal", "medical", "--weights", "-1,2"], 2, "the weight -1 does not fit the mode concat; each must be above 0"),
        (["legal", "medical", "--mode", "rrf", "--weights", "0,0"], 2, "all weights are 0; at least one member must count"),
        (["legal", "other", "--mode", "mean"], 1, "mean adds vectors, which only means something in one space"),
        (["legal", "medical", "--dim", "99", "--pca", "texts.txt"], 1, "--dim is 99; expected 1 to 64"),
        (
            ["legal", "medical", "--mode", "rrf", "--dim", "8", "--pca", "texts.txt"],
            2,
            "--dim shortens the vectors of --mode concat; with --mode rrf, leave --pca and --dim out",
        ),
        (["legal", "medical", "--dim", "8", "--pca", "absent.txt"], 1, "absent.txt cannot be read"),
        (["legal", "medical", "--dim", "8", "--pca", "texts.txt"], 1, "3 texts span 3 dimensions, and --dim is 8"),
        (["legal", "medical", "--name", "no/name"], 1, "the name 'no/name' is not valid"),
        (["legal", "nobody"], 1, "unknown adapter 'nobody'"),
    ],
)
def test_bad_input_is_one_clear_line_and_registers_nothing(
    arguments: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "texts.txt").write_text("a\nb\nc\n")
    monkeypatch.chdir(tmp_path)
    before = adapt_json("list")["entries"]
    ran = adapt("ensemble", *arguments)
    assert (ran.exit_code, ran.stdout) == (code, "")
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    if code == 1:
        assert ran.stderr.startswith("Error: ")
        assert ran.stderr.count("\n") == 1
    in_json = adapt("ensemble", *arguments, "--json")
    assert in_json.exit_code == code
    assert message in json.loads(in_json.stdout.splitlines()[0])["error"]
    assert adapt_json("list")["entries"] == before


def test_an_ensemble_is_no_member_of_another() -> None:
    adapt_json("ensemble", "legal", "medical", "--name", "both")
    ran = adapt("ensemble", "both", "other")
    assert ran.exit_code == 1
    assert "both@1 is an ensemble, and ensembles do not nest; name its members instead" in ran.stderr


def test_base_beside_an_adapter_is_a_member(tiny_base: Path) -> None:
    assert adapt_json("ensemble", "base", "legal", "--mode", "mean")["reference"] == "base-legal-mean@1"
    assert adapt("show", "base-legal-mean").exit_code == 0
    assert adapt_json("encode", "base-legal-mean", given="law\n")["shape"] == [1, 32]
    conflict = adapt("ensemble", "legal", "other", "--base", tiny_base)
    assert conflict.exit_code == 1
    assert "other" in conflict.stderr


def test_a_versions_name_goes_on_counting() -> None:
    for version in (1, 2):
        assert adapt_json("ensemble", "legal", "medical", "--name", "both")["reference"] == f"both@{version}"


def test_the_help_says_when_to_use_each_mode() -> None:
    ran = adapt("ensemble", "--help")
    assert ran.exit_code == 0
    for mode in ("concat: the weighted sum", "mean: the weighted mean", "rrf: fuses", "max: the largest"):
        assert mode in ran.stdout
