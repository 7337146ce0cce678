"""Which rows cleaning drops and tells, in both languages, and that dev, ids and what is stated of rows stay."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.sample import load_sample
from adapt_embed.datatools.cleaning import RULES, CleanSettings, clean, row_pass
from adapt_embed.errors import BaseError, ConfigError, DataError
from adapt_embed.events import Quiet


@pytest.fixture(autouse=True)
def no_default_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengths are counted where a test names a base."""
    real = row_pass.find_base
    monkeypatch.setattr(row_pass, "find_base", lambda settings, language: real(settings, language) if settings.base else None)


ROWS = [
    ("who pays for repairs to the roof?", "The landlord keeps roof and walls in repair."),
    ("how long is the notice?", "The tenant gives two months of notice in writing."),
    ("租金应当什么时候支付？", "承租人应当按照约定的期限支付租金。"),
    ("谁来修理屋顶？", "出租人应当履行租赁物的维修义务。"),
]


def data_of(*rows: tuple[str, str], dev: tuple[tuple[str, str], ...] = (), **stated: object) -> TrainingData:
    """Return data with a row each: q0 with p0, and so on; dev's are d0 with e0."""
    train = Pairs({f"q{at}": query for at, (query, _) in enumerate(rows)}, {f"q{at}": {f"p{at}": 1} for at in range(len(rows))}, **stated)
    held = Pairs({f"d{at}": query for at, (query, _) in enumerate(dev)}, {f"d{at}": {f"e{at}": 1} for at in range(len(dev))})
    corpus = {f"p{at}": text for at, (_, text) in enumerate(rows)} | {f"e{at}": text for at, (_, text) in enumerate(dev)}
    return TrainingData(corpus=corpus, train=train, dev=held if dev else None, source="rows")


def found(data: TrainingData, settings: CleanSettings | None = None) -> dict[str, tuple[str, int]]:
    report = clean(data, settings).report
    return {finding.what.split(":")[0]: (finding.effect, finding.count) for finding in report.findings}


FAULTS = {
    "empty": ("dropped", [("who pays?", "N/A"), ("？！", "出租人付。"), ("多少钱？", "【暂无】")]),
    "duplicate": ("dropped", [("WHO pays for  repairs to the roof?", ROWS[0][1].upper()), (f"{ROWS[2][0]} ", ROWS[2][1])]),
    "near-duplicate": (
        "dropped",
        [("Who pays for repairs to the roof", "The landlord keeps roof and walls in repairs!"), (ROWS[3][0][:-1], ROWS[3][1][:-1])],
    ),
    "broken": ("told", [("what is it?", "It is a \ufffd of the \ufffd kind."), ("这是什么？", "锟斤拷是乱码。")]),
    "copied-query": (
        "told",
        [
            ("does it fit a large window?", "Does it fit a large window? Yes, it does."),
            ("保修期是多长时间", "请问保修期是多长时间？两年。"),
        ],
    ),
    "language": (
        "told",
        [
            ("Wie lange ist die Frist?", "Die Frist beträgt drei Monate zum Ende eines Monats."),
            ("納期はいつですか。", "ご注文から五日後に届きます。"),
        ],
    ),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_faulty_rows_are_found_and_sound_ones_stay(rule: str) -> None:
    effect, faulty = FAULTS[rule]
    data = data_of(*ROWS * 1, *faulty)
    settings = CleanSettings(languages=("en", "zh"))
    assert found(data_of(*ROWS), settings) == {}
    assert found(data, settings)[rule] == (effect, len(faulty))
    kept = clean(data, settings).data
    assert list(kept.train.queries) == [f"q{at}" for at in range(len(ROWS) + (0 if effect == "dropped" else len(faulty)))]
    assert kept.corpus.keys() == data.corpus.keys()


@pytest.mark.parametrize("rule", [rule for rule, (effect, _) in FAULTS.items() if effect == "dropped"])
def test_rows_of_dev_are_told_and_stay(rule: str) -> None:
    faulty = FAULTS[rule][1]
    data = data_of(*ROWS, dev=(*ROWS, *faulty))
    result = clean(data)
    assert result.data.dev is not None
    assert result.data.dev.positives == data.dev.positives
    assert {(finding.effect, finding.count) for finding in result.report.findings if finding.what.startswith(f"{rule}:")} == {
        ("told", len(faulty))
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            ("what does section 12 of the act say?", "Section 12 says who pays."),
            ("what does section 13 of the act say?", "Section 13 says who pays."),
        ),
        (("can I keep a dog in the flat?", "You can keep a dog."), ("can I not keep a dog in the flat?", "You can keep a dog.")),
        (("民法典第十二条规定了什么内容？", "第十二条规定了适用范围。"), ("民法典第十三条规定了什么内容？", "第十三条规定了适用范围。")),
    ],
)
def test_rows_with_other_numbers_or_a_negation_are_no_near_duplicates(one, other) -> None:
    assert "near-duplicate" not in found(data_of(one, other), CleanSettings(near=0.4))


def test_another_question_on_the_same_passage_stays() -> None:
    passage = "The landlord keeps roof and walls in repair, and pays for it."
    assert found(data_of(("who mends the roof?", passage), ("do I pay for damp walls?", passage))).keys() <= {"repeated-passage"}


@pytest.mark.parametrize(
    ("story", "one", "other"),
    [
        (
            "My aunt rents a flat in an old house, and water has come through its ceiling for weeks. ",
            "Who pays for it?",
            "Can she move out?",
        ),
        (
            "我姑姑在一栋老房子里租了一套公寓，几个星期以来天花板一直在漏水，房东知道以后什么也没有做。",
            "维修的费用由谁来承担？",
            "姑姑能否解除合同？",
        ),
    ],
)
def test_two_questions_behind_one_story_are_two_questions(story: str, one: str, other: str) -> None:
    passage = "The landlord keeps roof and walls in repair. 出租人应当履行维修义务。"
    assert "near-duplicate" not in found(data_of((story * 2 + one, passage), (story * 2 + other, passage)))
    again = story.replace("flat", "fflat").replace("天花板", "天花花板") * 2 + one
    assert found(data_of((story * 2 + one, passage), (again, passage)))["near-duplicate"] == ("dropped", 1)


def test_positives_of_one_query_that_are_nearly_the_same_stay() -> None:
    data = data_of(*ROWS)
    near = ROWS[0][1].replace("repair.", "repairs!")
    train = replace(data.train, positives=data.train.positives | {"q0": {"p0": 1, "again": 1}})
    assert "near-duplicate" not in found(replace(data, train=train, corpus=data.corpus | {"again": near}))


def test_a_negative_that_answers_its_query_is_dropped_whatever_its_id() -> None:
    data = data_of(*ROWS)
    train = replace(data.train, negatives={"q0": ["n0", "p1"], "q2": ["n2"]}, scores={"q0": {"n0": 0.1, "p0": 0.9}})
    corpus = data.corpus | {"n0": ROWS[0][1].upper(), "n2": f" {ROWS[2][1]}"}
    result = clean(replace(data, corpus=corpus, train=train))
    assert result.data.train.negatives == {"q0": ["p1"]}
    assert result.data.train.scores == {"q0": {"p0": 0.9}}
    assert found(replace(data, corpus=corpus, train=train))["contradiction"] == ("dropped", 2)


def test_negatives_of_a_duplicate_stay_with_the_query_that_stays() -> None:
    data = data_of(ROWS[2], ROWS[2], (f" {ROWS[2][0]}", ROWS[2][1]), *ROWS[3:])
    texts = {"n0": "每月一日", "n1": "每年一次", "n2": " 每月一日", "n3": "暂无"}
    negatives = {"q0": ["n0"], "q1": ["n1", "n3"], "q2": ["n2", "p3"], "q3": ["n1"]}
    train = replace(data.train, negatives=negatives)
    kept = clean(replace(data, corpus=data.corpus | texts, train=train)).data.train
    assert kept.negatives == {"q0": ["n0", "n1", "p3"], "q3": ["n1"]}
    scores = {"q0": {"p0": 0.9, "n0": 0.1}, "q1": {"p1": 0.9, "n1": 0.2, "n3": 0.0}}
    kept = clean(replace(data, corpus=data.corpus | texts, train=replace(train, scores=scores))).data.train
    assert kept.negatives == {"q0": ["n0", "n1"], "q3": ["n1"]}
    assert kept.scores == {"q0": {"p0": 0.9, "n0": 0.1, "n1": 0.2}}


def test_what_is_stated_of_rows_stays_and_weights_of_duplicates_add_up() -> None:
    stated = {"weights": {"q0": {"p0": 2.0}, "q4": {"p4": 3.0}}, "groups": {"q1": "a", "q4": "b"}, "times": {"q2": "2026-01-02"}}
    kept = clean(data_of(*ROWS, ROWS[0], **stated)).data.train
    assert kept.weights == {"q0": {"p0": 5.0}}
    assert (kept.groups, kept.times) == ({"q1": "a"}, {"q2": "2026-01-02"})


def test_a_language_is_dropped_on_request_alone() -> None:
    data = data_of(*[(query, passage) for query, passage in ROWS[:2]] * 15, FAULTS["language"][1][0])
    settings = CleanSettings(off=("duplicate", "near-duplicate"))
    assert len(clean(data, settings).data.train) == len(data.train)
    assert "q30" not in clean(data, replace(settings, drop=("language",))).data.train.queries


def test_short_english_questions_are_judged_with_their_passages() -> None:
    sample = load_sample("medical", "en")
    data = TrainingData(corpus=sample.corpus, train=sample.train, dev=None, source="sample")
    assert "language" not in found(data)


def test_lengths_are_counted_in_tokens_of_the_base(tiny_base: Path) -> None:
    data = data_of(*ROWS, ("who pays the rent for the flat?", "Yes"), ("what is in it?", "and so on " * 300))
    settings = CleanSettings(base=str(tiny_base), languages=("en", "zh"), min_passage_tokens=8)
    result = found(data, settings)
    assert result["short"] == ("dropped", 1)
    assert result["long"] == ("told", 1)
    assert found(data, replace(settings, max_tokens=2000)).get("long") is None


def test_a_base_that_is_named_and_not_there_is_refused() -> None:
    with pytest.raises(BaseError, match="nowhere"):
        clean(data_of(*ROWS), CleanSettings(base="nowhere"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"off": ("languge",)}, "Did you mean language"),
        ({"drop": ("html",)}, "the rule html drops nothing"),
        ({"off": ("html",), "tell": ("html",)}, "named twice"),
        ({"near": 0.0}, "near is 0.0"),
        ({"script": "old"}, "unknown script"),
        ({"min_passage_tokens": 0}, "at least 1"),
        ({"languages": ("english",)}, "unknown language"),
        ({"boilerplate": 1}, "at least 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_a_line(settings: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CleanSettings(**settings)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_off_finds_nothing(rule: str) -> None:
    data = data_of(*ROWS, *(row for _, faulty in FAULTS.values() for row in faulty), ("<p>a １  b</p>", "doesnâ€™t\x00 e\u0301"))
    assert rule not in found(data, CleanSettings(off=(rule,)))


def test_the_same_data_give_the_same_report_and_are_not_changed() -> None:
    data = data_of(*ROWS, *(row for _, faulty in FAULTS.values() for row in faulty))
    before = data.fingerprint()
    one, other = clean(data), clean(data)
    assert one == other
    assert data.fingerprint() == before


class Told(Quiet):
    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, what: str) -> None:
        self.stages.append(what)


def test_what_is_looked_for_is_told_as_it_begins() -> None:
    told = Told()
    clean(data_of(*ROWS), events=told)
    assert told.stages[0] == "cleaning texts"
    assert "looking for rows of the rule near-duplicate" in told.stages


def test_data_of_which_nothing_is_left_are_refused_with_the_rule_that_took_most() -> None:
    with pytest.raises(DataError, match="no training pair of rows is left: 2 pairs dropped, most of them by the rule empty"):
        clean(data_of(("who pays?", "N/A"), ("谁付？", "暂无")))


def test_data_without_pairs_stay_without() -> None:
    assert len(clean(data_of()).data.train) == 0


def test_the_tool_is_a_name_of_the_package_of_tools() -> None:
    from adapt_embed import datatools

    assert (datatools.clean, datatools.CleanSettings) == (clean, CleanSettings)


def test_the_page_names_every_rule_and_what_it_does_by_default() -> None:
    page = Path(__file__).parent.parent / "docs" / "data-tools.md"
    if not page.is_file():
        pytest.skip("docs/ is in the repository alone")
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \|", page.read_text(encoding="utf-8").split("## adapt data clean")[1], re.MULTILINE)
    assert rows == [(name, CleanSettings().effect_of(name)) for name in RULES]


@pytest.mark.parametrize("query", ["测试", "null", "test"])
def test_a_query_of_an_ordinary_word_stays_and_such_a_passage_goes(query: str) -> None:
    data = data_of(*ROWS, (query, "A value that stands for nothing at all."), ("what is it worth?", query))
    kept = clean(data, CleanSettings()).data.train
    assert query in kept.queries.values()
    assert "what is it worth?" not in kept.queries.values()
