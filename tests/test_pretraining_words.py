"""What pretraining masks and deletes: whole words, Chinese words, terms more often, and what stands in their place."""

from pathlib import Path

import numpy as np
import pytest
from adapt_embed.adapters.pretraining.masking import MaskedText, Masking, masking_of
from adapt_embed.adapters.pretraining.steps import TextSteps, cut_pieces
from adapt_embed.adapters.pretraining.words import WordTokens, delete_words, read_words
from adapt_embed.base import Base
from adapt_embed.data.unlabelled import MOST_HELD_OUT, read_texts, take_texts
from adapt_embed.data.words import Terms, terms_of, words
from adapt_embed.errors import DataError

NO_TERMS = terms_of(())
ENGLISH = "The tenant's unlawfulness, 2.5mg and c++ of the court"
CHINESE = "人民法院判决承租人支付租金。"


def drawn(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def groups(base: Base, text: str, terms: Terms = NO_TERMS) -> list[list[str]]:
    """The tokens of each word of a text."""
    (found,) = read_words(base, [text], terms, 128)
    tokens = base.tokenizer.convert_ids_to_tokens(found.ids.tolist())
    return [[token for token, word in zip(tokens, found.words, strict=True) if word == number] for number in range(len(found.is_term))]


def test_the_pieces_of_a_word_are_one_word(loaded_tiny_base: Base) -> None:
    found = groups(loaded_tiny_base, ENGLISH)
    assert any(len(word) > 1 and word[1].startswith("##") for word in found)
    assert not any(word[0].startswith("##") for word in found)
    assert ["court"] in found


def test_a_chinese_word_is_its_characters_together(loaded_tiny_base: Base) -> None:
    tokenizer = loaded_tiny_base.tokenizer
    known = [[sign for sign in word if tokenizer.convert_tokens_to_ids(sign) != tokenizer.unk_token_id] for word in words(CHINESE)]
    found = [word for word in groups(loaded_tiny_base, CHINESE) if word != ["。"]]
    assert found == [word for word in known if word]
    assert max(map(len, found)) > 1


def test_a_term_of_several_words_is_one_and_known_as_a_term(loaded_tiny_base: Base) -> None:
    terms = terms_of(["the Court", "租金"])
    (english, chinese) = read_words(loaded_tiny_base, ["of the court", CHINESE], terms, 128)
    assert groups(loaded_tiny_base, "of the court", terms)[-1] == ["the", "court"]
    assert english.is_term.tolist()[-1]
    assert english.is_term.sum() == 1
    assert not read_words(loaded_tiny_base, ["of the court"], NO_TERMS, 128)[0].is_term.any()
    assert chinese.is_term.sum() <= 1


def test_special_tokens_and_the_instruction_are_in_no_word(loaded_tiny_base: Base) -> None:
    from dataclasses import replace

    prompted = replace(loaded_tiny_base, encoding=replace(loaded_tiny_base.encoding, document_prompt="find: "))
    (plain,), (found,) = (read_words(base, ["the court"], NO_TERMS, 128) for base in (loaded_tiny_base, prompted))
    assert plain.words[[0, -1]].tolist() == [-1, -1]
    assert found.words.tolist().count(-1) > 2
    assert found.words[found.words >= 0].tolist() == plain.words[plain.words >= 0].tolist()


# Masks


def long_text(words_each: int, terms: int = 0) -> WordTokens:
    """2,000 words of some tokens each, the first ones terms."""
    count = 2000
    number = np.repeat(np.arange(count, dtype=np.int32), words_each)
    return WordTokens(np.full(len(number), 700, np.int32), number, np.arange(count) < terms)


def masking(share: float = 0.15, term_share: float = 0.4) -> Masking:
    return Masking(mask=4, others=np.arange(10, 1000), share=share, term_share=term_share)


def test_so_many_words_are_masked_and_each_whole() -> None:
    words_of = long_text(3)
    chosen = masking().choose(words_of, drawn())
    per_word = chosen.reshape(-1, 3)
    assert (per_word.all(axis=1) == per_word.any(axis=1)).all()
    assert chosen.mean() == pytest.approx(0.15, abs=0.03)


@pytest.mark.parametrize("share", [0.15, 0.8])
def test_terms_are_masked_as_often_as_they_are_to_be(share: float) -> None:
    words_of = long_text(1, terms=1000)
    chosen = masking(term_share=share).choose(words_of, drawn())
    assert chosen[:1000].mean() == pytest.approx(share, abs=0.05)
    assert chosen[1000:].mean() == pytest.approx(0.15, abs=0.05)


def test_of_ten_tokens_eight_are_masked_one_is_replaced_and_one_stays() -> None:
    words_of = long_text(3)
    masked = masking(share=0.9).apply(words_of, drawn())
    ids = masked.ids[masked.wanted >= 0]
    assert (ids == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (ids == 700).mean() == pytest.approx(0.1, abs=0.02)
    assert ((ids != 4) & (ids != 700)).mean() == pytest.approx(0.1, abs=0.02)
    assert (masked.ids[masked.wanted < 0] == 700).all()
    assert (masked.wanted[masked.wanted >= 0] == 700).all()


def test_a_short_text_has_a_word_to_be_found_and_an_empty_one_none() -> None:
    one = WordTokens(np.array([2, 700, 3], np.int32), np.array([-1, 0, -1], np.int32), np.zeros(1, bool))
    none = WordTokens(np.array([2, 3], np.int32), np.array([-1, -1], np.int32), np.zeros(0, bool))
    assert all(masking(share=0.01).choose(one, drawn(seed)).tolist() == [False, True, False] for seed in range(20))
    assert not masking().choose(none, drawn()).any()


def test_one_seed_gives_one_mask() -> None:
    def wanted(seed: int) -> MaskedText:
        return masking().apply(long_text(1), drawn(seed))

    assert np.array_equal(wanted(0).ids, wanted(0).ids)
    assert not np.array_equal(wanted(0).wanted, wanted(1).wanted)


def test_special_tokens_stand_for_no_other(loaded_tiny_base: Base) -> None:
    made = masking_of(loaded_tiny_base, 0.15, 0.4)
    assert made.mask == loaded_tiny_base.tokenizer.mask_token_id
    assert not set(made.others) & set(loaded_tiny_base.tokenizer.all_special_ids)


# Deletion


def test_words_are_deleted_whole_and_white_space_stays_between_the_others() -> None:
    text = "one two three, four"
    left = {delete_words(text, 0.6, NO_TERMS, drawn(seed)) for seed in range(200)}
    assert {"one three", "two", "one two three, four"} & left == {"one three", "two", "one two three, four"} & left
    assert all(set(words(each)) <= set(words(text)) for each in left)
    assert "one three" in left
    assert not any("  " in each or each != each.strip() for each in left)
    assert all(left)


def test_chinese_words_are_deleted_whole_and_joined_without_spaces() -> None:
    left = [delete_words(CHINESE, 0.6, NO_TERMS, drawn(seed)) for seed in range(50)]
    pieces = {*words(CHINESE), "。"}
    for each in left:
        while each:
            head = next(piece for piece in sorted(pieces, key=len, reverse=True) if each.startswith(piece))
            each = each.removeprefix(head)


def test_so_many_words_are_deleted() -> None:
    text = " ".join(["court"] * 5000)
    assert delete_words(text, 0.6, NO_TERMS, drawn()).count("court") == pytest.approx(2000, abs=150)


# Texts and pieces


def test_a_long_text_is_cut_into_pieces_that_hold_all_of_it(loaded_tiny_base: Base) -> None:
    text = " ".join(f"court {number} tenant" for number in range(100))
    made = cut_pieces(loaded_tiny_base, [text, CHINESE * 20, "judge"], 16)
    joined = " ".join(made.texts[:-1])
    assert set(words(text)) <= set(joined.split())
    assert made.texts[-1] == "judge"
    assert len(made.texts) > 20
    assert all(len(loaded_tiny_base.tokenizer(piece).input_ids) <= 18 for piece in made.texts)


def test_each_epoch_has_every_piece_once_in_an_order_of_its_own() -> None:
    steps = TextSteps(pieces=10, batch_size=4, epochs=2, most=None, seed=0)
    assert (steps.steps_per_epoch, steps.steps) == (3, 6)
    first, second = (np.concatenate([steps.rows(epoch * 3 + row) for row in range(3)]) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()
    assert TextSteps(pieces=10, batch_size=4, epochs=2, most=2, seed=0).steps == 2


def test_what_is_held_out_depends_on_the_texts_alone() -> None:
    texts = [f"text {number}" for number in range(200)]
    one = take_texts(texts, most=None, held_out=0.1, seed=0)
    other = take_texts(reversed(texts), most=None, held_out=0.1, seed=1)
    assert one.held_out == other.held_out
    assert len(one.held_out) == 20
    assert set(one.train) | set(one.held_out) == set(texts)
    assert not set(one.train) & set(one.held_out)
    assert one.train != other.train


def test_copies_and_empty_texts_are_left_out_and_told() -> None:
    taken = take_texts(["a b", "A  B", "c", "", "  "], most=None, held_out=0.5, seed=0)
    assert taken.read == 2
    assert taken.notes == ("1 text that repeats another left out", "2 empty texts left out")


def test_no_more_than_is_wanted_is_kept_and_no_more_than_the_bound_held_out() -> None:
    taken = take_texts((f"text {number}" for number in range(5000)), most=2000, held_out=0.9, seed=0)
    assert (len(taken.train), len(taken.held_out)) == (2000 - MOST_HELD_OUT, MOST_HELD_OUT)
    assert "2,000 of 5,000 texts drawn" in taken.notes[-1]


@pytest.mark.parametrize("texts", [[], ["one"], ["one", "ONE"]])
def test_a_corpus_without_two_texts_is_refused(texts: list[str]) -> None:
    with pytest.raises(DataError, match="at least 2 different ones are needed"):
        take_texts(texts, most=None, held_out=0.1, seed=0)


def test_texts_are_read_out_of_lines_tables_and_folders(tmp_path: Path, toy_folder: Path) -> None:
    lines, table = tmp_path / "法条.txt", tmp_path / "docs.csv"
    lines.write_text("第一条\n第二条\n", encoding="utf-8")
    table.write_text("title,body\nRent,is due\n", encoding="utf-8")
    assert list(read_texts(lines, {})[0]) == ["第一条", "第二条"]
    assert list(read_texts(table, {})[0]) == ["Rent is due"]
    assert len(list(read_texts(toy_folder, {})[0])) == 32
    for file, text in ((lines, "第一条\n承租人应当支付租金\n" * 20), (table, "text\n承租人应当支付租金\n" * 20)):
        file.write_text(text, encoding="gb18030")
        texts, notes = read_texts(file, {})
        assert "承租人应当支付租金" in list(texts)
        assert "GB18030" in notes[0]
    with pytest.raises(DataError, match="does not exist"):
        read_texts(tmp_path / "no.txt", {})
    table.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no column of texts"):
        read_texts(table, {})
