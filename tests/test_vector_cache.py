"""The cache of vectors: hits are what was computed, nothing else is a hit, and neither kills nor damage nor company break it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import adapt_embed.cache.encoders as cached_encoders
import numpy as np
import pytest
import torch
from adapt_embed.base import Base, BaseSpec, EncodingSpec, ResolvedBase, load_base
from adapt_embed.base.load import Network
from adapt_embed.base.resolve import resolve_base
from adapt_embed.bench.run.identity import identify
from adapt_embed.cache import DEFAULT_BYTES, CacheFiles, describe_size, open_cache_files, parse_size
from adapt_embed.cache.encoders import CachedNetwork, over_store
from adapt_embed.cache.space import vector_space
from adapt_embed.cache.vectors import VectorStore
from adapt_embed.choices import Role
from adapt_embed.encoders import Encoded, Encoder, LoraEncoder, NetworkEncoder, Vectors, is_searcher
from adapt_embed.encoders.lora import ARITHMETIC
from adapt_embed.encoders.protocol import OnBatch
from adapt_embed.ensemble.encoders import EnsembleEncoder
from adapt_embed.ensemble.searchers import EnsembleSearcher
from adapt_embed.errors import ConfigError, DataError
from adapt_embed.lora import LoraFactors, LoraModule

TEXTS = [
    "the court and the judge",
    "",
    "a tenant pays rent",
    "法院与法官",
    "notice to the landlord",
    "the court and the judge",
    "rent \ud800",
]
SPACE = "0" * 32
SPACES = ["3e57dca8", "f1563e32", "55a8d83e", "c7845012"]
REVISIONS = ["d31e5cbb", "c9f14b23", "6a53635b", "b0761442"]


@pytest.fixture(scope="module")
def encoder(tiny_base: Path) -> LoraEncoder:
    return LoraEncoder(load_base(resolve_base(str(tiny_base))), precision="fp32")


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(CacheFiles(tmp_path / "store"))


def factors(seed: int) -> LoraFactors:
    draw = torch.Generator().manual_seed(seed)
    return {"encoder.layer.0.attention.self.query": LoraModule(torch.randn(2, 32, generator=draw), torch.randn(32, 2, generator=draw), 2.0)}


def over(encoder: LoraEncoder, store: VectorStore) -> CachedNetwork:
    cached = over_store(encoder, VectorStore(CacheFiles(store.files.folder, store.files.max_bytes)))
    assert isinstance(cached, CachedNetwork)
    return cached


def shards(store: VectorStore) -> list[Path]:
    return sorted((store.files.folder / "vectors").glob("*.safetensors"))


def some_vectors(count: int, dimension: int = 8, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def test_a_hit_equals_the_miss_bit_for_bit(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    first = over(encoder, store).encode(TEXTS).vectors
    assert len(encoded) == 6  # one of the seven texts stands there twice
    second = over(encoder, store).encode(TEXTS).vectors
    assert len(encoded) == 6
    assert first.dtype == np.float32
    assert second.tobytes() == first.tobytes()
    np.testing.assert_allclose(first, encoder.encode(TEXTS).vectors, atol=1e-6)  # batches of other texts round differently


def test_the_order_and_the_company_of_texts_do_not_matter(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    whole = over(encoder, store).encode(TEXTS).vectors
    assert over(encoder, store).encode(TEXTS[::-1]).vectors.tobytes() == whole[::-1].tobytes()
    mixed = over(encoder, store).encode(["law", TEXTS[2]]).vectors
    assert mixed[1].tobytes() == whole[2].tobytes()
    assert encoded[6:] == ["law"]


def test_only_what_computes_as_ever_keeps_its_key(encoder: LoraEncoder) -> None:
    assert "arithmetic" not in encoder.content("query")
    assert replace(encoder, precision="bf16").content("query")["arithmetic"] == ARITHMETIC


@pytest.mark.parametrize("change", ["role", "prompt", "precision", "adapter", "length", "pooling", "base", "tokenizer"])
def test_whatever_changes_vectors_is_a_miss(encoder: LoraEncoder, store: VectorStore, encoded: list[str], change: str) -> None:
    one = replace(encoder, factors=factors(1))
    over(one, store).encode(TEXTS)
    role: Role = "query" if change == "role" else "document"
    base, spec, how = one.base, one.base.spec, one.base.encoding
    cut_left = load_base(ResolvedBase(spec, replace(how, tokenizer_options={"truncation_side": "left"})))
    changed = {
        "role": one,
        "prompt": replace(one, base=replace(base, encoding=replace(how, document_prompt="say: "))),
        "precision": replace(one, precision="bf16"),
        "adapter": replace(one, factors=factors(2)),
        "length": replace(one, max_tokens=how.max_tokens - 1),
        "pooling": replace(one, base=replace(base, encoding=replace(how, pooling="mean"))),
        "base": replace(one, base=replace(base, network=replace(base.network, spec=replace(spec, sha256="0" * 64)))),
        "tokenizer": replace(one, base=cut_left),
    }[change]
    del encoded[:]
    vectors = over(changed, store).encode(TEXTS, role).vectors
    assert len(encoded) == 6
    np.testing.assert_allclose(vectors, changed.encode(TEXTS, role).vectors, atol=1e-6)


def test_other_versions_of_what_computes_vectors_are_a_miss(encoder: LoraEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = vector_space(encoder, "document")
    assert vector_space(encoder, "document") == before
    monkeypatch.setattr("adapt_embed.cache.space.distribution_versions", lambda *names: dict.fromkeys(names, "0.0"))
    assert vector_space(encoder, "document") != before


def test_an_adapter_for_queries_alone_has_the_documents_of_its_base(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    over(encoder, store).encode(TEXTS)
    del encoded[:]
    query_side = replace(encoder, factors=factors(1), document_factors={})
    over(query_side, store).encode(TEXTS)
    assert encoded == []
    over(query_side, store).encode(TEXTS, "query")
    assert len(encoded) == 6


def test_other_factors_over_one_store_share_no_vector(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    cached = over(encoder, store)
    cached.encode(TEXTS)
    other = replace(cached, network=replace(encoder, factors=factors(3)))
    assert np.abs(other.encode(TEXTS).vectors - cached.encode(TEXTS).vectors).max() > 1e-3
    assert len(encoded) == 12


def test_no_text_gives_no_vector(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    assert over(encoder, store).encode([]).vectors.shape == (0, 32)
    assert encoded == []
    assert shards(store) == []


@pytest.mark.parametrize("texts", [["law", None], [1], ["law", b"law"]])
def test_what_is_no_text_is_refused_with_its_row(encoder: LoraEncoder, store: VectorStore, texts: list) -> None:
    with pytest.raises(DataError, match=r"row \d is"):
        over(encoder, store).encode(texts)


def test_a_string_or_an_unknown_role_is_refused(encoder: LoraEncoder, store: VectorStore) -> None:
    with pytest.raises(TypeError, match="texts is one string"):
        over(encoder, store).encode("law")
    with pytest.raises(ValueError, match="unknown role 'passage'"):
        over(encoder, store).encode(["law"], "passage")  # type: ignore[arg-type]


def test_hits_count_as_truncated_where_the_misses_did(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    texts = ["the court " * 20, "law", "the judge " * 20, "the court " * 20]
    short = replace(encoder, max_tokens=8)
    first, second = over(short, store).encode(texts), over(short, store).encode(texts)
    assert len(encoded) == 3
    assert short.encode(texts).is_cut.tolist() == first.is_cut.tolist() == second.is_cut.tolist() == [True, False, True, True]


def test_progress_tells_every_text_once_and_hits_at_once(encoder: LoraEncoder, store: VectorStore) -> None:
    over(encoder, store).encode(TEXTS[:3])
    told: list[int] = []
    over(replace(encoder, batch_tokens=16), store).encode(TEXTS, on_batch=told.append)
    assert told[0] == 4  # three are kept, of which one stands there twice
    assert sum(told) == len(TEXTS)


def test_portions_hold_every_row_once_longest_first_and_each_is_written(encoder: LoraEncoder, store: VectorStore) -> None:
    texts = [f"the court {'law ' * (row % 50)}{row}" for row in range(400)]
    cached = over(replace(encoder, batch_tokens=16), store)
    cached.encode(texts)
    assert len(shards(store)) > 3
    assert store.holds(vector_space(encoder, "document"), [*texts, "another"]).tolist() == [True] * 400 + [False]
    portions = cached_encoders._portions(cached, texts, range(400))
    assert sorted(row for rows in portions for row in rows) == list(range(400))
    lengths = [len(texts[row]) for rows in portions for row in rows]
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("mode", ["mean", "concat", "rrf", "max"])
def test_an_ensemble_of_members_that_were_encoded_costs_nothing(
    encoder: LoraEncoder, store: VectorStore, encoded: list[str], mode: str
) -> None:
    members = (replace(encoder, factors=factors(1)), replace(encoder, factors=factors(2)))
    for member in members:
        over(member, store).encode(TEXTS)
        over(member, store).encode(["judge"], "query")
    del encoded[:]
    kind = EnsembleEncoder if mode in ("mean", "concat") else EnsembleSearcher
    plain = kind(mode, members, (0.25, 0.75))
    cached = over_store(plain, store)
    assert isinstance(cached, kind)
    if isinstance(cached, EnsembleSearcher):
        own = cached.search(["judge"], TEXTS, 3).rankings
        assert encoded == []
        expected = plain.search(["judge"], TEXTS, 3).rankings
        assert [[row for row, _ in ranking] for ranking in own] == [[row for row, _ in ranking] for ranking in expected]
    else:
        own = cached.encode(TEXTS).vectors
        assert encoded == []
        np.testing.assert_allclose(own, plain.encode(TEXTS).vectors, atol=1e-6)


def test_an_ensemble_leaves_its_members_vectors_and_counts_whole_texts(
    encoder: LoraEncoder, store: VectorStore, encoded: list[str]
) -> None:
    members = (replace(encoder, factors=factors(1), max_tokens=8), replace(encoder, factors=factors(2), max_tokens=8))
    texts, told = ["the court " * 20, "law", "judge"], []
    ensemble = over_store(EnsembleEncoder("mean", members, (0.5, 0.5)), store)
    assert not is_searcher(ensemble)
    assert ensemble.encode(texts, on_batch=told.append).truncated == 1
    assert sum(told) == 3
    del encoded[:]
    over(members[1], store).encode(texts)
    assert encoded == []


def test_whatever_is_made_of_networks_gets_the_store_before_them(encoder: LoraEncoder, store: VectorStore, encoded: list[str]) -> None:
    """An encoder of a kind that the cache has never seen: a network's vectors, turned round."""

    @dataclass(frozen=True)
    class Reversed:
        network: NetworkEncoder

        dimension, max_tokens = 32, 512

        def encode(self, texts: Sequence[str], role: Role = "document", *, on_batch: OnBatch | None = None) -> Encoded:
            own = self.network.encode(texts, role, on_batch=on_batch)
            return Encoded(own.vectors[:, ::-1], own.is_cut)

        def networks(self) -> tuple[NetworkEncoder, ...]:
            return (self.network,)

        def with_networks(self, networks: Sequence[NetworkEncoder]) -> Encoder:
            return Reversed(*networks)

        def content(self, role: Role | None = None) -> dict[str, object]:
            return {"reversed": self.network.content(role)}

    over(encoder, store).encode(TEXTS)
    before = len(encoded)
    turned = over_store(Reversed(encoder), store)
    assert not is_searcher(turned)
    vectors = turned.encode(TEXTS).vectors
    assert len(encoded) == before
    np.testing.assert_allclose(vectors[:, ::-1], encoder.encode(TEXTS).vectors, atol=1e-6)


def test_the_keys_of_what_is_kept_stay_what_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's cache goes on being found: the names of spaces and of scores, written down when they were first given."""
    for name in ("config.json", "tokenizer.json", "vocab.txt"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    spec = BaseSpec(
        folder=tmp_path,
        found_in="path",
        sha256="a" * 64,
        hub_id=None,
        revision=None,
        alias=None,
        dimension=2,
        positions=512,
        language="en",
    )
    encoding = EncodingSpec(
        pooling="cls",
        query_prompt="find: ",
        document_prompt="",
        max_tokens=512,
        query_tokens=64,
        document_tokens=512,
        lowercase=False,
        tokenizer_folder=tmp_path,
    )
    base = Base(Network(spec, torch.nn.Linear(2, 2)), encoding, None, "b" * 64)  # type: ignore[arg-type]
    monkeypatch.setattr("adapt_embed.cache.space.distribution_versions", lambda *names: dict.fromkeys(names, "1.0"))
    module = {"layer": LoraModule(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]), 0.5)}
    plain = LoraEncoder(base, precision="fp32")
    adapted = LoraEncoder(base, module, document_factors={}, precision="bf16", max_tokens=256)
    both = EnsembleEncoder("concat", (plain, adapted), (0.25, 0.75), projection=np.eye(4, 2, dtype=np.float32))
    ranking = EnsembleSearcher("rrf", (plain, adapted), (0.25, 0.75))
    roles = ("query", "document")
    assert [vector_space(each, role)[:8] for each in (plain, adapted) for role in roles] == SPACES  # type: ignore[arg-type]
    assert [identify("x", each).revision[:8] for each in (plain, adapted, both, ranking)] == REVISIONS


def test_ten_thousand_vectors_are_read_in_well_under_a_second(store: VectorStore) -> None:
    texts, vectors = [f"text {row}" for row in range(10_000)], some_vectors(10_000, 384)
    for start in range(0, 10_000, 100):
        store.add(SPACE, texts[start : start + 100], vectors[start : start + 100], np.zeros(100, np.bool_))
    started = time.perf_counter()
    found = store.find(SPACE, texts, 384)
    assert time.perf_counter() - started < 1  # measured: 0.05 s on two busy cores
    assert vectors[found.rows].tobytes() == found.vectors.tobytes()
    assert len(found.rows) == 10_000


DAMAGES = {
    "cut": lambda content: content[:-7],
    "empty": lambda content: b"",
    "noise": lambda content: b"\x00\xff" * 200,
    "one bit of a vector": lambda content: (
        content[:-300] + bytes([content[-300] ^ 1]) + content[-299:]
    ),  # behind the vectors: 6 marks, 96 bytes of hashes
    "header": lambda content: content[:20] + b"?" + content[21:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shard_is_a_miss_and_goes(encoder: LoraEncoder, store: VectorStore, encoded: list[str], damage: str) -> None:
    first = over(encoder, store).encode(TEXTS).vectors
    (shard,) = shards(store)
    shard.write_bytes(DAMAGES[damage](shard.read_bytes()))
    again = over(encoder, store)
    assert again.encode(TEXTS).vectors.tobytes() == first.tobytes()
    assert again.store.files.damaged == 1
    assert len(encoded) == 12
    assert len(shards(store)) == 1
    assert shard not in shards(store)


def test_vectors_of_another_width_are_damage(store: VectorStore) -> None:
    store.add(SPACE, ["a"], some_vectors(1, 8), np.zeros(1, np.bool_))
    assert len(store.find(SPACE, ["a"], 16).rows) == 0
    assert store.files.damaged == 1


def test_what_cannot_be_kept_costs_time_alone(encoder: LoraEncoder, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    cached = over(encoder, VectorStore(CacheFiles(tmp_path / "store")))
    np.testing.assert_allclose(cached.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors, atol=1e-6)
    assert cached.store.files.problem is not None
    assert "cannot be written" in cached.store.files.problem


def test_above_the_size_the_least_recently_used_go(tmp_path: Path) -> None:
    store = VectorStore(CacheFiles(tmp_path / "store", max_bytes=40_000))  # a shard of 10 vectors of 256 takes about 10,600 bytes
    names = [f"t{row}" for row in range(10)]
    for number in range(3):
        store.add(str(number) * 32, names, some_vectors(10, 256, number), np.zeros(10, np.bool_))
    for age, path in zip((3, 2, 1), shards(store), strict=True):
        os.utime(path, (time.time() - age * 100,) * 2)
    assert len(store.find("0" * 32, names, 256).rows) == 10  # the oldest is used, and is the youngest now
    store.add("3" * 32, names, some_vectors(10, 256, 3), np.zeros(10, np.bool_))
    assert [len(store.find(str(number) * 32, names, 256).rows) for number in range(4)] == [10, 0, 10, 10]
    assert sum(path.stat().st_size for path in shards(store)) <= 40_000


def test_a_size_that_holds_nothing_still_gives_vectors(encoder: LoraEncoder, tmp_path: Path) -> None:
    cached = over(encoder, VectorStore(CacheFiles(tmp_path / "store", max_bytes=1)))
    np.testing.assert_allclose(cached.encode(TEXTS).vectors, encoder.encode(TEXTS).vectors, atol=1e-6)
    assert shards(cached.store) == []


def test_what_a_killed_process_left_goes_in_time(store: VectorStore) -> None:
    folder = store.files.folder / "vectors"
    folder.mkdir(parents=True)
    (folder / "old.tmp").write_bytes(b"half a shard")
    (folder / "new.tmp").write_bytes(b"half a shard")
    os.utime(folder / "old.tmp", (time.time() - 7200,) * 2)
    store.add(SPACE, ["a"], some_vectors(1), np.zeros(1, np.bool_))
    assert sorted(path.name for path in folder.glob("*.tmp")) == ["new.tmp"]
    assert len(store.find(SPACE, ["a"], 8).rows) == 1


WRITER = """
import sys
from pathlib import Path
import numpy as np
from adapt_embed.cache import CacheFiles
from adapt_embed.cache.vectors import VectorStore
store = VectorStore(CacheFiles(Path(sys.argv[1]), int(sys.argv[4])))
own = int(sys.argv[2])
for round in range(int(sys.argv[3])):
    texts = [f"shared {round} {row}" for row in range(20)] + [f"{own} {round} {row}" for row in range(20)]
    rng = np.random.default_rng(round)
    vectors = np.concatenate([rng.standard_normal((20, 64)), np.full((20, 64), own)]).astype(np.float32)
    found = store.find("0" * 32, texts, 64)
    assert np.array_equal(found.vectors, vectors[found.rows])
    missing = sorted(set(range(40)) - set(found.rows.tolist()))
    store.add("0" * 32, [texts[row] for row in missing], vectors[missing], np.zeros(len(missing), bool))
    print(round, flush=True)
"""


def start_writer(store: VectorStore, own: int, rounds: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.files.folder), str(own), str(rounds), str(store.files.max_bytes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_processes_that_write_at_once_lose_and_mix_up_nothing(store: VectorStore) -> None:
    writers = [start_writer(store, own, 15) for own in (1, 2)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors.decode()
    for own in (1, 2):
        texts = [f"{own} {round_} {row}" for round_ in range(15) for row in range(20)]
        found = store.find(SPACE, texts, 64)
        assert len(found.rows) == 300
        assert (found.vectors == own).all()
    shared = store.find(SPACE, [f"shared {round_} {row}" for round_ in range(15) for row in range(20)], 64)
    assert len(shared.rows) == 300
    assert store.files.damaged == 0


def test_processes_that_make_room_for_one_another_find_true_vectors_or_none(tmp_path: Path) -> None:
    store = VectorStore(CacheFiles(tmp_path / "store", max_bytes=50_000))  # of the 180,000 or more that each writes
    writers = [start_writer(store, own, 30) for own in (1, 2)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors.decode()
    store.files.evict()
    kept = sum(path.stat().st_size for path in shards(store))
    assert 20_000 < kept <= 50_000


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_kill_amid_writing_leaves_what_was_finished(store: VectorStore) -> None:
    writer = start_writer(store, 1, 100_000)
    assert writer.stdout is not None
    finished = int([writer.stdout.readline() for _ in range(5)][-1])
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    found = store.find(SPACE, [f"1 {round_} {row}" for round_ in range(finished + 1) for row in range(20)], 64)
    assert len(found.rows) == 20 * (finished + 1)
    assert (found.vectors == 1).all()
    assert store.files.damaged == 0
    store.add(SPACE, ["after"], some_vectors(1, 64), np.zeros(1, np.bool_))
    assert len(store.find(SPACE, ["after"], 64).rows) == 1


@pytest.mark.parametrize(
    ("text", "size"), [("5GB", 5 * 10**9), ("1.5 gb", 15 * 10**8), ("300M", 3 * 10**8), ("42", 42), ("7 kb", 7000), ("8B", 8)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1", "0", "5 EB", "1,5GB", "0.2B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a size; expected bytes, or a number followed by KB"):
        parse_size(text)


@pytest.mark.parametrize("size", [1, 999, 7000, 15 * 10**8, DEFAULT_BYTES])
def test_a_described_size_reads_back(size: int) -> None:
    assert parse_size(describe_size(size)) == size


def test_the_place_and_the_size_come_from_the_environment(isolation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_cache_files() == CacheFiles(isolation / "adapt-cache" / "store", DEFAULT_BYTES)
    monkeypatch.setenv("ADAPT_CACHE_SIZE", "3MB")
    assert open_cache_files().max_bytes == 3_000_000
    assert open_cache_files(7).max_bytes == 7
