"""A push that can be made: the folder is written, opened again and searched for traces; then it goes to the Hub in one commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from ...disk import files_in
from ...errors import RegistryError, RequestError
from ...events import QUIET, Events
from ...files import needs_disk
from ...hub.faults import told
from ...hub.repository import MAIN
from ...references import Resolved
from ...registry import Entry, HubRecord, Registry
from ..card import card_files
from ..card.files import README
from ..check import check_same_vectors
from ..folder import Published, write_published
from ..portable import Names
from ..traces import refuse_traces
from .report import PushReport
from .request import PushRequest
from .upload import Upload, address, check_members, known_commits, tag_sent, upload


@dataclass(frozen=True, slots=True, kw_only=True)
class PushJob:
    """A push that can be made.

    Attributes:
        request: What is asked for.
        registry: Where the version lies.
        resolved: The version, with its base and members.
        names: What stands for what is of this machine.
        ancestors: What it was made from, as others may see it.
        questions: What is to be decided before it is shared; empty where nothing is.
    """

    request: PushRequest
    registry: Registry
    resolved: Resolved
    names: Names
    ancestors: Mapping[str, Entry]
    questions: tuple[str, ...]

    @property
    def entry(self) -> Entry:
        """The version."""
        assert self.resolved.entry is not None
        return self.resolved.entry

    def plan(self, events: Events = QUIET) -> PushReport:
        """Write everything that would be sent, check it, and return it: files, sizes and the card. Nothing is sent.

        Raises:
            AdaptError: the folder would not be the same elsewhere, would tell of this machine, or the card cannot be written.
        """
        with self._written(events) as (published, card):
            return self._report(published, card)

    def run(self, events: Events = QUIET) -> PushReport:
        """Write the folder, check it, and send what the Hub does not have yet in one commit; keep where the version lies now.

        Raises:
            RequestError: there are questions, and nobody answered them.
            AdaptError: as `plan`.
            MeanwhileError: somebody else has pushed.
            HubError: the Hub refuses, breaks off or cannot be reached.
        """
        if self.questions and not self.request.yes:
            raise RequestError(f"{self.questions[0]} Answer with --yes, which means that you have made sure")
        with self._written(events) as (published, card), self._told(events):
            check_members(self.resolved, published.folder, events)
            events.stage(f"sending to {self.request.repo}")
            wanted = self._upload(published.folder, card)
            sent = upload(wanted, events)
            report = replace(self._report(published, card), **sent.as_report())
        self._keep(report, None, events)  # before the tag, which may fail: the commit is there
        if wanted.tag is not None:
            tag_sent(wanted, sent.commit, events)
            self._keep(report, wanted.tag, events)
        return replace(report, tag=wanted.tag)

    @contextmanager
    def _written(self, events: Events) -> Iterator[tuple[Published, str]]:
        """Give the published folder with its card in it, checked."""
        with TemporaryDirectory(prefix="adapt-push-") as temporary:
            events.stage("writing the folder")
            with needs_disk(Path(gettempdir()), "TMPDIR"):
                published, card = self._write(Path(temporary) / "files")
            refuse_traces(published.folder, self.names.machine, self._allowed(published.entry))
            events.stage("comparing the vectors of what is sent")
            check_same_vectors(self.resolved, published.folder)
            yield published, card

    def _write(self, folder: Path) -> tuple[Published, str]:
        published = write_published(self.resolved, folder, self.names, bundle=self.request.bundle)
        options = replace(self.request.card, repo_id=self.request.repo, ancestors=self.ancestors)
        texts = card_files(published.entry, published.folder, options)
        for path, text in texts.items():
            (published.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (published.folder / path).write_text(text, encoding="utf-8")
        return published, texts[README]

    def _allowed(self, entry: Entry) -> set[str]:
        """Return the words that stand in what is sent on purpose."""
        said = [self.request.repo, entry.name, entry.domain or "", *(base.id or "" for base in entry.bases), *self.request.keeps]
        return {word for text in said for word in (text, *re.split(r"[\W_]+", text)) if word}

    def _upload(self, folder: Path, card: str) -> Upload:
        request = self.request
        return Upload(
            repo=request.repo,
            folder=folder,
            card=card,
            known=known_commits(self.registry, request.repo),
            over=request.over,
            is_private=request.is_private,
            branch=request.branch or MAIN,
            message=request.message or f"{self.entry.reference}",
            tag=request.tag,
            as_pull_request=request.as_pull_request,
        )

    def _report(self, published: Published, card: str) -> PushReport:
        return PushReport(
            entry=self.entry,
            repo=self.request.repo,
            url=address(self.request.repo),
            branch=self.request.branch or MAIN,
            files={name: path.stat().st_size for name, path in files_in(published.folder).items()},
            card=card,
            questions=self.questions,
            left_out=published.left_out,
        )

    def _keep(self, report: PushReport, tag: str | None, events: Events) -> None:
        """Keep where the version lies now, unless it is only proposed; what cannot be written is told, for the push is done."""
        if report.commit is None or report.pull_request is not None:
            return
        record = HubRecord(repository=report.repo, revision=report.commit, how="pushed", branch=self.request.branch, tag=tag)
        if record.tag is None:  # a commit that was given a tag before still has it
            same = (each for each in self.entry.hub if (each.place, each.revision) == (record.place, record.revision))
            record = replace(record, tag=next((each.tag for each in same), None))
        try:
            self.registry.record_hub(self.entry, record)
        except RegistryError as e:
            events.note(f"{self.entry.reference} was pushed, but the registry does not know it: {e}")

    @contextmanager
    def _told(self, events: Events) -> Iterator[None]:
        with told(f"{self.entry.reference} could not be pushed to {self.request.repo}", repo=self.request.repo, writes=True, events=events):
            yield
