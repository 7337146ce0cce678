"""Leakage: what is kept of training texts, which items of a task were seen, and what is left of a task without them."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.adapters import TrainConfig, train_adapter
from adapt_embed.adapters.register import register_adapter
from adapt_embed.base import load_base, resolve_base
from adapt_embed.bench.leaks.find import find_leaks
from adapt_embed.bench.leaks.leakage import Leakage, TaskLeaks
from adapt_embed.bench.leaks.trained_on import TrainedOn, trained_on
from adapt_embed.bench.leaks.unseen import unseen_task, with_unseen
from adapt_embed.bench.run.identity import identify
from adapt_embed.bench.run.models import Model
from adapt_embed.bench.run.scoring import bench
from adapt_embed.bench.tasks.classification import classification_task
from adapt_embed.bench.tasks.clustering import clustering_task
from adapt_embed.bench.tasks.data import data_of, split_of
from adapt_embed.bench.tasks.pairs import pair_classification_task
from adapt_embed.bench.tasks.retrieval import may_leak, retrieval_task
from adapt_embed.bench.tasks.sts import sts_task
from adapt_embed.cli import main
from adapt_embed.data.beir import BeirFolder
from adapt_embed.data.labelled import LabelledPairs, LabelledTexts
from adapt_embed.data.minhash import HASHES, NEAR, highest_similarity, shingles, sign
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.sample import load_sample, sample_names
from adapt_embed.data.sentence_pairs import SentencePairs
from adapt_embed.data.training_texts import TRAINING_TEXTS, TextSketch, read_sketch, sketch_texts, write_sketch
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdapterError
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.references import Search, resolve_reference
from adapt_embed.registry import Entry, ParentRecord, Registry, base_record, open_registry
from click.testing import CliRunner
from safetensors.numpy import load, save

PASSAGES = {"p1": "Judges sit in court.", "p2": "A tenant pays rent.", "p3": "Rivers reach the sea.", "p4": "劳动合同应当书面订立。"}
QUERIES = {"q1": "Who sits in court?", "q2": "Who has to pay the rent of a flat?", "q3": "劳动合同必须采用书面形式订立吗？"}
TRAIN = Pairs(QUERIES, {"q1": {"p1": 1}, "q2": {"p2": 1}, "q3": {"p4": 1}})
DATA = TrainingData(corpus=PASSAGES, train=TRAIN, dev=None, source="test")


def test_data() -> tuple[dict[str, str], Pairs]:
    """A test set with a pair that was trained on, a query with another answer, two that are nearly the same, and one that is new."""
    queries = {
        "pair": "who sits  in COURT?",
        "exact": "Who has to pay the rent of a flat?",
        "near": "Who has to pay the rent of a flats??",
        "near-zh": "劳动合同必须采用书面形式订立吗",
        "new": "Where do rivers end?",
    }
    answers = {"pair": {"a": 1}, "exact": {"b": 1, "a": 0}, "near": {"b": 1}, "near-zh": {"b": 1}, "new": {"c": 1}}
    return {"a": "Judges sit in court.", "b": "The sea is salt.", "c": "A tenant pays rent."}, Pairs(queries, answers)


test_data.__test__ = False  # type: ignore[attr-defined]


def trained(sketch: TextSketch | None = None, name: str = "legal@1") -> TrainedOn:
    return TrainedOn(reference=name, sketches={name: sketch or sketch_texts(DATA)})


def leaks_of(found: Leakage) -> dict[str, str]:
    return {leak.item: leak.how for leak in found.found[0].leaks}


def test_shingles_do_not_see_case_white_space_and_punctuation() -> None:
    assert shingles("It's  a Deal!") == shingles("it s a deal") == {"it ", "t s", " s ", "s a", " a ", "a d", " de", "dea", "eal"}
    assert shingles("合同有效吗？") == {"合同有", "同有效", "有效吗"}
    assert shingles("ab") == {"ab"}
    assert shingles("?!") == {"?!"}
    assert shingles("") == {""}


def test_signatures_estimate_the_jaccard_similarity() -> None:
    draw = random.Random(0)
    words = ["".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(400)]
    first = [" ".join(draw.choices(words, k=12)) for _ in range(60)]
    second = [" ".join([*text.split()[: 12 - row % 3], *draw.choices(words, k=row % 3)]) for row, text in enumerate(first)]
    true = np.array([len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b)) for a, b in zip(first, second, strict=True)])
    estimated = (sign(first) == sign(second)).mean(axis=1)
    assert 0.6 < true.min() < 0.8 < true.max() == 1.0
    assert np.abs(estimated - true).max() < 0.2  # the standard deviation of an estimate from 64 hashes is 0.05 to 0.06 here
    assert abs((estimated - true).mean()) < 0.03


def test_what_shares_a_band_is_found_as_by_comparing_all_with_all() -> None:
    rng = np.random.default_rng(0)
    others = rng.integers(0, 256, (700, HASHES), dtype=np.uint8)
    own = others[rng.integers(0, 700, 900)].copy()
    for row, changed in enumerate(rng.integers(0, 40, 900)):
        own[row, rng.choice(HASHES, changed, replace=False)] ^= 0xFF
    every = np.stack([(row == others).mean(axis=1).max() for row in own])
    found = highest_similarity(own, others)
    assert (found <= every).all()
    assert (found[every >= NEAR] == every[every >= NEAR]).all()
    assert 100 < (every >= NEAR).sum() < 800
    assert highest_similarity(own[:0], others).shape == (0,)
    assert not highest_similarity(own, others[:0]).any()


def test_signatures_are_the_same_on_every_machine() -> None:
    """Written down from one run: sketches that lie beside adapters stay readable only while these numbers stay."""
    signatures = sign(["Who pays the rent?", "合同有效吗？"])
    assert signatures[:, :6].tolist() == [[6, 175, 98, 5, 52, 158], [79, 19, 119, 197, 78, 218]]


def test_a_sketch_finds_queries_answers_and_pairs() -> None:
    sketch = sketch_texts(DATA)
    assert sketch.has_queries([" WHO sits in\tcourt? ", "Who sits in court", "Judges sit in court."]).tolist() == [True, False, False]
    assert sketch.has_positives(["judges sit in court.", "Rivers reach the sea."]).tolist() == [True, False]
    pairs = [("who sits in court?", "Judges sit in court."), ("who sits in court?", "A tenant pays rent.")]
    assert sketch.has_pairs(pairs).tolist() == [True, False]
    assert sketch.nearness(sign(["Who sits in court", "Who sits in a school?"])).tolist() == [1.0, 0.0]


def test_dev_queries_are_in_the_sketch_for_they_choose_the_state() -> None:
    dev = Pairs({"d": "Where do rivers end?"}, {"d": {"p3": 1}})
    assert not sketch_texts(DATA).has_queries(["where do rivers end?"]).any()
    assert sketch_texts(replace(DATA, dev=dev)).has_queries(["where do rivers end?"]).all()


def test_the_same_texts_give_the_same_bytes_and_others_others(tmp_path: Path) -> None:
    turned = Pairs(
        {f"other {qid}": TRAIN.queries[qid] for qid in reversed(QUERIES)}, {f"other {qid}": TRAIN.positives[qid] for qid in QUERIES}
    )
    fewer = TRAIN.select(["q1", "q2"])
    written = []
    for row, pairs in enumerate([TRAIN, turned, fewer]):
        write_sketch(sketch_texts(replace(DATA, train=pairs)), tmp_path / str(row))
        written.append((tmp_path / str(row)).read_bytes())
    assert written[0] == written[1] != written[2]
    assert all(text.encode() not in written[0] for text in (*QUERIES.values(), *PASSAGES.values()))


def test_a_sketch_is_small_and_reads_back(tmp_path: Path) -> None:
    queries = {str(row): f"question {row} {random.Random(row).random()}" for row in range(500)}
    corpus = {str(row): f"passage {row}" for row in range(500)}
    sketch = sketch_texts(TrainingData(corpus=corpus, train=Pairs(queries, {row: {row: 1} for row in queries}), dev=None, source="test"))
    write_sketch(sketch, tmp_path / TRAINING_TEXTS)
    assert (tmp_path / TRAINING_TEXTS).stat().st_size < 1000 * 50  # of 1,000 texts: 500 kB of 10,000
    found = read_sketch(tmp_path)
    assert found is not None
    assert found.near_works
    assert all((getattr(found, name) == getattr(sketch, name)).all() for name in ("queries", "signatures", "positives", "pairs"))
    assert read_sketch(tmp_path / "elsewhere") is None


def damage(path: Path, **changes: object) -> None:
    """Write a sketch's file again with another header, or other arrays."""
    arrays = load(path.read_bytes())
    about = {"format": 1, "probe": ""} | {key: value for key, value in changes.items() if key not in arrays}
    arrays |= {key: value for key, value in changes.items() if key in arrays}  # type: ignore[dict-item]
    path.write_bytes(save(arrays, metadata={"training_texts": json.dumps(about)}))


def test_a_damaged_sketch_is_refused_and_a_newer_one_too(tmp_path: Path) -> None:
    path = tmp_path / TRAINING_TEXTS
    path.write_bytes(b"no sketch at all")
    with pytest.raises(AdapterError, match="is damaged"):
        read_sketch(tmp_path)
    for changes, said in (
        ({"format": 2}, "has format 2, and this version reads 1; upgrade"),
        ({"format": "new"}, "does not state its format"),
        ({"signatures": np.zeros((2, 64), np.uint8)}, "do not fit together"),
        ({"queries": np.zeros(3, np.float32)}, "do not fit together"),
    ):
        write_sketch(sketch_texts(DATA), path)
        damage(path, **changes)
        with pytest.raises(AdapterError, match=said):
            read_sketch(tmp_path)


def test_signatures_that_were_made_otherwise_are_not_compared(tmp_path: Path) -> None:
    write_sketch(sketch_texts(DATA), tmp_path / TRAINING_TEXTS)
    damage(tmp_path / TRAINING_TEXTS, probe="00")
    sketch = read_sketch(tmp_path)
    assert sketch is not None
    assert not sketch.near_works
    assert leaks_of(find_leaks([retrieval_task("t", *test_data())], [trained(sketch)])) == {"pair": "pair", "exact": "exact"}


def test_queries_that_were_seen_are_told_by_how_they_were_seen() -> None:
    found = find_leaks([retrieval_task("law", *test_data())], [trained()])
    assert leaks_of(found) == {"pair": "pair", "exact": "exact", "near": "near", "near-zh": "near"}
    cell = found.found[0]
    assert cell.counts == {"pair": 1, "exact": 1, "near": 2}
    assert cell.answers_seen == 2  # those of "pair" and of "new"
    assert all(NEAR <= leak.similarity <= 1 for leak in cell.leaks)
    said = cell.describe()
    assert said.startswith("law: 4 of 5 queries were seen in training by legal@1 (1 with an answer, 1 word for word, 2 nearly)")
    assert "pair 1.00: who sits in COURT?" in said
    written = json.dumps(found.as_dict())
    assert json.loads(written)["cells"][0]["leaks"][0] == {"item": "pair", "how": "pair", "by": "legal@1", "similarity": 1.0}
    assert "COURT" not in written


def test_what_was_not_seen_is_said_to_be_clean() -> None:
    corpus, pairs = test_data()
    found = find_leaks([retrieval_task("law", corpus, pairs.select(["new"]))], [trained()])
    assert (found.found[0].leaks, found.leaked("law")) == ((), set())
    assert found.describe() == ["no leak found: nothing of law was seen in the recorded training texts"]


def test_the_worst_of_several_ancestors_is_told() -> None:
    near = sketch_texts(replace(DATA, train=Pairs({"q": "who sits in courts?"}, {"q": {"p3": 1}})))
    both = TrainedOn(reference="merge@1", sketches={"near@1": near, "legal@1": sketch_texts(DATA)})
    corpus, pairs = test_data()
    found = find_leaks([retrieval_task("law", corpus, pairs.select(["pair"]))], [both, trained(near, "near@1")])
    assert [(cell.reference, cell.leaks[0].how, cell.leaks[0].by) for cell in found.found] == [
        ("merge@1", "pair", "legal@1"),
        ("near@1", "near", "near@1"),
    ]


def test_a_pair_of_sentences_was_seen_when_both_were() -> None:
    first = ["A tenant pays rent.", "Who sits in court?", "Who sits in court", "Who sits in court?", "new"]
    second = ["Who has to pay the rent of a flat?", "Judges sit in court.", "Judges sit in court.", "something else", "newer"]
    task = sts_task("pairs", SentencePairs(first, second, [1.0, 2.0, 3.0, 4.0, 5.0]))
    assert leaks_of(find_leaks([task], [trained()])) == {"1": "pair", "2": "pair", "3": "near"}
    turned = sts_task("pairs", SentencePairs(second, first, [1.0, 2.0, 3.0, 4.0, 5.0]))
    assert leaks_of(find_leaks([turned], [trained()])) == {"1": "pair", "2": "pair", "3": "near"}


def test_a_grade_of_0_is_no_answer() -> None:
    assert may_leak(retrieval_task("law", *test_data()))["exact"].answers == ("The sea is salt.",)


@pytest.mark.parametrize(("language", "name"), sample_names())
def test_the_samples_test_split_was_not_trained_on(language: str, name: str) -> None:
    sample = load_sample(name, language)
    sketch = sketch_texts(TrainingData(corpus=sample.corpus, train=sample.train, dev=sample.dev, source=name))
    found = find_leaks([retrieval_task(name, sample.corpus, sample.test, language=language)], [trained(sketch)])
    assert found.found[0].leaks == ()
    itself = find_leaks([retrieval_task(name, sample.corpus, sample.train, language=language)], [trained(sketch)])
    assert itself.found[0].counts == {"pair": len(sample.train), "exact": 0, "near": 0}


@pytest.mark.shared
def test_what_the_readme_of_hetpqa_counts_is_found(shared: Path) -> None:
    """Its README: 1155 test queries, no query text in two splits, 957 of which no answer is an answer in train or dev."""
    folder = BeirFolder(shared / "data" / "ecommerce-hetpqa")
    corpus = folder.corpus()
    train, dev, test = (folder.pairs(split, corpus) for split in ("train", "dev", "test"))
    sketch = sketch_texts(TrainingData(corpus=corpus, train=train, dev=dev, source="hetpqa"))
    cell = find_leaks([retrieval_task("hetpqa", corpus, test)], [trained(sketch)]).found[0]
    assert cell.items - cell.answers_seen == 957
    assert (cell.counts["pair"], cell.counts["exact"]) == (0, 0)
    assert 0 < cell.counts["near"] < 0.06 * cell.items


def encoder_on(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


def test_the_rest_of_a_task_is_scored_as_the_mean_over_its_items(tiny_base: Path) -> None:
    encoder = encoder_on(tiny_base)
    model = Model("base", encoder, identify("base", encoder), "", None)
    rng = np.random.default_rng(0)
    corpus = {f"p{row}": " ".join(rng.choice(["court", "law", "rent", "tenant", "sea", "river"], 5)) for row in range(60)}
    queries = {f"q{row}": " ".join(rng.choice(["court", "law", "rent", "tenant", "sea"], 3)) + f" {row}" for row in range(12)}
    pairs = Pairs(queries, {qid: {f"p{rng.integers(60)}": 1} for qid in queries})
    sketch = sketch_texts(replace(DATA, corpus=corpus, train=pairs.select(["q1", "q5"])))
    leakage = find_leaks([task := retrieval_task("law", corpus, pairs)], [trained(sketch)])
    leaked = leakage.leaked("law")
    assert {"q1", "q5"} <= leaked < set(queries)
    whole, rest = bench([model], with_unseen([task], leakage)).scores
    assert (whole.task, rest.task) == ("law", "law (unseen)")
    assert list(whole.items) == list(queries)
    assert rest.items == {qid: value for qid, value in whole.items.items() if qid not in leaked}
    assert rest.metrics["nDCG@10"] == pytest.approx(np.mean(list(rest.items.values())), abs=5.1e-6)
    assert len(set(whole.items.values())) > 2


def leak_of(task: str, *items: str) -> Leakage:
    from adapt_embed.bench.leaks.leakage import Leak

    leaks = tuple(Leak(item, "exact", "legal@1", 1.0, "") for item in items)
    return Leakage(found=(TaskLeaks(task=task, reference="legal@1", items=5, item="pairs", leaks=leaks),))


def test_the_rest_of_pairs_keeps_their_order_and_another_rest_has_another_revision() -> None:
    pairs = SentencePairs(list("abcde"), list("fghij"), [1.0, 2.0, 3.0, 4.0, 5.0])
    task = sts_task("pairs", pairs)
    rest, other = (unseen_task(task, leak_of("pairs", *items)) for items in (("2", "4"), ("2", "5")))
    assert rest is not None
    assert other is not None
    assert list(data_of(rest)["sentence1"]) == ["a", "c", "e"]
    assert list(data_of(rest)["score"]) == [1.0, 3.0, 5.0]
    assert list(data_of(task)["sentence1"]) == list("abcde")
    assert len({each.metadata.revision for each in (task, rest, other)}) == 3
    assert (task.metadata.name, rest.metadata.name) == ("pairs", "pairs (unseen)")


def test_the_rest_stays_the_rest_when_it_is_loaded_again() -> None:
    rest = unseen_task(retrieval_task("law", *test_data()), leak_of("law", "pair", "near"))
    assert rest is not None
    rest.dataset, rest.data_loaded = None, False
    assert list(data_of(rest)["queries"]["id"]) == ["exact", "near-zh", "new"]
    assert rest.metadata.name == "law (unseen)"
    assert set(data_of(rest)["relevant_docs"]) == {"exact", "near-zh", "new"}


def test_where_too_little_is_left_there_is_no_rest() -> None:
    task = retrieval_task("law", *test_data())
    assert unseen_task(task, leak_of("law")) is None
    assert unseen_task(task, leak_of("law", "pair", "exact", "near", "near-zh")) is None
    pairs = pair_classification_task("pairs", LabelledPairs(list("abc"), list("def"), [1, 0, 0]))
    assert unseen_task(pairs, leak_of("pairs", "1")) is None
    assert unseen_task(pairs, leak_of("pairs", "2")) is not None


def test_a_row_was_seen_when_its_text_was_a_query_or_an_answer() -> None:
    texts = ["Who sits in court?", "A tenant pays rent.", "new", "newer"]
    train = LabelledTexts(["yes", "no"] * 8, ["1", "0"] * 8)
    task = classification_task("rows", train, LabelledTexts(texts, ["1", "1", "0", "1"]))
    leakage = find_leaks([task], [trained()])
    assert leaks_of(leakage) == {"1": "exact", "2": "exact"}
    rest = unseen_task(task, leakage)
    assert rest is not None
    assert list(data_of(rest)["text"]) == ["new", "newer"]
    assert len(split_of(rest, "train")["text"]) == 16


def test_of_a_clustering_nothing_is_looked_for() -> None:
    task = clustering_task("topics", LabelledTexts(list("abcd"), ["1", "1", "2", "2"]))
    found = find_leaks([task], [trained()])
    assert (found.found, found.not_checked) == ((), ("topics",))
    assert with_unseen([task], found) == [task]


def write_adapter(folder: Path, sketch: TextSketch | None) -> None:
    import torch

    write_lora(
        {"encoder.layer.0.attention.self.query": LoraModule(torch.ones(2, 32), torch.ones(32, 2), 0.1)},
        folder / "adapter_model.safetensors",
    )
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 0.2}))
    if sketch is not None:
        write_sketch(sketch, folder / TRAINING_TEXTS)


@pytest.fixture
def search(tiny_base: Path) -> Search:
    """A registry with `legal`, which has a sketch, `old`, which has none, and things made from them."""
    registry, record = open_registry(), base_record(resolve_base(str(tiny_base)).spec)

    def add(name: str, sketch: TextSketch | None, *parents: str) -> None:
        made_from = tuple(ParentRecord(reference=parent, sha256="0", weight=1.0) for parent in parents)
        draft = Entry(kind="merge" if parents else "adapter", name=name, bases=(record,), pooling="cls", parents=made_from, domain="legal")
        registry.add(draft, lambda folder: write_adapter(folder, sketch))

    add("legal", sketch_texts(DATA))
    add("old", None)
    add("both", None, "legal@1", "old@1", "base")
    add("nested", None, "both@1", "gone@3")
    return Search(registry=registry)


@pytest.mark.parametrize(
    ("name", "sketches", "unknown"),
    [
        ("legal@1", ["legal@1"], ()),
        ("old@1", [], ("old@1",)),
        ("both@1", ["legal@1"], ("old@1",)),
        ("nested@1", ["legal@1"], ("old@1", "gone@3")),
    ],
)
def test_the_training_texts_of_all_ancestors_are_found(search: Search, name: str, sketches: list[str], unknown: tuple[str, ...]) -> None:
    found = trained_on(resolve_reference(name, search), search)
    assert (found.reference, list(found.sketches), found.unknown) == (name, sketches, unknown)


def test_what_was_trained_on_from_another_has_seen_the_texts_of_both(search: Search) -> None:
    from adapt_embed.registry import DataRecord

    first = search.registry.find_reference("legal@1")
    made_from = (ParentRecord(reference="legal@1"), ParentRecord(reference="old@1"))
    draft = replace(first, name="further", version=0, files={}, parents=made_from, data=DataRecord(source="more"))
    search.registry.add(draft, lambda folder: write_adapter(folder, sketch_texts(DATA)))
    found = trained_on(resolve_reference("further@1", search), search)
    assert (list(found.sketches), found.unknown) == (["further@1", "legal@1"], ("old@1",))


def test_of_a_base_nothing_is_said(tiny_base: Path, search: Search) -> None:
    found = trained_on(resolve_reference("base", replace(search, base=str(tiny_base))), search)
    assert (found.sketches, found.unknown) == ({}, ())
    assert find_leaks([retrieval_task("law", *test_data())], [found]).describe() == []


def test_an_unrecorded_adapter_is_named(search: Search) -> None:
    found = find_leaks([retrieval_task("law", *test_data())], [trained_on(resolve_reference("nested@1", search), search)])
    assert len(found.found[0].leaks) == 4
    assert found.describe()[-1] == (
        "no training texts are recorded for old@1, gone@3, so it is not known whether nested@1 saw the test set"
    )


def test_an_ensemble_has_seen_what_its_members_saw(search: Search) -> None:
    made = CliRunner().invoke(main, ["ensemble", "legal", "old", "--name", "team"], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    found = trained_on(resolve_reference("team@1", search), search)
    assert (list(found.sketches), found.unknown) == (["legal@1"], ("old@1",))


def test_training_leaves_the_sketch_beside_the_adapter(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> None:
    base, config = load_base(resolve_base(str(tiny_base))), TrainConfig(epochs=1, batch_size=32, rank=2, max_tokens=8, precision="fp32")
    registry = Registry(tmp_path)
    entry = register_adapter(registry, "toy", "legal", base, toy_data, config, train_adapter(base, toy_data, config))
    sketch = read_sketch(registry.folder(entry))
    assert sketch is not None
    assert TRAINING_TEXTS in entry.files
    assert sketch.has_queries(toy_data.train.queries.values()).all()
    assert len(sketch.queries) == len({*toy_data.train.queries.values(), *toy_data.dev.queries.values()})  # type: ignore[union-attr]
    assert registry.verify().is_clean


@pytest.fixture
def law(tmp_path: Path) -> Path:
    corpus, pairs = test_data()
    folder = tmp_path / "law"
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", corpus), ("queries", pairs.queries)):
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps({"_id": key, "title": "", "text": text}) + "\n" for key, text in texts.items())
        )
    judged = [f"{qid}\t{pid}\t{grade}" for qid, own in pairs.positives.items() for pid, grade in own.items() if grade]
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]))
    return folder


def run_bench(*arguments: str) -> tuple[dict, str]:
    ran = CliRunner().invoke(main, ["bench", *arguments, "--json"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout), ran.stderr


def test_the_command_tells_of_leaks_and_leaves_them_in(search: Search, law: Path) -> None:
    result, said = run_bench("legal", "--data", str(law))
    assert [task["name"] for task in result["tasks"]] == ["law"]
    assert result["leakage"]["cells"][0]["counts"] == {"pair": 1, "exact": 1, "near": 2}
    assert "4 of 5 queries were seen in training by legal@1" in said
    assert "--decontaminate" in said


def test_the_command_says_when_too_little_is_left(search: Search, law: Path) -> None:
    result, said = run_bench("legal", "--data", str(law), "--decontaminate")
    assert [task["name"] for task in result["tasks"]] == ["law"]
    assert "law: so much of it was seen that too little is left to score" in said


def test_decontaminated_scores_leave_the_same_items_out_for_all(search: Search, law: Path, tmp_path: Path) -> None:
    queries = [json.loads(line) for line in (law / "queries.jsonl").read_text().splitlines()]
    more = [*queries, {"_id": "newer", "title": "", "text": "Is the sea salt?"}]
    (law / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more))
    with (law / "qrels" / "test.tsv").open("a") as file:
        file.write("\nnewer\tb\t1\n")
    out = tmp_path / "items.json"
    result, _ = run_bench("legal", "old", "--data", str(law), "--decontaminate", "--per-query", str(out))
    assert [task["name"] for task in result["tasks"]] == ["law", "law (unseen)"]
    assert [task["items"] for task in result["tasks"]] == [6, 2]
    written = json.loads(out.read_text())
    rest = [set(score["items"]) for score in written["scores"] if score["task"] == "law (unseen)"]
    assert rest == [{"new", "newer"}] * 3
    assert written["leakage"] == result["leakage"]
    assert [cell["unknown"] for cell in result["leakage"]["cells"]] == [[], ["old@1"]]
