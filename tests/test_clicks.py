"""`adapt data clicks`: reading logs and catalogues, whose clicks count, privacy, what is chosen, and the command."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from adapt_embed.cli import main
from adapt_embed.data.read_options import ReadOptions
from adapt_embed.datatools.clicklogs.catalogue import read_catalogue
from adapt_embed.datatools.clicklogs.choosing import choose_pairs
from adapt_embed.datatools.clicklogs.clicks import click_pairs
from adapt_embed.datatools.clicklogs.columns import assign_fields
from adapt_embed.datatools.clicklogs.impressions import Impression, read_impression
from adapt_embed.datatools.clicklogs.privacy import redact
from adapt_embed.datatools.clicklogs.reading import tidy
from adapt_embed.datatools.clicklogs.relevance import PairScores
from adapt_embed.datatools.clicklogs.rows import LogRows, encode_rows
from adapt_embed.datatools.clicklogs.settings import ClickSettings
from adapt_embed.datatools.clicklogs.skips import count_skips
from adapt_embed.datatools.clicklogs.users import cap_users, count_users, drop_robots
from adapt_embed.errors import ConfigError, DataError
from click.testing import CliRunner, Result

HEADING = "query,item,position,clicked,user,list"
CATALOGUE = "id,title,brand\nA1,red kettle,Acme\nB2,blue kettle,Acme\nC3,green teapot,\nD4,布艺沙发,诺丹\n"


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    return written(tmp_path / "catalogue.csv", CATALOGUE)


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


def log_lines(query: str = "kettle", users: int = 40) -> list[str]:
    """Every second list has A1 first, the others B2; A1 is clicked by every user who looks, C3 passed over, at the third place."""
    lines = []
    for user in range(users):
        first, second = ("A1", "B2") if user % 2 else ("B2", "A1")
        for position, item in ((1, first), (2, "C3"), (3, second)):
            looks = position == 1 or user % 4 < 2
            lines.append(
                f"{query},{item},{position},{int(looks and (item == 'A1' or (item == 'B2' and user % 8 == 0)))},u{user},l{query}{user}"
            )
    return lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.csv", "\n".join([HEADING, *log_lines(), *log_lines("沙发")]) + "\n")


def pairs_of(log: Path, catalogue: Path, **settings: object) -> dict[str, tuple[list[str], list[str]]]:
    data = click_pairs(log, catalogue, ClickSettings(**{"examination": "none"} | settings)).data
    return {text: (list(data.train.positives[qid]), data.train.negatives.get(qid, [])) for qid, text in data.train.queries.items()}


def rows(*impressions: tuple) -> LogRows:
    """Rows of (query, item, position, clicked, user, list)."""
    return encode_rows(Impression(q, i, p, max(1.0, float(c)), float(c), 0.0, u, at, False) for q, i, p, c, u, at in impressions)


# reading


def test_a_log_becomes_pairs_with_weights_and_what_was_passed_over_as_hard_negatives(log: Path, catalogue: Path) -> None:
    made = click_pairs(log, catalogue, ClickSettings(examination="none"))
    assert pairs_of(log, catalogue) == {"kettle": (["A1"], ["C3", "B2"]), "沙发": (["A1"], ["C3", "B2"])}
    assert made.data.corpus == {"A1": "red kettle Acme", "B2": "blue kettle Acme", "C3": "green teapot", "D4": "布艺沙发 诺丹"}
    assert made.data.train.weights == {"q0": {"A1": 1.0}, "q1": {"A1": 1.0}}
    assert made.report.written == {"queries": 2, "pairs": 2, "negatives": 4, "passages": 4}


@pytest.mark.parametrize("form", ["tsv", "jsonl", "parquet", "csv.gz", "gb18030"])
def test_the_same_log_in_every_form_gives_the_same_pairs(log: Path, catalogue: Path, tmp_path: Path, form: str) -> None:
    import gzip

    import pyarrow
    from pyarrow import parquet

    cells = [line.split(",") for line in log.read_text(encoding="utf-8").splitlines()]
    objects = [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]
    other = tmp_path / ("other.csv" if form == "gb18030" else f"other.{form}")
    if form == "tsv":
        written(other, "".join("\t".join(row) + "\n" for row in cells))
    elif form == "jsonl":
        typed = [{**row, "position": int(row["position"]), "clicked": row["clicked"] == "1"} for row in objects]
        written(other, "".join(json.dumps(row) + "\n" for row in typed))
    elif form == "parquet":
        parquet.write_table(
            pyarrow.Table.from_pylist([{**row, "position": int(row["position"]), "clicked": int(row["clicked"])} for row in objects]), other
        )
    elif form == "csv.gz":
        other.write_bytes(gzip.compress(log.read_bytes()))
    else:
        written(other, log.read_text(encoding="utf-8"), "gb18030")
    assert pairs_of(other, catalogue) == pairs_of(log, catalogue)


def test_the_usual_names_are_known_in_both_languages() -> None:
    english = assign_fields("log", ["Search Term", "product_id", "Rank", "Clicks", "purchases", "Impressions", "customer-id"], {})
    assert list(english) == ["query", "item", "position", "clicked", "bought", "shown", "user"]
    chinese = assign_fields("log", ["搜索词", "商品ID", "位置", "是否点击", "购买", "曝光数", "用户", "会话", "时间"], {})
    assert list(chinese) == ["query", "item", "position", "clicked", "bought", "shown", "time", "user", "session"]
    assert assign_fields("log", ["问", "物", "点"], {"query": "问", "item": "物", "clicked": "点"}) == {
        "query": "问",
        "item": "物",
        "clicked": "点",
    }


@pytest.mark.parametrize(
    ("columns", "named", "message"),
    [
        (["query", "item"], {}, "has no column that is known by its name as clicked; name it: --columns clicked=COLUMN"),
        (["query", "q", "item", "clicked"], {}, "query and q may both hold the query; name one: --columns query=query"),
        (["query", "item", "clicked"], {"user": "who"}, "has no column 'who', which was named for user"),
        (["query", "item", "clicked"], {"usr": "query"}, "Did you mean user"),
    ],
)
def test_columns_that_cannot_be_told_are_refused(columns: list[str], named: dict[str, str], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        assign_fields("log", columns, named)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("kettle,A1,0,1,u1,l1", "the position is '0'; expected a whole number from 1"),
        ("kettle,A1,,1,u1,l1", "the position is ''"),
        ("kettle,A1,1.5,1,u1,l1", "the position is '1.5'"),
        ("kettle,A1,1,nan,u1,l1", "clicked is nan; expected 0 or 1, or how many times"),
        ("kettle,A1,1,-1,u1,l1", "clicked is -1.0; expected 0 or 1"),
        ("kettle,A1,1,maybe,u1,l1", "clicked is 'maybe'; expected 0 or 1"),
        (",A1,1,1,u1,l1", "the query is empty"),
        ("kettle,,1,1,u1,l1", "the item is empty"),
        ("kettle,Z9,1,1,u1,l1", r"the item 'Z9' is not in the catalogue .*catalogue\.csv \(4 items\); add it, or --skip-bad"),
        ("kettle,A1,1", "3 cells where the heading has 6"),
    ],
)
def test_a_bad_row_is_one_line_with_file_and_row_or_skipped_and_counted(log: Path, catalogue: Path, row: str, message: str) -> None:
    good = pairs_of(log, catalogue)
    text = log.read_text(encoding="utf-8").splitlines()
    written(log, "\n".join([*text[:3], row, *text[3:]]) + "\n")
    with pytest.raises(DataError, match=rf"log\.csv, line 4: {message}"):
        pairs_of(log, catalogue)
    assert pairs_of(log, catalogue, read=ReadOptions(skip_bad=True)) == good
    report = click_pairs(log, catalogue, ClickSettings(examination="none", read=ReadOptions(skip_bad=True))).report
    assert [(each.what, each.count) for each in report.findings] == [("of the log could not be read", 1)]


def test_more_clicks_than_impressions_are_refused(tmp_path: Path, catalogue: Path) -> None:
    log = written(tmp_path / "log.csv", "query,item,shown,clicked,user\nkettle,A1,2,3,u\n")
    with pytest.raises(DataError, match="line 2: clicked 3 times and shown 2 times"):
        pairs_of(log, catalogue)


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("title\nx\n", {}, "no column that is known by its name as the item's id; name it: --id-column"),
        ("id,title\nA1,x\nA1,y\n", {}, "line 3: the id 'A1' stands in the catalogue before"),
        ("id,title\nA1,\n", {}, "line 2: the text of item 'A1' is empty"),
        ("id,title\n,x\n", {}, "line 2: the item has no id"),
        ("id,title\n", {}, "holds no items"),
        ("id,title\nA1,x\n", {"template": "{titel}"}, "Did you mean title"),
        ("id,title\nA1,x\n", {"template": "title"}, "the template 'title' cannot be read"),
        ("id,title\nA1,x\n", {"template": "{title"}, "cannot be read"),
        ("id,title\nA1,x\n", {"template": "{title.__class__}"}, "unknown column"),
        ("id,title\nA1,x\n", {"template": "{title!r}"}, "cannot be read"),
        ("id,title\nA1,x\n", {"id_column": "sku"}, "has no column 'sku' for its ids"),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_refused(tmp_path: Path, text: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        read_catalogue(written(tmp_path / "catalogue.csv", text), **settings)


def test_items_of_one_text_count_as_one(log: Path, tmp_path: Path) -> None:
    same = written(tmp_path / "same.csv", CATALOGUE.replace("B2,blue", "B2,red"))
    made = click_pairs(log, same, ClickSettings(examination="none"))
    assert "B2" not in made.data.corpus
    assert [(each.what, each.count) for each in made.report.findings] == [("the item has the text of another, as which it counts", 80)]


def test_a_template_makes_the_text(catalogue: Path) -> None:
    assert read_catalogue(catalogue, "{brand}: {title}").texts["A1"] == "Acme: red kettle"


# whose clicks count


def test_a_robot_is_dropped_and_people_stay() -> None:
    people = [("q", "A1", 1, 1, f"u{user}", "") for user in range(200)]
    found = rows(
        *people, *[("q", f"i{item}", 1, 1, "robot", "") for item in range(500)], *[("q", "B", 1, 0, f"u{user}", "") for user in range(200)]
    )
    robots = drop_robots(found)
    assert (robots.users, robots.clicked) == (1, 500)
    assert found.table["clicked"].sum() == 200


def test_one_name_for_all_who_are_not_signed_in_is_told(tmp_path: Path, catalogue: Path) -> None:
    lines = [*log_lines(), *(f"kettle,{'A1' if at % 2 else 'C3'},{at % 2 + 1},0,guest,g{at // 2}" for at in range(1200))]
    log = written(tmp_path / "log.csv", "\n".join([HEADING, *lines]) + "\n")
    notes = click_pairs(log, catalogue, ClickSettings(examination="none")).report.notes
    assert any(note.startswith("what was taken for robots had 91% of what was shown; a name that stands for everybody") for note in notes)
    assert not any("guest" in note.replace("0 or guest", "") for note in notes)


def test_who_clicks_all_that_is_shown_is_a_robot_where_others_do_not() -> None:
    people = [("q", f"i{item}", 1, int(item == 3), f"u{user}", "") for user in range(40) for item in range(10)]
    robots = drop_robots(rows(*people, *[("q", f"i{item}", 1, 1, "all", "") for item in range(60)]))
    assert (robots.users, robots.clicked) == (1, 60)
    assert drop_robots(rows(*people)).users == 0
    assert drop_robots(rows(*[("q", f"i{item}", 1, 1, "u", "") for item in range(60)])).users == 0  # a log of clicks alone


def test_a_flood_of_one_user_counts_a_few_times_whatever_was_clicked_first() -> None:
    found = rows(
        *[("q", "A1", 1, click, "u", "") for click in (0, 1, 1, 1, 1)], ("q", "B2", 1, 1, "u", ""), *[("q", "A1", 1, 1, "", "")] * 5
    )
    assert cap_users(found, 3) == (2, 2)
    assert found.table["clicked"].tolist() == [0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]  # who is not known is not one user
    summed = encode_rows([Impression("q", "A1", 1, 10.0, 5.0, 0.0, "u", "", False)])
    assert cap_users(summed, 2) == (8, 4)


def test_a_flood_moves_no_pair(log: Path, catalogue: Path) -> None:
    before = pairs_of(log, catalogue)
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(f"kettle,B2,1,1,flood,f{number}\n" for number in range(90)))
    assert pairs_of(log, catalogue) == before


def test_users_are_counted_once_for_each_query() -> None:
    assert count_users(rows(*[("a", "A1", 1, 1, user, "") for user in ("u", "u", "v", "")], ("b", "A1", 1, 1, "u", ""))).tolist() == [2, 1]


def test_queries_of_few_users_are_dropped_and_their_share_is_told(log: Path, catalogue: Path) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in log_lines("mine alone", users=4)))
    made = click_pairs(log, catalogue, ClickSettings(examination="none"))
    assert "mine alone" not in made.data.train.queries.values()
    assert [(each.what, each.count, each.examples) for each in made.report.findings] == [
        ("came from fewer than 5 users (4.8% of what was shown)", 1, ())
    ]
    assert "mine alone" in pairs_of(log, catalogue, min_users=1, min_clicks=1)


def test_where_users_are_not_known_one_must_be_asked_for_by_saying_it(tmp_path: Path, catalogue: Path) -> None:
    log = written(tmp_path / "log.csv", "query,item,clicked\n" + "kettle,A1,1\n" * 5)
    with pytest.raises(DataError, match=r"no column of users.*--columns user=COLUMN.*--min-users 1"):
        pairs_of(log, catalogue)
    assert pairs_of(log, catalogue, min_users=1) == {"kettle": (["A1"], [])}


def test_a_small_shop_is_told_what_to_do(tmp_path: Path, catalogue: Path) -> None:
    log = written(tmp_path / "log.csv", "\n".join([HEADING, *log_lines(users=4)]) + "\n")
    with pytest.raises(DataError, match=r"each of the 1 queries came from fewer than 5 users.*--min-users 1"):
        pairs_of(log, catalogue)


# privacy

MADE_UP = {
    "e-mail addresses": ["kettle for ann.o+x@mail.example.com", "水壶发到abc@qq.com谢谢"],
    "phone numbers": [
        "call 13812345678",
        "电话138-1234-5678",
        "水壶 +86 13812345678",
        "010-12345678",
        "+44 20 7946 0958",
        "(415) 555-0132",
        "138–1234–5678 顺丰",
        "138.1234.5678",
        "008613812345678",
        "(010) 1234 5678",
        "02112345678",
    ],
    "card numbers": ["pay 4111 1111 1111 1111", "5500-0000-0000-0004"],
    "identity numbers": ["身份证11010519491231002X", "11010519491231002x", "身份证 110105 19491231 002X", "110105-1949-12-31-002x"],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in MADE_UP.items() for text in texts])
def test_personal_data_are_taken_out(kind: str, text: str) -> None:
    rest, kinds = redact(text)
    assert kinds == (kind,)
    assert sum(letter.isdigit() for letter in rest) == 0
    assert "@" not in rest


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111 12/25 kettle", "4111 1111 1111 1111 123", "4111111111111111 1225 123", "4111 0211 1111 1112 12/25"]
)
def test_a_card_is_found_beside_its_month_and_check_value(text: str) -> None:
    rest, kinds = redact(text)
    assert kinds == ("card numbers",)
    assert "111" not in rest


def test_what_is_not_seen_hides_no_phone_number() -> None:
    assert redact(tidy("kettle 138\u200b1234\u200b5678 \u202e")) == ("kettle", ("phone numbers",))


@pytest.mark.parametrize(
    "text",
    [
        "iphone 15 pro 256gb",
        "1000 2000 3000 4000 5000",
        "012345678905",  # a UPC
        "10.5 x 20.5 x 30.5 x 40.5",
        "4111111111111112",  # the check digit is wrong
        "110105194912310021",  # so is the check character
        "2024-2025 diary",
        "usb 3.0 cable 2m",
        "1000000000000",
        "华为 mate60 12gb+512gb",
    ],
)
def test_numbers_of_goods_stay(text: str) -> None:
    assert redact(text) == (text, ())


def test_the_catalogues_own_codes_stay_and_a_sellers_phone_in_a_text_is_not_one(tmp_path: Path) -> None:
    path = written(tmp_path / "c.csv", "id,ean,title\n13812345678,4006381333931,kettle\nB-2,4111-1111-1111-1111,ask 13912345678 now\n")
    codes = read_catalogue(path).codes
    for own in ("13812345678", "4006381333931", "4111111111111111", "4111 1111 1111 1111"):
        assert redact(own, codes) == (own, ())
    assert redact("13912345678", codes) == ("", ("phone numbers",))


def test_the_output_holds_no_user_session_or_time_and_the_report_no_query_that_was_dropped(tmp_path: Path, catalogue: Path) -> None:
    lines = [f"{line},s77{number},2026-11-0{number % 9 + 1}" for number, line in enumerate(log_lines() + log_lines("secret wish", users=3))]
    lines += [line.replace("kettle", "Kettle 13812345678", 1) for line in lines[:30]]
    log = written(tmp_path / "log.csv", "\n".join([f"{HEADING},session,time", *(line.replace(",u", ",user77") for line in lines)]) + "\n")
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "--examination", "none", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    left = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()) + result.output
    for never in ("user77", "s77", "2026-11", "secret wish", "13812345678"):
        assert never not in left
    assert "30 rows: phone numbers taken out of the query" in result.stdout
    assert json.loads((tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8"))["query"] == "kettle"


# what is chosen


def test_skips_are_counted_above_the_lowest_click_of_a_list_alone() -> None:
    found = rows(
        ("q", "a", 1, 0, "u", "l"),
        ("q", "b", 2, 1, "u", "l"),
        ("q", "c", 3, 0, "u", "l"),
        ("q", "a", 1, 0, "v", "m"),
        ("q", "d", 9, 1, "w", ""),
    )
    tally = count_skips(found)
    assert tally.keys.tolist() == [found.items.index("a")]
    assert tally.sums.tolist() == [[1.0]]


def test_lists_that_are_counted_anew_for_each_user_and_query_are_not_one() -> None:
    fields = {name: name for name in ("query", "item", "position", "clicked", "user", "list")}
    shown = (("q", "a", 1, 1, "u", "1"), ("q", "b", 2, 0, "u", "1"), ("r", "c", 3, 1, "u", "1"), ("q", "c", 4, 1, "v", "1"))
    found = encode_rows(read_impression("log.csv:2", dict(zip(fields, row, strict=True)), fields) for row in shown)
    assert count_skips(found).keys.tolist() == []


@pytest.mark.parametrize("absent", ["NULL", "None", "nan", "\\N", " ", float("nan"), None])
def test_who_is_not_named_is_nobody_and_no_list_is_no_list(absent: object) -> None:
    fields = {name: name for name in ("query", "item", "clicked", "user", "session", "list")}
    row = {"query": "q", "item": "a", "clicked": 1, "user": absent, "session": absent, "list": absent}
    found = read_impression("log.csv:2", row, fields)
    assert (found.user, found.list) == ("", "")


def test_a_user_that_cannot_be_read_is_not_shown() -> None:
    fields = {"query": "query", "item": "item", "clicked": "clicked", "user": "user"}
    with pytest.raises(DataError, match=r"^log\.csv:2: the user is no text and no whole number, but list$"):
        read_impression("log.csv:2", {"query": "q", "item": "a", "clicked": 1, "user": ["ann@example.com"]}, fields)


def scores(*relevance: float, clicked: float = 10.0) -> PairScores:
    many = len(relevance)
    return PairScores(np.zeros(many, int), np.arange(many), np.array(relevance), np.full(many, clicked), np.full(many, 50.0))


def chosen(found: PairScores, skips: Iterable[float] | None = None, **settings: float) -> tuple[tuple, tuple, tuple]:
    (each,) = choose_pairs(found, np.ones(1, bool), None if skips is None else np.array(list(skips)), ClickSettings(**settings))
    return each.positives, each.weights, each.negatives


def test_positives_are_near_the_best_and_negatives_far_below_and_passed_over() -> None:
    assert chosen(scores(0.1, 0.5, 0.3, 0.08, 0.05), skips=[9, 9, 9, 2, 4]) == ((1, 2), (1.25, 0.75), (0, 4))
    assert chosen(scores(0.1, 0.5, 0.3, 0.08, 0.05), skips=[9, 9, 9, 2, 4], positives=1, negatives=1) == ((1,), (1.0,), (0,))
    assert chosen(scores(0.1, 0.5)) == ((1,), (1.0,), (0,))  # without lists: looked at fifty times


def test_an_item_of_too_few_clicks_is_no_positive() -> None:
    assert choose_pairs(scores(0.9, clicked=2), np.ones(1, bool), None, ClickSettings()) == []


def test_a_query_that_is_asked_often_does_not_weigh_by_how_often() -> None:
    many = PairScores(np.array([0, 1]), np.array([0, 0]), np.array([0.5, 0.5]), np.array([1000.0, 10.0]), np.array([2000.0, 20.0]))
    one, other = choose_pairs(many, np.ones(2, bool), None, ClickSettings())
    assert 2 < one.weights[0] / other.weights[0] < 4
    assert one.weights[0] + other.weights[0] == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_users", 0),
        ("clip", 0.5),
        ("purchase_weight", float("inf")),
        ("positive_share", 1.5),
        ("negatives", -1),
        ("negative_share", 0.5),
    ],
)
def test_settings_out_of_their_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        ClickSettings(**{name: value})


# bias, as the tool has it


def test_a_log_of_clicks_alone_gives_pairs_by_counts_and_says_so(tmp_path: Path, catalogue: Path) -> None:
    log = written(
        tmp_path / "log.csv", "query,item,clicked,user\n" + "".join(f"kettle,{'A1' if u % 4 else 'C3'},1,u{u}\n" for u in range(20))
    )
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.output
    assert "the log has no impressions without a click: pairs are made by counts of clicks alone" in result.stdout
    assert [json.loads(line)["pos"] for line in (tmp_path / "out.jsonl").read_text().splitlines()] == [["red kettle Acme"]]


def test_what_was_clicked_in_a_log_of_clicks_alone_is_no_hard_negative(tmp_path: Path, catalogue: Path) -> None:
    lines = [f"kettle,{item},1,u{item}{user}" for item, users in (("A1", 90), ("C3", 15)) for user in range(users)]
    log = written(tmp_path / "log.csv", "\n".join(["query,item,clicked,user", *lines]) + "\n")
    assert pairs_of(log, catalogue) == {"kettle": (["A1"], [])}


def test_a_log_without_positions_is_refused_unless_no_correction_is_asked_for(tmp_path: Path, catalogue: Path) -> None:
    lines = [f"kettle,A1,{int(user % 2)},u{user}" for user in range(20)]
    log = written(tmp_path / "log.csv", "\n".join(["query,item,clicked,user", *lines]) + "\n")
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "does not tell the position of each item, so that position bias cannot be estimated, and is not guessed" in result.stderr
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "out.jsonl", "--examination", "none")
    assert "clicks are not corrected for their position, which the log does not tell" in result.stdout


def test_fixed_ranks_are_refused_and_a_curve_or_a_table_is_taken_in_their_place(tmp_path: Path, catalogue: Path) -> None:
    lines = [
        f"kettle,{item},{place},{int(user % (2 * place) == 0)},u{user},l{user}"
        for user in range(60)
        for place, item in ((1, "A1"), (2, "B2"))
    ]
    log = written(tmp_path / "log.csv", "\n".join([HEADING, *lines]) + "\n")
    ask = ("data", "clicks", log, "--catalogue", catalogue, "--json")
    refused = adapt(*ask, "-o", tmp_path / "no")
    assert refused.exit_code == 1
    assert len(refused.stderr.splitlines()) == 1 + refused.stderr.count("the text of an item") + refused.stderr.count("used:")
    assert "in this log no item stood at several positions for one query" in refused.stderr
    assert not (tmp_path / "no").exists()
    table = written(tmp_path / "examination.csv", "position,examination\n1,1\n2,0.25\n")
    for number, (way, second) in enumerate({"inverse": 0.5, str(table): 0.25, "none": 1.0}.items()):
        report = json.loads(adapt(*ask, "-o", tmp_path / f"out{number}", "--examination", way).stdout)
        assert report["facts"]["method"] == way
        assert [row["examination"] for row in report["facts"]["positions"]] == [1.0, second]
        assert report["facts"]["is_corrected"] == (way != "none")


def test_lists_that_are_marked_as_randomised_are_used_without_asking(tmp_path: Path, catalogue: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    for user in range(1500):
        for place, item in enumerate(rng.permutation(["A1", "B2", "C3"]), start=1):
            lines.append(f"kettle,{item},{place},{int(rng.random() < 0.8 / place)},u{user},l{user},yes")
    log = written(tmp_path / "log.csv", "\n".join([f"{HEADING},randomised", *lines]) + "\n")
    facts = click_pairs(log, catalogue).report.facts
    assert facts["method"] == "randomised"
    assert [row["examination"] for row in facts["positions"]] == pytest.approx([1, 1 / 2, 1 / 3], rel=0.15)


def test_what_stands_beyond_what_can_be_estimated_does_not_count_and_is_told(tmp_path: Path, catalogue: Path) -> None:
    rng, lines = np.random.default_rng(0), []
    for user in range(2000):
        for place, item in [*enumerate(rng.permutation(["A1", "B2", "C3"]), start=1), (7, "D4")]:
            lines.append(f"kettle{user % 50},{item},{place},{int(rng.random() < 0.8 / place)},u{user},l{user}")
    log = written(tmp_path / "log.csv", "\n".join([HEADING, *lines]) + "\n")
    made = click_pairs(log, catalogue)
    assert made.report.notes == ("examination is not known at position 7: what was shown there does not count",)
    assert all("D4" not in items for items in made.data.train.positives.values())


def test_where_all_stands_at_one_position_there_is_nothing_to_correct(tmp_path: Path, catalogue: Path) -> None:
    lines = [f"kettle,{'A1' if user % 3 else 'B2'},1,{user % 2},u{user},l{user}" for user in range(60)]
    log = written(tmp_path / "log.csv", "\n".join([HEADING, *lines]) + "\n")
    report = click_pairs(log, catalogue).report
    assert (report.notes, report.facts["positions"][0]["examination"]) == ((), 1.0)


# the command


def test_the_report_is_a_table_and_one_object(log: Path, catalogue: Path, tmp_path: Path) -> None:
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "out", "--examination", "inverse")
    assert result.exit_code == 0, result.output
    assert "clicks: 240 rows of 2 queries and 3 items -> 2 pairs of 2 queries, 4 hard negatives, 4 passages\n" in result.stdout
    assert "examination (inverse)" in result.stdout
    assert "used: query, item, position, clicked, user, list" in result.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["tool"] == "clicks"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["corpus.jsonl", "report.json", "train.jsonl"]
    again = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "again", "--examination", "inverse", "--json")
    assert json.loads(again.stdout) == report
    assert (tmp_path / "again" / "train.jsonl").read_bytes() == (tmp_path / "out" / "train.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--examination", "harvset"),
            "--examination is 'harvset'; expected auto, harvest, randomised, em, log, inverse, none, or a table",
        ),
        (("--columns", "query"), "'query' is not FIELD=COLUMN"),
        (("--columns", "querry=query"), "Did you mean query"),
        (("--clip", "0"), "clip is 0; expected 1 or more"),
        (("--examination", "randomised"), "no row of the log is marked as randomised"),
        (("--min-clicks", "99"), "none of 2 queries has an item with 99 clicks; lower --min-clicks"),
    ],
)
def test_a_wrong_word_is_a_line_and_nothing_is_written(
    log: Path, catalogue: Path, tmp_path: Path, options: tuple[str, str], message: str
) -> None:
    words = options if "--examination" in options else (*options, "--examination", "none")
    result = adapt("data", "clicks", log, "--catalogue", catalogue, "-o", tmp_path / "out", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_output_is_not_the_log(log: Path, catalogue: Path) -> None:
    result = adapt(
        "data", "clicks", catalogue.rename(catalogue.with_suffix(".jsonl")), "--catalogue", log, "-o", catalogue.with_suffix(".jsonl")
    )
    assert "is the data that are read; give the result another name" in result.stderr


def test_an_absent_log_is_named_with_what_lies_near(log: Path, catalogue: Path, tmp_path: Path) -> None:
    result = adapt("data", "clicks", tmp_path / "lgo.csv", "--catalogue", catalogue, "-o", tmp_path / "out")
    assert "lgo.csv does not exist. Did you mean log.csv" in result.stderr
