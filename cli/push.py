"""`adapt push`: a version onto the Hub."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..plurals import count, format_size
from .command import Command
from .completion import REFERENCE
from .events import shown
from .options import common_options
from .options.card import card_options
from .output import confirm, emit, say

if TYPE_CHECKING:
    from ..publish.push import PushJob, PushReport


@click.command(name="push", cls=Command)
@click.argument("reference", metavar="REF", type=REFERENCE)
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--private", "is_private", is_flag=True, help="Make the repository private, where it is made.")
@click.option("--revision", "branch", metavar="BRANCH", help="Push to this branch, which is made where it is not there [default: main].")
@click.option("--message", metavar="TEXT", help="The commit's message [default: the version's name].")
@click.option("--tag", metavar="TAG", help="Give the commit this tag, such as v3.")
@click.option("--create-pr", "as_pull_request", is_flag=True, help="Propose the commit as a pull request.")
@click.option("--over", metavar="COMMIT", help="Overwrite this head, which was neither pulled nor pushed from here.")
@click.option(
    "--base-id",
    "base_ids",
    metavar="OWNER/NAME",
    multiple=True,
    help="The repository of a base without a Hub id; its weights must be the same. May be repeated.",
)
@click.option("--bundle", is_flag=True, help="Send the members of an ensemble inside, not by where they lie on the Hub.")
@click.option(
    "--keep-name",
    "keeps",
    metavar="NAME",
    multiple=True,
    help="A name that may stand in what is sent, although you or this machine are called so; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Share it although the licence of its data leaves a question.")
@click.option("--dry-run", is_flag=True, help="Show the files, their sizes and the card, and send nothing.")
@card_options
@common_options
def command(dry_run: bool, json_output: bool, registry_dir: Path | None, make_card: Callable[..., Any], **given: Any) -> None:
    """Push REF to a repository of the Hub, in one commit: as a folder that adapt, peft and sentence-transformers load by its name.

    REF is NAME, NAME@VERSION or NAME@ALIAS.
    """
    from ..publish.push import PushRequest, prepare_push
    from ..references import Search
    from ..registry import open_registry

    request = PushRequest(where=Search(registry=open_registry(registry_dir)), card=make_card(), **given)
    with shown() as events:
        job = prepare_push(request, events, dry_run=dry_run)
        if not dry_run:
            job = _answered(job, json_output)
        report = job.plan(events) if dry_run else job.run(events)
    if dry_run:
        emit(report.as_dict(), _plan_text(report), json_output)
    else:
        emit(report.as_dict(), _text(report), json_output)


def _answered(job: PushJob, json_output: bool) -> PushJob:
    """Ask what is to be decided before the version is shared, where somebody can answer."""
    from dataclasses import replace

    if not job.questions or job.request.yes or json_output or not _somebody_is_there():
        return job
    for question in job.questions:
        confirm(question, "nothing was sent")
    return replace(job, request=replace(job.request, yes=True))


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _text(report: PushReport) -> str:
    for warning in report.warnings:
        say(f"warning of the Hub about the card: {warning}")
    what = f"{report.entry.reference} -> {report.repo}"
    if report.is_unchanged:
        lines = [f"{what}: unchanged, nothing was sent"]
    else:
        size = format_size(sum(report.files[path] for path in report.changed))
        removed = f", {count(len(report.deleted), 'file')} removed" if report.deleted else ""
        lines = [what, f"sent         {count(len(report.changed), 'file')}, {size}{removed}"]
    facts = {
        "stays here": ", ".join(report.left_out),
        "commit": f"{report.commit}" + (f" on {report.branch}" if report.branch != "main" else ""),
        "tag": report.tag,
        "proposed": report.pull_request,
        "address": report.url,
    }
    return "\n".join([*lines, *(f"{name:<12} {value}" for name, value in facts.items() if value)])


def _plan_text(report: PushReport) -> str:
    from ..shown_text import defuse

    width = max(map(len, report.files))
    files = [f"{path:<{width}}  {format_size(size)}" for path, size in report.files.items()]
    left = [f"stays here: {', '.join(report.left_out)}"] if report.left_out else []
    questions = [f"before it is shared: {question}" for question in report.questions]
    head = f"{report.entry.reference} -> {report.repo}, {format_size(report.size)} (nothing was sent)"
    return "\n".join([head, *files, *left, *questions, "", defuse(report.card.rstrip("\n"))])
