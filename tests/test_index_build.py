"""`adapt index build` and `add`: in order, the same bytes after a kill, and bad input in a line."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import adapt_embed.disk as disk
import numpy as np
import pytest
import torch
from adapt_embed.cli import main
from adapt_embed.data.corpus_files import CorpusFile, Passage
from adapt_embed.encoders import LoraEncoder
from adapt_embed.errors import AdaptError, ConfigError
from adapt_embed.events import Quiet
from adapt_embed.index.build import AddRequest, BuildRequest, prepare_add, prepare_build
from adapt_embed.index.folder import IndexFolder, find_faults, open_index
from adapt_embed.references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
from adapt_embed.registry import open_registry
from click.testing import CliRunner, Result
from filelock import FileLock

ROWS = [
    {"_id": "a", "title": "Court", "text": "the judge"},
    {"_id": "b", "title": "", "text": "a tenant pays rent"},
    {"_id": "中文", "title": "法院", "text": "法官"},
    {"_id": "d", "title": "", "text": ""},
    {"_id": "e", "title": "", "text": "notice \u2028 to the landlord"},
]
TEXTS = ["Court the judge", "a tenant pays rent", "法院 法官", "", "notice \u2028 to the landlord"]


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "corpus.jsonl", ROWS)


@pytest.fixture
def where(tiny_base: Path) -> Search:
    return Search(registry=open_registry(), base=str(tiny_base))


@pytest.fixture
def build(where: Search, corpus: Path, tmp_path: Path):
    """Build an index of the corpus, two rows a shard."""

    def run(out: Path = tmp_path / "index", **options: object) -> IndexFolder:
        given = {
            "corpus": corpus,
            "out": out,
            "where": where,
            "rows_per_shard": 2,
            "vectors": "fp32",
            "settings": EncoderSettings(precision="fp32"),
        }
        prepare_build(BuildRequest(**(given | options))).run()  # type: ignore[arg-type]
        return open_index(out)

    return run


def embed(where: Search, texts: list[str]) -> np.ndarray:
    encoder = open_encoder(resolve_reference("base", where), LoadedBases(EncoderSettings(precision="fp32")))
    return encoder.encode(texts).vectors


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".lock"}


def test_an_index_has_ids_texts_and_vectors_in_the_order_of_the_corpus(build, where: Search) -> None:
    index = build()
    assert [shard.rows for shard in index.manifest.shards] == [2, 2, 1]
    assert list(index.ids()) == [row["_id"] for row in ROWS]
    assert [index.text(row) for row in range(5)] == TEXTS
    np.testing.assert_allclose(index.vectors().rows(range(5)).numpy(), embed(where, TEXTS), atol=1e-6)
    assert index.rows_of(["中文", "x", "a", "e"]) == [2, None, 0, 4]
    assert index.vectors().content == index.manifest.content
    assert find_faults(index) == []


def test_bfloat16_halves_the_vectors_and_texts_may_be_left_out(build, tmp_path: Path) -> None:
    exact, half = build().vectors(), build(out=tmp_path / "half", vectors="bf16", keep_texts=False)
    assert half.vectors().parts[0].dtype == torch.bfloat16
    assert torch.equal(half.vectors().rows(range(5)), exact.rows(range(5)).bfloat16().float())
    assert half.text(0) is None
    assert half.id(2) == "中文"
    assert find_faults(half) == []


def test_rows_that_are_added_stand_behind_as_if_built_together(build, corpus: Path, tmp_path: Path, where: Search) -> None:
    whole = build(out=tmp_path / "whole")
    write_jsonl(corpus, ROWS[:4])
    first = build()
    write_jsonl(tmp_path / "more.jsonl", ROWS[4:])
    prepare_add(AddRequest(index=first.path, corpus=tmp_path / "more.jsonl", where=Search(registry=open_registry()))).run()
    assert content(first.path) == content(whole.path)


KILLS = 10


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_build_that_is_killed_goes_on_with_the_same_bytes(build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    steps: list[str] = []
    monkeypatch.setattr(disk, "FAULT", lambda operation, path: steps.append(operation) if "whole" in str(path) else None)
    expected = content(build(out=tmp_path / "whole").path)
    folder, stop_at, taken = tmp_path / "index", 1 + moment * (len(steps) - 1) // KILLS, 0

    def fault(operation: str, path: Path) -> None:
        nonlocal taken
        taken += folder in (path, *path.parents)
        if taken > stop_at:  # nothing more reaches the disk, as after a kill
            raise KeyboardInterrupt

    monkeypatch.setattr(disk, "FAULT", fault)
    with pytest.raises(KeyboardInterrupt):
        build()
    monkeypatch.setattr(disk, "FAULT", None)
    assert not (folder / "index.json").exists() or moment == KILLS - 1
    with pytest.raises(AdaptError, match=r"is not finished|is not an index"):
        open_index(folder)
    build()
    assert content(folder) == expected


def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_with(build, tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    write_jsonl(corpus, [{"_id": str(number), "text": f"text {number} " * 20} for number in range(160)])
    code = (
        "import sys; from pathlib import Path; from adapt_embed.index.build import *\n"
        f"where = Search(registry=open_registry(), base={str(tiny_base)!r})\n"
        f"request = BuildRequest(corpus=Path({str(corpus)!r}), out=Path({str(tmp_path / 'index')!r}), where=where, rows_per_shard=2, "
        "vectors='fp32', settings=EncoderSettings(precision='fp32'))\nprepare_build(request).run()"
    )
    child = subprocess.Popen([sys.executable, "-c", code])
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("index/*.safetensors"))) < 3 and time.monotonic() < end and child.poll() is None:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("index/0*.safetensors")}
    assert 3 <= len(before) < 80
    index = build()
    assert content(index.path) == content(build(out=tmp_path / "whole").path)
    assert {name: (index.path / name).stat().st_mtime_ns for name in before} == before


def test_an_addition_that_is_killed_leaves_the_index_whole_and_goes_on(
    build, tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = content(build(out=tmp_path / "whole").path)
    write_jsonl(corpus, ROWS[:2])
    index = build()
    more = write_jsonl(tmp_path / "more.jsonl", ROWS[2:])
    job = prepare_add(AddRequest(index=index.path, corpus=more))
    names: list[str] = []

    def fault(operation: str, path: Path) -> None:
        names.append(path.name)
        if operation == "rename" and path.name == "000002.safetensors":
            raise KeyboardInterrupt

    monkeypatch.setattr(disk, "FAULT", fault)
    with pytest.raises(KeyboardInterrupt):
        job.run()
    monkeypatch.setattr(disk, "FAULT", None)
    assert list(open_index(index.path).ids()) == ["a", "b"]
    assert "an addition was interrupted" in find_faults(open_index(index.path))[0]
    report = prepare_add(AddRequest(index=index.path, corpus=more)).run()
    assert (report.added, report.kept) == (3, 2)
    assert content(index.path) == whole


def test_other_rows_after_a_kill_are_not_mistaken_for_those_that_were_embedded(
    build, tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(operation: str, path: Path) -> None:
        if path.name == "index.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(disk, "FAULT", fault)
    with pytest.raises(KeyboardInterrupt):
        build()
    monkeypatch.setattr(disk, "FAULT", None)
    write_jsonl(corpus, [ROWS[0], {"_id": "b", "text": "another"}])
    index = build()
    assert list(index.ids()) == ["a", "b"]
    assert index.text(1) == "another"
    assert content(index.path) == content(build(out=tmp_path / "whole").path)


def test_no_more_than_a_shard_is_held_and_an_interruption_says_how_to_go_on(
    build, corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: Search
) -> None:
    write_jsonl(corpus, [{"_id": str(number), "text": f"text {number}"} for number in range(40)])
    read, encoded, notes = [], [], []
    passages, encode = CorpusFile.passages, LoraEncoder.encode

    def reading(self: CorpusFile, start: int = 0) -> Iterator[Passage]:
        for passage in passages(self, start):
            read.append(passage.id)
            yield passage

    def encoding(self: LoraEncoder, texts: list[str], *rest: object, **more: object) -> object:
        encoded.extend(texts)
        assert len(read) - 40 - len(encoded) <= 0  # 40 were read before, to count them
        if len(encoded) == 20:
            raise KeyboardInterrupt
        return encode(self, texts, *rest, **more)  # type: ignore[arg-type]

    class Told(Quiet):
        def note(self, text: str) -> None:
            notes.append(text)

    monkeypatch.setattr(CorpusFile, "passages", reading)
    monkeypatch.setattr(LoraEncoder, "encode", encoding)
    with pytest.raises(KeyboardInterrupt):
        prepare_build(BuildRequest(corpus=corpus, out=tmp_path / "index", where=where, rows_per_shard=4)).run(Told())
    assert len(read) == 60
    assert notes[-1] == "interrupted; the same command goes on where this one stopped"


# what is read


def write_csv(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["Doc-ID", "标题", "Passage"], *([row["_id"], row["title"], row["text"]] for row in ROWS)])
    return path


def write_parquet(path: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(
        pyarrow.Table.from_pylist([{"id": row["_id"], "heading": row["title"], "content": row["text"]} for row in ROWS]), path
    )
    return path


def write_gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode()))
    return path


@pytest.mark.parametrize(
    ("name", "write"), [("c.csv", write_csv), ("c.parquet", write_parquet), ("c.jsonl.gz", write_gzip)], ids=["csv", "parquet", "gz"]
)
def test_every_kind_of_file_gives_the_same_bytes(build, tmp_path: Path, name: str, write) -> None:
    assert content(build(corpus=write(tmp_path / name), out=tmp_path / "other").path) == content(build().path)


def test_a_beir_folder_and_numbered_rows(build, tmp_path: Path, corpus: Path) -> None:
    assert build(corpus=tmp_path, out=tmp_path / "beir").count == 5
    write_jsonl(tmp_path / "plain.jsonl", [{"text": "one"}, {"text": "two"}])
    index = build(corpus=tmp_path / "plain.jsonl")
    prepare_add(AddRequest(index=index.path, corpus=tmp_path / "plain.jsonl")).run()
    assert list(open_index(index.path).ids()) == ["0", "1", "2", "3"]


# what is refused


def lines(*rows: str) -> str:
    return "\n".join(rows) + "\n"


BAD = [
    ("empty.jsonl", "", "is empty"),
    ("blank.jsonl", "\n\n", "holds no rows"),
    ("heading.csv", "id,text\n", "holds no rows; expected a corpus"),
    (
        "twice.jsonl",
        lines('{"_id": "a", "text": "x"}', '{"_id": 1, "text": "x"}', '{"_id": "a", "text": "y"}'),
        "line 3: the id 'a' occurs twice, first in",
    ),
    ("number.jsonl", lines('{"_id": "a", "text": "x"}', '{"_id": "b", "text": 3}'), "line 2: expected a text under 'text', found a int"),
    ("null.jsonl", lines('{"_id": "a", "text": null}'), "line 1: expected a text under 'text', found none"),
    ("noid.jsonl", lines('{"_id": "a", "text": "x"}', '{"text": "x"}'), "line 2: there is no id under '_id'"),
    ("blankid.csv", "id,text\n ,x\n", "the id under 'id' is empty"),
    ("json.jsonl", lines('{"_id": "a", "text": "x"}', "{"), "line 2: not valid JSON"),
    ("names.csv", "colour,shape\na,b\n", "has no column of texts that is known by its name"),
    ("cells.csv", "id,text\na,b\nc\n", "line 3: 1 cells where the heading has 2"),
    ("bytes.jsonl", b'{"_id": "a", "text": "\xff"}\n', "is not UTF-8 text"),
    ("cut.jsonl.gz", gzip.compress(lines(*(f'{{"_id": "{n}", "text": "x"}}' for n in range(99))).encode())[:-20], "is cut or damaged"),
    ("not.parquet", b"PAR1 nothing", "could not be read as parquet"),
    ("corpus.txt", "a\n", "is not a table"),
]


@pytest.mark.parametrize(("name", "written", "message"), BAD, ids=[name for name, _, _ in BAD])
def test_a_corpus_that_is_not_one_is_refused_in_a_line(
    tmp_path: Path, tiny_base: Path, name: str, written: str | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    result = adapt("index", "build", path, "-o", tmp_path / "out", "--base", tiny_base)
    assert result.exit_code == 1, result.output
    assert message in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error: ")]) == 1
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("out/*.safetensors"))


def adapt(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_ids_that_are_there_are_refused_and_nothing_changes(build, tmp_path: Path) -> None:
    index = build()
    before = content(index.path)
    more = write_jsonl(tmp_path / "more.jsonl", [{"_id": "new", "text": "x"}, {"_id": "中文", "text": "y"}])
    result = adapt("index", "add", index.path, more)
    assert "line 2: the id '中文' is in" in result.stderr
    assert content(index.path) == before


def test_another_base_or_encoding_is_refused(
    build, tmp_path: Path, second_base: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = build()
    more = write_jsonl(tmp_path / "more.jsonl", [{"_id": "new", "text": "x"}])
    result = adapt("index", "add", index.path, more, "--base", second_base)
    assert result.exit_code == 1
    assert "was made for tiny-base with weights of sha256" in result.stderr

    def fault(operation: str, path: Path) -> None:
        if path.name == "index.json":
            raise KeyboardInterrupt

    monkeypatch.setattr(disk, "FAULT", fault)
    with pytest.raises(KeyboardInterrupt):
        build(out=tmp_path / "begun")
    monkeypatch.setattr(disk, "FAULT", None)
    common = ("index", "build", tmp_path / "corpus.jsonl", "-o", tmp_path / "begun", "--dtype", "fp32", "--vectors", "fp32")
    for options, message in (
        (("--base", second_base), "not finished with another base (sha256"),
        (("--base", tiny_base, "--pooling", "mean"), "not finished with another pooling ('cls' there, 'mean' here)"),
        (("--base", tiny_base, "--no-texts"), "another whether texts are kept"),
    ):
        result = adapt(*common, *options)
        assert result.exit_code == 1
        assert message in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "made"), [("--max-tokens", "16", "512"), ("--dtype", "bf16", "fp32"), ("--pooling", "mean", "cls")]
)
def test_rows_are_not_added_in_another_way_than_those_that_are_there(build, tmp_path: Path, option: str, value: str, made: str) -> None:
    index = build()
    before = content(index.path)
    more = write_jsonl(tmp_path / "more.jsonl", [{"_id": "new", "text": "x"}])
    result = adapt("index", "add", index.path, more, option, value)
    assert result.exit_code == 1
    assert f"was made with {made}, and {option} says {value}; leave it out, or build a new index" in result.stderr
    assert content(index.path) == before


def test_files_of_the_users_beside_the_shards_stay(build, tmp_path: Path) -> None:
    index = build()
    (index.path / "mine.safetensors").write_bytes(b"mine")
    result = adapt("index", "add", index.path, write_jsonl(tmp_path / "more.jsonl", [{"_id": "new", "text": "x"}]))
    assert result.exit_code == 0, result.stderr
    assert (index.path / "mine.safetensors").read_bytes() == b"mine"


def test_an_index_that_is_there_another_writer_and_other_files_are_refused(build, tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    index = build()
    common = ("index", "build", corpus, "--base", tiny_base, "-o")
    result = adapt(*common, index.path)
    assert f"{index.path} holds an index of 5 rows already; to add to it: adapt index add" in result.stderr
    (tmp_path / "new").mkdir()
    with FileLock(tmp_path / "new" / ".lock"):
        result = adapt(*common, tmp_path / "new")
    assert f"another process is writing the index {tmp_path / 'new'}" in result.stderr
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    result = adapt(*common, tmp_path / "full")
    assert "is not empty (notes.txt), and holds no index" in result.stderr
    assert "holds an index" in adapt(*common, index.path).stderr
    (tmp_path / "file").write_text("")
    assert "is not a folder" in adapt(*common, tmp_path / "file").stderr


def test_two_who_add_at_once_do_not_lose_one_another_s_rows(build, tmp_path: Path) -> None:
    index = build()
    first, second = (
        prepare_add(AddRequest(index=index.path, corpus=write_jsonl(tmp_path / f"{name}.jsonl", [{"_id": name, "text": "x"}])))
        for name in "xy"
    )
    first.run()
    with pytest.raises(AdaptError, match="another process added to"):
        second.run()


def test_too_little_disk_is_refused_before_a_network_is_loaded(build, monkeypatch: pytest.MonkeyPatch) -> None:
    import adapt_embed.index.corpus as corpus_module

    monkeypatch.setattr(corpus_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    with pytest.raises(ConfigError, match=r"its disk has 1\.0 kB free"):
        build()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has the format 99, and this version of adapt reads up to 1; use a newer adapt"),
        ({"kind": "x"}, "is not that of an index of adapt"),
        ({"count": 4}, "its counts or its content are not those of its shards"),
        ({"dimension": "x"}, "its dimension is 'x'; expected a whole number"),
        ({"shards": [{"file": "../x"}]}, "is damaged"),
        ({"bases": [{}]}, "a base lacks the key"),
    ],
)
def test_an_index_of_another_kind_or_damaged_is_refused(build, change: dict, message: str) -> None:
    path = build().path / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    for words in (("info", path.parent), ("verify", path.parent), ("add", path.parent, path.parent.parent / "corpus.jsonl")):
        result = adapt("index", *words)
        assert result.exit_code == 1
        assert message in result.stderr


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "is not an index: it holds no index.json" in adapt("index", "info", tmp_path).stderr
    assert "does not exist; make one with: adapt index build" in adapt("index", "info", tmp_path / "no").stderr


def test_verify_names_each_damaged_file(build) -> None:
    index = build()
    first, second, third = (index.path / shard.file for shard in index.manifest.shards)
    first.write_bytes(first.read_bytes()[:-1] + b"\1")
    os.truncate(second, 100)
    third.unlink()
    result = adapt("index", "verify", index.path, "--json")
    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    assert [each for each in ("is damaged: its sha256", "it is cut or was changed", "is not there") if each in " ".join(faults)] != []
    assert len(faults) == 3
    with pytest.raises(AdaptError, match="it is cut or was changed"):
        open_index(index.path).vectors()


def test_the_commands_say_what_was_built(tmp_path: Path, corpus: Path, tiny_base: Path) -> None:
    out = tmp_path / "out"
    result = adapt("index", "build", corpus, "-o", out, "--base", tiny_base, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert {key: said[key] for key in ("rows", "added", "kept", "dimension", "vectors", "texts", "reference", "pooling")} == {
        "rows": 5,
        "added": 5,
        "kept": 0,
        "dimension": 32,
        "vectors": "fp32",
        "texts": True,
        "reference": "base",
        "pooling": "cls",
    }
    assert "corpus.jsonl: id from '_id', text from 'text', title from 'title'" in result.stderr
    assert "5 texts of 12 characters on average; the vectors and all beside take" in result.stderr
    assert "1 text was empty: it has a vector like any other" in result.stderr
    more = write_jsonl(tmp_path / "more.jsonl", [{"_id": "f", "text": "x"}])
    assert "; the index has 6 now: " in adapt("index", "add", out, more).stdout
    info = adapt("index", "info", out)
    assert "rows" in info.stdout
    assert "tiny-base" in info.stdout
    assert json.loads(adapt("index", "info", out, "--json").stdout)["rows"] == 6
    assert "6 rows in 2 files, all as written" in adapt("index", "verify", out).stdout


def test_columns_can_be_named(tmp_path: Path, tiny_base: Path) -> None:
    path = write_jsonl(tmp_path / "odd.jsonl", [{"nr": 7, "words": "a", "text": "b"}])
    result = adapt("index", "build", path, "-o", tmp_path / "out", "--base", tiny_base, "--id-column", "nr", "--text-column", "words")
    assert result.exit_code == 0, result.output
    index = open_index(tmp_path / "out")
    assert (index.id(0), index.text(0)) == ("7", "a")
    assert "not used: text" in result.stderr
    result = adapt("index", "build", path, "-o", tmp_path / "no", "--base", tiny_base, "--text-column", "wods")
    assert "has no column 'wods' for the text; its columns: nr, words, text" in result.stderr
