"""A search for weights as a job: dev data, base and candidates, made ready; then the search, and the curve of what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...choices import MAX_TOKENS
from .candidates import Candidates
from .curve import count_curve_points, trace_curve
from .plan import plan_measurements
from .plot import check_plot
from .probe import Probe, encoders_over
from .task import SearchTask, draw_task
from .weights import SearchResult, SearchSettings, search_weights

if TYPE_CHECKING:
    from ...data.sentence_pairs import SentencePairs
    from ...encoders.lora import LoraEncoder
    from ...events import Events
    from ...references import Search
    from ...registry.search_file import Curve
    from ..merge import Grams, MergeConfig
    from ..parents import Parent
    from ..weight_search import WeightSearch

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchJob:
    """A search that can begin.

    Attributes:
        sources: Its dev data, as they were named.
        settings: How it searches.
        candidates: What may be tried.
        probe: What it is measured on.
        steps: Points on each line of the curve; 0 for none.
        max_tokens: The longest text.
    """

    sources: tuple[str, ...]
    settings: SearchSettings
    candidates: Candidates
    probe: Probe
    steps: int
    max_tokens: int

    def run(self, events: Events) -> tuple[MergeConfig, FoundWeights]:
        """Search; return the configuration with the weights, and what was found."""
        parents = len(self.candidates.parents)
        measurements = self.settings.measurements(parents) + (count_curve_points(parents, self.steps) if self.steps else 0)
        plan = plan_measurements(self.candidates, self.probe, measurements)
        events.note(f"search: {plan.describe()}; texts of at most {self.max_tokens} tokens")

        def tell_searched(done: int, total: int, _best: object) -> None:
            events.progress("searching", done, total, "measurements")

        result = search_weights(self.candidates, self.probe, self.settings, tell_searched)
        _note_shortcomings(result, events)

        def tell_traced(done: int, total: int) -> None:
            events.progress("curve", done, total, "merges")

        best = result.best.point
        curve = trace_curve(self.candidates, self.probe, best, self.steps, tell_traced) if self.steps else None
        return self.candidates.config(best), FoundWeights(self.sources, result, curve)


def prepare_search(
    asked: WeightSearch, parents: Sequence[Parent], config: MergeConfig, grams: Sequence[Grams] | None, where: Search, events: Events
) -> SearchJob:
    """Load the base and the dev data, and prepare what is measured; nothing is encoded.

    Args:
        asked: How to search, with its sources.
        parents: What is merged, in their order.
        config: How; its weights, where it has any, are one of the points that the search starts from.
        grams: Of each parent, for a method that needs them.
        where: Where the base is looked for.
        events: Receives notes and progress.

    Raises:
        AdaptError: a source, the base or a value does not fit.
    """
    steps = asked.curve_steps if asked.curve_steps is not None else 11 if len(parents) <= 2 else 5
    if asked.plot:
        check_plot(asked.plot)
    given = {"evaluations": asked.evaluations, "tolerance": asked.tolerance}
    settings = SearchSettings(seed=config.settings.seed, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    events.stage("loading the base")
    opened = _open_base(asked, parents, where, events)
    language = where.options.language or opened.base.spec.text_language
    sources = asked.sources or ()
    tasks = [_task(source, language, asked.skip_dangling, events) for source in sources]
    general = _general(asked.general, language) if asked.general else None
    side = parents[0].side
    probe = Probe(encoders_over(opened, side), tasks, general, side=side)
    candidates = Candidates([parent.factors for parent in parents], [parent.reference for parent in parents], config, grams)
    return SearchJob(sources=sources, settings=settings, candidates=candidates, probe=probe, steps=steps, max_tokens=opened.max_tokens)


def _open_base(asked: WeightSearch, parents: Sequence[Parent], where: Search, events: Events) -> LoraEncoder:
    """Open the base under the first adapter, to measure as training measured the adapters unless the request says otherwise."""
    from ...references import EncoderSettings, LoadedBases
    from ..parents import open_base

    first = next(parent for parent in parents if parent.folder is not None)
    precisions = {parent.precision for parent in parents if parent.precision is not None}
    settings = EncoderSettings(
        device=asked.device,
        precision=asked.precision or (precisions.pop() if len(precisions) == 1 else "auto"),
        max_tokens=asked.max_tokens,
        batch_tokens=asked.batch_tokens,
    )
    opened = open_base(first, where, LoadedBases(settings))
    trained = {parent.reference: parent.max_tokens for parent in parents if parent.max_tokens is not None}
    longest = asked.max_tokens or max(trained.values(), default=MAX_TOKENS)
    for name, tokens in trained.items():
        if tokens != longest:
            events.note(
                f"note: {name} was scored in training on texts of at most {tokens} tokens, and is scored here on at most {longest}: the scores differ"
            )
    return replace(opened, max_tokens=longest)


def _task(source: str, language: str, skip_dangling: bool, events: Events) -> SearchTask:
    from ...data.sources import load_dev_data

    def report_note(note: str) -> None:
        events.note(f"note: {note}")

    return draw_task(*load_dev_data(source, lang=language, skip_dangling=skip_dangling, on_note=report_note))


def _general(folder: Path, language: str) -> SentencePairs:
    from ...data.dev_set import DEV_SEED
    from ...data.sentence_pairs import draw_sentence_pairs, read_sentence_pairs, sentence_pairs_file

    pairs = read_sentence_pairs(sentence_pairs_file(folder, split="dev", language=language))
    return draw_sentence_pairs(pairs, GENERAL_PAIRS, DEV_SEED)


def _note_shortcomings(result: SearchResult, events: Events) -> None:
    """Note where the chosen merge falls short: of the general score that was to be held, and of what its inputs score alone."""
    if not result.best.is_allowed:
        events.note(
            f"warning: none of the merges tried keeps the general score above {result.goal.floor:.4f}; the nearest was taken. "
            "Raise --tolerance or --evaluations, or scale by hand with --with-base"
        )
    if result.better_alone:
        events.note(
            f"warning: on dev the merge is worse than {', '.join(result.better_alone)} alone. Use {result.better_alone[0]} unmerged, "
            "or raise --evaluations, name another --method or other inputs"
        )
    for short in result.shortfalls:
        events.note(
            f"note: on dev of {short.domain} the merge scores {short.merged:.4f}, less than {short.input} alone ({short.alone:.4f}); "
            f"where {short.domain} alone matters, use {short.input}"
        )
