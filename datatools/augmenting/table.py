"""The methods of augmentation: a row each, with its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .back_translation import translate_back
from .deletion import delete_words
from .insertion import insert_words
from .inverse_cloze import write_sentences
from .llm_queries import write_llm_queries
from .settings import AugmentSettings
from .swap import swap_words
from .synonyms import exchange_synonyms
from .types import Write
from .typing_errors import make_typing_errors
from .varying import by_varying

_EDA = "https://arxiv.org/abs/1901.11196"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method.

    Attributes:
        write: Gives its new queries.
        what: What they are, in words.
        source: Where it is described; None for what needs no paper.
        lacks: Returns what the settings lack for it, as an instruction; None: nothing.
    """

    write: Write
    what: str
    source: str | None = None
    lacks: Callable[[AugmentSettings], str | None] = lambda _: None


def _no_synonyms(settings: AugmentSettings) -> str | None:
    has_some = any(settings.glossary.other_names.values()) or settings.wordnet is not None
    return None if has_some else "a glossary with synonyms (--glossary FILE) or WordNet (--wordnet DIR)"


METHODS: dict[str, Method] = {
    "synonyms": Method(write=by_varying("synonyms", exchange_synonyms), what="with synonyms", source=_EDA, lacks=_no_synonyms),
    "insertion": Method(write=by_varying("insertion", insert_words), what="with words put in", source=_EDA),
    "deletion": Method(write=by_varying("deletion", delete_words), what="with words left out", source=_EDA),
    "swap": Method(write=by_varying("swap", swap_words), what="with words exchanged", source=_EDA),
    "typing-errors": Method(write=by_varying("typing-errors", make_typing_errors), what="with typing errors"),
    "inverse-cloze": Method(write=write_sentences, what="that are sentences of passages", source="https://arxiv.org/abs/1906.00300"),
    "back-translation": Method(
        write=translate_back,
        what="translated there and back",
        source="https://arxiv.org/abs/1511.06709",
        lacks=lambda settings: None if settings.translate else "two translation models (--forward MODEL --backward MODEL)",
    ),
    "llm": Method(
        write=write_llm_queries,
        what="that a language model wrote",
        source="https://arxiv.org/abs/2112.07577",
        lacks=lambda settings: None if settings.writer else "an endpoint and a model (--endpoint URL --model NAME)",
    ),
}
