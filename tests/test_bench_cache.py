"""What a bench finds again, and what it must compute anew: scores by content, vectors by content, and a bench that was interrupted."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adapt_embed.base import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.bench.cost.plan import plan
from adapt_embed.bench.run.cells import Caches, CellStore
from adapt_embed.bench.run.identity import identify
from adapt_embed.bench.run.models import Model
from adapt_embed.bench.run.scoring import BenchProgress, bench
from adapt_embed.bench.sources import task_from_folder
from adapt_embed.cache import CacheFiles
from adapt_embed.cache.vectors import VectorStore
from adapt_embed.data.beir import BeirFolder
from adapt_embed.encoders import LoraEncoder
from adapt_embed.ensemble.encoders import EnsembleEncoder
from adapt_embed.ensemble.members import Ensemble
from adapt_embed.ensemble.searchers import EnsembleSearcher
from adapt_embed.lora import LoraFactors, LoraModule, write_lora
from click.testing import CliRunner, Result
from mteb.abstasks import AbsTask


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "law"
    (folder / "qrels").mkdir(parents=True)
    passages = ["the court and the judge", "a tenant pays rent", "notice to the landlord", "appeal of the law", "法院与法官"]
    corpus = [{"_id": f"p{row}", "title": "", "text": text} for row, text in enumerate(passages)]
    queries = [{"_id": "q1", "text": "judge"}, {"_id": "q2", "text": "who pays rent"}]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp0\t1\nq2\tp1\t2\nq2\tp2\t1\n")
    return folder


TEXTS = 7  # of that folder, queries and passages


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    return {"encoder.layer.0.attention.self.query": LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)}


def model(encoder: LoraEncoder | Ensemble, name: str = "base", base: str | None = None) -> Model:
    return Model(name, encoder, identify(name, encoder), "", base)  # type: ignore[arg-type]


def caches(folder: Path, *, vectors: bool = True, cells: bool = True, reads: bool = True) -> Caches:
    files = CacheFiles(folder / "store")
    return Caches(vectors=VectorStore(files) if vectors else None, cells=CellStore(files, reads=reads) if cells else None)


def task_of(folder: Path) -> AbsTask:
    return task_from_folder(folder, split="test", language="en")


def cell_files(folder: Path) -> list[Path]:
    return sorted((folder / "store" / "scores").glob("*"))


def told(result: object) -> list[dict]:
    """The scores of a result without the seconds."""
    return [{key: value for key, value in cell.items() if key != "seconds"} for cell in result.as_dict(items=True)["scores"]]  # type: ignore[attr-defined]


def test_a_second_run_gives_the_same_and_encodes_nothing(encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]) -> None:
    first = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    assert len(encoded) == TEXTS
    used = caches(tmp_path)
    second = bench([model(encoder)], [task_of(beir)], caches=used)
    assert len(encoded) == TEXTS
    assert told(second) == told(first)
    assert used.cells is not None
    assert (used.cells.found, used.cells.added) == (1, 0)


def test_scores_from_kept_vectors_are_the_first_ones(encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]) -> None:
    first = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path, cells=False))
    second = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path, cells=False))
    assert len(encoded) == TEXTS
    assert told(second) == told(first)
    plain = bench([model(encoder)], [task_of(beir)])
    assert plain.scores[0].metrics == pytest.approx(first.scores[0].metrics, abs=1e-5)


def test_without_caches_nothing_is_written(encoder: LoraEncoder, beir: Path, tmp_path: Path, isolation: Path) -> None:
    bench([model(encoder)], [task_of(beir)])
    assert not (tmp_path / "store").exists()
    assert not (isolation / "adapt-cache" / "store").exists()


def test_two_adapters_never_share_a_score_and_one_of_two_names_does(
    encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]
) -> None:
    one, other = replace(encoder, factors=factors(1)), replace(encoder, factors=factors(2))
    task, expected = task_of(beir), bench([model(one, "a"), model(other, "b")], [task_of(beir)])
    for name, member, cost in (("same", one, TEXTS), ("same", other, TEXTS), ("another name", one, 0)):
        before = len(encoded)
        found = bench([model(member, name)], [task], caches=caches(tmp_path)).scores[0]
        assert len(encoded) - before == cost
        wanted = expected.score("law", "a" if member is one else "b")
        assert found.metrics == pytest.approx(wanted.metrics, abs=1e-5)


@pytest.mark.parametrize("change", ["precision", "length", "base", "split", "mteb", "name"])
def test_a_score_of_other_conditions_is_not_found(
    encoder: LoraEncoder, beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    base, spec, own, task = encoder.base, encoder.base.spec, encoder, task_of(beir)
    if change == "precision":
        own = replace(encoder, precision="bf16")
    elif change == "length":
        own = replace(encoder, max_tokens=16)
    elif change == "base":
        own = replace(encoder, base=replace(base, network=replace(base.network, spec=replace(spec, sha256="0" * 64))))
    elif change == "split":
        (beir / "qrels" / "dev.tsv").write_text((beir / "qrels" / "test.tsv").read_text())
        task = task_from_folder(beir, split="dev", language="en")
    elif change == "name":
        task = task_of(beir.rename(tmp_path / "renamed"))
    else:
        monkeypatch.setattr("adapt_embed.bench.run.cells.library_versions", lambda *names: dict.fromkeys(names, "0.0"))
    used = caches(tmp_path)
    assert used.cells is not None
    assert not used.cells.holds(identify("base", own), task)
    bench([model(own)], [task], caches=used)
    assert (used.cells.found, used.cells.added) == (0, 1)
    assert used.cells.holds(identify("base", own), task)


def test_one_edited_judgement_is_a_miss_of_the_score_and_a_hit_of_the_vectors(
    encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]
) -> None:
    before = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tp0\t1\nq2\tp1\t2\nq2\tp3\t1\n")
    after = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    assert after.scores[0].metrics != before.scores[0].metrics
    assert len(encoded) == TEXTS
    assert after.scores[0].metrics == bench([model(encoder)], [task_of(beir)]).scores[0].metrics


def rewrite(path: Path, change: str) -> None:
    kept = json.loads(gzip.decompress(path.read_bytes()))
    if change == "no predictions":
        kept["cell"]["predictions"] = {}
    elif change == "no predictions of the split":
        kept["cell"]["predictions"]["default"] = {}
    elif change == "no item predicted":
        kept["cell"]["predictions"]["default"]["test"] = {}
    elif change == "of something else":
        kept["of"]["reference"] = "0" * 64
    elif change == "another shape":
        kept = [kept]
    path.write_bytes(gzip.compress(json.dumps(kept).encode()))


@pytest.mark.parametrize(
    "change",
    ["no predictions", "no predictions of the split", "no item predicted", "of something else", "another shape", "cut", "empty", "noise"],
)
def test_a_score_without_its_predictions_or_damaged_is_a_miss(encoder: LoraEncoder, beir: Path, tmp_path: Path, change: str) -> None:
    first = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    (path,) = cell_files(tmp_path)
    damages = {"cut": path.read_bytes()[:-20], "empty": b"", "noise": b"\xff" * 100}
    if change in damages:
        path.write_bytes(damages[change])
    else:
        rewrite(path, change)
    used = caches(tmp_path)
    assert used.cells is not None
    assert told(bench([model(encoder)], [task_of(beir)], caches=used)) == told(first)
    assert (used.cells.found, used.cells.added, used.cells.files.damaged) == (0, 1, 1)


def test_a_score_that_lacks_a_metric_of_today_is_a_miss(encoder: LoraEncoder, beir: Path, tmp_path: Path) -> None:
    first = bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    (path,) = cell_files(tmp_path)
    kept = json.loads(gzip.decompress(path.read_bytes()))
    del kept["cell"]["task_result"]["scores"]["test"][0]["ndcg_at_10"]
    path.write_bytes(gzip.compress(json.dumps(kept).encode()))
    assert told(bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))) == told(first)


def test_a_kept_cell_is_mtebs_own_result(encoder: LoraEncoder, beir: Path, tmp_path: Path) -> None:
    from mteb.results import TaskResult

    used, task = caches(tmp_path), task_of(beir)
    score = bench([model(encoder)], [task], caches=used).scores[0]
    assert used.cells is not None
    cell = used.cells.find(identify("base", encoder), task, ["ndcg_at_10"])
    assert cell is not None
    assert TaskResult.from_dict(cell.task_result).get_score() == score.metrics["nDCG@10"]


def test_fresh_scores_are_computed_from_kept_vectors_and_kept(encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]) -> None:
    bench([model(encoder)], [task_of(beir)], caches=caches(tmp_path))
    fresh = caches(tmp_path, reads=False)
    bench([model(encoder)], [task_of(beir)], caches=fresh)
    assert len(encoded) == TEXTS
    assert fresh.cells is not None
    assert (fresh.cells.found, fresh.cells.added) == (0, 1)


def test_a_fourth_reference_costs_itself_alone(encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str]) -> None:
    three = [model(encoder), *(model(replace(encoder, factors=factors(seed)), f"a{seed}", "base") for seed in (1, 2))]
    bench(three, [task_of(beir)], caches=caches(tmp_path, reads=False))
    assert len(encoded) == 3 * TEXTS
    bench([*three, model(replace(encoder, factors=factors(3)), "a3", "base")], [task_of(beir)], caches=caches(tmp_path, reads=False))
    assert len(encoded) == 4 * TEXTS


@pytest.mark.parametrize(("kind", "mode"), [(EnsembleEncoder, "mean"), (EnsembleEncoder, "concat"), (EnsembleSearcher, "rrf")])
def test_an_ensemble_of_benched_adapters_costs_nothing_more(
    encoder: LoraEncoder, beir: Path, tmp_path: Path, encoded: list[str], kind: type, mode: str
) -> None:
    members = tuple(replace(encoder, factors=factors(seed)) for seed in (1, 2))
    bench([model(member, f"a{row}") for row, member in enumerate(members)], [task_of(beir)], caches=caches(tmp_path))
    before = len(encoded)
    ensemble = kind(mode, members, (0.5, 0.5))
    cached = bench([model(ensemble, "both")], [task_of(beir)], caches=caches(tmp_path)).scores[0]
    assert len(encoded) == before
    assert cached.metrics == pytest.approx(bench([model(ensemble, "both")], [task_of(beir)]).scores[0].metrics, abs=1e-5)


@pytest.mark.parametrize("kept", ["nothing", "some vectors", "vectors", "scores"])
def test_progress_ends_at_the_number_of_texts_whatever_is_kept(encoder: LoraEncoder, beir: Path, tmp_path: Path, kept: str) -> None:
    task, used = task_of(beir), caches(tmp_path, cells=kept == "scores")
    if kept == "some vectors":
        from adapt_embed.cache.encoders import over_store

        assert used.vectors is not None
        over_store(encoder, used.vectors).encode(list(BeirFolder(beir).corpus().values())[:3])  # type: ignore[union-attr]
    elif kept != "nothing":
        bench([model(encoder)], [task], caches=used)
    told: list[BenchProgress] = []
    own = model(replace(encoder, batch_tokens=16))
    bench([own], [task], told.append, used)
    assert (told[-1].done, told[-1].total) == (TEXTS, TEXTS)
    assert [progress.done for progress in told] == sorted({progress.done for progress in told})
    if kept == "scores":
        assert len(told) == 1


def test_a_plan_counts_what_is_kept(encoder: LoraEncoder, beir: Path, tmp_path: Path) -> None:
    task, own = task_of(beir), model(encoder)
    before = plan([own], [task], caches(tmp_path)).planned[0]
    assert (before.texts, before.cached, before.scored) == (TEXTS, 0, False)
    assert before.minutes > 0
    bench([own], [task], caches=caches(tmp_path))
    vectors_alone = plan([own], [task], caches(tmp_path, reads=False))
    assert (vectors_alone.planned[0].cached, vectors_alone.planned[0].scored, vectors_alone.minutes) == (TEXTS, False, 0)
    assert f"vectors of {TEXTS} texts are kept" in vectors_alone.describe()
    assert vectors_alone.as_dict()["cached"] == TEXTS
    both = plan([own], [task], caches(tmp_path))
    assert both.planned[0].scored
    assert "scored before" in both.describe()
    members = (encoder, replace(encoder, factors=factors(1)))
    assert plan([model(EnsembleEncoder("mean", members, (0.5, 0.5)), "both")], [task], caches(tmp_path)).planned[0].cached == 0


def run_command(*arguments: str, code: int = 0) -> Result:
    from adapt_embed.cli import main

    ran = CliRunner().invoke(main, ["bench", *arguments, "--json"])
    assert ran.exit_code == code, ran.output
    return ran


def write_adapter(folder: Path, seed: int, base: Path) -> Path:
    folder.mkdir(exist_ok=True)
    write_lora(factors(seed), folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "base_model_name_or_path": str(base)})
    )
    return folder


def test_the_command_keeps_and_finds_and_says_so(tiny_base: Path, beir: Path, isolation: Path) -> None:
    arguments = ("base", "--base", str(tiny_base), "--data", str(beir))
    first = run_command(*arguments)
    assert "kept from before" not in first.stderr
    second = run_command(*arguments)
    assert "kept from before: 1 of 1 scores" in second.stderr
    assert str(isolation / "adapt-cache" / "store") in second.stderr
    fresh = run_command(*arguments, "--fresh")
    assert f"kept from before: 0 of 1 scores, and {TEXTS} of {TEXTS} vectors of the rest" in fresh.stderr
    scores = [json.loads(ran.stdout)["scores"][0]["metrics"] for ran in (first, second, fresh)]
    assert scores[0] == scores[1] == scores[2]


def test_without_the_cache_the_command_keeps_and_finds_nothing(tiny_base: Path, beir: Path, isolation: Path) -> None:
    arguments = ("base", "--base", str(tiny_base), "--data", str(beir), "--no-cache")
    assert "kept" not in run_command(*arguments).stderr
    assert not (isolation / "adapt-cache" / "store").exists()


def test_a_changed_adapter_under_the_same_name_is_noticed(tiny_base: Path, tmp_path: Path, beir: Path) -> None:
    folder = write_adapter(tmp_path / "mine", 1, tiny_base)
    arguments = (str(folder), "--data", str(beir), "--per-query", str(tmp_path / "out.json"))
    first = json.loads(run_command(*arguments).stdout)
    write_adapter(folder, 2, tiny_base)
    changed = run_command(*arguments)
    second = json.loads(changed.stdout)
    assert "kept from before: 1 of 2 scores" in changed.stderr  # the base's
    assert first["references"][1]["revision"] != second["references"][1]["revision"]
    assert first["scores"][0]["metrics"] == second["scores"][0]["metrics"]
    alone = json.loads(run_command(*arguments, "--no-cache").stdout)
    assert second["scores"][1]["metrics"] == pytest.approx(alone["scores"][1]["metrics"], abs=1e-5)


def test_damage_and_a_place_that_cannot_be_written_are_told(tiny_base: Path, beir: Path, isolation: Path) -> None:
    arguments = ("base", "--base", str(tiny_base), "--data", str(beir))
    run_command(*arguments)
    store = isolation / "adapt-cache" / "store"
    for path in store.rglob("*.*"):
        if path.is_file():
            path.write_bytes(b"?")
    assert "damaged files were removed" in run_command(*arguments).stderr
    import shutil

    shutil.rmtree(store)
    store.write_text("a file where the folder should be")
    assert "nothing more could be kept" in run_command(*arguments).stderr


def test_a_size_that_is_none_is_a_usage_error(tiny_base: Path, beir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("base", "--base", str(tiny_base), "--data", str(beir))
    assert "'much' is not a size" in run_command(*arguments, "--cache-size", "much", code=2).output
    monkeypatch.setenv("ADAPT_CACHE_SIZE", "plenty")
    assert "'plenty' is not a size" in run_command(*arguments, code=2).output


def test_the_size_of_the_command_holds(tiny_base: Path, beir: Path, isolation: Path) -> None:
    run_command("base", "--base", str(tiny_base), "--data", str(beir), "--cache-size", "1B")
    assert [path for path in (isolation / "adapt-cache" / "store").rglob("*.*") if path.is_file() and path.name != ".lock"] == []


def test_a_dry_run_of_the_command_counts_what_is_kept(tiny_base: Path, beir: Path) -> None:
    arguments = ("base", "--base", str(tiny_base), "--data", str(beir))
    run_command(*arguments)
    planned = json.loads(run_command(*arguments, "--dry-run").stdout)
    assert (planned["cached"], planned["minutes"], planned["cells"][0]["scored"]) == (TEXTS, 0, True)


@pytest.fixture
def interrupted_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Ctrl-C when as many calls of the network are done as the list says."""
    calls: list[int] = []
    original = LoraEncoder.encode

    def interrupted(*arguments: object, **options: object) -> object:
        if calls and calls[0] == 0:
            raise KeyboardInterrupt
        if calls:
            calls[0] -= 1
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(LoraEncoder, "encode", interrupted)
    return calls


def test_an_interrupted_bench_says_what_is_kept_and_goes_on(tiny_base: Path, tmp_path: Path, beir: Path, interrupted_at: list[int]) -> None:
    arguments = (str(write_adapter(tmp_path / "mine", 1, tiny_base)), "--data", str(beir))
    interrupted_at.append(3)  # the base's queries and passages, and the adapter's queries or passages
    stopped = run_command(*arguments, code=130)
    assert "interrupted; 1 of 2 scores and " in stopped.stderr
    assert "the same command goes on from there" in stopped.stderr
    interrupted_at.clear()
    resumed = run_command(*arguments)
    assert "kept from before: 1 of 2 scores, and " in resumed.stderr
    assert " 0 of 7 vectors" not in resumed.stderr
    whole = run_command(*arguments, "--no-cache")
    for own, expected in zip(json.loads(resumed.stdout)["scores"], json.loads(whole.stdout)["scores"], strict=True):
        assert own["metrics"] == pytest.approx(expected["metrics"], abs=1e-5)


def test_an_interruption_without_the_cache_promises_nothing(tiny_base: Path, beir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("adapt_embed.bench.run.scoring.bench", interrupted)
    stopped = run_command("base", "--base", str(tiny_base), "--data", str(beir), "--no-cache", code=130)
    assert "goes on" not in stopped.stderr


KILLED = """
import sys
from adapt_embed.encoders import LoraEncoder
original = LoraEncoder.encode
def slow(*arguments, **options):
    print("encoding", flush=True)
    import time; time.sleep(0.2)
    return original(*arguments, **options)
LoraEncoder.encode = slow
from adapt_embed.cli import main
main(["bench", *sys.argv[1:]])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_bench_goes_on_where_it_was(tiny_base: Path, tmp_path: Path, beir: Path, isolation: Path) -> None:
    arguments = (str(write_adapter(tmp_path / "mine", 1, tiny_base)), "--data", str(beir))
    process = subprocess.Popen([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    for _ in range(3):  # the third call is the adapter's first: the base is scored
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resumed = run_command(*arguments)
    assert "kept from before: 1 of 2 scores" in resumed.stderr
    assert "damaged" not in resumed.stderr
