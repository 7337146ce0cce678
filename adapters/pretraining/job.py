"""A pretraining that can begin: its plan, and its run."""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass, replace

from ...base.load import Base
from ...data.pairs import hash_lines
from ...events import QUIET, Events
from ...plurals import count
from ...registry import Registry
from ...registry.runs import RUNS, describe_run
from ..checkpoint import Checkpoint
from ..strategies.table import open_strategy, put_in
from .learner import Texts
from .outcome import PretrainOutcome, PretrainPlan
from .register import register_pretrained
from .request import PretrainRequest
from .run import MEASUREMENTS, open_objective, pretrain_adapter
from .sources import ReadCorpus

NOTHING_TO_RESUME = "nothing to resume: no interrupted run of this command with these texts is there; starting afresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainJob:
    """A pretraining that can begin.

    Attributes:
        request: What was asked for.
        registry: Where the version and the state go, unless nothing is to be written.
        name: Of the version.
        domain: That it is for.
        base: What is trained over.
        corpus: The texts as they were read.
        texts: The same, cut into pieces.
    """

    request: PretrainRequest
    registry: Registry
    name: str
    domain: str
    base: Base
    corpus: ReadCorpus
    texts: Texts

    def plan(self, events: Events = QUIET) -> PretrainPlan:
        """Say what `run` would do, and how long it would take: two steps and a part of a measurement are timed, and nothing is written.

        Raises:
            AdaptError: the settings do not fit the base.
        """
        events.stage("estimating the time")
        config = self.request.config
        strategy = open_strategy(config)
        trained, objective = strategy.plan(self.base), open_objective(self.base, self.texts, config)
        steps, step_s = objective.batches.steps, math.inf
        with put_in(strategy, self.base):
            strategy.training(True)
            for _ in range(2):
                started = time.monotonic()
                objective.accumulate(self.base, steps - 1, 0)  # one that trains the factors as well
                step_s = min(step_s, time.monotonic() - started)
        pieces = len(self.texts.held_out)
        measured_s = step_s / 3 * pieces / config.batch_size * (1 + (steps / config.eval_steps if config.eval_steps else MEASUREMENTS))
        checkpoint = self._checkpoint()
        return PretrainPlan(
            texts=len(self.corpus.texts.train),
            held_out=len(self.corpus.texts.held_out),
            pieces=len(self.texts.train.texts),
            steps=steps,
            head_steps=objective.head_steps,
            parameters=trained.parameters,
            file_bytes=trained.file_bytes,
            seconds=steps * step_s + measured_s,
            base=self.base.spec,
            device=self.base.device.type,
            source=self.corpus.source,
            config=config,
            notes=self.corpus.notes,
            warnings=tuple(self._warnings()),
            interrupted=_progress(checkpoint) if checkpoint and checkpoint.path.exists() else None,
        )

    def run(self, events: Events = QUIET) -> PretrainOutcome:
        """Train, and register the version unless it was to stay in memory.

        Raises:
            AdaptError: the settings do not fit the base, the loss is not a number, or a file cannot be read or written.
            KeyboardInterrupt: the user stopped it; where a state is kept, the same request with `resume` goes on.
        """
        checkpoint = self._checkpoint()
        self._announce(checkpoint, events)
        events.stage("training")
        try:
            result = pretrain_adapter(
                self.base, self.texts, self.request.config, checkpoint=checkpoint, resume=self.request.resume, on_step=events.step
            )
        except KeyboardInterrupt:
            if checkpoint is not None and checkpoint.path.exists():
                events.note(f"interrupted {_progress(checkpoint)}; the state is saved. Go on with the same command and --resume")
            raise
        outcome = PretrainOutcome(config=self.request.config, base=self.base, result=result)
        if self.request.register:
            events.stage("writing the version")
            entry = register_pretrained(self.registry, self.name, self.domain, self.base, self.corpus, self.request, result)
            if checkpoint is not None:
                checkpoint.discard()
            outcome = replace(outcome, entry=entry, path=self.registry.folder(entry))
        if result.after >= result.before:
            events.note(
                "warning: the held-out loss did not fall. Try more texts, more epochs or a lower learning_rate; see docs/pretraining.md"
            )
        return outcome

    def _checkpoint(self) -> Checkpoint | None:
        if not self.request.register:
            return None
        about = {"name": self.name, "domain": self.domain, "base": self.base.spec.name, "data": self.corpus.source}
        return Checkpoint(self.registry.home / RUNS / self._run_id(), about=about)

    def _run_id(self) -> str:
        """Name the run by everything that determines its outcome."""
        base, how, texts = self.base, self.base.encoding, self.corpus.texts
        of_base: tuple[object, ...] = (
            base.spec.sha256,
            how.pooling,
            how.document_prompt,
            how.longest("document"),
            base.tokenizer_hash,
            base.device.type,
        )
        of_base += () if base.head is None else (base.head.sha256(),)
        of_texts = (hash_lines(texts.train), hash_lines(texts.held_out), sorted(self.texts.terms.folded))
        told = json.dumps(["pretraining", self.request.config.as_dict(), of_base, of_texts], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def _announce(self, checkpoint: Checkpoint | None, events: Events) -> None:
        spec, texts = self.base.spec, self.corpus.texts
        why = spec.fallback_reason
        events.note(f"base: {spec.name} (the embedded one), because {why}" if why else f"base: {spec.name} ({spec.found_in})")
        pieces = count(len(self.texts.train.texts), "piece")
        events.note(f"texts: {self.corpus.source}: {count(len(texts.train), 'text')} in {pieces}, {len(texts.held_out):,} held out")
        for line in (*(f"note: {each}" for each in self.corpus.notes), *(f"warning: {each}" for each in self._warnings())):
            events.note(line)
        there = checkpoint is not None and checkpoint.path.exists()
        if checkpoint is not None and there:
            kept = _progress(checkpoint)
            anew = f"note: an interrupted run of this command is there, {kept}. This run starts anew; to go on with it, add --resume"
            events.note(f"resuming the interrupted run {kept}" if self.request.resume else anew)
        elif self.request.resume:
            events.note(NOTHING_TO_RESUME)

    def _warnings(self) -> list[str]:
        return list(self.corpus.warnings(self.base.spec.language))


def _progress(checkpoint: Checkpoint) -> str:
    return describe_run(checkpoint.folder).describe_progress()
