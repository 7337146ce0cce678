"""`adapt export`: a version as one file, or as one model without adapt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..files import STDOUT, descriptor_of
from ..plurals import count
from .command import Command
from .completion import DOMAIN_OR_FILE, REFERENCE
from .events import shown
from .options import OutputFile, OutputFolder, common_options
from .options.encoder import BaseChoice, base_choice
from .output import emit, reserve_outputs

if TYPE_CHECKING:
    from ..publish.archive.export_job import ArchiveReport
    from ..publish.model.job import ModelReport
    from ..references import Search


@click.command(name="export", cls=Command)
@click.argument("reference", metavar="REF", type=REFERENCE)
@click.argument("output", metavar="[OUT.tar]", required=False, type=OutputFile())
@click.option("--merged", metavar="DIR", type=OutputFolder(), help="Write base and adapter as one sentence-transformers model into DIR.")
@click.option("--onnx", metavar="DIR", type=OutputFolder(), help="Write base and adapter as one ONNX model into DIR.")
@click.option("--int8", is_flag=True, help="With --onnx: write a model with weights of eight bits as well, and tell what it loses.")
@click.option(
    "--data",
    metavar="SRC",
    type=DOMAIN_OR_FILE,
    help="With --int8: score on the dev data of this source or domain [default: what it was trained on, where that is at hand].",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be written, and write nothing.")
@base_choice
@common_options
def command(
    reference: str,
    output: Path | None,
    merged: Path | None,
    onnx: Path | None,
    int8: bool,
    data: str | None,
    dry_run: bool,
    base: BaseChoice,
    json_output: bool,
    registry_dir: Path | None,
) -> None:
    """Write the version REF into one file, OUT.tar, which `adapt import` takes in anywhere.

    The file holds no path of this machine, and an ensemble's members are in it. A name that ends in .tar.gz or .tgz compresses it; - is the
    standard output.

    With --merged or --onnx, the version becomes a model that needs neither adapt nor peft.
    """
    targets = {"OUT.tar": output, "--merged": merged, "--onnx": onnx}
    if len([1 for target in targets.values() if target is not None]) != 1:
        raise click.UsageError("say where it goes, with one of: OUT.tar, --merged DIR, --onnx DIR")
    where = base.search(registry_dir)
    if output is not None:
        if int8 or data:
            raise click.UsageError(f"{'--int8' if int8 else '--data'} goes with --onnx DIR")
        _archive(reference, output, where, dry_run, json_output)
        return
    from ..publish.model.request import ModelRequest

    request = ModelRequest(
        reference=reference,
        folder=merged or onnx or Path(),
        format="merged" if merged is not None else "onnx",
        int8=int8,
        data=data,
        where=where,
    )
    _model(request, dry_run, json_output)


def _archive(reference: str, output: Path, where: Search, dry_run: bool, json_output: bool) -> None:
    from ..publish.archive.export_job import ArchiveRequest, prepare_archive

    reserve_outputs({"OUT.tar": output}, json_output)
    if descriptor_of(output) == STDOUT and sys.stdout.isatty():
        raise click.UsageError(f"the bytes of an archive do not go into a terminal; give it a name, or send {output} into a pipe")
    with shown() as events:
        job = prepare_archive(ArchiveRequest(reference=reference, output=output, where=where), events)
        report = job.plan() if dry_run else job.run()
    emit(report.as_dict(), _archive_text(report), json_output)


def _archive_text(report: ArchiveReport) -> str:
    from ..plurals import format_size

    *members, main = report.versions
    files = sum(len(version.files) for version in report.versions)
    lines = [f"{main.entry.reference}: {main.entry.kind} on {main.entry.base_labels}"]
    lines += [f"with its members {', '.join(member.entry.reference for member in members)}"] if members else []
    lines.append(f"{count(files, 'file')}, {format_size(report.size)}")
    if report.is_written:
        return "\n".join([*lines, f"written to {report.output}; to take it in: adapt import {report.output.name}"])
    listed = [f"  {version.entry.name}/{version.entry.version}/{path}" for version in report.versions for path in sorted(version.files)]
    return "\n".join([*lines, *listed, f"nothing was written to {report.output}"])


def _model(request: Any, dry_run: bool, json_output: bool) -> None:
    from ..publish.model.job import prepare_model

    with shown() as events:
        job = prepare_model(request, events)
        report = job.plan() if dry_run else job.run(events)
    emit(report.as_dict(), _model_text(report), json_output)


def _model_text(report: ModelReport) -> str:
    from ..plurals import format_size
    from ..publish.model.job import loss_text

    what = "one sentence-transformers model" if report.format == "merged" else "one ONNX model"
    for_queries = ["for queries alone: documents are embedded with the base"] if report.for_queries else []
    on = f" on {report.resolved.base.name}" if report.resolved.kind != "model" else ""
    lines = [f"{report.resolved.reference}{on} as {what}", *for_queries]
    if not report.files:
        return "\n".join([*lines, f"nothing was written to {report.folder}"])
    lines.append(f"{report.folder}: {count(len(report.files), 'file')}, {format_size(report.size)}")
    if report.difference is not None:
        how = f"to {report.difference:.1g} in each number" if report.difference else "bit for bit"
        lines.append(f"checked: the same vectors, {how}, of texts in English and Chinese")
    if (near := report.agreement) is not None:
        sizes = ", ".join(map(str, near.batches))
        lines.append(f"checked: cosine to torch at least {near.cosine:.6f}, in batches of {sizes} texts of up to {near.longest} tokens")
    return "\n".join([*lines, *([f"int8: {loss_text(report.loss)}"] if report.loss else [])])
