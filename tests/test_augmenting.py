"""Augmentation of queries: what changes, what never does, and what the report says."""

import json
import random
import re
from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest
from adapt_embed.cli import main
from adapt_embed.data.glossary import read_glossary
from adapt_embed.data.pairs import Pairs, TrainingData, normalise
from adapt_embed.data.protected import protected_multiset
from adapt_embed.data.terms import EMPTY, Glossary
from adapt_embed.data.words import words
from adapt_embed.datatools.augmenting import AugmentSettings, augment
from adapt_embed.datatools.augmenting.guard import Guard
from adapt_embed.datatools.augmenting.keyboard import NEIGHBOURS, slip
from adapt_embed.datatools.augmenting.names import METHOD_NAMES
from adapt_embed.datatools.augmenting.pieces import cut
from adapt_embed.datatools.augmenting.pinyin import common_characters, confused_with, sound_alike
from adapt_embed.datatools.augmenting.sentences import sentence_spans
from adapt_embed.datatools.augmenting.table import METHODS
from adapt_embed.datatools.augmenting.types import Made
from adapt_embed.datatools.augmenting.wordnet import WordNet, open_wordnet
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner

DATA = Path(__file__).parent / "data"
QUERY_METHODS = ("synonyms", "insertion", "deletion", "swap", "typing-errors")

QUERIES = [
    "can I take 500 mg of paracetamol without food after a heart attack?",
    "is a blood pressure of 140/90 mmHg not high blood pressure at 65 years?",
    "why was I never given 2.5mg bisoprolol for atrial fibrillation twice a day?",
    "low blood sugar of 3.2 mmol/L at night, nothing helps, what now?",
    "does type 2 diabetes need insulin when HbA1c is 7.5%?",
    "must the landlord repay the deposit within 14 days under section 213(6)?",
    "Article 12 does not say who pays the 1,500 dollars of rent, does it?",
    "can't I leave the flat before 31/12/2024 without three months' notice?",
    "高血压患者每天不能超过5克盐吗，血压160/100毫米汞柱怎么办？",
    "孩子发烧39.5℃，没有咳嗽，可以吃0.2g布洛芬吗，一天几次？",
    "糖尿病人空腹血糖7.8mmol/L，未用胰岛素，需要住院治疗吗？",
    "租客提前三个月退租，房东不退定金2000元，租约第十二条怎么说？",
    "承租人没有支付租金，出租人能否依据民法典第722条解除租赁合同？",
    "担保人无力承担保证责任时，债权人要在六个月内起诉吗？",
]
ANSWERS = [
    "Paracetamol is taken with water. Adults take at most 4 g in 24 hours, and no more than 1 g at a time. Ask a pharmacist if you are not sure.",
    "Raised pressure is treated early. Readings above 140/90 mmHg count, e.g. in the clinic. Nobody should stop tablets without advice.",
    "承租人应当按照约定的期限支付租金。承租人无正当理由未支付或者迟延支付租金的，出租人可以请求承租人在合理期限内支付。逾期不支付的，出租人可以解除合同。",
    "发热时应当多喝水，注意休息。体温超过38.5℃可以服用布洛芬，每次间隔不少于6小时。症状没有好转时应当及时就医。",
]


SIMPLE = re.compile(
    r"\d+(?:[.,/:]\d+)*|\b(?:not|no|never|without|cannot|mg|g|mmHg|mmol)\b|n't|[不没未无]|第[一二三四五六七八九十百千]+条", re.IGNORECASE
)


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    read = [read_glossary(DATA / "glossaries" / name) for name in ("medical_en.csv", "legal_zh.csv")]
    return Glossary(tuple(term for each in read for term in each.terms))


@pytest.fixture(scope="module")
def wordnet() -> WordNet:
    return open_wordnet(str(DATA / "wordnet"))


@pytest.fixture(scope="module")
def data() -> TrainingData:
    corpus = {f"p{row}": text for row, text in enumerate(ANSWERS)} | {"n": "Nothing of this kind."}
    queries = {f"q{row}": text for row, text in enumerate(QUERIES)}
    train = Pairs(
        queries,
        {qid: {f"p{row % 4}": 1} for row, qid in enumerate(queries)},
        {"q0": ["n"]},
        weights={"q1": {"p1": 3.0}},
        scores={"q0": {"p0": 0.9}},
        groups={"q0": "ward 1"},
        times={"q0": "2024-01-02"},
    )
    dev = Pairs({"d": "is this a query of dev?"}, {"d": {"n": 1}})
    return TrainingData(corpus=corpus, train=train, dev=dev, source="made for the test")


def added(data: TrainingData, **settings: object) -> dict[str, str]:
    """The new queries, by id."""
    made = augment(data, AugmentSettings(**settings)).data  # type: ignore[arg-type]
    return {qid: text for qid, text in made.train.queries.items() if qid not in data.train.queries}


def concepts(text: str, glossary: Glossary) -> Counter[str]:
    """An independent count of what must not change: every name in place of which its term's first name stands, then numbers and the rest."""
    plain = Counter(found.lower() for found in SIMPLE.findall(text))  # what a reader would look for, without the package's own definition
    return Counter(glossary.concepts[name] for _, _, name in glossary.occurrences(text)) + protected_multiset(text) + plain


def test_the_table_has_the_methods_that_the_options_name() -> None:
    assert tuple(METHODS) == METHOD_NAMES


@pytest.mark.parametrize("method", QUERY_METHODS)
@pytest.mark.parametrize("seed", range(6))
def test_numbers_units_negations_and_terms_are_the_same_before_and_after(
    method: str, seed: int, data: TrainingData, glossary: Glossary, wordnet: WordNet
) -> None:
    settings = AugmentSettings(methods=(method,), copies=4, share=0.5, seed=seed, glossary=glossary, wordnet=wordnet)
    made = list(METHODS[method].write(context_of(data, settings)))
    assert len(made) > len(QUERIES)
    for each in made:
        before = data.train.queries[each.like or ""]
        assert concepts(each.query, glossary) == concepts(before, glossary), each.query
        assert normalise(each.query) != normalise(before)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("domain", ["medical", "legal"])
def test_on_the_samples_too(domain: str, lang: str, glossary: Glossary) -> None:
    from adapt_embed.data.domains import load_domain
    from adapt_embed.data.sources import load_training_data

    data = load_training_data("sample", domain=load_domain(domain), lang=lang, seed=0)
    for method in ("insertion", "deletion", "swap", "typing-errors"):
        settings = AugmentSettings(methods=(method,), rows=40, share=0.3, seed=5, glossary=glossary)
        made = list(METHODS[method].write(context_of(data, settings)))
        assert len(made) >= 35
        assert all(concepts(each.query, glossary) == concepts(each.origin, glossary) for each in made)


def context_of(data: TrainingData, settings: AugmentSettings):
    from adapt_embed.datatools.augmenting.types import Context, Losses
    from adapt_embed.events import QUIET

    return Context(data=data, settings=settings, guard=Guard(settings.glossary), losses=Losses(), events=QUIET)


@pytest.mark.parametrize("seed", range(4))
def test_a_sentence_and_what_is_left_hold_what_the_passage_held(seed: int, data: TrainingData, glossary: Glossary) -> None:
    settings = AugmentSettings(methods=("inverse-cloze",), copies=3, removed_share=1, seed=seed, glossary=glossary)
    made = augment(data, settings).data
    new = [qid for qid in made.train.queries if qid not in data.train.queries]
    assert len(new) >= 8
    for qid in new:
        ((pid, _),) = made.train.positives[qid].items()
        whole = data.corpus[pid.partition("~")[0]]
        query, rest = made.train.queries[qid], made.corpus[pid]
        assert query in whole
        assert query not in rest
        assert concepts(query, glossary) + concepts(rest, glossary) == concepts(whole, glossary)


def test_the_guard_can_fail() -> None:
    guard = Guard(EMPTY)
    assert not guard.keeps("take 5 mg", "take 50 mg")
    assert not guard.keeps("do not stop", "do stop")
    assert not guard.keeps("不能停药", "能停药")
    assert not guard.keeps("第十二条", "第十三条")
    assert guard.keeps("take 5 mg now", "now take 5 mg")


def test_a_term_counts_as_the_same_under_each_of_its_names(glossary: Glossary) -> None:
    guard = Guard(glossary)
    assert guard.keeps("after a heart attack", "after a myocardial infarction")
    assert not guard.keeps("after a heart attack", "after an angina")
    assert guard.keeps("租客不退租", "承租人不退租")


@pytest.mark.parametrize("method", [*QUERY_METHODS, "inverse-cloze"])
def test_the_same_seed_gives_the_same_and_another_seed_another(
    method: str, data: TrainingData, glossary: Glossary, wordnet: WordNet
) -> None:
    def run(seed: int) -> list[str]:
        return list(added(data, methods=(method,), seed=seed, copies=2, share=0.3, glossary=glossary, wordnet=wordnet).values())

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_what_a_query_becomes_does_not_depend_on_the_others(data: TrainingData) -> None:
    from dataclasses import replace

    whole = set(added(data, methods=("swap",)).values())
    last = replace(data, train=data.train.select(["q13"]))
    assert set(added(last, methods=("swap",)).values()) <= whole


def test_synonyms_of_a_glossary_and_of_wordnet(data: TrainingData, glossary: Glossary, wordnet: WordNet) -> None:
    made = list(added(data, methods=("synonyms",), glossary=glossary, wordnet=wordnet).values())
    assert any("myocardial infarction" in text or "after a MI" in text for text in made)
    assert any("租户提前" in text or "承租人提前" in text or "租房合同" in text or "租赁合同第十二条" in text for text in made)
    assert not any("T2DM" in text for text in made)  # another number than in type 2 diabetes


def test_a_capital_stays_where_a_synonym_stands_at_the_beginning(data: TrainingData, glossary: Glossary) -> None:
    from dataclasses import replace

    one = replace(data, train=Pairs({"q": "Angina at night"}, {"q": {"p0": 1}}))
    assert list(added(one, methods=("synonyms",), glossary=glossary).values()) == ["Angina pectoris at night"]


def test_a_name_of_two_terms_is_never_exchanged(tmp_path: Path, data: TrainingData) -> None:
    from dataclasses import replace

    path = tmp_path / "glossary.csv"
    path.write_text("term,synonyms\nsodium,Na+;salt\ntable salt,salt;NaCl\n", encoding="utf-8")
    glossary = read_glossary(path)
    assert "2" not in glossary.notes[0].split("glossary.csv")[0] or "salt" in glossary.notes[0]
    one = replace(data, train=Pairs({"q": "how much salt is healthy"}, {"q": {"p0": 1}}))
    assert added(one, methods=("synonyms",), glossary=glossary) == {}


def test_wordnet_gives_the_first_sense_of_each_part_of_speech(wordnet: WordNet) -> None:
    assert wordnet.synonyms("Doctor") == ("physician",)
    assert wordnet.synonyms("rent") == ("rental fee", "hire")
    assert wordnet.synonyms("dear") == ("expensive",)
    assert wordnet.synonyms("the") == ()


def test_wordnet_is_read_out_of_nltks_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import ModuleType

    with ZipFile(tmp_path / "wordnet.zip", "w") as packed:
        for path in (DATA / "wordnet").iterdir():
            packed.write(path, f"wordnet/{path.name}")
    found = {"corpora/wordnet.zip": tmp_path / "wordnet.zip"}

    def find(name: str) -> Path:
        if name not in found:
            raise LookupError(name)
        return found[name]

    package, module = ModuleType("nltk"), ModuleType("nltk.data")
    module.find = find  # type: ignore[attr-defined]
    package.data = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nltk", package)
    monkeypatch.setitem(sys.modules, "nltk.data", module)
    assert open_wordnet("nltk").synonyms("pay") == ("settle",)
    found.clear()
    with pytest.raises(DataError, match="no WordNet here"):
        open_wordnet("nltk")


def test_wordnet_that_is_not_there_is_never_faked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nltk", None)
    monkeypatch.setitem(sys.modules, "nltk.data", None)
    with pytest.raises(DataError, match="nltk is not installed"):
        open_wordnet("nltk")
    with pytest.raises(DataError, match=r"holds no data\.noun"):
        open_wordnet(str(tmp_path))
    for path in (DATA / "wordnet").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "data.verb").write_text("garbage\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"data\.verb, line 1: not a line"):
        open_wordnet(str(tmp_path))


def test_deletion_leaves_words_out_and_keeps_half(data: TrainingData) -> None:
    for text, before in zip(added(data, methods=("deletion",), share=0.9).values(), QUERIES, strict=True):
        assert not Counter(text) - Counter(before)
        assert len(words(before)) // 2 <= len(words(text)) < len(words(before))
        assert "  " not in text
        assert " ?" not in text


def test_swap_keeps_all_words_and_the_places_of_numbers(data: TrainingData) -> None:
    for text, before in zip(added(data, methods=("swap",), share=0.5).values(), QUERIES, strict=True):
        assert Counter("".join(text.split())) == Counter("".join(before.split()))
    assert "500 mg" in next(iter(added(data, methods=("swap",), share=1).values()))


def test_words_that_are_put_in_are_apart_from_latin_ones() -> None:
    pieces = cut("服用aspirin是否安全", Guard(EMPTY))
    after = pieces.words.index("aspirin") + 1
    assert "aspirin drug 是" in pieces.insert({after: "drug"})
    assert "aspirin药是" in pieces.insert({after: "药"})
    assert pieces.insert({0: "drug"}).startswith("drug 服用")


def test_insertion_puts_words_in_and_takes_none_out(data: TrainingData, wordnet: WordNet) -> None:
    for text, before in zip(added(data, methods=("insertion",)).values(), QUERIES, strict=True):
        assert not Counter("".join(before.split())) - Counter("".join(text.split()))
    assert "settle" in added(data, methods=("insertion",), share=0.5, wordnet=WordNet({"repay": ("settle",)}))["augmented-6"]


def test_a_query_without_a_word_that_may_change_is_told(data: TrainingData) -> None:
    from dataclasses import replace

    one = replace(data, train=Pairs({"q": "5 mg", "r": "第十二条"}, {"q": {"p0": 1}, "r": {"p0": 1}}))
    report = augment(one, AugmentSettings(methods=("deletion", "swap", "typing-errors", "insertion"))).report
    told = {finding.what: finding.count for finding in report.findings if finding.effect == "told"}
    assert set(told.values()) == {2}
    assert len(told) == 4
    assert report.written == report.read


def test_a_slip_is_one_key_away_and_leaves_the_first_letter() -> None:
    chance = random.Random(0)
    made = {slip("insulin", chance) for _ in range(200)}
    assert "insulin" not in made
    assert all(word[0] == "i" and abs(len(word) - 7) <= 1 for word in made)
    assert set(NEIGHBOURS["g"]) == set("fhtyvb")
    assert all(slip("aaaa", chance) != "aaaa" for _ in range(50))


def test_the_common_characters_are_those_of_gb_2312() -> None:
    assert sum(map(len, common_characters().values())) == 3755


def test_pinyin_that_is_confused() -> None:
    assert set(confused_with("zhang")) == {"zang", "zhan"}
    assert set(confused_with("shi")) == {"si"}
    assert set(confused_with("nin")) == {"lin", "ning"}
    assert set(confused_with("cheng")) == {"ceng", "chen"}
    assert set(confused_with("zi")) == {"zhi"}


def test_a_character_is_replaced_by_one_that_sounds_alike() -> None:
    from pypinyin import lazy_pinyin

    chance = random.Random(0)
    for word in ("租金", "血压", "治疗", "合同", "商品"):
        for _ in range(20):
            new = sound_alike(word, chance)
            assert new is not None
            (at,) = (place for place in range(len(word)) if new[place] != word[place])
            before, after = lazy_pinyin(word)[at], lazy_pinyin(new[at])[0]
            assert after == before or after in confused_with(before)


def test_sentences_of_both_languages_and_no_end_at_an_abbreviation() -> None:
    text = "See Dr. Smith, e.g. Monday. Is it Art. 5? Yes! 3.5 mg are enough."
    assert [text[slice(*span)] for span in sentence_spans(text)] == [
        "See Dr. Smith, e.g. Monday.",
        "Is it Art. 5?",
        "Yes!",
        "3.5 mg are enough.",
    ]
    text = "“合同成立。”双方签字；一方违约的，承担责任。\n另有约定的除外"
    assert [text[slice(*span)] for span in sentence_spans(text)] == [
        "“合同成立。”",
        "双方签字；",
        "一方违约的，承担责任。",
        "另有约定的除外",
    ]
    text = "all in lower case, e.g. this. it has two ends. 3.5 mg"
    assert [text[slice(*span)] for span in sentence_spans(text)] == ["all in lower case, e.g. this.", "it has two ends.", "3.5 mg"]
    assert len(sentence_spans("Not. in lower case")) == 1
    assert sentence_spans("  \n ") == []


def test_what_is_left_of_a_passage_is_for_training_alone(data: TrainingData) -> None:
    made = augment(data, AugmentSettings(methods=("inverse-cloze",), removed_share=1)).data
    new = made.corpus.keys() - data.corpus.keys()
    assert new
    assert made.train_only == new


def test_a_written_folder_keeps_what_is_for_training_alone_apart(data: TrainingData, tmp_path: Path) -> None:
    from adapt_embed.adapters.evaluation import make_dev_set
    from adapt_embed.data.domains import load_domain
    from adapt_embed.data.lines_folder import LinesFolder
    from adapt_embed.data.sources import load_training_data
    from adapt_embed.data.write.folder import write_folder

    made = augment(data, AugmentSettings(methods=("inverse-cloze",), removed_share=1)).data
    write_folder(tmp_path / "out", made, data.dev)
    read = load_training_data(str(tmp_path / "out"), domain=load_domain("legal"), lang="en", seed=0)
    assert read.fingerprint() == made.fingerprint()
    assert {read.corpus[pid] for pid in read.train_only} == {made.corpus[pid] for pid in made.train_only}
    write_folder(tmp_path / "plain", data)
    both = load_training_data([str(tmp_path / "out"), str(tmp_path / "plain")], domain=load_domain("legal"), lang="en", seed=0)
    assert {both.corpus[pid] for pid in both.train_only} == {made.corpus[pid] for pid in made.train_only}
    before, after = make_dev_set(data), make_dev_set(read)
    assert before is not None
    assert after is not None
    assert after.passages == before.passages
    assert LinesFolder(tmp_path / "out").load("test").corpus == data.corpus


def test_a_share_of_sentences_stays_in_its_passage(data: TrainingData) -> None:
    made = augment(data, AugmentSettings(methods=("inverse-cloze",), copies=3, removed_share=0)).data
    assert made.corpus == data.corpus
    new = made.train.queries.keys() - data.train.queries.keys()
    assert new
    assert all(made.train.queries[qid] in made.corpus[pid] for qid in new for pid in made.train.positives[qid])


def test_passages_of_dev_give_no_queries(data: TrainingData) -> None:
    from dataclasses import replace

    unseen = {
        "u0": "Cats are kept in the flat. They may not go out at night.",
        "u1": "Dogs are kept in the yard. They may bark in the day.",
    }
    held = replace(data, corpus=data.corpus | unseen, dev=Pairs({"d": "may I keep a cat?"}, {"d": {"u0": 1}}))
    for passages, expected in (("train", []), ("all", [unseen["u1"]])):
        made = added(held, methods=("inverse-cloze",), copies=3, passages=passages)
        assert made
        assert [text for text in unseen.values() if any(query in text for query in made.values())] == expected


def test_passages_and_queries_of_a_test_split_give_no_queries(tmp_path: Path) -> None:
    cats, dogs = "Cats are kept in the flat. They may not go out at night.", "Dogs are kept in the yard. They may bark in the day."
    lines = {
        "train": [{"query": "which pets are there", "pos": ["Pets are kept by tenants. They are counted each year by us."]}],
        "test": [{"query": "may I keep a cat?", "pos": [cats]}, {"query": "They may bark in the day.", "pos": ["Yes."]}],
        "corpus": [{"_id": str(row), "text": text} for row, text in enumerate([cats, dogs])],
    }
    source = tmp_path / "data"
    source.mkdir()
    for name, rows in lines.items():
        (source / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    given = ["data", "augment", source, "-o", tmp_path / "o.jsonl", "-m", "inverse-cloze", "--passages", "all", "--copies", "3"]
    result = CliRunner().invoke(main, list(map(str, given)))
    assert result.exit_code == 0, result.output
    queries = [json.loads(line)["query"] for line in (tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()]
    assert "Dogs are kept in the yard." in queries
    assert not {"They may bark in the day.", "Cats are kept in the flat.", "They may not go out at night."} & set(queries)


def test_passages_without_a_sentence_keep_their_ids_apart_when_more_are_made(data: TrainingData) -> None:
    first = augment(data, AugmentSettings(methods=("inverse-cloze",), removed_share=1, seed=0)).data
    both = augment(first, AugmentSettings(methods=("inverse-cloze",), removed_share=1, seed=1, copies=2)).data
    assert len(both.corpus) > len(first.corpus)
    assert both.corpus.items() >= first.corpus.items()
    for qid in both.train.queries.keys() - data.train.queries.keys():
        assert not any(both.train.queries[qid] in both.corpus[pid] for pid in both.train.positives[qid])


def test_a_new_query_has_all_of_the_one_that_it_is_like_but_a_teachers_scores(data: TrainingData) -> None:
    made = augment(data, AugmentSettings(methods=("swap",), weight=0.5)).data.train
    new = dict(zip(data.train.queries, [qid for qid in made.queries if qid not in data.train.queries], strict=True))
    assert made.positives[new["q0"]] == {"p0": 1}
    assert made.negatives[new["q0"]] == ["n"]
    assert (made.groups[new["q0"]], made.times[new["q0"]]) == ("ward 1", "2024-01-02")
    assert made.weights == {"q1": {"p1": 3.0}} | {qid: {f"p{row % 4}": 1.5 if row == 1 else 0.5} for row, qid in enumerate(new.values())}
    assert made.scores == data.train.scores


def test_what_was_given_is_not_changed(data: TrainingData) -> None:
    before = data.fingerprint()
    made = augment(data, AugmentSettings(methods=("swap", "deletion", "inverse-cloze"))).data
    assert data.fingerprint() == before
    assert made.dev is data.dev
    assert len(data.train) == len(QUERIES)


def test_no_new_query_equals_one_of_training_or_dev(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from adapt_embed.datatools.augmenting import tool

    def write(_: object) -> list[Made]:
        texts = ["Is this a query  of DEV?", QUERIES[0], "new", "NEW"]
        return [Made(query=text, origin=QUERIES[0], like="q0") for text in texts]

    monkeypatch.setitem(tool.METHODS, "swap", replace(METHODS["swap"], write=write))
    prepared = augment(data, AugmentSettings(methods=("swap",)))
    assert [text for text in prepared.data.train.queries.values() if text not in QUERIES] == ["new"]
    assert [finding.count for finding in prepared.report.findings] == [1, 3]


def test_rows_are_drawn_and_bounded(data: TrainingData) -> None:
    assert len(added(data, methods=("swap",), rows=5)) == 5
    assert len(added(data, methods=("swap",), rows=5, copies=2)) == 5
    assert len(added(data, methods=("inverse-cloze",), rows=2)) == 2


def test_the_report_marks_the_rows(data: TrainingData) -> None:
    report = augment(data, AugmentSettings(methods=("swap", "deletion"))).report
    assert report.facts["rows"] == {"swap": {"first": 15, "last": 28}, "deletion": {"first": 29, "last": 42}}
    assert report.findings[0].count == 14
    assert all(" -> " in example for example in report.findings[0].examples)
    json.dumps(report.as_dict())


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"methods": ("swaps",)}, "Did you mean swap"),
        ({"methods": ()}, "no method"),
        ({"methods": ("swap",), "copies": 0}, "copies is 0"),
        ({"methods": ("swap",), "share": 0}, "share is 0"),
        ({"methods": ("swap",), "weight": 0}, "weight is 0"),
        ({"methods": ("swap",), "weight": float("nan")}, "weight is nan"),
        ({"methods": ("swap",), "removed_share": 2}, "removed_share is 2"),
        ({"methods": ("swap",), "passages": "some"}, "choice of passages"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AugmentSettings(**settings)


@pytest.mark.parametrize("method, words", [("synonyms", "--glossary"), ("back-translation", "--forward"), ("llm", "--endpoint")])
def test_a_method_that_lacks_something_is_refused_with_what_it_needs(method: str, words: str, data: TrainingData) -> None:
    with pytest.raises(ConfigError, match=words):
        augment(data, AugmentSettings(methods=(method,)))


def test_back_translation_keeps_what_differs_and_means_the_same_numbers(data: TrainingData) -> None:
    def there(texts: list[str]) -> list[str]:
        return [text.upper() for text in texts]

    def back(texts: list[str]) -> list[str]:
        return [
            (text.lower() if row % 3 == 0 else text.lower() + " 7 mg" if row % 3 == 1 else f"so, {text.lower()}")
            for row, text in enumerate(texts)
        ]

    prepared = augment(data, AugmentSettings(methods=("back-translation",), translate=(there, back)))
    made = [text for text in prepared.data.train.queries.values() if text not in QUERIES]
    assert made
    assert all(text.startswith("so, ") for text in made)


def test_a_sequence_to_sequence_model_of_a_folder_translates(tmp_path: Path) -> None:
    import torch
    from adapt_embed.datatools.augmenting.translators import load_translator
    from adapt_embed.errors import BaseError
    from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

    tokenizer = AutoTokenizer.from_pretrained(DATA / "tiny_tokenizer")
    shape = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    config = BartConfig(
        vocab_size=len(tokenizer), encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=300,
        decoder_start_token_id=tokenizer.sep_token_id, forced_eos_token_id=tokenizer.sep_token_id, **shape, **ids,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BartForConditionalGeneration(config)
    model.generation_config.max_new_tokens = None
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    translate = load_translator(str(tmp_path), device="cpu", most_tokens=8)
    texts = ["the rent", "a court of law", "the king"]
    assert len(translate(texts)) == 3
    assert translate(texts) == translate(texts)
    assert translate([]) == []
    with pytest.raises(BaseError, match="no language 'xx'"):
        load_translator(str(tmp_path), into="xx", device="cpu")
    with pytest.raises(BaseError, match="is not a translation model; expected its folder"):
        load_translator(str(tmp_path / "nothing"), device="cpu")


def test_the_command_writes_a_folder_that_trains_and_leaves_dev_as_it_was(toy_folder: Path, tmp_path: Path, train) -> None:
    glossary = tmp_path / "glossary.csv"
    glossary.write_text("term,synonyms\ncourt,tribunal\n", encoding="utf-8")
    out = tmp_path / "out"
    given = ["data", "augment", toy_folder, "-o", out, "-m", "synonyms", "-m", "typing-errors", "--glossary", glossary, "--json"]
    result = CliRunner().invoke(main, list(map(str, given)))
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["tool"] == "augment"
    lines = [json.loads(line) for line in (out / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    first, last = report["facts"]["rows"]["synonyms"].values()
    assert all("tribunal" in line["query"] for line in lines[first - 1 : last])
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["written"]["dev queries"] == 16
    trained = train("--dry-run", data=out)
    assert trained.exit_code == 0, trained.output
    assert f"{report['written']['queries']} queries" in trained.output


def test_options_that_none_of_the_methods_heeds_are_told(toy_folder: Path, tmp_path: Path) -> None:
    given = ["data", "augment", str(toy_folder), "-o", str(tmp_path / "o.jsonl"), "-m", "deletion", "--share", "0.2", "--rows", "4"]
    result = CliRunner().invoke(main, [*given, "--endpoint", "http://localhost:1/v1", "--forward", "x", "--passages", "train", "--json"])
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if "does nothing" in line] == [
        "--passages does nothing here: it goes with -m inverse-cloze or -m llm",
        "--forward does nothing here: it goes with -m back-translation",
        "--endpoint does nothing here: it goes with -m llm",
    ]
    assert json.loads(result.stdout)["tool"] == "augment"


@pytest.mark.parametrize(
    "options, words",
    [
        (["-m", "synonyms"], "needs a glossary with synonyms"),
        (["-m", "llm"], "needs an endpoint"),
        (["-m", "back-translation", "--forward", "x"], "give both --forward and --backward"),
        (["-m", "llm", "--model", "m"], "give its address with --endpoint"),
        (["-m", "typing"], "Did you mean typing-errors"),
    ],
)
def test_the_command_refuses_in_one_line(options: list[str], words: str, toy_folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["data", "augment", str(toy_folder), "-o", str(tmp_path / "out.jsonl"), *options])
    assert result.exit_code in (1, 2)
    assert words in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())
