"""Glossaries and rules: read in both languages, made into pairs, applied to pairs."""

import importlib.util
import json
import re
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from adapt_embed.cli import main
from adapt_embed.data.glossary import read_glossary
from adapt_embed.data.pairs import Pairs, TrainingData
from adapt_embed.data.terms import Glossary, Term
from adapt_embed.datatools.glossaries import GlossarySettings, Rule, apply_rules, pair_glossary, read_rules
from adapt_embed.datatools.glossaries.numerals import chinese_number
from adapt_embed.datatools.glossaries.rules import fold_value
from adapt_embed.datatools.report import Finding, Prepared
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner

FILES = Path(__file__).parent / "data" / "glossaries"


@pytest.fixture(scope="module")
def medical() -> Glossary:
    return read_glossary(FILES / "medical_en.csv")


@pytest.fixture(scope="module")
def legal() -> Glossary:
    return read_glossary(FILES / "legal_zh.csv")


def load(name: str):
    """A module of this folder, which is not a package."""
    spec = importlib.util.spec_from_file_location(f"adapt_tests_{name}", FILES.parents[1] / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def answers(made: Prepared, query: str) -> tuple[list[str], list[str]]:
    """The texts of a query's positives and negatives."""
    pairs, corpus = made.data.train, made.data.corpus
    (qid,) = (qid for qid, text in pairs.queries.items() if text == query)
    return [corpus[pid] for pid in pairs.positives[qid]], [corpus[pid] for pid in pairs.negatives.get(qid, ())]


def test_a_glossary_is_read_with_its_english_columns(medical: Glossary) -> None:
    assert len(medical) == 6
    assert medical.terms[0] == Term(
        name="myocardial infarction",
        definition="Death of heart muscle because its blood supply is cut off.",
        synonyms=("heart attack", "MI"),
        parent="heart disease",
    )


def test_a_glossary_is_read_with_its_chinese_columns(legal: Glossary) -> None:
    assert [term.name for term in legal.terms] == ["承租人", "出租人", "租赁合同", "定金", "保证人"]
    assert legal.terms[0].synonyms == ("租客", "租户")
    assert legal.terms[3].synonyms == ()
    assert legal.terms[4].parent == "担保"


@pytest.mark.parametrize(
    "cell, names",
    [
        ("heart attack; MI", ("heart attack", "MI")),
        ("heart attack, MI", ("heart attack", "MI")),
        ("1,2-dichloroethane", ("1,2-dichloroethane",)),
        ("MI,heart attack,1,000 mg", ("MI", "heart attack", "1,000 mg")),
        ("心梗,心肌梗塞", ("心梗", "心肌梗塞")),
        ("a, b; c", ("a, b", "c")),
        ("租客、租户", ("租客", "租户")),
        ("租客，租户", ("租客", "租户")),
        ("a|b", ("a", "b")),
        (["a", " b  c "], ("a", "b c")),
        ("Term; a; a", ("a",)),
        ("", ()),
        (None, ()),
    ],
)
def test_synonyms_stand_in_one_cell(cell: object, names: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path / "g.jsonl", json.dumps({"term": "term", "synonyms": cell, "definition": "d"}) + "\n")
    assert read_glossary(path).terms[0].synonyms == names


def test_a_workbook_and_a_file_in_gb18030_are_glossaries(tmp_path: Path, legal: Glossary) -> None:
    text = (FILES / "legal_zh.csv").read_text(encoding="utf-8")
    (tmp_path / "gbk.csv").write_bytes(text.encode("gb18030"))
    read = read_glossary(tmp_path / "gbk.csv")
    assert read.terms == legal.terms
    assert "gb18030" in " ".join(read.notes).lower()
    rows = [line.split(",") for line in text.splitlines()]
    workbooks = load("workbooks")
    path = workbooks.write_workbook(tmp_path / "terms.xlsx", {"术语表": workbooks.Sheet([[cell or None for cell in row] for row in rows])})
    assert read_glossary(path).terms == legal.terms


def test_bad_rows_of_a_glossary_are_skipped_and_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    from adapt_embed.data.read_options import ReadOptions

    path = write(tmp_path / "g.csv", "term,definition\na,b\n,c\nd,e\n")
    read = read_glossary(path, ReadOptions(skip_bad=True))
    assert [term.name for term in read.terms] == ["a", "d"]
    assert any("skipped 1 bad row" in note and "line 3" in note for note in read.notes)


@pytest.mark.parametrize(
    "text, words",
    [
        ("name,defs\na,b\n", "terms alone"),
        ("word,definition\na,b\n", "lacks the column term"),
        ("term,name,definition\na,b,c\n", "'term' and 'name' both name the term"),
        ("term,definition\n ,b\n", "line 2: the term is empty"),
        ("term,definition\n", "holds no terms"),
    ],
)
def test_a_glossary_that_is_none_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read_glossary(write(tmp_path / "g.csv", text))


def test_terms_are_found_whole_under_each_name(medical: Glossary, legal: Glossary) -> None:
    assert medical.concepts_in("Heart attack or high blood pressure, MI") == {"myocardial infarction": 2, "hypertension": 1}
    assert medical.concepts_in("AFTER hypothermia") == {}
    assert legal.concepts_in("租客和房东签了租赁合同") == {"承租人": 1, "出租人": 1, "租赁合同": 1}


def test_terms_synonyms_and_questions_find_the_definition(medical: Glossary) -> None:
    made = pair_glossary(medical)
    definition = medical.terms[0].definition
    for query in ("myocardial infarction", "heart attack", "MI", "what is MI?", "what does heart attack mean?", "definition of MI"):
        assert answers(made, query)[0] == [definition]
    assert made.report.read == {"terms": 6, "synonyms": 10}
    assert made.report.written["queries"] == 16 * 4


def test_questions_are_in_the_language_of_the_term(legal: Glossary) -> None:
    made = pair_glossary(legal)
    for query in ("承租人", "什么是承租人？", "租客是什么意思？", "租户的定义"):
        assert answers(made, query)[0] == [legal.terms[0].definition]


def test_definitions_of_siblings_are_the_hard_negatives(medical: Glossary) -> None:
    made = pair_glossary(medical, GlossarySettings(negatives=2))
    by_parent = {term.definition: term.parent for term in medical.terms}
    for qid, ids in made.data.train.negatives.items():
        (positive,) = made.data.train.positives[qid]
        assert positive not in ids
        assert {by_parent[made.data.corpus[pid]] for pid in ids} == {by_parent[made.data.corpus[positive]]}
    assert len(answers(made, "angina")[1]) == 2
    assert len(answers(made, "hypo")[1]) == 1
    assert pair_glossary(medical, GlossarySettings(negatives=0)).data.train.negatives == {}


def test_a_glossary_gives_the_same_for_the_same_seed(medical: Glossary) -> None:
    first, again, other = (pair_glossary(medical, GlossarySettings(negatives=1, seed=seed)).data.fingerprint() for seed in (0, 0, 3))
    assert first == again != other


def test_a_name_of_two_terms_has_both_definitions_and_neither_as_a_negative(tmp_path: Path) -> None:
    path = write(
        tmp_path / "g.csv",
        "term,definition,synonyms,parent\ncell,a room,chamber,x\ncell,a unit of life,,x\nroom,a part of a house,chamber,x\n",
    )
    made = pair_glossary(read_glossary(path))
    assert answers(made, "cell") == (["a room", "a unit of life"], ["a part of a house"])
    assert answers(made, "chamber") == (["a room", "a part of a house"], ["a unit of life"])
    assert [finding.what for finding in made.report.findings if finding.effect == "told"] == [
        "given more than once, whose definitions all answer"
    ]


def test_a_term_without_a_definition_is_found_by_its_synonyms(tmp_path: Path) -> None:
    path = write(tmp_path / "g.csv", "术语,同义词\n高血压,血压高；HTN\n单独,\n")
    made = pair_glossary(read_glossary(path))
    assert list(made.data.train.queries.values()) == ["血压高", "HTN"]
    assert answers(made, "HTN")[0] == ["高血压"]
    assert {finding.count for finding in made.report.findings if finding.effect == "told"} == {1}


def test_a_glossary_with_nothing_to_learn_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "g.csv", "term,definition\na,\nb,\n")
    with pytest.raises(DataError, match="nothing to learn"):
        pair_glossary(read_glossary(path))
    with pytest.raises(ConfigError, match="-1 negatives"):
        GlossarySettings(negatives=-1)


def test_the_glossary_command_writes_pairs_that_train_reads(tmp_path: Path) -> None:
    from adapt_embed.data.domains import load_domain
    from adapt_embed.data.sources import load_training_data

    out = tmp_path / "pairs.jsonl"
    result = CliRunner().invoke(main, ["data", "glossary", str(FILES / "legal_zh.csv"), "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["written"]["passages"] == 5
    assert load_training_data(str(out), domain=load_domain("legal"), lang="zh", seed=0).train.pair_count == 11 * 4
    result = CliRunner().invoke(main, ["data", "glossary", str(FILES / "legal_zh.csv"), "-o", str(FILES / "legal_zh.csv")])
    assert (result.exit_code, "the data that are read" in result.output) == (1, True)


ARTICLES = {
    "a12": "Article 12: the tenant may give notice of two months.",
    "a13": "Article 13: the landlord may give notice of three months.",
    "a14": "Article 14 and article 12 do not apply to furnished rooms.",
    "none": "Rent is due on the first day.",
}


@pytest.fixture
def data() -> TrainingData:
    train = Pairs(
        {"q": "what does Article 12 say on notice?", "r": "when is rent due?"},
        {"q": {"a12": 1}, "r": {"none": 1}},
        {"q": ["a14", "none"]},
    )
    dev = Pairs({"d": "article 13?"}, {"d": {"a12": 1}})
    return TrainingData(corpus=dict(ARTICLES), train=train, dev=dev, source="made for the test")


def found(made: Prepared, part: str) -> Finding:
    (finding,) = (each for each in made.report.findings if part in each.what)
    return finding


def rule(tmp_path: Path, text: str) -> tuple[Rule, ...]:
    return read_rules(write(tmp_path / "rules.toml", f"[[rule]]\nname = 'r'\n{text}\n"))


def test_the_example_of_english_rules_adds_and_removes(data: TrainingData) -> None:
    made = apply_rules(data, read_rules(FILES / "rules_en.toml"))
    assert made.data.train.positives["q"] == {"a12": 1, "a14": 1}
    assert made.data.train.negatives["q"] == ["none", "a13"]
    assert found(made, "article: positives that hold the value").count == 1
    assert found(made, "article: queries that name a value").count == 1
    assert found(made, "dosage: queries that name a value").count == 0
    assert made.data.dev is data.dev
    assert data.train.negatives == {"q": ["a14", "none"]}


def test_a_given_negative_that_holds_the_value_is_removed(data: TrainingData, tmp_path: Path) -> None:
    rules = rule(tmp_path, "query = '(?i)article (?P<value>\\d+)'\ndo = ['remove-false-negatives']")
    made = apply_rules(data, rules)
    assert made.data.train.negatives == {"q": ["none"]}
    assert found(made, "may well answer").effect == "dropped"
    last = replace(data, train=replace(data.train, negatives={"q": ["a14"]}))
    assert apply_rules(last, rules).data.train.negatives == {}


def test_the_example_of_chinese_rules_reads_numerals_and_models() -> None:
    corpus = {
        "c12": "第十二条 承租人应当按期支付租金。",
        "c13": "第13条 出租人应当交付租赁物。",
        "c1012": "第一千零一十二条 自然人享有姓名权。",
        "x": "HX-200 吸尘器的滤网可以水洗。",
        "y": "HX-300 吸尘器不含滤网。",
    }
    queries = {"q": "第１２条怎么规定租金？", "m": "hx-200能水洗吗", "n": "第1012条"}
    train = Pairs(queries, {"q": {"c13": 1}, "m": {"x": 1}, "n": {"c1012": 1}}, {"m": ["y"]})
    data = TrainingData(corpus=corpus, train=train, dev=None, source="made for the test")
    made = apply_rules(data, read_rules(FILES / "rules_zh.toml"))
    assert made.data.train.positives["q"] == {"c13": 1, "c12": 1}
    assert set(made.data.train.negatives["q"]) == {"c1012"}
    assert set(made.data.train.negatives["n"]) == {"c12", "c13"}
    assert made.data.train.negatives["m"] == ["y"]
    assert found(made, "条文: positives that the rule speaks against, kept").count == 1


def test_a_value_that_must_not_stand_makes_negatives_of_passages_with_it() -> None:
    corpus = {"with": "Amoxicillin is a penicillin.", "free": "Doxycycline is taken once a day.", "both": "Penicillin or aspirin."}
    train = Pairs({"q": "an antibiotic without penicillin"}, {"q": {"free": 1, "both": 1}})
    made = apply_rules(TrainingData(corpus=corpus, train=train, dev=None, source="x"), read_rules(FILES / "rules_en.toml"))
    assert made.data.train.positives == {"q": {"free": 1}}
    assert "with" in made.data.train.negatives["q"]
    assert "free" not in made.data.train.negatives["q"]


def test_a_query_keeps_its_last_positive(tmp_path: Path, data: TrainingData) -> None:
    rules = rule(tmp_path, "query = '(?i)article (?P<value>\\d+)'\ndo = ['drop-positives']")
    wrong = replace(data, train=replace(data.train, positives={"q": {"a13": 1}, "r": {"none": 1}}))
    made = apply_rules(wrong, rules)
    assert made.data.train.positives["q"] == {"a13": 1}
    assert found(made, "speaks against, kept").count == 1


def test_a_value_that_many_passages_hold_adds_no_positive(tmp_path: Path, data: TrainingData) -> None:
    rules = rule(tmp_path, "query = '(?i)article (?P<value>\\d+)'\ndo = ['add-positives']\nmost_positives = 1")
    made = apply_rules(data, rules)
    assert made.data.train.positives == data.train.positives
    assert found(made, "more than 1 passages").count == 1


def test_negatives_are_few_and_the_same_for_the_same_seed(tmp_path: Path, data: TrainingData) -> None:
    rules = rule(tmp_path, "query = '(?i)article (?P<value>\\d+)'\ndo = ['add-negatives']\nmost_negatives = 3")
    large = replace(data, corpus=data.corpus | {f"n{row}": f"Article {row + 100} says so." for row in range(200)})
    first, again, other = (apply_rules(large, rules, seed=seed).data.train.negatives["q"] for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == 2 + 3


@pytest.mark.parametrize(
    "text, words",
    [
        ("query = '(?P<value>'", "query is not a regular expression"),
        ("query = 'article'", "captures nothing under the name value"),
        ("", "expected a text under query, found none"),
        ("query = '(?P<value>a)'\nholds = 'maybe'", "unknown word under holds 'maybe'"),
        ("query = '(?P<value>a)'\ndo = ['add-negative']", "Did you mean add-negatives"),
        ("query = '(?P<value>a)'\ndo = []", "expected a list of words under do"),
        ("query = '(?P<value>a)'\nmost_negatives = 0", "expected a whole number from 1"),
        ("query = '(?P<value>a)'\npasages = 'x'", "Did you mean passage"),
        ("query = ", "is not toml"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        rule(tmp_path, text)


def test_a_file_without_rules_is_refused(tmp_path: Path) -> None:
    for text in ("", "a = 1", "rule = 3"):
        with pytest.raises(DataError, match="expected rules"):
            read_rules(write(tmp_path / "rules.toml", text))
    with pytest.raises(DataError, match="does not exist"):
        read_rules(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "text, number",
    [
        ("十二", 12),
        ("一百零五", 105),
        ("一千零一十二", 1012),
        ("二〇二四", 2024),
        ("两万三千", 23000),
        ("三亿零二万", 300020000),
        ("十", 10),
        ("条", None),
        ("", None),
    ],
)
def test_chinese_numerals_are_numbers(text: str, number: int | None) -> None:
    assert chinese_number(text) == number


def test_values_are_compared_without_case_and_white_space() -> None:
    assert fold_value("HX 200") == fold_value("hx200")


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        (r"（(?P<value>\d+)）", "见（3）与（４）", {"3", "4"}),
        (r"(?P<value>\d+)℃", "体温39℃", {"39"}),
        (r"(?P<value>\d+)(?:℃|mg)", "39℃, 5㎎", {"39", "5"}),
        (r"第(?P<value>\d+)条", "第１２条", {"12"}),
        (r"(?P<value>\d+(?:\.\d+)?)", "１２．５", {"12.5"}),
        ("【(?P<value>[^】]+)】", "【ＡＢ　１】", {"ab1"}),
    ],
)
def test_patterns_find_what_stands_in_the_text_and_what_it_is_without_width(pattern: str, text: str, values: set[str]) -> None:
    found = Rule(name="r", query=re.compile(pattern), passage=re.compile(pattern))
    assert found.asked(text) == found.held(text) == values


def test_a_rule_keeps_no_more_than_the_examples_of_what_it_did(tmp_path: Path) -> None:
    long = "article 1 " + "x" * 200_000
    queries = {f"q{number}": "article 2" for number in range(200)}
    corpus = {f"p{number}": f"{long} {number}" for number in range(200)}
    pairs = Pairs(queries, {qid: {pid: 1} for qid, pid in zip(queries, corpus, strict=True)})
    many = TrainingData(corpus=corpus, train=pairs, dev=None, source="test")
    rules = rule(tmp_path, "query = '^article (?P<value>[0-9]+)'\ndo = ['remove-false-negatives']")
    tracemalloc.start()
    try:
        made = apply_rules(many, rules)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    against = found(made, "speaks against")
    assert (against.count, len(against.examples)) == (200, 1)  # shortened, they are the same
    assert most < 10_000_000  # the pairs as they are shown: 40 MB


def test_the_rules_command_writes_what_it_made(toy_folder: Path, tmp_path: Path) -> None:
    rules = write(
        tmp_path / "rules.toml",
        "[[rule]]\nname = 'topic'\nquery = '(?P<value>court|judge)'\npassage = '(?P<value>law|season)'\ndo = ['add-negatives']\n",
    )
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["data", "rules", str(toy_folder), "--rules", str(rules), "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["written"]["negatives"] > 0
    assert (out / "train.jsonl").is_file()
