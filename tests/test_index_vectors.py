"""A corpus's vectors: computed once, found by content, mapped in its order, and watched."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from adapt_embed.base import load_base
from adapt_embed.base.resolve import resolve_base
from adapt_embed.cache import CacheFiles
from adapt_embed.cache.encoders import over_store
from adapt_embed.cache.space import vector_space
from adapt_embed.cache.vectors import VectorStore
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import ConfigError, DataError
from adapt_embed.events import Quiet
from adapt_embed.index import corpus, minutes
from adapt_embed.index.corpus import corpus_vectors
from adapt_embed.index.mapped import watch
from adapt_embed.index.vectors import StoredVectors

TEXTS = ["the court", "a tenant pays rent", "法院与法官", "", "the court", "notice \ud800", "the judge and the landlord"]


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CacheFiles:
    monkeypatch.setattr(corpus, "SHARD_TEXTS", 3)
    return CacheFiles(tmp_path / "店 store")


class Told(Quiet):
    """Keeps notes."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def note(self, text: str) -> None:
        self.notes.append(text)


def whole(stored: StoredVectors) -> np.ndarray:
    return torch.cat([part.float() for part in stored.parts]).numpy()


def test_a_corpus_has_its_vectors_in_its_order(encoder: LoraEncoder, files: CacheFiles) -> None:
    stored = corpus_vectors(encoder, TEXTS, files=files)
    assert [len(part) for part in stored.parts] == [3, 3, 1]
    assert (stored.count, stored.dimension, len(stored.files)) == (7, 32, 3)
    np.testing.assert_allclose(whole(stored), encoder.encode(TEXTS).vectors, atol=1e-6)
    assert np.array_equal(whole(stored)[0], whole(stored)[4])  # the same text
    rows = stored.rows([6, 0, 0, 2])
    assert rows.dtype == torch.float32
    assert torch.equal(rows, torch.from_numpy(whole(stored))[[6, 0, 0, 2]])
    assert stored.rows([]).shape == (0, 32)
    with pytest.raises(IndexError):
        stored.rows([7])


def test_the_same_corpus_is_computed_once(encoder: LoraEncoder, files: CacheFiles, encoded: list[str]) -> None:
    first = corpus_vectors(encoder, TEXTS, files=files)
    count = len(encoded)
    again = corpus_vectors(encoder, TEXTS, files=files)
    assert len(encoded) == count
    assert again.content == first.content
    assert np.array_equal(whole(first), whole(again))
    other = corpus_vectors(encoder, [*TEXTS[:6], "a new one"], files=files)  # begins alike
    assert encoded[count:] == ["a new one"]
    assert other.content != first.content


def test_what_a_kill_left_is_not_computed_again(
    encoder: LoraEncoder, files: CacheFiles, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole(corpus_vectors(encoder, TEXTS, files=CacheFiles(files.folder.parent / "other")))
    encoded.clear()
    add, calls = VectorStore.add, []

    def killed(self: VectorStore, *given: object, **named: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(VectorStore, "add", killed)
    with pytest.raises(KeyboardInterrupt):
        corpus_vectors(encoder, TEXTS, files=files)
    encoded.clear()
    assert np.array_equal(whole(corpus_vectors(encoder, TEXTS, files=files)), expected)
    assert encoded == ["", "notice \ud800", TEXTS[6]]


def test_a_bench_and_a_corpus_share_their_vectors(encoder: LoraEncoder, files: CacheFiles, encoded: list[str]) -> None:
    benched = over_store(encoder, VectorStore(files))
    before = benched.encode(TEXTS[:2]).vectors
    encoded.clear()
    stored = corpus_vectors(benched.networks()[0], TEXTS, files=files)
    assert "a tenant pays rent" not in encoded
    assert np.array_equal(whole(stored)[:2], before)
    encoded.clear()
    assert np.array_equal(benched.encode(TEXTS[1:4]).vectors, whole(stored)[1:4])
    assert encoded == []


def test_another_role_or_encoder_has_vectors_of_its_own(encoder: LoraEncoder, files: CacheFiles) -> None:
    documents, queries = (corpus_vectors(encoder, TEXTS, files=files, role=role) for role in ("document", "query"))
    assert documents.content != queries.content
    assert not np.allclose(whole(documents), whole(queries))


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-9], lambda content: content[:-9] + b"\1" * 9, lambda _: b"", lambda _: b"{" * 99]
)
def test_a_damaged_shard_is_computed_again(encoder: LoraEncoder, files: CacheFiles, encoded: list[str], damage) -> None:
    expected = whole(corpus_vectors(encoder, TEXTS, files=files))
    path = VectorStore(files).shard_path(vector_space(encoder, "document"), corpus.corpus_name(TEXTS[3:6]))
    path.write_bytes(damage(path.read_bytes()))
    encoded.clear()
    assert np.array_equal(whole(corpus_vectors(encoder, TEXTS, files=files)), expected)
    assert encoded == ["", "notice \ud800"]
    assert files.damaged == 1


def test_a_kept_file_may_be_touched_and_removed_and_its_change_is_noticed(encoder: LoraEncoder, files: CacheFiles) -> None:
    stored = corpus_vectors(encoder, TEXTS, files=files)
    first, second = stored.files[0].path, stored.files[1].path
    corpus_vectors(encoder, TEXTS, files=files)  # marks them as used
    stored.check_unchanged()
    first.unlink()  # evicted: the pages stay
    stored.check_unchanged()
    with second.open("r+b") as file:  # in place, the size staying
        file.seek(-5, os.SEEK_END)
        file.write(b"\1\2\3\4")
    with pytest.raises(DataError, match=rf"{second.name} was written anew; start again"):
        stored.check_unchanged()


def test_a_file_that_is_cut_in_use_is_noticed_before_its_pages_are_read(encoder: LoraEncoder, files: CacheFiles) -> None:
    stored = corpus_vectors(encoder, TEXTS, files=files)
    os.truncate(stored.files[0].path, 100)
    with pytest.raises(DataError, match="was written anew"):
        stored.check_unchanged()


def test_any_change_of_a_file_without_checksums_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"abcd")
    file = watch(path)
    assert file.problem() is None
    os.utime(path)
    assert file.problem() == "was written anew"
    path.unlink()
    assert file.problem() == "is not there any more"


def test_what_is_written_to_mapped_vectors_does_not_reach_the_file(encoder: LoraEncoder, files: CacheFiles) -> None:
    stored = corpus_vectors(encoder, TEXTS, files=files)
    before = stored.files[0].path.read_bytes()
    stored.parts[0].zero_()
    assert stored.files[0].path.read_bytes() == before


def test_size_and_time_are_told_and_too_little_space_is_refused_before(
    encoder: LoraEncoder, files: CacheFiles, encoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    corpus_vectors(encoder, TEXTS, Told(notes), files=files)
    assert notes[0] == f"the vectors of 7 texts take 1.1 kB in {files.folder}; 1.1 kB of it is new"
    monkeypatch.setattr(minutes, "_FEW", 7)
    corpus_vectors(encoder, ["another", *TEXTS], Told(notes), files=files)
    assert "embedding 8 texts takes about 0 min here; after an interruption it goes on where it was" in notes
    encoded.clear()
    with pytest.raises(ConfigError, match="the cache may hold 1 KB; set ADAPT_CACHE_SIZE higher, or make an index of your own"):
        corpus_vectors(encoder, TEXTS, files=CacheFiles(files.folder / "small", 1000))
    monkeypatch.setattr(corpus.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(ConfigError, match=r"would take 1\.1 kB, and its disk has 1\.0 kB free"):
        corpus_vectors(encoder, TEXTS, files=CacheFiles(files.folder / "other"))
    assert encoded == []


def test_a_folder_that_cannot_be_written_costs_the_keeping_alone(encoder: LoraEncoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    stored = corpus_vectors(encoder, TEXTS, files=CacheFiles(tmp_path / "file"))
    np.testing.assert_allclose(whole(stored), encoder.encode(TEXTS).vectors, atol=1e-6)
    assert stored.files == ()


def test_an_empty_corpus_and_a_text_that_is_none_are_refused(encoder: LoraEncoder, files: CacheFiles) -> None:
    with pytest.raises(DataError, match="the corpus is empty"):
        corpus_vectors(encoder, [], files=files)
    with pytest.raises(DataError, match=r"row 2 is empty \(None\)"):
        corpus_vectors(encoder, ["a", None], files=files)  # type: ignore[list-item]
