"""Vectors that exist: every kind of file gives the same, each fault is one line, and what made them is found and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import DataError
from adapt_embed.index.given.fit import check_fit
from adapt_embed.index.given.open import NamedVectors, open_vectors
from adapt_embed.index.search import best_rows, ranks_of
from adapt_embed.index.vectors import in_memory
from adapt_embed.lora import LoraModule
from safetensors.torch import save_file

IDS = ["a", "7", "中文", "d", "e"]


def unit(rows: int = 5, d: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, d, generator=torch.Generator().manual_seed(seed)), dim=1)


def write_npy(folder: Path, vectors: torch.Tensor, ids: list[str], dtype: str = "float32") -> Path:
    np.save(folder / "v.npy", vectors.numpy().astype(dtype))
    (folder / "v.ids.txt").write_text("".join(f"{each}\n" for each in ids), encoding="utf-8")
    return folder / "v.npy"


def write_safetensors(folder: Path, vectors: torch.Tensor, ids: list[str]) -> Path:
    save_file({"embeddings": vectors, "other": torch.zeros(3)}, folder / "v.safetensors")
    (folder / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    return folder / "v.safetensors"


def write_parquet(folder: Path, vectors: torch.Tensor, ids: list[str]) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"ID": ids, "embedding": vectors.tolist(), "x": list(range(len(ids)))}), folder / "v.parquet")
    return folder / "v.parquet"


def write_shards(folder: Path, vectors: torch.Tensor, ids: list[str]) -> Path:
    for number, rows in enumerate(range(0, len(vectors), 2)):
        np.save(folder / f"part-{number}.npy", vectors[rows : rows + 2].numpy())
    (folder / "ids.jsonl").write_text("".join(json.dumps({"_id": each}) + "\n" for each in ids), encoding="utf-8")
    return folder


def write_shards_with_ids(folder: Path, vectors: torch.Tensor, ids: list[str]) -> Path:
    for number, rows in enumerate(range(0, len(vectors), 2)):
        np.save(folder / f"part-{number}.npy", vectors[rows : rows + 2].numpy())
        np.save(folder / f"part-{number}.ids.npy", np.array(ids[rows : rows + 2]))
    return folder


WRITERS = [write_npy, write_safetensors, write_parquet, write_shards, write_shards_with_ids]


@pytest.mark.parametrize("write", WRITERS)
def test_every_kind_of_file_gives_the_vectors_and_the_ids(tmp_path: Path, write: Callable[..., Path]) -> None:
    vectors = unit()
    found = open_vectors(write(tmp_path, vectors, IDS), dimension=8)
    assert list(found.ids) == IDS
    assert torch.equal(found.vectors.rows(range(5)), vectors)
    assert bool(found.vectors.files) == (write is not write_parquet)
    found.vectors.check_unchanged()


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4"])
def test_other_numbers_become_float32_in_memory(tmp_path: Path, dtype: str) -> None:
    found = open_vectors(write_npy(tmp_path, unit(), IDS, dtype))
    assert found.vectors.parts[0].dtype == torch.float32
    assert torch.allclose(found.vectors.rows(range(5)), unit(), atol=1e-3)


def test_bfloat16_is_mapped_as_it_is_and_ids_can_be_named(tmp_path: Path) -> None:
    save_file({"v": unit().bfloat16()}, tmp_path / "v.safetensors")
    (tmp_path / "names.jsonl").write_text("".join(json.dumps({"id": each}) + "\n" for each in IDS))
    found = open_vectors(tmp_path / "v.safetensors", ids=tmp_path / "names.jsonl")
    assert found.vectors.parts[0].dtype == torch.bfloat16
    assert list(found.ids) == IDS


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def changed(row: int, value: float) -> torch.Tensor:
    vectors = unit()
    vectors[row, 0] = value
    return vectors


FAULTS = [
    ("rows and ids", unit(), IDS[:4], "has 5 vectors, and there are 4 ids; expected one id for each"),
    ("nan", changed(3, float("nan")), IDS, "row 3: the vector holds a number that is not finite"),
    ("infinite", changed(3, float("inf")), IDS, "row 3: the vector holds a number that is not finite"),
    ("length", changed(2, 9.0), IDS, "row 2: the vector has the length 9"),
    ("zero", unit() * 0, IDS, "row 0: the vector has the length 0; expected vectors of length 1: divide each by its length"),
    ("twice", unit(), ["a", "b", "a", "d", "e"], "the id 'a' is that of row 0 and of row 2"),
    ("dimension", unit(d=6), IDS, "has vectors of 6 dimensions, and the base makes 8; they are of another base"),
    ("none", unit(rows=0), [], "holds no|is empty"),
]


CASES = [
    pytest.param(write, *fault[1:], id=f"{write.__name__}-{fault[0]}")
    for write in (write_npy, write_safetensors, write_parquet)
    for fault in FAULTS
    if not (write is write_parquet and fault[0] == "rows and ids")  # a table has both
]


@pytest.mark.parametrize(("write", "vectors", "ids", "message"), CASES)
def test_each_fault_is_one_line(tmp_path: Path, write, vectors: torch.Tensor, ids: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        open_vectors(write(tmp_path, vectors, ids), dimension=8)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("write", [write_npy, write_safetensors, write_parquet])
def test_a_file_that_is_cut_is_refused(tmp_path: Path, write) -> None:
    path = write(tmp_path, unit(), IDS)
    cut(path)
    with pytest.raises(DataError, match=r"is cut|could not be read as parquet|is not a whole"):
        open_vectors(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        open_vectors(path)
    path.unlink()
    with pytest.raises(DataError, match="do not exist"):
        open_vectors(path)


def test_what_holds_no_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("a")
    np.save(tmp_path / "flat.npy", np.zeros(3, np.float32))
    np.save(tmp_path / "whole.npy", np.zeros((3, 2), np.int64))
    np.save(tmp_path / "objects.npy", np.array([["a", "b"]], object))
    np.save(tmp_path / "alone.npy", unit().numpy())
    save_file({"a": torch.zeros(3, 3), "b": torch.zeros(3, 3)}, tmp_path / "two.safetensors")
    for name, message in (
        ("v.txt", "is not a file of vectors"),
        ("flat.npy", "expected floating-point vectors"),
        ("whole.npy", "expected floating-point vectors"),
        ("objects.npy", "expected floating-point vectors"),
        ("alone.npy", "has no ids beside it; expected alone.ids.txt or ids.txt"),
        ("two.safetensors", "has no tensor of vectors"),
    ):
        with pytest.raises(DataError, match=message):
            open_vectors(tmp_path / name)
    with pytest.raises(DataError, match="in several kinds of files"):
        open_vectors(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no vectors: neither an index of adapt nor"):
        open_vectors(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("ids.json", '{"a": 1}', "expected a list of ids"),
        ("ids.json", "[1.5, 2, 3, 4, 5]", "row 0: the id is 1.5; expected a text or a whole number"),
        ("ids.json", "[", "is not valid JSON"),
        ("ids.jsonl", '{"name": "a"}\n', "no id under _id"),
        ("ids.txt", "", "is empty"),
        ("ids.npy", "x", "could not be read as ids"),
        ("ids.csv", "a", "is not a file of ids"),
    ],
)
def test_ids_that_are_none_are_refused(tmp_path: Path, name: str, written: str, message: str) -> None:
    np.save(tmp_path / "v.npy", unit().numpy())
    (tmp_path / name).write_text(written)
    with pytest.raises(DataError, match=message):
        open_vectors(tmp_path / "v.npy", ids=tmp_path / name)


# whose are they?

WORDS = ["court", "judge", "rent", "tenant", "school", "river", "army", "music", "book", "king", "法院", "法官"]
TEXTS = {f"t{number}": f"{WORDS[number % 12]} {WORDS[number * 5 % 11]} {WORDS[number * 7 % 9]} {number}" for number in range(60)}


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


def given_by(encoder: LoraEncoder, texts: list[str] | None = None, role: str = "document") -> NamedVectors:
    vectors = torch.from_numpy(encoder.encode(texts or list(TEXTS.values()), role).vectors)  # type: ignore[arg-type]
    return NamedVectors(Path("v.npy"), in_memory(vectors, "x"), list(TEXTS))


def test_the_vectors_of_the_texts_fit(encoder: LoraEncoder) -> None:
    fit = check_fit(given_by(encoder), TEXTS, encoder)
    assert fit.compared == 32
    assert fit.cosine > 0.999
    half = given_by(encoder)
    half = replace(half, vectors=in_memory(half.vectors.parts[0].bfloat16(), "x"))
    assert check_fit(half, TEXTS, encoder).cosine > 0.999


def test_another_pooling_or_prompt_is_found_and_named(encoder: LoraEncoder) -> None:
    mean = replace(encoder, base=replace(encoder.base, encoding=replace(encoder.base.encoding, pooling="mean")))
    with pytest.raises(DataError, match="they fit with the pooling mean; use that"):
        check_fit(given_by(mean), TEXTS, encoder)
    with pytest.raises(DataError, match="they fit with the instruction 'find: ' before each text"):
        check_fit(given_by(encoder, role="query"), TEXTS, encoder)
    with pytest.raises(DataError, match="they fit with the pooling mean and the instruction 'find: ' before each text"):
        check_fit(given_by(mean, role="query"), TEXTS, encoder)


def test_another_order_of_rows_is_found_and_named(encoder: LoraEncoder) -> None:
    texts = list(TEXTS.values())
    with pytest.raises(DataError, match=r"the rows are in another order than the ids: the vector of 't\d+', row \d+, stands in row \d+"):
        check_fit(given_by(encoder, texts[::-1]), TEXTS, encoder)
    with pytest.raises(DataError, match=r"all of them moved by 1$"):
        check_fit(given_by(encoder, ["in front", *texts[:-1]]), dict(list(TEXTS.items())[:-1]), encoder)


def test_another_base_is_told(encoder: LoraEncoder, second_base: Path) -> None:
    other = LoraEncoder(load_base(resolve_base(str(second_base))), precision="fp32")
    with pytest.raises(
        DataError, match=r"the median cosine with its stored vector is -?0\.\d+; another base, other texts or another adapter"
    ):
        check_fit(given_by(other), TEXTS, encoder)


def test_vectors_of_the_base_are_told_from_those_of_an_adapter(encoder: LoraEncoder) -> None:
    draw = torch.Generator().manual_seed(0)
    module = LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)
    adapted = LoraEncoder(encoder.base, {"encoder.layer.0.attention.self.query": module}, precision="fp32")
    with pytest.raises(DataError, match="they fit with the base without the adapter"):
        check_fit(given_by(encoder), TEXTS, adapted)


def test_other_ids_are_told(encoder: LoraEncoder) -> None:
    with pytest.raises(DataError, match=r"none of the 1 id of the corpus \(the first: 'x'\) is in v.npy \(the first: 't0'\)"):
        check_fit(given_by(encoder), {"x": "a"}, encoder)


# the search


def test_the_blocked_search_is_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import adapt_embed.index.search as search

    monkeypatch.setattr(search, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(search, "_QUERIES_AT_ONCE", 2)
    whole, queries = unit(50), unit(5, seed=1)
    whole[30] = whole[3]  # equal ones: the first row first
    stored = replace(in_memory(whole, "x"), parts=(whole[:20], whole[20:].clone()))
    expected = (queries @ whole.T).argsort(dim=1, descending=True, stable=True)
    found = best_rows(queries, stored, 50)
    assert torch.equal(found.rows, expected)
    assert torch.equal(best_rows(queries, stored, 4).rows, expected[:, :4])
    assert best_rows(queries, stored, 99).rows.shape == (5, 50)
    ranks = ranks_of(queries, stored, [[int(expected[row, 0]), 3, 30] for row in range(5)])
    for row in range(5):
        place = expected[row].tolist().index(3)
        assert ranks[row] == [1, place + 1, place + 1]


def test_no_queries_and_one_row_are_searched_too() -> None:
    assert best_rows(torch.empty(0, 8), in_memory(unit(1), "x"), 3).rows.shape == (0, 1)
    assert ranks_of(torch.empty(0, 8), in_memory(unit(1), "x"), []) == []
