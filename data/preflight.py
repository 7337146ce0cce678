"""Before training: what will go wrong with these data on this base, and what to do about it. Nothing here needs a model."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..plurals import count
from .draw import draw
from .pairs import Pairs, TrainingData, normalise

FEW_PAIRS = 100
SMALL_BATCH = 8
DUPLICATE_SHARE = 0.05
TRUNCATED_SHARE = 0.5
KNOWN_SHARE = 0.25
COUNTED_TEXTS = 500
CJK_SHARE = 0.3
"""From this share of Chinese characters among its letters on, a text counts as Chinese."""


@dataclass(frozen=True, slots=True)
class PreflightWarning:
    """Something that will go wrong: a short name for it, and a sentence that says what and what to do."""

    code: str
    message: str

    def __str__(self) -> str:
        return self.message


def preflight(
    data: TrainingData,
    *,
    batch_size: int,
    base_language: str,
    query_prompt_known: bool,
    count_truncated: Callable[[Sequence[str]], int] | None = None,
    seed: int = 0,
) -> list[PreflightWarning]:
    """Return what will go wrong, in the order in which it matters.

    Args:
        data: What the run trains on.
        batch_size: Queries a step.
        base_language: "en", "zh" or "multilingual".
        query_prompt_known: Whether the base has an instruction for queries, or is known to need none.
        count_truncated: Says how many of some passages the base would cut; asked once, of at most 500 (None: not checked).
        seed: Draws the passages that are checked.
    """
    texts = _passages(data, seed)
    found = (
        _few_pairs(data.train),
        _no_answers(data.train),
        _batch(data.train, batch_size),
        _duplicate_queries(data.train),
        _duplicate_passages(data),
        _dev_in_train(data),
        _known_answers(data),
        _truncated(texts, count_truncated) if count_truncated else None,
        _instruction(query_prompt_known),
        _language([*draw(list(data.train.queries.values()), COUNTED_TEXTS, seed), *texts], base_language),
    )
    return [warning for warning in found if warning]


def _few_pairs(train: Pairs) -> PreflightWarning | None:
    if train.pair_count >= FEW_PAIRS:
        return None
    message = f"only {count(train.pair_count, 'pair')}: the adapter will memorise them, and its score will be noise; use at least {FEW_PAIRS}, better 1,000"
    return PreflightWarning("few-pairs", message)


def _no_answers(train: Pairs) -> PreflightWarning | None:
    without = sum(not train.positives[qid] for qid in train.queries)
    if not without:
        return None
    message = f"{count(without, 'query')} of {len(train)} have negatives alone and no answer: losses of labelled and scored pairs learn from them, others nothing"
    return PreflightWarning("no-answers", message)


def _batch(train: Pairs, size: int) -> PreflightWarning | None:
    if size > len(train):
        message = f"the batch of {size} is larger than the data ({count(len(train), 'query')}): every epoch is one step; lower batch_size to {max(2, len(train) // 4)} or add more data"
        return PreflightWarning("batch-too-large", message)
    if size < SMALL_BATCH:
        message = f"the batch of {size} gives each query at most {size - 1} answers of other queries as negatives, so that little is learned; raise batch_size to {SMALL_BATCH} or more"
        return PreflightWarning("batch-too-small", message)
    return None


def _duplicate_queries(train: Pairs) -> PreflightWarning | None:
    share = _duplicate_share(train.queries.values())
    if share <= DUPLICATE_SHARE:
        return None
    message = f"{share:.0%} of the queries repeat the text of another under a separate id: they weigh more than the rest; join them into one query with several positives"
    return PreflightWarning("duplicate-queries", message)


def _duplicate_passages(data: TrainingData) -> PreflightWarning | None:
    share = _duplicate_share(data.corpus[pid] for pid in data.train.passage_ids())
    if share <= DUPLICATE_SHARE:
        return None
    message = f"{share:.0%} of the passages repeat the text of another under a separate id: scores come out too low; remove the copies and point at the one that stays"
    return PreflightWarning("duplicate-passages", message)


def _dev_in_train(data: TrainingData) -> PreflightWarning | None:
    if data.dev is None:
        return None
    trained = {normalise(text) for text in data.train.queries.values()}
    shared = sum(normalise(text) in trained for text in data.dev.queries.values())
    if not shared:
        return None
    message = f"{shared} of {len(data.dev)} dev queries are trained on as well: the dev score will be too high, and training will stop too late; remove them from one of the two splits"
    return PreflightWarning("train-in-dev", message)


def _known_answers(data: TrainingData) -> PreflightWarning | None:
    if data.dev is None:
        return None
    trained = {normalise(data.corpus[pid]) for found in data.train.positives.values() for pid in found}
    known = sum(any(normalise(data.corpus[pid]) in trained for pid in found) for found in data.dev.positives.values())
    if known <= KNOWN_SHARE * len(data.dev):
        return None
    message = (
        f"{known} of {len(data.dev)} dev queries are answered by passages that are trained on as well: the dev score rewards memorising those passages, "
        "and says little about new documents; if those matter, split by document instead of by query: adapt data split --by document"
    )
    return PreflightWarning("known-answers", message)


def _truncated(texts: Sequence[str], count_truncated: Callable[[Sequence[str]], int]) -> PreflightWarning | None:
    share = count_truncated(texts) / len(texts)
    if share < TRUNCATED_SHARE:
        return None
    message = f"{share:.0%} of {len(texts)} passages are longer than the maximum length: the rest of their text is never read; raise max_tokens or split the passages"
    return PreflightWarning("mostly-truncated", message)


def _instruction(known: bool) -> PreflightWarning | None:
    if known:
        return None
    message = (
        "the base's instruction for queries is not known: a base that was trained with one retrieves worse without it; "
        "use that of a known base with --base-as, or state it under prompts in the base's config_sentence_transformers.json"
    )
    return PreflightWarning("no-instruction", message)


def _language(texts: Sequence[str], base_language: str) -> PreflightWarning | None:
    chinese = sum(cjk_share(text) >= CJK_SHARE for text in texts) / len(texts)
    if base_language not in ("en", "zh") or (chinese < 0.5) == (base_language == "en"):
        return None
    share = f"{chinese:.0%} of the texts are Chinese" if base_language == "en" else f"{1 - chinese:.0%} of the texts are not Chinese"
    other = "bge-small-zh" if base_language == "en" else "bge-small-en"
    message = f"{share}, and the base reads {base_language}: its tokenizer breaks them into meaningless pieces; use a base for their language, such as --base {other}"
    return PreflightWarning("other-language", message)


def cjk_share(text: str) -> float:
    """Return the share of Chinese characters (U+4E00 to U+9FFF and the extension at U+3400) among a text's letters; 0 without letters."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum("\u3400" <= sign <= "\u4dbf" or "\u4e00" <= sign <= "\u9fff" for sign in letters) / max(1, len(letters))


def _duplicate_share(texts: Iterable[str]) -> float:
    keys = [normalise(text) for text in texts]
    return (len(keys) - len(set(keys))) / max(1, len(keys))


def _passages(data: TrainingData, seed: int) -> list[str]:
    return [data.corpus[pid] for pid in draw(sorted(data.train.passage_ids()), COUNTED_TEXTS, seed)]
