"""The benchmarks keep their figures in one small file each, and take up a run that was stopped."""

import argparse
import gzip
import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
RESULTS = BENCHMARKS.parent / "docs" / "results.md"
MODULES = ("cells", "make_adapters", "make_shipped", "merge_quality", "train_quality", "train_speed")
FIGURES = sorted((BENCHMARKS / "figures").glob("*.jsonl.gz"))

pytestmark = pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="benchmarks/ is in the repository alone")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The benchmarks' own modules, which stand beside one another and are not installed."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return {name: importlib.import_module(name) for name in MODULES}


def test_folding_moves_new_cells_into_the_kept_file_and_changes_no_figure(tmp_path, modules):
    cells = modules["cells"].Cells("speed", tmp_path)
    first, second = {"seconds": 0.1 + 0.2, "none": None}, {"text": "法律"}
    cells.write("b", first)
    cells.fold()
    cells.write("a", second)
    assert list(cells.read().items()) == [("a", second), ("b", first)]
    cells.fold()
    assert list(cells.work_folder.iterdir()) == []
    assert list(cells.read().items()) == [("a", second), ("b", first)]


def test_a_new_cell_goes_before_the_kept_one_of_its_name(tmp_path, modules):
    cells = modules["cells"].Cells("speed", tmp_path)
    cells.write("a", {"seconds": 2})
    cells.fold()
    cells.write("a", {"seconds": 1})
    assert cells.read() == {"a": {"seconds": 1}}
    cells.fold()
    assert cells.read() == {"a": {"seconds": 1}}


def test_the_same_cells_give_the_same_bytes_in_whichever_order_they_came(tmp_path, modules):
    written = []
    for order in ("ab", "ba"):
        cells = modules["cells"].Cells("speed", tmp_path / order)
        for name in order:
            cells.write(name, {"seconds": name})
            cells.fold()
        written.append(cells.kept_file.read_bytes())
    assert written[0] == written[1]


def test_a_cell_holds_no_path_of_this_checkout(tmp_path, modules):
    cells = modules["cells"].Cells("speed", tmp_path)
    cells.write("a", {"path": str(BENCHMARKS.parent / "benchmarks" / "runs" / "a")})
    assert cells.read() == {"a": {"path": "benchmarks/runs/a"}}


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.name)
def test_kept_figures_are_sorted_and_hold_no_absolute_path(path):
    text = gzip.decompress(path.read_bytes()).decode()
    names = [json.loads(line)["cell"] for line in text.splitlines()]
    assert names == sorted(set(names))
    assert '"/' not in text
    assert ":\\\\" not in text


def test_all_kept_figures_together_are_below_a_megabyte():
    assert 0 < sum(path.stat().st_size for path in FIGURES) < 1_000_000


def test_every_adapter_that_is_merged_has_a_recorded_dev_score_and_one_further_off_is_a_fault(modules):
    make = modules["make_adapters"]
    for name in make.DOMAINS:
        expected = make.recorded_score(name)
        assert make.score_fault(name, expected - make.TOLERANCE / 2, expected) is None
        assert make.score_fault(name, expected - 2 * make.TOLERANCE, expected).startswith(f"{name}: expected {expected:.4f}")


def test_an_adapter_that_is_there_is_checked_and_not_trained_again(tmp_path, modules, monkeypatch, capsys):
    make = modules["make_adapters"]
    monkeypatch.setattr(make, "version_folder", lambda *_: tmp_path)
    monkeypatch.setattr(make, "train_adapt", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(sys, "argv", ["make_adapters.py", "--sets", "legal"])
    (tmp_path / "adapt.json").write_text(json.dumps({"scores": {"dev": {"after": make.recorded_score("legal")}}}), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        make.main()
    assert ended.value.code is None
    assert capsys.readouterr().out.startswith("legal: nDCG@10 on dev 0.6699, recorded 0.6699")
    (tmp_path / "adapt.json").write_text(json.dumps({"scores": {"dev": {"after": 0.6280}}}), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"legal: expected 0\.6699"):
        make.main()


def test_a_merge_without_its_adapters_names_the_command_that_makes_them(tmp_path, modules, monkeypatch):
    make = modules["make_adapters"]
    monkeypatch.setattr(make, "version_folder", lambda *_: tmp_path / "none")
    with pytest.raises(SystemExit, match=r"run python benchmarks/make_adapters\.py --sets legal"):
        make.made_adapter("legal")


def test_a_cell_that_is_kept_is_not_trained_again(modules, monkeypatch):
    quality = modules["train_quality"]
    monkeypatch.setattr(quality, "train_adapt", lambda *_: pytest.fail("trained again"))
    assert quality.run_cell(argparse.Namespace(), "legal", "adapt", 0) is None


def reported(module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", [module.__name__, "--report", *arguments])
    module.main()
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["ecommerce", "legal", "medical", "zh"])
def test_the_page_of_results_has_the_figures_of_training_that_the_report_prints(name, modules, monkeypatch, capsys):
    report = reported(modules["train_quality"], monkeypatch, capsys, "--sets", name)
    figures = [
        re.findall(pattern, report)
        for pattern in (r"  adapt: (\S+)", r"  adapt: .* gain (.*?\])", r"  adapt: .* STS (\S+?);", r"adapt - peer: (.*)")
    ]
    row = next(
        line
        for line in RESULTS.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {modules['train_quality'].SETS[name].data}, ")
    )
    assert all(figures[:3])
    assert [figure for group in figures for figure in group if figure not in row] == []


def test_the_page_of_results_has_the_figures_of_merging_that_the_report_prints(modules, monkeypatch, capsys):
    rows = [re.split(r" ?\| ?", line) for line in reported(modules["merge_quality"], monkeypatch, capsys).replace("%", "").splitlines()]
    page = RESULTS.read_text(encoding="utf-8").replace(" %", "")
    for name in ("regmean", "breadcrumbs_ties", "ties", "linear"):
        found = next(row for row in rows if row[1] == name)
        assert " | ".join([found[3], found[5], *found[7:11]]) in page


def test_the_page_of_results_has_the_speed_that_the_report_prints(modules, monkeypatch, capsys):
    sets = json.loads(reported(modules["train_speed"], monkeypatch, capsys))["cpu"]["sets"]
    page = RESULTS.read_text(encoding="utf-8")
    for found in sets.values():
        for arm, pairs in found["pairs_per_s"].items():
            times = f"{found['times_faster'][arm]:.2f}" if arm in found["times_faster"] else ""
            assert f"| {arm} | {pairs} | {times} | {found['peak_mb'][arm] / 1000:.1f} GB |".replace("|  |", "| |") in page


def test_what_ships_is_what_its_program_says_and_was_measured(modules):
    make = modules["make_shipped"]
    for name, shipped in make.SETS.items():
        entry = json.loads((make.PACKAGE / name / str(shipped.version) / "adapt.json").read_text(encoding="utf-8"))
        assert (entry["data"]["source"], entry["data"]["licence"]) == (shipped.data, shipped.licence)
        assert entry["data"]["notes"][: 1 + len(shipped.notes)] == [shipped.origin, *shipped.notes]
        measured = make.bench_scores(name, make.CELLS.read()[name])
        assert all(entry["scores"][of]["after"] == score.after for of, score in measured.items())
        row = next(line for line in RESULTS.read_text(encoding="utf-8").splitlines() if line.startswith(f"| {name} ("))
        assert all(f"{score.after:.4f}" in row for of, score in measured.items() if score.metric == "nDCG@10")
