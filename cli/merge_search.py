"""`adapt merge --search`: dev data -> weights, and the curve that shows what they trade."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import life
from .bars import text_bar
from .merge_words import split_sources
from .output import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..data.sentence_pairs import SentencePairs
    from ..encoders import LoraEncoder
    from ..merge import MergeConfig
    from ..merge.parents import Parent
    from ..merge.search import Candidates, Curve, Probe, SearchResult, SearchSettings, SearchTask
    from ..references import Search
    from .encoder_options import EncoderOptions

GENERAL_PAIRS = 500


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """What a search found, where it looked, and the curve, where one was traced."""

    sources: tuple[str, ...]
    result: SearchResult
    curve: Curve | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return self.result.as_dict() | {"sources": list(self.sources), "curve": self.curve.as_dict() if self.curve else None}

    def text(self) -> str:
        """Return the tables for people."""
        from ..merge.tables import curve_tables, search_table
        from .render import render

        tables = [("scores on dev", search_table(self.result)), *(curve_tables(self.curve) if self.curve else [])]
        return "\n".join(f"{title}\n{render(table)}\n" for title, table in tables)


def choose_weights(
    references: Sequence[str], parents: list[Parent], config: MergeConfig, search: Search, encoder: EncoderOptions, options: dict[str, Any]
) -> tuple[MergeConfig, FoundWeights]:
    """Search the weights that `--search` asks for; return the configuration with them, and what was found.

    Raises:
        AdaptError: a source, the base or an option does not fit; nothing was encoded then.
    """
    from ..merge.parents import grams_for
    from ..merge.search import Candidates, Probe, SearchSettings, count_curve_points, encoders_over, plan_measurements

    steps = _curve_steps(options, len(parents))
    settings = SearchSettings(**{name: options[name] for name in ("evaluations", "tolerance", "seed") if options[name] is not None})
    life.doing("loading the base")
    opened = _open_base(references, search, encoder, parents)
    sources = split_sources(options["sources"])
    language = encoder.lang or ("zh" if opened.base.spec.language == "zh" else "en")
    tasks, general = _tasks(sources, language, options["skip_dangling"]), _general(options, language)
    probe = Probe(encoders_over(opened), tasks, general)
    candidates = Candidates(
        [parent.factors for parent in parents], [parent.reference for parent in parents], config, grams_for(config.method, parents)
    )
    measurements = settings.measurements(len(parents)) + (count_curve_points(len(parents), steps) if steps else 0)
    say(f"search: {plan_measurements(candidates, probe, measurements).describe()}; texts of at most {opened.max_tokens} tokens")
    result = _search(candidates, probe, settings)
    curve = _curve(candidates, probe, result, steps) if steps else None
    return candidates.config(result.best.point), FoundWeights(sources, result, curve)


def _curve_steps(options: dict[str, Any], parents: int) -> int:
    """Return how many points a line of the curve has, 0 for no curve, a picture being asked for only where it can be had."""
    from ..merge.search.plot import check_plot

    steps = options["curve_steps"]
    if options["plot"]:
        check_plot(options["plot"])
    return int(steps) if steps is not None else 11 if parents <= 2 else 5


def _open_base(references: Sequence[str], search: Search, encoder: EncoderOptions, parents: Sequence[Parent]) -> LoraEncoder:
    """Open the base under the first adapter, to measure as training measured the adapters unless the user said otherwise."""
    from ..data.dev_set import MAX_TOKENS
    from ..references import LoadedBases, of_base, open_lora, resolve_reference

    first = next(text for text in references if text != "base")
    precisions = {parent.precision for parent in parents if parent.precision is not None}
    settings = encoder.settings(precisions.pop() if len(precisions) == 1 else "auto")
    found = resolve_reference(first, search)
    opened = open_lora(of_base(found.base, found.encoding), LoadedBases(settings))
    trained = {parent.reference: parent.max_tokens for parent in parents if parent.max_tokens is not None}
    longest = encoder.max_tokens or max(trained.values(), default=MAX_TOKENS)
    for name, tokens in trained.items():
        if tokens != longest:
            say(
                f"note: {name} was scored in training on texts of at most {tokens} tokens, and is here on at most {longest}: another number"
            )
    return replace(opened, max_tokens=longest)


def _tasks(sources: Sequence[str], language: str, skip_dangling: bool) -> list[SearchTask]:
    from ..data.sources import load_dev_data
    from ..merge.search import draw_task

    loaded = [
        load_dev_data(source, lang=language, skip_dangling=skip_dangling, on_note=lambda note: say(f"note: {note}")) for source in sources
    ]
    return [draw_task(*each) for each in loaded]


def _general(options: dict[str, Any], language: str) -> SentencePairs | None:
    if options["general"] is None:
        return None
    from ..data.dev_set import DEV_SEED
    from ..data.sentence_pairs import draw_sentence_pairs, read_sentence_pairs, sentence_pairs_file

    pairs = read_sentence_pairs(sentence_pairs_file(options["general"], split="dev", language=language))
    return draw_sentence_pairs(pairs, GENERAL_PAIRS, DEV_SEED)


def _search(candidates: Candidates, probe: Probe, settings: SearchSettings) -> SearchResult:
    from ..merge.search import search_weights

    with text_bar("measurements") as tell:
        result = search_weights(candidates, probe, settings, lambda done, total, _best: tell("searching", done, total))
    _warn(result)
    return result


def _warn(result: SearchResult) -> None:
    """Say where the chosen merge falls short: of the general score that was to be held, and of what its inputs score alone."""
    if not result.best.is_allowed:
        say(
            f"warning: no merge that was tried keeps the general score above {result.goal.floor:.4f}; the nearest was taken. "
            "Raise --tolerance or --evaluations, or scale by hand with --with-base"
        )
    if result.better_alone:
        say(
            f"warning: on dev the merge is worse than {', '.join(result.better_alone)} alone. Use {result.better_alone[0]} as it is, "
            "or raise --evaluations, name another --method or other inputs"
        )
    for short in result.shortfalls:
        say(
            f"note: on dev of {short.domain} the merge scores {short.merged:.4f}, less than {short.input} alone ({short.alone:.4f}); "
            f"where {short.domain} alone matters, use {short.input}"
        )


def _curve(candidates: Candidates, probe: Probe, result: SearchResult, steps: int) -> Curve:
    from ..merge.search import trace_curve

    with text_bar("merges") as tell:
        return trace_curve(candidates, probe, result.best.point, steps, partial(tell, "curve"))
