"""The table of known bases agrees with mteb's, and the aliases lead into it."""

import mteb
import pytest
from adapt_embed.base.known import DEFAULT_ALIAS, EMBEDDED_ALIAS, KNOWN_BASES, KnownBase, find_known, known_base
from adapt_embed.errors import BaseError


@pytest.mark.parametrize("known", KNOWN_BASES.values(), ids=KNOWN_BASES)
def test_revision_dimension_and_length_are_those_of_mteb(known: KnownBase) -> None:
    meta = mteb.get_model_meta(known.hub_id)
    assert (meta.name, meta.revision, meta.embed_dim, meta.max_tokens) == (known.hub_id, known.revision, known.dimension, known.max_tokens)


@pytest.mark.parametrize("known", KNOWN_BASES.values(), ids=KNOWN_BASES)
def test_whether_the_pinned_revision_has_safetensors_is_what_mteb_says(known: KnownBase) -> None:
    assert known.has_safetensors == ("safetensors" in mteb.get_model_meta(known.hub_id, revision=known.revision).framework)


def test_the_instruction_is_that_of_mteb() -> None:
    for alias in ("bge-small-en", "bge-large-zh"):
        prompts = mteb.get_model_meta(KNOWN_BASES[alias].hub_id).loader_kwargs["model_prompts"]
        assert prompts["query"] == KNOWN_BASES[alias].query_prompt


def test_an_unknown_alias_lists_the_known_ones() -> None:
    with pytest.raises(BaseError, match=r"unknown base alias 'bge-smal-en'. Did you mean bge-small-en"):
        known_base("bge-smal-en")


def test_a_base_is_found_by_hub_id_in_any_case_and_by_weights() -> None:
    assert find_known(hub_id="baai/BGE-M3") is KNOWN_BASES["bge-m3"]
    assert find_known(sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db") is KNOWN_BASES["minilm"]
    assert find_known(sha256="0" * 64) is None


def test_defaults_and_the_embedded_base_are_known_and_read_their_language() -> None:
    assert {language: KNOWN_BASES[alias].language for language, alias in DEFAULT_ALIAS.items()} == {"en": "en", "zh": "zh"}
    assert KNOWN_BASES[EMBEDDED_ALIAS].sha256 is not None
