"""`adapt pull`: an adapter of the Hub becomes a version of the registry."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import Command
from .completion import NAME
from .options import common_options
from .options.encoder import BaseChoice, base_choice
from .output import emit, say

if TYPE_CHECKING:
    from ..publish.pull.many import PulledAll
    from ..publish.pull.request import Pulled
    from ..references import Search


@click.command(name="pull", cls=Command)
@click.argument("repository", required=False, metavar="[OWNER/NAME]")
@click.option("--revision", metavar="R", help="A branch, a tag or a commit; unless said, main.")
@click.option("--name", type=NAME, help="Name in the registry; unless said, the repository's.")
@click.option("--all", "owner", metavar="OWNER", help="Pull every repository of this owner that is tagged adapt.")
@click.option("--strict", is_flag=True, help="Refuse a version whose base is not on this machine, instead of taking it unchecked.")
@base_choice
@common_options
def command(
    repository: str | None,
    revision: str | None,
    name: str | None,
    owner: str | None,
    strict: bool,
    json_output: bool,
    registry_dir: Path | None,
    base: BaseChoice,
) -> None:
    """Register the adapter, merge or ensemble of a repository on the Hub, pinned to its commit, after it was checked."""
    if (repository is None) == (owner is None):
        raise click.UsageError("name one repository, OWNER/NAME, or with --all an owner")
    if owner is not None and (revision or name):
        raise click.UsageError(f"--{'revision' if revision else 'name'} goes with one repository, not with --all")
    where = base.search(registry_dir)
    if owner is not None:
        _pull_all(owner, where, strict, json_output)
        return
    from ..publish.pull.job import pull
    from ..publish.pull.request import PullRequest
    from .events import shown

    request = PullRequest(repository=repository or "", revision=revision, name=name, strict=strict, where=where)
    with shown() as events:
        show_pulled(pull(request, events), json_output)


def _pull_all(owner: str, where: "Search", strict: bool, json_output: bool) -> None:
    from ..publish.pull.many import pull_all
    from .events import shown

    with shown() as events:
        result = pull_all(owner, where, strict=strict, events=events)
    for each in result.pulled:
        for note in each.notes:
            say(note)
    emit(result.as_dict(), _all_text(result), json_output)
    if result.refused:
        click.get_current_context().exit(1)


def _all_text(result: "PulledAll") -> str:
    refused = [f"{repo}: refused: {why.removeprefix(f'{repo}: ')}" for repo, why in result.refused.items()]
    return "\n".join([*map(pulled_text, result.pulled), *refused])


def show_pulled(pulled: "Pulled", json_output: bool) -> None:
    """Print what became of a repository."""
    for note in pulled.notes:
        say(note)
    emit(pulled.as_dict(), pulled_text(pulled), json_output)


def pulled_text(pulled: "Pulled") -> str:
    """Return one line for people."""
    from ..plurals import count, format_size

    entry, origin = pulled.entry, f"{pulled.repository} at {pulled.revision[:12]}"
    if not pulled.is_new:
        return f"{entry.reference} is {origin}, the newest commit; nothing is new"
    files = f"{count(len(entry.files), 'file')}, {format_size(entry.size)}"
    return f"{entry.reference} on {entry.base_labels} from {origin}: {files}, in {pulled.folder}"
