"""A push that can be made: the folder is written, opened again and searched for traces; then it goes to the Hub in one commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ...errors import RegistryError, RequestError
from ...events import QUIET, Events
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
from .upload import Upload, address, check_members, known_commits, upload


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
            sent = upload(self._upload(published.folder, card), events)
            report = replace(self._report(published, card), **sent.as_report())
        if report.commit is not None and report.pull_request is None:
            self._keep(report, events)
        return report

    @contextmanager
    def _written(self, events: Events) -> Iterator[tuple[Published, str]]:
        """Give the published folder with its card in it, checked."""
        with TemporaryDirectory(prefix="adapt-push-") as temporary:
            events.stage("writing the folder")
            published = write_published(self.resolved, Path(temporary) / "files", self.names, bundle=self.request.bundle)
            options = replace(self.request.card, repo_id=self.request.repo, ancestors=self.ancestors)
            texts = card_files(published.entry, published.folder, options)
            for path, text in texts.items():
                (published.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (published.folder / path).write_text(text, encoding="utf-8")
            refuse_traces(published.folder, self.names.machine, self._allowed(published.entry))
            events.stage("comparing the vectors of what is sent")
            check_same_vectors(self.resolved, published.folder)
            yield published, texts[README]

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
            known=known_commits(self.registry, request.repo) | ({request.over} if request.over else set()),
            is_private=request.is_private,
            branch=request.branch or MAIN,
            message=request.message or f"{self.entry.reference}",
            tag=request.tag,
            as_pull_request=request.as_pull_request,
        )

    def _report(self, published: Published, card: str) -> PushReport:
        files = sorted(path for path in published.folder.rglob("*") if path.is_file())
        return PushReport(
            entry=self.entry,
            repo=self.request.repo,
            url=address(self.request.repo),
            branch=self.request.branch or MAIN,
            files={path.relative_to(published.folder).as_posix(): path.stat().st_size for path in files},
            card=card,
            questions=self.questions,
            left_out=published.left_out,
        )

    def _keep(self, report: PushReport, events: Events) -> None:
        """Keep where the version lies now; what cannot be written is told, for the push is done."""
        assert report.commit is not None
        record = HubRecord(repository=report.repo, revision=report.commit, how="pushed", branch=self.request.branch, tag=self.request.tag)
        try:
            self.registry.record_hub(self.entry, record)
        except RegistryError as e:
            events.note(f"{self.entry.reference} was pushed, but the registry does not know it: {e}")

    @contextmanager
    def _told(self, events: Events) -> Iterator[None]:
        with told(f"{self.entry.reference} could not be pushed to {self.request.repo}", repo=self.request.repo, writes=True, events=events):
            yield
