"""Training queries alone, and two-sided training against the whole corpus."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.adapters import Checkpoint, TrainConfig, TrainResult, config_from, run_id, train_adapter
from adapt_embed.adapters.after.grams import draw_texts
from adapt_embed.adapters.batches import Batches
from adapt_embed.adapters.corpus import sampling
from adapt_embed.adapters.corpus.open import embed_corpus, open_corpus
from adapt_embed.adapters.corpus.sampling import Sampling, choose_candidates
from adapt_embed.adapters.corpus.stored import StoredCorpus
from adapt_embed.adapters.corpus.vectors import HeldVectors
from adapt_embed.adapters.evaluation import dev_encoder, make_dev_set
from adapt_embed.adapters.job import corpus as job_corpus
from adapt_embed.adapters.job.request import TrainRequest
from adapt_embed.adapters.sides import both
from adapt_embed.adapters.sides.open import open_side
from adapt_embed.adapters.strategies.table import open_strategy, put_in
from adapt_embed.adapters.token_ids import TokenIds
from adapt_embed.base import Base, load_base, resolve_base
from adapt_embed.cli import main
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import DataError, RequestError
from adapt_embed.events import Step
from adapt_embed.index.approximate import NONE, ApproximateIndex, build_approximate
from adapt_embed.lora import factors_sha256
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result
from torch import Tensor
from usearch.index import BatchMatches, Matches

QUICK = {"epochs": 3, "batch_size": 16, "learning_rate": 1e-2, "temperature": 0.05, "rank": 4, "max_tokens": 16, "precision": "fp32"}
CANDIDATES = {"candidates": 4, "rest_sample": 5}
Train = Callable[..., Result]


def quick(**settings: object) -> TrainConfig:
    return TrainConfig(**(QUICK | settings))  # type: ignore[arg-type]


@pytest.fixture
def base(loaded_tiny_base: Base) -> Base:
    return loaded_tiny_base


def run(tiny_base: Path, data: TrainingData, config: TrainConfig, folder: Path | None = None, **more: object) -> TrainResult:
    checkpoint = Checkpoint(folder, every_s=0) if folder else None
    return train_adapter(load_base(resolve_base(str(tiny_base))), data, config, checkpoint=checkpoint, **more)  # type: ignore[arg-type]


# Queries alone


def test_queries_learn_to_find_documents_that_stay_as_they_are(base: Base, toy_data: TrainingData) -> None:
    config = quick(side="query", epochs=8)
    result, dev = train_adapter(base, toy_data, config), make_dev_set(toy_data)
    assert dev is not None
    plain = dev_encoder(base, config)
    assert result.before == dev.score(plain)
    assert result.after > result.before + 0.3
    stored = replace(plain, factors=open_strategy(config).as_read(result.factors), document_factors={})
    assert result.after == pytest.approx(dev.score(stored), abs=1e-6)


def test_no_passage_goes_through_the_network(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    config = quick(side="query", epochs=1)
    corpus, roles = open_corpus(base, toy_data, config), list[str]()
    encode, of = LoraEncoder.encode, TokenIds.of
    monkeypatch.setattr(
        LoraEncoder, "encode", lambda self, texts, role="document", **more: roles.append(role) or encode(self, texts, role, **more)
    )
    monkeypatch.setattr(TokenIds, "of", lambda self, texts, role: roles.append(role) or of(self, texts, role))
    train_adapter(base, toy_data, config, corpus=corpus)
    assert set(roles) == {"query"}


@pytest.mark.parametrize("settings", [{"side": "query"}, {"side": "query"} | CANDIDATES, {"corpus": 0.5}, {"corpus": 0.5} | CANDIDATES])
@pytest.mark.parametrize("step", [2, 4, 7])
def test_a_run_killed_after_a_step_ends_as_the_uninterrupted_one(
    tiny_base: Path, toy_data: TrainingData, tmp_path: Path, settings: dict, step: int
) -> None:
    config = quick(epochs=2, **settings)

    def stop(at: Step) -> None:
        if at.step == step:
            raise SystemExit

    expected = run(tiny_base, toy_data, config)
    with pytest.raises(SystemExit):
        run(tiny_base, toy_data, config, tmp_path, on_step=stop)
    result = run(tiny_base, toy_data, config, tmp_path, resume=True)
    assert result.losses == expected.losses
    assert result.evaluations == expected.evaluations
    assert factors_sha256(result.factors) == factors_sha256(expected.factors)


def test_vectors_that_change_under_a_running_training_stop_it(base: Base, toy_data: TrainingData) -> None:
    config = quick(side="query")
    corpus = open_corpus(base, toy_data, config)
    assert corpus is not None

    class Changing(type(corpus.vectors)):  # type: ignore[misc]
        def check_unchanged(self) -> None:
            if steps:
                raise DataError("the vectors changed while they were in use")

    steps: list[Step] = []
    changing = StoredCorpus(Changing(corpus.vectors.parts), corpus.rows)
    with pytest.raises(DataError, match="the vectors changed"):
        train_adapter(base, toy_data, config, corpus=changing, on_step=steps.append)
    assert len(steps) == 1


def test_gram_matrices_are_of_queries_alone(toy_data: TrainingData) -> None:
    assert (len(draw_texts(toy_data, 0, "query").queries), draw_texts(toy_data, 0, "query").passages) == (64, [])


def test_an_index_is_opened_again_for_a_corpus_of_another_seed(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(job_corpus, "open_given", lambda _index, corpus, *_: opened.append(corpus) or len(opened))
    source, config = job_corpus.CorpusSource(base, Path("index")), quick(side="query")
    other = replace(toy_data, corpus={pid: f"{text}!" for pid, text in toy_data.corpus.items()})
    assert [source.given(data, config) for data in (toy_data, toy_data, other, other)] == [1, 1, 2, 2]
    assert opened == [toy_data.corpus, other.corpus]


def test_an_index_may_be_named_by_a_text() -> None:
    assert TrainRequest(domain="legal", config=quick(side="query"), index="~/vectors").index == Path.home() / "vectors"  # type: ignore[arg-type]


# Candidates


def test_the_nearest_are_found_once_an_epoch_with_the_network_of_then(
    base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Tensor] = []
    nearest = sampling.nearest_rows
    monkeypatch.setattr(sampling, "nearest_rows", lambda queries, *more: asked.append(queries) or nearest(queries, *more))
    train_adapter(base, toy_data, quick(side="query", epochs=2, **CANDIDATES))
    first, second = asked
    assert first.shape == second.shape == (64, 32)
    plain = LoraEncoder(base, precision="fp32", max_tokens=16).encode(list(toy_data.train.queries.values()), "query").vectors
    torch.testing.assert_close(first, torch.from_numpy(plain), atol=1e-5, rtol=0)
    assert (first - second).abs().max() > 1e-3


def test_candidates_and_their_sample_come_near_the_exact_run(tiny_base: Path, toy_data: TrainingData) -> None:
    exact, some = (run(tiny_base, toy_data, quick(side="query", **more)) for more in ({}, {"candidates": 10, "rest_sample": 10}))
    assert some.losses[0] == pytest.approx(exact.losses[0], rel=0.05)
    assert some.losses != exact.losses
    assert some.after > some.before + 0.2


@pytest.mark.parametrize(
    ("candidates", "passages", "expected"),
    [
        (None, 9_500, 0),  # the network costs more
        (None, 100_000_000, sampling.CANDIDATES),
        (0, 100_000_000, 0),
        (50, 20_000, 50),
        (50, 8_000, 0),  # the sample alone is larger than the corpus
    ],
)
def test_candidates_are_used_where_the_exact_loss_costs_more_than_the_network(
    base: Base, monkeypatch: pytest.MonkeyPatch, candidates: int | None, passages: int, expected: int
) -> None:
    monkeypatch.setattr(sampling, "network_cost", lambda *_: 10_000 * 32 * sampling.CORPUS_COST)
    config, token_ids = quick(side="query", candidates=candidates), TokenIds(base, 16)
    assert choose_candidates(config, base, passages, token_ids, ["the court of law", "rent"] * 50) == expected


def test_passages_that_no_pair_names_may_count_for_less(tiny_base: Path, toy_data: TrainingData) -> None:
    extra = {f"unnamed-{number}": f"{text} again" for number, text in enumerate(toy_data.corpus.values())}
    data = replace(toy_data, corpus=toy_data.corpus | extra)
    whole, tenth, none, bare = (
        run(tiny_base, each, quick(side="query", unnamed_weight=weight)).losses[0]
        for each, weight in ((data, 1.0), (data, 0.1), (data, 0.0), (toy_data, 1.0))
    )
    assert whole > tenth > none
    assert run(tiny_base, data, quick(side="query")).losses[0] == whole  # training names the answers of this dev set
    assert none == pytest.approx(bare, rel=1e-5)
    assert run(tiny_base, data, quick(corpus=0.5, unnamed_weight=0.0)).losses != run(tiny_base, data, quick(corpus=0.5)).losses


@pytest.mark.parametrize(("named", "expected"), [(0, 0.1), (2, 0.1), (3, 1.0)])
def test_dev_says_what_unnamed_passages_count_for(base: Base, toy_data: TrainingData, named: int, expected: float) -> None:
    pid, other = next(iter(toy_data.train.passage_ids())), "named by none"
    positives = {f"d{number}": {pid if number < named else other: 1} for number in range(10)}
    dev = Pairs({qid: qid for qid in positives}, positives)
    config = quick(side="query")
    corpus = open_corpus(base, replace(toy_data, dev=dev), config)
    assert corpus is not None
    assert corpus.unnamed_weight == expected
    assert open_corpus(base, replace(toy_data, dev=None), config).unnamed_weight == 1  # type: ignore[union-attr]
    told = job_corpus.CorpusSource(base).describe(corpus, toy_data, config)
    assert told.as_dict()["unnamed_weight"] == expected
    assert ("passages that no training pair names count for 0.1 as negatives" in told.describe()) == (expected < 1)


def test_above_the_limit_an_approximate_index_finds_the_candidates(
    base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, built = quick(side="query", candidates=10, rest_sample=10), []
    exact = open_corpus(base, toy_data, config)
    monkeypatch.setattr(sampling, "EXACT_LIMIT", 0)
    monkeypatch.setattr(sampling, "build_approximate", lambda *given: built.append(given) or build_approximate(*given))
    approximate = open_corpus(base, toy_data, config)
    found = []
    for corpus in (exact, approximate):
        assert corpus is not None
        assert corpus.sampling is not None
        for _ in range(2):
            corpus.refresh(base, config, TokenIds(base, 16))
        found.append(corpus.sampling.draw(list(toy_data.train.queries), 0, 32).nearest)
    assert [corpus.sampling.approximate for corpus in (exact, approximate)] == [False, True]  # type: ignore[union-attr]
    assert len(built) == 1  # once, for both refreshes
    same = [len(set(one.tolist()) & set(other.tolist())) for one, other in zip(*found, strict=True)]
    assert sum(same) >= 0.95 * 10 * len(same)
    described = job_corpus.CorpusSource(base).describe(approximate, toy_data, config)  # type: ignore[arg-type]
    assert "found anew each epoch by an approximate index" in described.describe()
    assert described.as_dict()["approximate"] is True


def test_without_the_extra_candidates_are_found_exactly(base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    monkeypatch.setattr(sampling, "EXACT_LIMIT", 0)
    corpus = open_corpus(base, toy_data, quick(side="query", candidates=10, rest_sample=10))
    assert corpus is not None
    assert corpus.sampling is not None
    assert not corpus.sampling.approximate


def test_queries_of_which_the_index_finds_too_few_are_compared_with_everything() -> None:
    rows = torch.nn.functional.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    some = Sampling(30, 5, 0, {str(number): "" for number in range(4)}, torch.tensor([3]), approximate=True)
    some._index = build_approximate(HeldVectors((rows[:20],)), torch.tensor([3]), "this")  # knows 19 of 39 rows
    assert torch.equal(some._find_approximately(rows[:4], HeldVectors((rows,))), some._find(rows[:4], HeldVectors((rows,))))


def test_rows_that_the_index_does_not_find_are_told_from_the_first_row() -> None:
    class FindsOne:
        def __len__(self) -> int:
            return 3

        def search(self, queries: np.ndarray, count: int, threads: int) -> BatchMatches | Matches:
            keys, distances = np.zeros((len(queries), count), np.uint64), np.zeros((len(queries), count), np.float32)
            keys[:, 0] = 2
            found = BatchMatches(keys, distances, np.ones(len(queries), np.uint64))
            return found[0] if len(queries) == 1 else found

    index = ApproximateIndex(FindsOne())  # type: ignore[arg-type]
    for queries in (1, 2):
        assert index.nearest(torch.randn(queries, 8), 4).tolist() == [[2, NONE, NONE, NONE]] * queries


def test_copies_do_not_make_a_corpus_large_enough_for_candidates(base: Base, toy_data: TrainingData) -> None:
    copies = {f"{pid}-{number}": text for pid, text in toy_data.corpus.items() for number in range(4)}
    config = quick(side="query", candidates=len(toy_data.corpus), rest_sample=len(toy_data.corpus))
    corpus = open_corpus(base, replace(toy_data, corpus=toy_data.corpus | copies), config)
    assert corpus is not None
    assert corpus.vectors.count == 5 * len(toy_data.corpus)
    assert corpus.sampling is None


# Two sides


def test_two_sided_training_adds_the_loss_of_stored_vectors_from_which_queries_alone_learn(
    base: Base, toy_data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, plain = quick(corpus=0.5, batch_size=8), quick(batch_size=8)
    batches = Batches(toy_data.train, toy_data.corpus, config)
    of_queries: list[Tensor] = []

    def learnt(vectors: Sequence[Tensor], *_: object) -> Tensor:
        of_queries.append(vectors)  # type: ignore[arg-type]
        return compute(vectors, *_)

    compute = both.compute_corpus_loss
    monkeypatch.setattr(both, "compute_corpus_loss", learnt)
    corpus = open_corpus(base, toy_data, config)
    query_only = open_side(batches, replace(config, corpus=0.0, side="query"), corpus)
    losses = {}
    with put_in(open_strategy(config), base) as parameters:
        for name, objective in {
            "mixed": open_side(batches, config, corpus),
            "in batch": open_side(batches, plain, None),
            "corpus": query_only,
        }.items():
            for parameter in parameters:
                parameter.grad = None
            loss = objective.accumulate(base, 0, 1).loss
            losses[name] = loss, torch.cat([parameter.grad.flatten() for parameter in parameters])
    assert [vectors.shape for vectors in of_queries] == [(8, 32)]
    for mixed, in_batch, against in zip(*losses.values(), strict=True):
        torch.testing.assert_close(torch.as_tensor(mixed), torch.as_tensor(0.5 * (in_batch + against)), atol=1e-5, rtol=1e-4)


def test_without_a_share_of_it_nothing_is_embedded(base: Base, toy_data: TrainingData) -> None:
    assert open_corpus(base, toy_data, quick()) is None


# What is refused


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"side": "query", "loss": "symmetric_infonce"},
            r"the loss symmetric_infonce has no form for queries alone, which --side query needs; losses that have: infonce, triplet",
        ),
        ({"corpus": 0.5, "loss": "symmetric_infonce"}, r"has no form against the whole corpus, which loss\.corpus=0\.5 needs"),
        (
            {"side": "query", "corpus_negatives": 4},
            "the side query does not read corpus_negatives; it reads candidates, rest_sample, unnamed_weight",
        ),
        ({"side": "query", "corpus": 0.5}, "the side query does not read corpus"),
        ({"candidates": 5}, r"candidates is of the loss against the whole corpus; add --side query, or --set loss\.corpus=0\.5"),
        ({"rest_sample": 5}, "rest_sample is of the loss against the whole corpus"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        config_from(values)


def test_what_is_recorded_are_the_settings_that_are_read() -> None:
    assert not {"candidates", "rest_sample"} & TrainConfig().as_dict().keys()
    query = TrainConfig(side="query").as_dict()
    assert {"side", "candidates", "rest_sample"} <= query.keys()
    assert not {"corpus", "corpus_negatives", "positives_per_query"} & query.keys()


# The command


def test_the_command_registers_a_version_for_queries_alone(train: Train, home: Path) -> None:
    result = train("--side", "query")
    assert result.exit_code == 0, result.stderr
    entry = next(iter(open_registry(home).entries()))
    assert (entry.side, entry.config["side"]) == ("query", "query")
    assert "corpus: each query is compared with all 32 passages" in result.stderr
    assert "before training, of 64 training queries the base finds an answer first for" in result.stderr


def test_the_plan_says_what_the_base_finds_and_writes_no_version(train: Train, home: Path) -> None:
    told = json.loads(train("--side", "query", "--dry-run", "--json").stdout)["corpus"]
    assert (told["passages"], told["candidates"], told["findings"]["queries"]) == (32, None, 64)
    assert told["findings"]["found"]["100"] == 1.0
    assert not home.exists()
    assert json.loads(train("--dry-run", "--json").stdout)["corpus"] is None
    lines = train("--side", "query", "--candidates", "3", "--set", "rest_sample=5", "--dry-run").stdout
    assert "each query is compared with its 3 nearest of 32 passages, found anew each epoch, and with 5 drawn for the rest" in lines


def test_a_plan_does_not_embed_a_large_corpus(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_corpus, "SOON", 10)  # passages
    told = json.loads(train("--side", "query", "--dry-run", "--json").stdout)["corpus"]
    assert told["seconds"] > 0
    assert told["findings"] is None
    train("--side", "query")
    assert json.loads(train("--side", "query", "--dry-run", "--json").stdout)["corpus"]["findings"] is not None  # they are kept


def test_seeds_share_the_vectors(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[int] = []
    encode = LoraEncoder.encode

    def counted(self: LoraEncoder, some: Sequence[str], role: str = "document", **more: object) -> object:
        texts.append(len(some) if role == "document" else 0)
        return encode(self, some, role, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(LoraEncoder, "encode", counted)
    result = train("--side", "query", "--seeds", "2")
    assert result.exit_code == 0, result.stderr
    assert sum(texts) == 32


def test_stored_vectors_are_those_that_the_base_makes(base: Base, toy_data: TrainingData) -> None:
    vectors = embed_corpus(base, toy_data, quick(side="query"))
    plain = LoraEncoder(base, precision="fp32", max_tokens=16).encode(list(toy_data.corpus.values())).vectors
    assert np.array_equal(vectors.rows(torch.arange(len(plain))).numpy(), plain)


# An index that exists


@pytest.fixture
def index(tiny_base: Path, toy_data: TrainingData, tmp_path: Path) -> Path:
    """The toy corpus's vectors in another order, with one more, as a .npy file with ids beside it."""
    base = load_base(resolve_base(str(tiny_base)))
    ids = list(toy_data.corpus)[::-1]
    vectors = LoraEncoder(base, precision="fp32").encode([*(toy_data.corpus[pid] for pid in ids), "one more text"]).vectors
    np.save(tmp_path / "vectors.npy", vectors)
    (tmp_path / "vectors.ids.json").write_text(json.dumps([*ids, "more"]), encoding="utf-8")
    return tmp_path / "vectors.npy"


def test_a_run_says_what_the_base_found_as_its_plan_does(train: Train) -> None:
    planned, done = (json.loads(train("--side", "query", "--json", *more).stdout)["corpus"] for more in (("--dry-run",), ()))
    assert planned == done
    assert "corpus" not in json.loads(train("--json").stdout)


def losses(result: Result) -> list[float]:
    assert result.exit_code == 0, result.stderr
    found: list[float] = json.loads(result.stdout)["losses"]
    return found


def test_an_index_takes_the_place_of_embedding_the_corpus(train: Train, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = losses(train("--side", "query", "--json"))
    monkeypatch.setattr(job_corpus, "corpus_vectors", None)
    result = train("--side", "query", "--index", index, "--json")
    assert "index: 33 vectors in " in result.stderr
    assert "32 texts were embedded and compared, the median cosine with what is stored is 1.0000" in result.stderr
    ours = losses(result)
    assert ours != embedded  # one passage more
    assert ours == pytest.approx(embedded, rel=0.1)


def test_an_index_built_by_adapt_gives_what_embedding_gives(train: Train, tiny_base: Path, toy_folder: Path, tmp_path: Path) -> None:
    built = CliRunner().invoke(
        main, ["index", "build", str(toy_folder), "-o", str(tmp_path / "own"), "--base", str(tiny_base), "--dtype", "fp32"]
    )
    assert built.exit_code == 0, built.stderr
    ours, embedded = losses(train("--side", "query", "--index", tmp_path / "own", "--json")), losses(train("--side", "query", "--json"))
    assert ours == pytest.approx(embedded, rel=0.01)  # it keeps bfloat16


def test_pairs_of_texts_find_their_passages_in_an_index_that_keeps_texts(
    train: Train, tiny_base: Path, toy_data: TrainingData, toy_folder: Path, tmp_path: Path
) -> None:
    command = ["index", "build", str(toy_folder), "-o", str(tmp_path / "own"), "--base", str(tiny_base), "--dtype", "fp32"]
    assert CliRunner().invoke(main, command).exit_code == 0
    rows = [
        json.dumps({"anchor": toy_data.train.queries[qid], "positive": toy_data.corpus[min(passages)].upper()})
        for qid, passages in toy_data.train.positives.items()
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    result = train("--side", "query", "--index", tmp_path / "own", "--json", data=tmp_path / "pairs.jsonl")
    assert losses(result)
    assert "corpus: each query is compared with all 32 passages" in result.stderr
    assert "no pair names 16 passages" in result.stderr


def test_another_index_is_another_run(base: Base, toy_data: TrainingData) -> None:
    config = quick(side="query")
    assert len({run_id(config, base, toy_data, index) for index in (None, "one", "other")}) == 3


def test_an_index_of_another_base_is_refused_before_a_base_is_loaded(
    train: Train, second_base: Path, toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "other"
    CliRunner().invoke(main, ["index", "build", str(toy_folder), "-o", str(folder), "--base", str(second_base), "--dtype", "fp32"])
    monkeypatch.setattr("adapt_embed.base.load.load_base", None)
    result = train("--side", "query", "--index", folder)
    assert result.exit_code == 1
    assert "was embedded with the base second-base, and tiny-base is to be trained on; name that base with --base" in result.stderr


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda vectors, ids: (vectors[:, :16], ids), "has vectors of 16 dimensions, and the base makes 32"),
        (lambda vectors, ids: (vectors * 2, ids), "the vector has the length 2; expected vectors of length 1"),
        (lambda vectors, ids: (vectors * np.nan, ids), "a number that is not finite"),
        (lambda vectors, ids: (vectors, ids[:-1]), "has 33 vectors, and there are 32 ids"),
        (lambda vectors, ids: (vectors, [ids[0], *ids[:-1]]), "the id 'p15-1' is that of row 0 and of row 1"),
        (lambda vectors, ids: (np.roll(vectors, 1, axis=0), ids), "the rows are in another order than the ids"),
        (lambda vectors, ids: (vectors[2:], ids[2:]), "2 passages of the 32 of these data have no vector in the index"),
    ],
)
def test_an_index_that_does_not_fit_is_one_line(train: Train, index: Path, spoil: Callable[..., tuple], message: str) -> None:
    beside = index.with_name("vectors.ids.json")
    vectors, ids = spoil(np.load(index), json.loads(beside.read_text(encoding="utf-8")))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) if "dimensions" in message else 1
    np.save(index, vectors / lengths)
    beside.write_text(json.dumps(ids), encoding="utf-8")
    result = train("--side", "query", "--index", index)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert message in line


def test_an_index_without_a_loss_that_reads_it_is_wrong_usage(train: Train, index: Path) -> None:
    result = train("--index", index)
    assert result.exit_code == 2
    assert "an index is what queries alone are trained against; add --side query, or --set loss.corpus=0.5" in result.stderr


def test_an_empty_file_of_queries_is_one_line(train: Train, tmp_path: Path) -> None:
    empty = tmp_path / "pairs.csv"
    empty.write_text("anchor,positive\n", encoding="utf-8")
    result = train("--side", "query", data=empty)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


# In Python


@pytest.mark.parametrize("register", [True, False])
def test_in_python_documents_keep_the_vectors_of_the_base(tiny_base: Path, home: Path, toy_data: TrainingData, *, register: bool) -> None:
    import adapt_embed

    config = replace(quick(), epochs=1)
    asked = adapt_embed.train(
        "legal", toy_data, base=tiny_base, config=config, side="query", registry=home, register=register, device="cpu"
    )
    texts = [*toy_data.corpus.values()]
    plain = adapt_embed.load("base", base=tiny_base, registry=home)
    assert asked.side == "query"
    assert np.array_equal(asked.encode(texts, "document"), plain.encode(texts, "document"))
    assert not np.allclose(asked.encode(texts, "query"), plain.encode(texts, "query"), atol=1e-3)
