"""`adapt data clean` from file to file, and a small version of its measurement (benchmarks/clean.py)."""

import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.sample import load_sample
from adapt_embed.datatools.cleaning import RULES, CleanSettings
from click.testing import CliRunner, Result

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
LINES = [
    {"query": "谁来修理屋顶？", "pos": ["<p>出租人应当履行维修义务，期限１２日。</p>"], "weight": 2, "group": "房"},
    {"query": "谁来修理屋顶？ ", "pos": ["出租人应当履行维修义务，期限12日。"]},
    {"query": "who pays the rent?", "pos": ["The tenant doesnâ€™t pay more than 500 GBP."], "neg": ["N/A"]},
    {"query": "how long is the notice?", "pos": ["..."]},
]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in LINES), encoding="utf-8")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["data", "clean", *map(str, words)])


def test_a_file_becomes_a_clean_file_with_its_report_beside_it(lines: Path, tiny_base: Path) -> None:
    out = lines.with_name("clean.jsonl")
    result = run(lines, "-o", out, "--base", tiny_base, "--language", "en", "--language", "zh", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report == json.loads(out.with_suffix(".report.json").read_text(encoding="utf-8"))
    effects = {finding["what"].split(":")[0]: (finding["effect"], finding["count"]) for finding in report["findings"]}
    assert effects["duplicate"] == ("dropped", 1)
    assert effects["empty"] == ("dropped", 2)
    assert {rule for rule, (effect, _) in effects.items() if effect == "changed"} == {"html", "width", "encoding", "space"}
    written = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["query"], row["pos"], row.get("weight"), row.get("neg", [])) for row in written] == [
        ("谁来修理屋顶？", ["出租人应当履行维修义务，期限12日。"], 3.0, []),
        ("who pays the rent?", ["The tenant doesn’t pay more than 500 GBP."], 1.0, []),
    ]


def test_what_was_found_is_shown_with_examples(lines: Path) -> None:
    result = run(lines, "-o", lines.with_name("clean"), "--off", "short", "--off", "long")
    assert result.exit_code == 0, result.output
    assert "dropped 1 pair: duplicate: the same query with the same positive again" in result.stdout
    assert "'The tenant doesnâ€™t pay more" in result.stdout


def test_a_wrong_rule_is_refused_with_the_nearest(lines: Path) -> None:
    result = run(lines, "-o", lines.with_name("clean.jsonl"), "--off", "htlm")
    assert result.exit_code == 2
    assert "Did you mean html" in result.stderr
    assert not lines.with_name("clean.jsonl").exists()


def test_a_rule_named_twice_is_one_line(lines: Path) -> None:
    result = run(lines, "-o", lines.with_name("clean.jsonl"), "--off", "html", "--tell", "html")
    assert result.exit_code in (1, 2)
    assert "the rule html is named twice" in result.stderr
    assert "Traceback" not in result.output


def test_the_help_names_every_rule() -> None:
    words = " ".join(run("--help").output.split())
    assert all(f"{rule} (" in words for rule in RULES)


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is in the repository alone")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_planted_faults_are_found_and_sound_rows_stay(language: str, tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    program, faults = importlib.import_module("clean"), importlib.import_module("planted_faults")
    sample = load_sample("legal", language)
    train = sample.train.select(list(sample.train.queries)[:60])
    data = TrainingData(corpus={pid: sample.corpus[pid] for pid in sorted(train.passage_ids())}, train=train, dev=None, source="sample")
    settings = CleanSettings(base=str(tiny_base), boilerplate=2, languages=(language,))
    for kind, plant in faults.KINDS.items():
        if kind == "script" and language != "zh":
            continue
        planted = plant(faults.Source(data, language, 20, np.random.default_rng(1), faults.FOREIGN))
        cell = program.measure(planted, kind, replace(settings, script="simplified") if kind == "script" else settings)
        assert cell["found"] >= 0.9 * cell["planted"] > 0, (kind, cell)
        assert cell["sound_dropped"] == 0, (kind, cell)
