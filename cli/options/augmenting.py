"""The options of `adapt data augment`: how much is made, what with, and where the base of the round trip lies."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...datatools.augmenting.names import METHOD_NAMES
from ...errors import RequestError
from ..completion import BASE, KNOWN_BASE
from .gather import gathered
from .shared import machine_options
from .types import Choice, FiniteRange, WholeNumber

if TYPE_CHECKING:
    from ...base.known import Pooling
    from ...choices import Precision
    from ...datatools.augmenting.settings import Translate
    from ...datatools.augmenting.writer import QueryWriter
    from ...encoders.protocol import Encoder
    from ...events import Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """The values of the options of how much is made."""

    methods: tuple[str, ...]
    copies: int
    rows: int | None
    share: float
    weight: float
    seed: int
    removed_share: float
    passages: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """The values of the options of what methods make queries with."""

    glossary: Path | None
    wordnet: str | None
    forward: str | None
    backward: str | None
    codes: str | None
    endpoint: str | None
    model: str | None
    send_texts_to: str | None
    timeout: float
    parallel: int
    round_trip: int

    def translators(self, device: str | None) -> tuple[Translate, Translate] | None:
        """Load the models of back-translation.

        Raises:
            RequestError: one is missing, or the codes are not two.
        """
        if self.forward is None and self.backward is None:
            return None
        if self.forward is None or self.backward is None:
            raise RequestError("back-translation takes two models; give both --forward and --backward")
        codes = (self.codes or ",").split(",")
        if len(codes) != 2:
            raise RequestError(f"--codes is {self.codes!r}; expected two codes with a comma between them, such as eng_Latn,fra_Latn")
        from ...datatools.augmenting.translators import load_translator

        own, pivot = (code.strip() or None for code in codes)
        return (
            load_translator(self.forward, source=own, into=pivot, device=device),
            load_translator(self.backward, source=pivot, into=own, device=device),
        )

    def writer(self, stack: ExitStack, events: Events) -> QueryWriter | None:
        """Open the endpoint of a language model; the stack closes it.

        Raises:
            RequestError: texts would go to another machine, and its host is not named.
        """
        if self.endpoint is None:
            if self.model or self.send_texts_to:
                raise RequestError("--model and --send-texts-to speak of an endpoint; give its address with --endpoint URL")
            return None
        from ...cache.files import open_cache_files
        from ...datatools.augmenting.chat import Chat
        from ...datatools.augmenting.endpoint import Endpoint, read_key
        from ...datatools.augmenting.writer import QueryWriter

        endpoint = Endpoint(url=self.endpoint, model=self.model or "")
        chat = stack.enter_context(Chat(endpoint, send_texts_to=self.send_texts_to, key=read_key(), timeout_s=self.timeout))
        if not endpoint.is_here:
            lock = "" if endpoint.is_encrypted else ", unencrypted"
            events.note(f"passages are sent to {endpoint.host}{lock}, model {endpoint.model}")
        return QueryWriter(chat, open_cache_files(), parallel=self.parallel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The values of the options of the base and the machine; None leaves it to the language or the machine."""

    base: str | None
    base_as: str | None
    pooling: Pooling | None
    device: str | None
    dtype: Precision | None

    def open_base(self, language: str, registry_dir: Path | None, events: Events) -> Encoder:
        """Load the base that the queries of a language model are filtered by."""
        from ...base.resolve import BaseOptions
        from ...events import note_once
        from ...references import EncoderSettings, LoadedBases, Search, open_encoder, resolve_reference
        from ...registry import open_registry

        options = BaseOptions(settings_of=self.base_as, pooling=self.pooling, language="zh" if language == "zh" else None)
        resolved = resolve_reference("base", Search(registry=open_registry(registry_dir), base=self.base, options=options))
        note_once(events, resolved.notes)
        events.stage("loading the base")
        return open_encoder(resolved, LoadedBases(EncoderSettings(device=self.device, precision=self.dtype or "auto")))


amount_options = gathered(
    "amounts",
    Amounts,
    click.option(
        "-m",
        "--method",
        "methods",
        type=Choice(METHOD_NAMES),
        metavar="METHOD",
        multiple=True,
        required=True,
        help=f"One of {', '.join(METHOD_NAMES)}; may be given several times.",
    ),
    click.option("--copies", type=WholeNumber(min=1), default=1, show_default=True, metavar="N", help="New queries of a method for each."),
    click.option("--rows", type=WholeNumber(min=1), metavar="N", help="At most this many of each method, drawn [default: all]."),
    click.option(
        "--share",
        type=FiniteRange(0, 1, min_open=True),
        default=0.1,
        show_default=True,
        metavar="P",
        help="Of a query's words, how many change.",
    ),
    click.option(
        "--weight",
        type=FiniteRange(0, min_open=True),
        default=1.0,
        show_default=True,
        metavar="W",
        help="Weight of a new pair, as a multiple of the weight of the one it comes from.",
    ),
    click.option("--seed", type=WholeNumber(min=0), default=0, show_default=True, metavar="N", help="Of all that is drawn."),
    click.option(
        "--removed-share",
        type=FiniteRange(0, 1),
        default=0.9,
        show_default=True,
        metavar="P",
        help="inverse-cloze: how often the sentence is taken out of its passage.",
    ),
    click.option(
        "--passages",
        type=Choice(["train", "all"]),
        default="train",
        show_default=True,
        help="inverse-cloze, llm: passages that answer training queries, or also all that dev does not name.",
    ),
)

source_of_methods = gathered(
    "sources",
    SourceOptions,
    click.option(
        "--glossary",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Terms and synonyms (csv, tsv, jsonl, parquet, xlsx): exchanged by synonyms, changed by no other method.",
    ),
    click.option(
        "--wordnet", metavar="DIR", help="Synonyms of English words: a folder of WordNet's files, or nltk for the one that nltk has."
    ),
    click.option("--forward", metavar="MODEL", help="back-translation: the model into the other language, a folder or a Hub id."),
    click.option("--backward", metavar="MODEL", help="back-translation: the model out of it."),
    click.option("--codes", metavar="A,B", help="Of models of many languages: the codes of the data's language and the other one."),
    click.option("--endpoint", metavar="URL", help="llm: an OpenAI-compatible address, such as http://localhost:8000/v1."),
    click.option("--model", metavar="NAME", help="llm: the name of the model there. The key is in ADAPT_LLM_KEY, where one is needed."),
    click.option(
        "--send-texts-to", metavar="HOST", help="llm: agree that passages go to this host, where the endpoint is another machine."
    ),
    click.option("--timeout", type=FiniteRange(1), default=120.0, show_default=True, metavar="S", help="llm: seconds for an answer."),
    click.option("--parallel", type=WholeNumber(1, 64), default=4, show_default=True, metavar="N", help="llm: requests at once."),
    click.option(
        "--round-trip",
        type=WholeNumber(min=0),
        default=10,
        show_default=True,
        metavar="K",
        help="llm: keep a query that finds its passage among the first K by the base; 0: keep all.",
    ),
)

machine = gathered(
    "machine",
    Machine,
    click.option("--base", type=BASE, metavar="REF", help="llm: the base of the round trip [default: that of the language]."),
    click.option(
        "--base-as", type=KNOWN_BASE, metavar="ALIAS", help="Read a folder with this known base's pooling, instruction and length."
    ),
    click.option("--pooling", type=Choice(["cls", "mean"]), help="Pooling of a base that does not state its own."),
    machine_options,
)
