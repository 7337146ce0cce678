"""Rows as people have them: columns of other names, conversations, JSON arrays, sets of the Hub, several sources at once."""

import json
from pathlib import Path
from typing import Any

import pytest
from adapt_embed.data import Domain, ReadOptions, TrainingData, load_training_data
from adapt_embed.data.read import json_array
from adapt_embed.data.source_words import Sources, WeightedSource, find_sources, name_sources
from adapt_embed.data.sources import check_source, read_data
from adapt_embed.errors import ConfigError, DataError

OWN = Domain(name="own", description={})


def load(source: object, **options: Any) -> TrainingData:
    return read_data(source if not isinstance(source, Path) else str(source), domain=OWN, lang="zh", read=ReadOptions(**options))


def texts(data: TrainingData) -> dict[str, list[str]]:
    return {data.train.queries[qid]: [data.corpus[pid] for pid in own] for qid, own in data.train.positives.items()}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def refusal(source: object, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_are_named_and_those_with_usual_names_then_are_not_used(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "患者说,医生说,又说,query,重\n头痛,休息,喝水,x,2\n")
    data = load(path, columns="query=患者说,positive=医生说,positive=又说,weight=重")
    assert texts(data) == {"头痛": ["休息", "喝水"]}
    assert data.train.weights == {"q0": {"p0": 2.0, "p1": 2.0}}
    assert data.notes == (f"{path}: not used: query (--columns names others)",)
    assert load(path, columns={"query": "患者说", "positive": "医生说"}).train.positives == {"q0": {"p0": 1}}


@pytest.mark.parametrize("columns", ["query=问,positive=答", ""])
@pytest.mark.parametrize("late", ["positive", "query"])
def test_a_key_of_a_later_row_takes_no_place_of_a_column_that_is_used(tmp_path: Path, columns: str, late: str) -> None:
    path = write(tmp_path / "t.jsonl", lines({"问": "q", "答": "a"}, {"问": "q2", "答": "a2", late: "zzz"}))
    data = load(path, columns=columns)
    assert texts(data) == {"q": ["a"], "q2": ["a2"]}
    assert f"{path}: not used in later rows: {late} (--columns names others)" in data.notes


def test_a_column_that_is_not_there_and_a_wrong_role_are_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "问题,答案\na,b\n")
    assert (
        refusal(path, columns="query=问题吗")
        == f"{path} has no column '问题吗', which --columns names for the query; its columns: 问题, 答案. Did you mean 问题?"
    )
    for wrong, message in (
        ("question=a", "unknown role of a column 'question'"),
        ("query", "'query' does not name a column; expected ROLE=COLUMN"),
        ("query=a,query=b", "two columns are named for query"),
        ("query=a,positive=a", "the column 'a' is named twice"),
    ):
        with pytest.raises(ConfigError, match=message):
            ReadOptions(columns=wrong)
    assert ReadOptions(columns="query=a, b,positive=c").named == (("query", "a, b"), ("positive", "c"))


@pytest.mark.parametrize(
    ("heading", "guessed"),
    [
        ("Question,Answer", "query from 'Question', positive from 'Answer'"),
        ("用户问题（必填）,标准答案", "query from '用户问题（必填）', positive from '标准答案'"),
        ("問題,答案", "query from '問題', positive from '答案'"),
        ("query,response", "positive from 'response'"),
    ],
)
def test_usual_names_are_guessed_and_said(tmp_path: Path, heading: str, guessed: str) -> None:
    path = write(tmp_path / "t.csv", f"{heading}\na,b\n")
    data = load(path)
    assert texts(data) == {"a": ["b"]}
    assert data.notes == (f"{path}: {guessed}, by the names of its columns (others: --columns)",)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_csv_with_another_delimiter_is_read_and_told(tmp_path: Path, delimiter: str, name: str) -> None:
    path = write(tmp_path / "t.csv", f'anchor{delimiter}positive\na, b{delimiter}"c{delimiter}d"\n')
    check_source(str(path))
    data = load(path)
    assert texts(data) == {"a, b": [f"c{delimiter}d"]}
    assert data.notes == (f"t.csv: its cells end at {name}, as its heading shows",)


def test_numbered_answers_are_guessed_in_their_order_and_half_a_guess_is_none(tmp_path: Path) -> None:
    data = load(write(tmp_path / "t.csv", "问题,答案2,答案1,rejected\na,c,b,d\n"))
    assert texts(data) == {"a": ["b", "c"]}
    assert data.train.negatives == {"q0": ["p2"]}
    message = refusal(write(tmp_path / "half.csv", "a,answer\nx,y\n"))
    assert "lacks the column anchor, positive; expected anchor, positive, it has a, answer; name them with --columns" in message


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "thanks"}]},
        {
            "conversations": [
                {"from": "human", "value": "x"},
                {"from": "gpt", "value": "y"},
                {"from": "human", "value": "a"},
                {"from": "gpt", "value": "b"},
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "b"}]},
        {"messages": [{"role": "user", "content": "a"}], "positive_messages": [[{"role": "user", "content": "b"}]]},
    ],
    ids=["ms-swift", "ShareGPT", "several turns", "parts", "ms-swift for embeddings"],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_of_a_conversation_the_last_answered_question_is_the_query(tmp_path: Path, row: dict[str, object], suffix: str) -> None:
    path = write(tmp_path / f"t{suffix}", lines(row) if suffix == ".jsonl" else json.dumps([row]))
    check_source(str(path))
    data = load(path)
    assert texts(data) == {"a": ["b"]}
    assert data.notes[0].startswith(f"{path}: conversations under ")


def test_what_a_conversation_rejects_is_a_negative_and_one_without_an_answer_is_bad(tmp_path: Path) -> None:
    asked = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected_response": "c"}
    path = write(tmp_path / "t.jsonl", lines(asked, {"messages": [{"role": "user", "content": "z"}]}, {"messages": "no"}))
    assert "t.jsonl, line 2: the conversation under 'messages' holds no turn of the user that is answered" in refusal(path)
    data = load(path, skip_bad=True)
    assert texts(data) == {"a": ["b"]}
    assert [data.corpus[pid] for pid in data.train.negatives["q0"]] == ["c"]
    assert "skipped 2 bad rows" in data.notes[-1]


def test_an_array_is_read_an_element_at_a_time_and_what_is_wrong_names_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"query": f"问{n}", "positive": f"答{n}" * 5} for n in range(50)]
    for block in (7, 64, 1 << 20):
        monkeypatch.setattr(json_array, "_BLOCK", block)
        assert texts(load(write(tmp_path / "t.json", json.dumps(rows, ensure_ascii=False, indent=1)))) == {
            f"问{n}": [f"答{n}" * 5] for n in range(50)
        }
    cut = write(tmp_path / "cut.json", json.dumps(rows)[:-20])
    assert "cut.json, row 50: not valid JSON" in refusal(cut)
    assert "row 1: a JSON int" in refusal(write(tmp_path / "t.json", "[1, 2]"))


def test_words_name_one_source_or_several_with_weights(tmp_path: Path) -> None:
    odd = write(tmp_path / "a=1", "x")
    assert name_sources([]) is None
    assert name_sources(["a.csv"]) == "a.csv"
    assert name_sources(["a.csv", "b.csv=0.5"]) == Sources((WeightedSource("a.csv"), WeightedSource("b.csv", 0.5)))
    assert str(name_sources(["a.csv", "b.csv=0.5"])) == "a.csv + b.csv=0.5"
    assert name_sources([str(odd)]) == str(odd)
    assert name_sources(["a=b.csv"]) == "a=b.csv"
    assert find_sources([("q", "p")]) == [("q", "p")]
    assert find_sources(["q", "p"]) == ["q", "p"]
    assert find_sources([Path("a.csv"), "sample"]) == Sources((WeightedSource("a.csv"), WeightedSource("sample")))
    for words, message in ((["a.csv=0"], "the weight of a.csv is 0"), (["a.csv=nan"], "is nan"), (["a.csv", "a.csv=2"], "is given twice")):
        with pytest.raises(DataError, match=message):
            name_sources(words)


def test_several_sources_are_joined_by_their_texts_and_weights_multiply(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "anchor,positive,negative\nq,p,n\nr,s,\n")
    other = write(tmp_path / "b.csv", "问题,答案\nq,p\nq,n\n")
    data = load([one, f"{other}=0.5"])
    assert texts(data) == {"q": ["p", "n"], "r": ["s"]}
    assert sorted(data.corpus.values()) == ["n", "p", "s"]
    assert data.train.negatives == {}  # what answers a query in one source is not its negative
    (first, *_) = data.train.weights.values()
    assert sorted(first.values()) == [0.5, 1.5]
    assert data.source == f"{one} + {other}=0.5"
    assert data.notes[0] == f"2 sources are joined: 2 queries of {one}, 1 query of {other}=0.5"
    plain = load([one, other])
    assert plain.train.weights == {}
    with pytest.raises(DataError, match="does not exist"):
        check_source([str(one), str(tmp_path / "none.csv")])


def test_joined_sources_are_split_once_so_that_no_dev_text_is_trained_on(tmp_path: Path) -> None:
    rows = [f"q{n},p{n}\n" for n in range(120)]
    one, other = (write(tmp_path / f"{name}.csv", "anchor,positive\n" + "".join(rows)) for name in "ab")
    data = load_training_data([one, other], domain=OWN, lang="zh", seed=0)
    assert data.dev is not None
    assert len(data.train) + len(data.dev) == 120
    assert not set(data.train.queries.values()) & set(data.dev.queries.values())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf:owner/name", r"does not name a set at a revision; expected hf:OWNER/NAME@REVISION"),
        ("hf:owner/name@abc:default/test", r"a test split is never trained on"),
        ("mteb:", r"names no task"),
    ],
)
def test_the_name_of_a_set_is_checked_before_anything_is_loaded(source: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_source(source)


def test_a_set_of_the_hub_that_is_not_cached_is_one_line_offline() -> None:
    assert "owner/name@abc is not in the cache, and the Hub" in refusal("hf:owner/name@abc:default/train")


def test_rows_in_memory_take_columns_and_skip_what_is_bad() -> None:
    rows = [{"问": "a", "答": "b"}, {"问": "", "答": "b"}, {"问": "c", "答": None}]
    data = load(rows, columns={"query": "问", "positive": "答"}, skip_bad=True)
    assert texts(data) == {"a": ["b"]}
    assert "skipped 2 bad rows" in data.notes[-1]
    assert texts(load([{"问题": "a", "答案": "b"}])) == {"a": ["b"]}


def test_columns_of_a_folder_are_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder, whose files have columns of their own; leave --columns out"):
        check_source(str(tmp_path), ReadOptions(columns="query=a"))


def test_columns_that_are_named_may_be_those_of_one_of_several_sources(tmp_path: Path) -> None:
    one = write(tmp_path / "a.csv", "ask,told\nq,p\n")
    other = write(tmp_path / "b.csv", "问题,答案\nr,s\n")
    columns = "query=ask,positive=told"
    check_source([one, other], ReadOptions(columns=columns))
    data = load([one, other], columns=columns)
    assert texts(data) == {"q": ["p"], "r": ["s"]}
    assert f"{other}: it has none of the columns that --columns names" in data.notes
    assert "has no column 'ask'" in refusal(other, columns=columns)
