"""The walk over a corpus that fills an index: a shard at a time, in order, those that an interrupted run has written being taken as they are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.corpus_files import CorpusFile, Passage
from ..encoders.protocol import Encoder
from ..errors import DataError
from ..events import Events
from ..plurals import count
from .manifest import Manifest, ShardRecord
from .minutes import note_minutes
from .report import BuildReport
from .rounding import Rounding
from .shard import hash_rows
from .survey import Survey, in_portions
from .writing import finish, kept_shard, write_shard


@dataclass(slots=True)
class Embedding:
    """What is embedded into which index, and how far it is.

    Attributes:
        path: The index's folder.
        corpus: The rows.
        encoder: What embeds them, as documents.
        manifest: The index as it is, without the new rows.
        survey: What the corpus was when it was read through.
        events: Receives the progress.
        judged: What bfloat16 costs; None: it is not measured.
        done: New rows that are embedded or were there.
        kept: Those of them that were there from an interrupted run.
        cut: Those that were truncated, of the ones embedded here.
    """

    path: Path
    corpus: CorpusFile
    encoder: Encoder
    manifest: Manifest
    survey: Survey
    events: Events
    judged: Rounding | None = None
    done: int = 0
    kept: int = 0
    cut: int = 0

    def run(self) -> BuildReport:
        """Embed all rows and put the index in place.

        Raises:
            DataError: the corpus is malformed, or changed since it was read through.
        """
        started, about, rows = time.monotonic(), self.manifest, self.survey.rows
        portions = in_portions(self.corpus.passages(about.count), about.rows_per_shard)
        records = tuple(self._shard(number, portion) for number, portion in enumerate(portions, len(about.shards)))
        if self.done != rows:
            raise DataError(
                f"{self.corpus.path} changed while it was read: it had {rows} rows, and then {self.done}; run the command again"
            )
        whole = about.with_shards(records)
        finish(self.path, whole)
        self._note()
        return BuildReport(path=self.path, manifest=whole, added=rows, kept=self.kept, seconds=time.monotonic() - started)

    def _shard(self, number: int, passages: Sequence[Passage]) -> ShardRecord:
        ids, texts = [each.id for each in passages], [each.text for each in passages]
        content = hash_rows(ids, texts)
        if (record := kept_shard(self.path, number, len(ids), content)) is not None:
            self.kept += len(ids)
            self._report(len(ids))
            return record
        if self.done == self.kept:  # the first that is embedded here
            note_minutes(self.encoder, texts, "document", self.survey.rows - self.done, self.events)
        encoded = self.encoder.encode(texts, "document", on_batch=self._report)
        self.cut += encoded.truncated
        if self.judged:
            self.judged.add(number * self.manifest.rows_per_shard, ids, encoded.vectors)
        return write_shard(self.path, number, ids, texts, encoded.vectors, self.manifest, content)

    def _report(self, texts: int) -> None:
        self.done += texts
        self.events.progress("embedding", self.done, self.survey.rows)

    def _note(self) -> None:
        texts = count(self.survey.rows, "text")
        if self.cut:
            self.events.note(f"{self.cut} of {texts} were longer than {self.encoder.max_tokens} tokens and were truncated")
        if self.judged and not self.kept:  # of kept rows nobody knows what they were before they were rounded
            self.events.note(self.judged.describe())
        if self.kept:
            self.events.note(f"{self.kept} of {texts} were there from an interrupted run")
