"""Faults of each kind, planted into training data that are sound: what `clean.py` measures, and a test in small.

A planter takes `Source` (data, their language, how many faults, a generator, rows of another language) and gives `Planted`: the data with
the faults, the ids under which the ledger of cleaning has to have them, and the texts that have to come out.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from adapt_embed.data.pairs import TrainingData
from adapt_embed.data.protected import protected_spans

Row = tuple[str, str]


@dataclass(frozen=True)
class Source:
    """What faults are planted into: `foreign` holds pairs of texts in another language than `language` ("en" or "zh")."""

    data: TrainingData
    language: str
    count: int
    rng: np.random.Generator
    foreign: Sequence[Row] = ()

    def draw_rows(self) -> list[Row]:
        """Draw distinct pairs (query id, passage id), no passage twice."""
        first: dict[str, str] = {}
        for qid, ids in self.data.train.positives.items():
            for pid in ids:
                first.setdefault(pid, qid)
        rows = [(qid, pid) for pid, qid in first.items()]
        return [rows[at] for at in sorted(self.rng.choice(len(rows), min(self.count, len(rows)), replace=False))]

    def one_of(self, choices: Sequence[str]) -> str:
        return choices[int(self.rng.integers(len(choices)))]


@dataclass(frozen=True)
class Planted:
    """Data with faults: `wanted` are ids in the ledger, `texts` passage id -> the text that is to come out, `rows` the faulty rows."""

    data: TrainingData
    wanted: set[str]
    texts: dict[str, str] = field(default_factory=dict)
    rows: set[Row] = field(default_factory=set)


def _in_passages(source: Source, change: Callable[[Source, str], tuple[str, str]]) -> Planted:
    """Change the passages of some rows: `change` gives the sound text and the faulty one."""
    corpus, texts, rows = dict(source.data.corpus), {}, source.draw_rows()
    for _, pid in rows:
        texts[pid], corpus[pid] = change(source, corpus[pid])
    return Planted(replace(source.data, corpus=corpus), {f"passage:{pid}" for pid in texts}, texts, set(rows))


def _add_rows(source: Source, change: Callable[[Source, str, str], Row]) -> Planted:
    """Add rows of their own after the sound ones: `change` gives query and passage."""
    corpus, train = dict(source.data.corpus), source.data.train
    queries, positives, rows = dict(train.queries), dict(train.positives), set()
    for at, (qid, pid) in enumerate(source.draw_rows()):
        row = f"planted-q{at}", f"planted-p{at}"
        queries[row[0]], corpus[row[1]] = change(source, train.queries[qid], corpus[pid])
        positives[row[0]] = {row[1]: 1}
        rows.add(row)
    data = replace(source.data, corpus=corpus, train=replace(train, queries=queries, positives=positives))
    return Planted(data, {f"row:{qid}:{pid}" for qid, pid in rows}, {}, rows)


def encoding(source: Source) -> Planted:
    """UTF-8 read as Windows-1252; in Chinese also UTF-8 read as GBK and GBK read as Latin-1, where the bytes allow it."""
    return _in_passages(source, _misread)


def _misread(source: Source, text: str) -> Row:
    if source.language == "en":
        text = text.replace("'", "’").replace(" - ", " – ") + source.one_of(
            [" “Déjà vu”.", " It’s 25 °C – ½ of it.", " Señor Müller’s café."]
        )
        return text, _utf8_as_1252(text)
    wrong = source.one_of(["1252", "1252", "utf-8 as gbk", "gbk as latin-1"])
    try:
        if wrong == "utf-8 as gbk":
            return text, text.encode().decode("gb18030")
        if wrong == "gbk as latin-1":
            return text, text.encode("gbk").decode("latin-1")
    except UnicodeError:
        pass
    return text, _utf8_as_1252(text)


def _utf8_as_1252(text: str) -> str:
    """Read UTF-8 as browsers read Windows-1252: the five bytes that it has no character for are control characters."""
    return "".join(bytes([byte]).decode("cp1252" if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else "latin-1") for byte in text.encode())


def html(source: Source) -> Planted:
    """Tags within and around, scripts, styles, comments and entities, of which some hold numbers."""
    return _in_passages(source, _mark_up)


def _mark_up(source: Source, text: str) -> Row:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    if escaped == text:
        escaped = f"<b>{escaped[:1]}</b>{escaped[1:]}"
    form = source.one_of(
        [
            "<p>{}</p>",
            '<div class="col-12">{}</div><script>var n = 12; if (n < 3) {{ no(); }}</script>',
            '<style>p {{ margin: 0 5px }}</style><p style="margin:4px">{}</p>',
            "<!-- 3 items -->{}&nbsp;",
            '<ul><li><a href="/item?id=99">{}</a></li></ul>',
            "<table><tr><td>{}</td></tr></table>",
        ]
    )
    return text, form.format(escaped)


def control(source: Source) -> Planted:
    """One to three control or invisible characters, anywhere."""
    return _in_passages(source, _insert_unseen)


def _insert_unseen(source: Source, text: str) -> Row:
    faulty = text
    for _ in range(int(source.rng.integers(1, 4))):
        at = int(source.rng.integers(len(faulty) + 1))
        faulty = (
            faulty[:at] + source.one_of(["\x00", "\x08", "\x1b[1m", "\u200b", "\ufeff", "\u00ad", "\u202a", "\u2060", "\x7f"]) + faulty[at:]
        )
    return text, faulty


def unicode(source: Source) -> Planted:
    """A word with accents that are typed apart from their letters."""
    return _in_passages(source, _decompose)


def _decompose(source: Source, text: str) -> Row:
    sound = f"{text} {source.one_of(['café', 'naïve', 'Ménière', 'Sjögren', 'señor', 'Gràcia'])}"
    return sound, unicodedata.normalize("NFD", sound)


def width(source: Source) -> Planted:
    """Letters and digits in full width: all of a text, or one word."""
    return _in_passages(source, _widen)


def _widen(source: Source, text: str) -> Row:
    words = re.findall(r"[A-Za-z0-9]+", text)
    if not words:
        text, words = f"{text}AB12", ["AB12"]
    wide = {code: code + 0xFEE0 for code in [*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B)]}
    word = source.one_of(words)
    return text, text.translate(wide) if source.rng.random() < 0.5 else text.replace(word, word.translate(wide), 1)


def space(source: Source) -> Planted:
    """Blanks of several kinds where blanks are, and around the text."""
    return _in_passages(source, _blow_up)


def _blow_up(source: Source, text: str) -> Row:
    blank = source.one_of(["  ", "\t", "\u00a0", "\u3000", " \u2009 ", "   "])
    return text, source.one_of(["", " ", "\n\n"]) + text.replace(" ", blank, 3) + source.one_of([" ", "\r\n", "\u3000"])


LINES = {
    "en": (
        "Was this page helpful? Tell us what you think of it.",
        "Copyright by the publisher, all rights reserved worldwide.",
        "Sign up for our newsletter to get the latest news.",
        "Share this page: Facebook | Twitter | Email | Print",
    ),
    "zh": (
        "本文由网站编辑整理，转载请注明出处。",
        "点击关注我们的公众号，获取更多精彩内容。",
        "上一篇：返回目录　下一篇：返回首页",
        "版权归原作者所有，如有侵权请联系删除。",
    ),
}


def boilerplate(source: Source) -> Planted:
    """A line at the end or the beginning, one of four."""
    return _in_passages(source, _append_line)


def _append_line(source: Source, text: str) -> Row:
    line = source.one_of(LINES[source.language])
    return text, f"{text}\n{line}" if source.rng.random() < 0.7 else f"{line}\n{text}"


def script(source: Source) -> Planted:
    """Traditional Chinese, where simplified is asked for."""
    from opencc import OpenCC

    convert = OpenCC("s2t").convert
    return _in_passages(source, lambda _, text: (f"{text}个国", convert(f"{text}个国")))


def broken(source: Source) -> Planted:
    """Characters that were lost."""
    return _add_rows(source, lambda own, query, passage: (query, _insert(own, passage, own.one_of(["\ufffd", "\ufffd\ufffd", "锟斤拷"]))))


def _insert(source: Source, text: str, what: str) -> str:
    at = int(source.rng.integers(len(text) + 1))
    return text[:at] + what + text[at:]


EMPTY = {
    "en": ("N/A", "-", "...", "null", "Not available.", "TBD", "nan", "?", "(none)"),
    "zh": ("暂无", "无内容", "——", "。。。", "待补充", "见附件", "N/A", "？", "【暂无数据】"),
}


def empty(source: Source) -> Planted:
    """A placeholder, or punctuation, in the place of a passage or a query."""

    def hollow(own: Source, query: str, passage: str) -> Row:
        nothing = own.one_of(EMPTY[own.language])
        return (query, nothing) if own.rng.random() < 0.7 else (nothing, passage)

    return _add_rows(source, hollow)


def short(source: Source) -> Planted:
    """A passage of one token."""
    words = {"en": ("Yes", "No.", "Maybe", "true", "see"), "zh": ("是", "否。", "对", "有", "好")}
    return _add_rows(source, lambda own, query, _: (query, own.one_of(words[own.language])))


def long(source: Source) -> Planted:
    """A passage that is repeated until the base cannot read it to its end."""
    return _add_rows(source, lambda _, query, passage: (query, " ".join([passage] * (1 + 4000 // max(1, len(passage))))))


def contradiction(source: Source) -> Planted:
    """A negative, under another id, with the text of a positive, of which case or white space differ."""
    corpus, train, wanted = dict(source.data.corpus), source.data.train, set()
    negatives = dict(train.negatives)
    for at, (qid, pid) in enumerate(source.draw_rows()):
        corpus[f"planted-n{at}"] = source.one_of(["{}", "{} ", " {}"]).format(
            corpus[pid].upper() if source.rng.random() < 0.3 else corpus[pid]
        )
        negatives[qid] = [*negatives.get(qid, []), f"planted-n{at}"]
        wanted.add(f"row:{qid}:planted-n{at}")
    return Planted(replace(source.data, corpus=corpus, train=replace(train, negatives=negatives)), wanted)


def duplicate(source: Source) -> Planted:
    """The row again under other ids, of which case or white space differ."""

    def again(own: Source, query: str, passage: str) -> Row:
        return own.one_of([query, query.lower(), f"{query} "]), own.one_of([passage, passage.upper(), f" {passage}"])

    return _add_rows(source, again)


def near_duplicate(source: Source) -> Planted:
    """The row again with other punctuation in the query, and in the passage one letter in forty typed twice, none of a number."""

    def nearly(own: Source, query: str, passage: str) -> Row:
        stem = query.rstrip("?？。. !！")
        return own.one_of([each for each in (f"{stem}!", stem, f"{stem}??", f"“{stem}”") if each != query]), _stammer(own, passage)

    return _add_rows(source, nearly)


def _stammer(source: Source, text: str) -> str:
    kept = {at for start, end in protected_spans(text) for at in range(start, end)}
    free = [at for at, char in enumerate(text) if char in "etaoinshr的了是在有和人为" and at not in kept]
    if not free:
        return f"{text}!"
    drawn = source.rng.choice(free, min(len(free), max(1, len(text) // 40)), replace=False)
    for at in sorted(map(int, drawn), reverse=True):
        text = text[:at] + text[at] + text[at:]
    return text


def copied_query(source: Source) -> Planted:
    """The query word for word before, within or after its passage."""
    corpus, rows = dict(source.data.corpus), source.draw_rows()
    for qid, pid in rows:
        query, passage = source.data.train.queries[qid], corpus[pid]
        half = len(passage) // 2
        corpus[pid] = source.one_of([f"{query} {passage}", f"{passage} {query}", f"{passage[:half]}. {query.upper()} {passage[half:]}"])
    return Planted(replace(source.data, corpus=corpus), {f"row:{qid}:{pid}" for qid, pid in rows}, {}, set(rows))


def language(source: Source) -> Planted:
    """A row in another language, with a number that makes it another row than the rest."""
    order = itertools.count()
    rows = [source.foreign[at] for at in source.rng.permutation(len(source.foreign))]

    def numbered(*_: object) -> Row:
        at = next(order)
        query, passage = rows[at % len(rows)]
        return f"{query} ({at})", passage

    return _add_rows(source, numbered)


def repeated_passage(source: Source) -> Planted:
    """A passage of the corpus again, under another id."""
    corpus = dict(source.data.corpus)
    again = {f"planted-p{at}": corpus[pid] for at, (_, pid) in enumerate(source.draw_rows())}
    return Planted(replace(source.data, corpus=corpus | again), {f"passage:{pid}" for pid in again})


KINDS: dict[str, Callable[[Source], Planted]] = {
    "encoding": encoding,
    "html": html,
    "control": control,
    "unicode": unicode,
    "width": width,
    "script": script,
    "space": space,
    "boilerplate": boilerplate,
    "broken": broken,
    "empty": empty,
    "short": short,
    "long": long,
    "contradiction": contradiction,
    "duplicate": duplicate,
    "near-duplicate": near_duplicate,
    "copied-query": copied_query,
    "language": language,
    "repeated-passage": repeated_passage,
}
"""Rule -> what plants faults that it has to find."""

FOREIGN: tuple[Row, ...] = (
    ("Wie lange ist die Kündigungsfrist?", "Die Frist beträgt in der Regel drei Monate zum Ende eines Monats."),
    ("Welche Nebenwirkungen hat das Medikament?", "Häufig sind Kopfschmerzen, Übelkeit und Schwindel; fragen Sie Ihren Arzt."),
    ("Quel est le délai de préavis ?", "Le locataire peut donner congé à tout moment avec un préavis de trois mois."),
    ("Quels sont les symptômes du diabète ?", "Une soif intense, une fatigue et une perte de poids sont les signes les plus fréquents."),
    ("¿Cuánto dura la batería?", "La batería dura unas ocho horas con un uso normal del aparato."),
    ("¿Quién paga el alquiler?", "El inquilino paga la renta dentro de los primeros siete días de cada mes."),
    ("Quanto tempo ho per recedere?", "Il consumatore può recedere dal contratto entro quattordici giorni dalla consegna."),
    ("Qual é o prazo de entrega?", "A encomenda chega normalmente em cinco dias úteis depois do pagamento."),
    ("Hoe lang is de garantie?", "De fabrikant geeft twee jaar garantie op alle onderdelen van het apparaat."),
    ("Каков срок исковой давности?", "Общий срок исковой давности составляет три года со дня нарушения права."),
    ("糖尿病の症状は何ですか。", "のどの渇きや疲れやすさ、体重の減少がよく見られる症状です。"),
    ("契約を解除できますか。", "相手方が債務を履行しないときは、契約を解除することができます。"),
    ("배터리는 얼마나 오래 가나요?", "일반적으로 한 번 충전하면 여덟 시간 정도 사용할 수 있습니다."),
    ("ما هي أعراض مرض السكري؟", "العطش الشديد والتعب وفقدان الوزن من أكثر الأعراض شيوعا."),
    ("Jaki jest okres wypowiedzenia?", "Okres wypowiedzenia wynosi trzy miesiące, licząc od końca miesiąca."),
    ("Thời hạn bảo hành là bao lâu?", "Sản phẩm được bảo hành hai năm kể từ ngày mua hàng."),
)
"""Questions and answers in twelve languages, written for this."""
