"""The names of the root package: adapters are loaded, trained, merged, put together and benched from Python."""

import ast
import gc
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import adapt_embed
import numpy as np
import pandas as pd
import pytest
import torch
from adapt_embed import Adapter, TrainConfig, bench_adapters, ensemble_adapters, load, merge_adapters, train
from adapt_embed.api import networks
from adapt_embed.base.encoding import BaseOptions
from adapt_embed.base.load import load_network
from adapt_embed.cli import main
from adapt_embed.data.pairs import TrainingData
from adapt_embed.errors import AdapterError, AdaptError, BaseError, ConfigError, DataError, RequestError, UnknownReferenceError
from adapt_embed.events import Quiet, Step
from adapt_embed.lora import factors_sha256, read_lora
from adapt_embed.registry import open_registry
from click.testing import CliRunner

NAMES = [
    "Adapter",
    "AdapterBatch",
    "Index",
    "PretrainConfig",
    "TrainConfig",
    "batch_adapters",
    "bench_adapters",
    "ensemble_adapters",
    "export_adapter",
    "export_model",
    "import_adapter",
    "load",
    "merge_adapters",
    "plan_test",
    "pretrain",
    "pull_adapter",
    "push_adapter",
    "report_test",
    "sweep",
    "train",
]
CONFIG = TrainConfig(epochs=1, batch_size=8, learning_rate=1e-2, rank=2, max_tokens=16, precision="fp32")
PAIRS = [(f"who pays the rent of house {row}?", f"the tenant of house {row} pays") for row in range(16)]
CHINESE = [(f"第{row}条讲什么?", f"第{row}条讲房租。") for row in range(16)]
TEXTS = ["the court", "法律"]


class Told(Quiet):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.stages: list[str] = []
        self.done: list[tuple[str, int, int]] = []
        self.steps: list[Step] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def progress(self, what: str, done: int, total: int, unit: str = "texts") -> None:
        self.done.append((what, done, total))

    def step(self, at: Step) -> None:
        self.steps.append(at)


Trainer = Callable[..., Adapter]


@pytest.fixture
def fit(tiny_base: Path) -> Trainer:
    """Train on the tiny base."""

    def run(domain: str = "legal", data: object = PAIRS, **more: Any) -> Adapter:
        return train(domain, data, **({"base": tiny_base, "config": CONFIG} | more))

    return run


@pytest.fixture
def legal(fit: Trainer) -> Adapter:
    return fit()


@pytest.fixture
def medical(fit: Trainer) -> Adapter:
    return fit("医疗", CHINESE)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def references() -> list[str]:
    return [entry.reference for entry in open_registry().entries()]


def fresh(code: str) -> Any:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ast.literal_eval(ran.stdout)


# The names


def test_the_names_are_these_and_are_all_there() -> None:
    assert adapt_embed.__all__ == NAMES
    assert all(getattr(adapt_embed, name).__name__ == name for name in NAMES)
    assert {*NAMES, "__version__"} <= set(dir(adapt_embed))
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        _ = adapt_embed.laod


def test_asking_for_all_names_loads_neither_torch_nor_click() -> None:
    heavy = {"torch", "click", "transformers", "peft", "mteb", "datasets", "huggingface_hub", "pandas", "scipy"}
    code = f"import sys; from adapt_embed import *; print((set({NAMES!r}) <= set(globals()), sorted({heavy!r} & set(sys.modules))))"
    assert fresh(code) == (True, [])


def test_packages_that_are_called_like_what_is_done_stay_packages_in_every_order_of_imports() -> None:
    lines = ("import adapt_embed.merge", "from adapt_embed import merge, bench", "from adapt_embed import merge_adapters, bench_adapters")
    orders = [";".join(order) for order in permutations((*lines, "import adapt_embed.bench"))]
    code = f"""
import sys, types
def forget():
    for name in [name for name in sys.modules if name.partition(".")[0] == "adapt_embed"]: del sys.modules[name]
seen = set()
for order in {orders!r}:
    forget()
    names = {{}}
    exec(order, names)
    root = names["adapt_embed"]
    seen.add((root.merge is names["merge"], root.bench is names["bench"], type(names["merge"]) is type(names["bench"]) is types.ModuleType,
        callable(names["merge_adapters"]), callable(names["bench_adapters"])))
print(seen)
"""
    assert fresh(code) == {(True,) * 5}


# Loading


def test_a_version_is_loaded_by_name_alias_folder_and_path(legal: Adapter) -> None:
    open_registry().set_alias(legal.entry, "best")
    expected = legal.encode(TEXTS)
    assert legal.path is not None
    for named in ("legal", "legal@1", "legal@best", str(legal.path), legal.path):
        found = load(named)
        assert (found.kind, found.path, found.domain) == ("adapter", legal.path, "legal")
        np.testing.assert_array_equal(found.encode(TEXTS), expected)


def test_a_folder_s_path_is_a_folder_whatever_its_name(legal: Adapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert legal.path is not None
    (tmp_path / "legal").symlink_to(legal.path)
    monkeypatch.chdir(tmp_path)
    assert load(Path("legal")).reference == str(tmp_path / "legal")
    assert load("legal").reference == "legal@1"


def test_a_registry_may_be_named(fit: Trainer, tmp_path: Path) -> None:
    fit(registry=tmp_path / "own")
    assert references() == []
    for registry in (tmp_path / "own", str(tmp_path / "own"), open_registry(tmp_path / "own")):
        assert load("legal", registry=registry).path == tmp_path / "own" / "legal" / "1"
    with pytest.raises(UnknownReferenceError):
        load("legal")


def test_the_base_is_loaded_as_it_is_and_as_it_is_said(tiny_base: Path) -> None:
    base, mean = load("base", base=tiny_base), load("base", base=str(tiny_base), options=BaseOptions(pooling="mean"))
    assert (base.kind, base.path, base.factors, base.scores) == ("base", None, {}, {})
    assert not np.allclose(base.encode(TEXTS), mean.encode(TEXTS), atol=1e-3)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"reference": "leagl"}, UnknownReferenceError, "Did you mean legal?"),
        ({"reference": "./nowhere"}, UnknownReferenceError, "the folder ./nowhere does not exist"),
        (
            {"reference": 5},
            RequestError,
            "expected an adapter, a reference such as 'legal@1', or a folder's path, and a value of the type int",
        ),
        ({"dtype": "fp23"}, ConfigError, "unknown precision 'fp23'. Did you mean fp32"),
        ({"max_tokens": 4}, ConfigError, "at least 8 are needed"),
        ({"max_tokens": 9999}, ConfigError, "takes at most 512"),
        ({"reference": "base", "base": "bge-smal-en"}, BaseError, "Did you mean bge-small-en"),
        ({"reference": "hf:owner/repo"}, AdaptError, "owner/repo is not in the Hugging Face cache"),
    ],
)
@pytest.mark.usefixtures("legal")
def test_what_cannot_be_loaded_is_refused_in_one_line(asked: dict[str, Any], error: type[AdaptError], message: str) -> None:
    with pytest.raises(error) as refused:
        load(**({"reference": "legal"} | asked))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


# Encoding


def test_vectors_are_those_of_the_command_and_queries_get_the_instruction(legal: Adapter, tmp_path: Path) -> None:
    for role, encode in (("query", legal.encode_query), ("document", legal.encode_document)):
        own = encode(TEXTS)
        printed = CliRunner().invoke(main, ["encode", "legal", "--as", role, "--json"], input="".join(f"{text}\n" for text in TEXTS))
        np.testing.assert_array_equal(own, np.array(json.loads(printed.stdout)["vectors"], np.float32))
        np.testing.assert_array_equal(own, legal.encode(TEXTS, role=role))
        assert (own.dtype, own.shape) == (np.float32, (2, legal.dimension))
    assert not np.allclose(legal.encode_query(TEXTS), legal.encode_document(TEXTS), atol=1e-3)


def test_one_text_gives_one_vector_and_any_iterable_gives_a_matrix(legal: Adapter) -> None:
    matrix = legal.encode(TEXTS)
    assert legal.encode("法律").shape == (32,)
    np.testing.assert_allclose(legal.encode("法律"), matrix[1], atol=1e-5)
    for several in (tuple(TEXTS), iter(TEXTS), np.array(TEXTS, object)):
        np.testing.assert_array_equal(legal.encode(several), matrix)
    assert legal.encode([]).shape == (0, 32)


def test_similarity_takes_texts_as_queries_and_documents_and_vectors_as_they_are(legal: Adapter) -> None:
    queries, documents = legal.encode_query(TEXTS), legal.encode_document(["房租", "rent", "tree"])
    cosines = legal.similarity(TEXTS, ["房租", "rent", "tree"])
    np.testing.assert_allclose(cosines, queries @ documents.T, atol=1e-6)
    np.testing.assert_allclose(legal.similarity(queries * 3, documents), cosines, atol=1e-6)
    np.testing.assert_allclose(legal.similarity(queries[0], documents.tolist()), cosines[:1], atol=1e-6)
    for column in (np.array(["房租", "rent", "tree"]), pd.Series(["房租", "rent", "tree"]), iter(["房租", "rent", "tree"])):
        np.testing.assert_array_equal(legal.similarity(TEXTS, column), cosines)
    np.testing.assert_allclose(legal.similarity(torch.from_numpy(queries), iter(documents)), cosines, atol=1e-6)
    assert legal.similarity("law", "rent").shape == (1, 1)
    assert legal.similarity(TEXTS, []).shape == (2, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda one: one.encode(5), "expected a text or a list of texts, and a value of the type int came"),
        (lambda one: one.encode(b"law"), "a value of the type bytes"),
        (lambda one: one.encode(["a", None]), "row 2 is empty"),
        (lambda one: one.encode(["a", 5]), "row 2 is a int"),
        (lambda one: one.similarity(5, "a"), "expected texts, or vectors"),
        (lambda one: one.similarity("a", object()), "expected texts, or vectors"),
        (lambda one: one.similarity("a", ["b", 5]), "row 2 is a int"),
        (lambda one: one.similarity(np.zeros((2, 3, 4)), "a"), "the shape (2, 3, 4)"),
        (lambda one: one.similarity(np.zeros((2, 5), np.float32), "a"), "vectors of 5 and of 32 dimensions cannot be compared"),
    ],
)
def test_what_is_no_text_and_no_vector_is_refused(tiny_base: Path, call: Callable[[Adapter], object], message: str) -> None:
    with pytest.raises(DataError) as refused:
        call(load("base", base=tiny_base))
    assert message in str(refused.value)


def test_other_settings_are_taken_by_the_same_adapter(legal: Adapter) -> None:
    exact, long = legal.using(dtype="fp32"), ["law " * 100]
    assert (exact.reference, exact.settings.precision, legal.settings.precision) == ("legal@1", "fp32", "auto")
    short = exact.using(max_tokens=8)
    assert short.settings.precision == "fp32"
    told = Told()
    assert not np.allclose(short.encode(long, events=told), exact.encode(long), atol=1e-3)
    assert told.notes == ["1 of 1 texts were longer than 8 tokens and were truncated"]
    assert told.done == [("encoding", 1, 1)]


# Networks in memory


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The networks that are loaded, none of an earlier test being there: a traceback that was kept may hold one."""
    from adapt_embed.base import load as module

    networks._networks.clear()
    loaded: list[Path] = []

    def counted(spec: Any, **more: Any) -> Any:
        loaded.append(spec.folder)
        return load_network(spec, **more)

    monkeypatch.setattr(module, "load_network", counted)
    return loaded


def test_adapters_on_one_base_share_one_network_and_it_is_freed_with_the_last(
    legal: Adapter, medical: Adapter, tiny_base: Path, loads: list[Path]
) -> None:
    alone = [load(name).encode(TEXTS) for name in ("legal", "医疗")]
    gc.collect()
    loads.clear()
    opened = [load("legal"), load("医疗"), load("base", base=tiny_base), load("legal", dtype="fp32", max_tokens=16)]
    assert loads == []
    vectors = [each.encode(TEXTS) for each in opened]
    assert len(loads) == 1
    for own, theirs in zip(vectors, alone, strict=False):
        np.testing.assert_array_equal(own, theirs)
    kept = {id(network) for network in networks._networks.values()}
    del opened
    gc.collect()
    assert len(kept) == 1
    assert not networks._networks


def test_what_was_trained_in_memory_shares_the_network_too(fit: Trainer, legal: Adapter) -> None:
    networks._networks.clear()
    expected = legal.encode(TEXTS)
    others = [fit(data=CHINESE, register=False), fit(register=False)]
    vectors = [other.encode(TEXTS) for other in others]
    assert len(networks._networks) == 1
    np.testing.assert_array_equal(legal.encode(TEXTS), expected)
    np.testing.assert_array_equal(vectors[1], expected)
    assert not np.allclose(vectors[0], expected, atol=1e-3)


def test_threads_may_encode_with_adapters_on_one_network(legal: Adapter, medical: Adapter) -> None:
    texts = [f"{text} {row}" for row in range(40) for text in TEXTS]
    expected = [one.encode(texts) for one in (legal, medical)]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            if not np.array_equal((legal, medical)[number].encode(texts), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Training


def test_pairs_become_a_version_that_knows_what_it_is(legal: Adapter, tiny_base: Path) -> None:
    assert references() == ["legal@1"]
    assert (legal.reference, legal.kind, legal.base, legal.domain) == ("legal@1", "adapter", tiny_base.name, "legal")
    assert legal.path is not None
    assert legal.entry is not None
    assert legal.entry.data is not None
    assert legal.entry.data.source == "in memory"
    assert factors_sha256(legal.factors) == factors_sha256(read_lora(legal.path))
    assert legal.report["reference"] == "legal@1"
    assert len(legal.report["losses"]) == legal.report["steps"] == 2
    assert load("legal").report == {}


@pytest.mark.parametrize("kind", ["triples", "mappings", "dataset", "table", "path", "training data"])
def test_every_kind_of_data_is_taken(fit: Trainer, toy_folder: Path, toy_data: TrainingData, kind: str, tmp_path: Path) -> None:
    from datasets import Dataset

    mappings = [{"query": query, "positive": positive} for query, positive in CHINESE]
    (tmp_path / "pairs.csv").write_text(
        "anchor,positive\n" + "".join(f"{query},{positive}\n" for query, positive in CHINESE), encoding="utf-8"
    )
    data = {
        "triples": [(*pair, "the weather") for pair in CHINESE],
        "mappings": mappings,
        "dataset": Dataset.from_list(mappings),
        "table": tmp_path / "pairs.csv",
        "path": toy_folder,
        "training data": toy_data,
    }[kind]
    trained = fit("租房", data, register=False, config=TrainConfig(epochs=1, batch_size=64, rank=2, max_tokens=16, precision="fp32"))
    assert trained.report["steps"] >= 1
    assert (trained.reference, trained.domain) == ("租房", "租房")
    assert ("dev" in trained.scores) == (kind in ("path", "training data"))


def test_what_is_not_registered_encodes_as_the_version_would_and_leaves_nothing_on_the_disk(
    fit: Trainer, toy_folder: Path, isolation: Path
) -> None:
    in_memory = fit(data=toy_folder, register=False)
    vectors = in_memory.encode_query(TEXTS)
    assert files_in(isolation / "adapt") == []
    assert (in_memory.path, in_memory.entry, in_memory.reference) == (None, None, "legal")
    version = fit(data=toy_folder)
    np.testing.assert_array_equal(vectors, version.encode_query(TEXTS))
    assert factors_sha256(in_memory.factors) == factors_sha256(version.factors)
    assert in_memory.scores == version.scores
    assert version.scores["dev"].metric == "nDCG@10"


def test_training_reports_its_steps_and_is_quiet_by_default(fit: Trainer, capfd: pytest.CaptureFixture[str]) -> None:
    told = Told()
    fit(register=False, events=told)
    assert [at.step for at in told.steps] == [1, 2]
    assert told.stages[:2] == ["reading the data", "loading the base"]
    fit(register=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"data": 5}, DataError, "the data are of the type int; expected pairs"),
        ({"data": "no/such/folder"}, DataError, "no/such/folder does not exist"),
        ({"data": [("alone",)]}, DataError, "row 1 is of the type tuple"),
        ({"data": []}, DataError, "pairs"),
        ({"domain": "leagl", "data": None}, AdaptError, "unknown domain 'leagl'. Did you mean legal?"),
        ({"base": "bge-smal-en"}, BaseError, "Did you mean bge-small-en"),
        ({"name": "a/b"}, AdaptError, "the name 'a/b' is not valid"),
        ({"resume": True, "register": False}, RequestError, "nothing to resume"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(fit: Trainer, asked: dict[str, Any], error: type[AdaptError], message: str) -> None:
    with pytest.raises(error) as refused:
        fit(**asked)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert references() == []


# Merging


def test_adapters_and_references_are_merged_as_by_the_command(legal: Adapter, medical: Adapter) -> None:
    both = merge_adapters([legal, "医疗"], method="ties", settings={"density": 0.3}, weights=[0.7, 0.3], name="both")
    assert (both.reference, both.kind, both.base) == ("both@1", "merge", legal.base)
    printed = json.loads(
        CliRunner().invoke(main, "merge legal 医疗 --method ties --density 0.3 --weights 0.7,0.3 --name both --json").stdout
    )
    assert both.report == printed | {"reference": "both@1", "path": str(both.path)}
    assert both.path is not None
    theirs = Path(printed["path"]) / "adapter_model.safetensors"
    assert (both.path / "adapter_model.safetensors").read_bytes() == theirs.read_bytes()
    assert both.encode(TEXTS).shape == (2, 32)


def test_a_merge_in_memory_encodes_and_leaves_nothing_on_the_disk(legal: Adapter, medical: Adapter, isolation: Path) -> None:
    before = files_in(isolation / "adapt")
    both = merge_adapters([legal, medical], store="fp32", register=False)
    vectors = both.using(dtype="fp32").encode_query(TEXTS)
    assert files_in(isolation / "adapt") == before
    assert (both.reference, both.path, both.entry) == ("linear(legal@1, 医疗@1)", None, None)
    version = merge_adapters([legal, medical], store="fp32").using(dtype="fp32")
    np.testing.assert_array_equal(vectors, version.encode_query(TEXTS))
    assert factors_sha256(both.factors) == factors_sha256(version.factors)


def test_the_result_goes_where_its_adapters_lie(fit: Trainer, tmp_path: Path) -> None:
    own = tmp_path / "own"
    one, two = fit(registry=own), fit("医疗", CHINESE, registry=own)
    for made in (merge_adapters([one, two]), ensemble_adapters([one, two])):
        assert made.path is not None
        assert made.path.is_relative_to(own)
        assert made.entry is not None
        assert [parent.reference for parent in made.entry.parents] == ["legal@1", "医疗@1"]
    elsewhere = merge_adapters([one, two], registry=tmp_path / "other", name="both")
    assert elsewhere.path == tmp_path / "other" / "both" / "1"
    assert elsewhere.entry is not None
    assert [parent.reference for parent in elsewhere.entry.parents] == [str(one.path), str(two.path)]


def test_the_base_merges_as_an_adapter_without_effect(legal: Adapter, tiny_base: Path) -> None:
    half = merge_adapters([legal, load("base", base=tiny_base)], register=False)
    assert half.report["parents"] == [{"reference": "legal@1", "weight": 0.5}, {"reference": "base", "weight": 0.5}]


def test_an_adapter_on_another_base_cannot_be_merged(legal: Adapter, fit: Trainer, second_base: Path) -> None:
    other = fit("other", base=second_base)
    with pytest.raises(BaseError, match="weights can be merged on one base alone"):
        merge_adapters([legal, other])
    across = ensemble_adapters([legal, other], register=False)
    assert across.encode(TEXTS).shape == (2, 64)


@pytest.mark.parametrize("combine", [merge_adapters, ensemble_adapters])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("legal", "expected a list of adapters or references, and the text 'legal' came; write [a, b]"),
        (5, "expected a list of adapters or references, and a value of the type int came"),
        (["legal", 5], "expected an adapter, a reference such as 'legal@1', or a folder's path, and a value of the type int came"),
    ],
)
def test_what_is_no_list_of_adapters_is_refused(combine: Callable[..., Adapter], given: Any, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        combine(given)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("combine", "what"), [(merge_adapters, "a merge"), (ensemble_adapters, "an ensemble")])
def test_what_is_in_memory_alone_cannot_be_combined(legal: Adapter, fit: Trainer, combine: Callable[..., Adapter], what: str) -> None:
    with pytest.raises(RequestError) as refused:
        combine([legal, fit("letting", register=False)])
    assert str(refused.value) == f"letting is in memory alone, and {what} keeps its adapters by where they lie; make it with register=True"


# Ensembles


def test_an_ensemble_is_that_of_the_command_in_memory_too(legal: Adapter, medical: Adapter, isolation: Path) -> None:
    before = files_in(isolation / "adapt")
    in_memory = ensemble_adapters([legal, "医疗"], weights=[3, 1], register=False)
    vectors = in_memory.encode_query(TEXTS)
    assert files_in(isolation / "adapt") == before
    assert (in_memory.reference, in_memory.kind, in_memory.path) == ("concat(legal@1, 医疗@1)", "ensemble", None)
    version = ensemble_adapters([legal, "医疗"], weights=[3, 1], name="两者")
    assert (version.reference, version.dimension) == ("两者@1", 64)
    np.testing.assert_array_equal(vectors, version.encode_query(TEXTS))
    np.testing.assert_array_equal(vectors, load("两者").encode_query(TEXTS))


@pytest.mark.parametrize("register", [True, False])
def test_an_ensemble_that_only_ranks_is_refused_where_vectors_are_asked_for(legal: Adapter, medical: Adapter, register: bool) -> None:
    ranks = ensemble_adapters([legal, medical], mode="rrf", register=register)
    for ask in (ranks.encode_query, ranks.encode, lambda texts: ranks.similarity(texts, texts), lambda _: ranks.dimension):
        with pytest.raises(AdapterError, match="has no vectors: it only ranks passages for a query"):
            ask(["law"])
    with pytest.raises(AdapterError, match="an ensemble, which has no factors of its own"):
        _ = ranks.factors
    assert len(ranks.encoder.search(["law"], ["a", "法", "c"], 2).rankings[0]) == 2  # type: ignore[union-attr]


def test_an_unknown_mode_is_told_with_the_near_one(legal: Adapter, medical: Adapter) -> None:
    with pytest.raises(ConfigError, match="Did you mean concat"):
        ensemble_adapters([legal, medical], mode="conact")


# Benching


@pytest.fixture
def law(tmp_path: Path) -> Path:
    (tmp_path / "law.csv").write_text(
        "anchor,positive\n" + "".join(f"{query},{positive}\n" for query, positive in PAIRS[:4]), encoding="utf-8"
    )
    return tmp_path / "law.csv"


def scores(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores without the time that they took."""
    return [{name: value for name, value in score.items() if name != "seconds"} for score in result["scores"]]


def test_rows_are_plain_data_and_those_of_the_command(
    legal: Adapter, medical: Adapter, law: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    legal.encode(TEXTS)
    table = bench_adapters([legal, "医疗"], data=[law])
    assert capfd.readouterr() == ("", "")
    rows = list(table)
    assert [(row["task"], row["reference"]) for row in rows] == [("law", "base"), ("law", "legal@1"), ("law", "医疗@1")]
    assert json.loads(json.dumps(rows)) == rows == table.rows()
    assert len(table) == 3
    assert repr(table) == "BenchTable(3 scores on law)"
    printed = json.loads(CliRunner().invoke(main, ["bench", "legal", "医疗", "--data", str(law), "--json"]).stdout)
    assert scores(table.as_dict()) == scores(printed)
    page = table._repr_html_()
    assert page.count("<tr>") == 4
    assert "<td>医疗@1</td>" in page


def test_what_is_in_memory_alone_is_benched_too(fit: Trainer, legal: Adapter, medical: Adapter, law: Path) -> None:
    twin, both = fit("letting", register=False), merge_adapters([legal, medical], register=False, name="both")
    vectors, told = twin.encode(TEXTS), Told()
    table = bench_adapters([legal, twin, both], law, events=told)
    by_name = {row["reference"]: row["nDCG@10"] for row in table}
    assert list(by_name) == ["base", "legal@1", "letting", "both"]
    assert by_name["letting"] == by_name["legal@1"]
    assert told.done
    np.testing.assert_array_equal(twin.encode(TEXTS), vectors)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ("no/such.csv", DataError, "no/such.csv"),
        (PAIRS, RequestError, "expected folders or files to score on, and a value of the type tuple came"),
        (5, RequestError, "expected folders or files to score on, and a value of the type int came"),
    ],
)
def test_what_cannot_be_scored_on_is_refused_in_one_line(legal: Adapter, data: Any, error: type[AdaptError], message: str) -> None:
    with pytest.raises(error) as refused:
        bench_adapters([legal], data=data)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_adapters_of_one_name_cannot_be_told_apart(fit: Trainer, law: Path) -> None:
    with pytest.raises(RequestError, match="two references are called letting"):
        bench_adapters([fit("letting", register=False), fit("letting", CHINESE, register=False)], law)


# What is seen of it


def test_an_adapter_is_one_line_and_in_notebooks_a_table(fit: Trainer, toy_folder: Path) -> None:
    trained = fit("<法&律>", toy_folder, name="法律")
    line, page = repr(trained), trained._repr_html_()
    assert line.startswith("Adapter('法律@1', kind='adapter', base='tiny-base', domain='<法&律>', dev nDCG@10 0.")
    assert "\n" not in line
    assert page.count("<tr>") == 2
    assert "&lt;法&amp;律&gt;" in page
    assert "<法" not in page
    assert json.loads(json.dumps(trained.as_dict()))["scores"]["dev"]["metric"] == "nDCG@10"
