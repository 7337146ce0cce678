"""A version -> a file or a model that goes anywhere, and the way back."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from ..base.encoding import BaseOptions
from ..events import QUIET, Events
from ..publish.archive.export_job import ArchiveReport, ArchiveRequest, prepare_archive
from ..publish.archive.import_job import ImportRequest, prepared_import
from ..publish.model.job import ModelReport, prepare_model
from ..publish.model.request import Format, ModelRequest
from ..references import EncoderSettings, Search
from .adapter import Adapter
from .held import Found
from .loading import open_version
from .places import Named, Place, as_references, search_in


def export_adapter(adapter: Named, file: str | PathLike[str], *, registry: Place = None, events: Events = QUIET) -> ArchiveReport:
    """Write a registered version into one file, an ensemble with its members; the same version gives the same bytes.

    Args:
        adapter: The version, or its reference.
        file: The archive; one whose name ends in .gz or .tgz is compressed. A file that is there is replaced.
        registry: Where it lies; None: the adapter's own, else the user's.
        events: Receives what was chosen on the user's behalf.

    Returns:
        What the archive holds.

    Raises:
        UnknownReferenceError: there is no such version.
        AdapterError: it is not registered, or a file of it is damaged.
        ConfigError: the file cannot be written.
    """
    where = _where(adapter, registry)
    (reference,) = as_references((adapter,), where, "an export")
    return prepare_archive(ArchiveRequest(reference=reference, output=Path(file), where=where), events).run()


def export_model(
    adapter: Named,
    folder: str | PathLike[str],
    *,
    format: Format = "merged",
    int8: bool = False,
    data: str | None = None,
    registry: Place = None,
    events: Events = QUIET,
) -> ModelReport:
    """Write base and adapter as one model that needs neither adapt nor peft, and check its vectors before it is kept.

    Args:
        adapter: An adapter or a merge, or its reference; or a base.
        folder: The new folder; one that is there is empty.
        format: `merged` for sentence-transformers, `onnx` for onnxruntime (the extra `onnx`).
        int8: With `onnx`, whether a graph with weights of eight bits is written too.
        data: What that one is scored on: a domain, or a path as `train` takes it; None: what the version was trained on.
        registry: Where it lies; None: the adapter's own, else the user's.
        events: Receives what is being done.

    Returns:
        The files, and how near the vectors are.

    Raises:
        RequestError: words contradict one another.
        AdapterError: it is an ensemble, its weights are damaged, or the vectors differ.
        BaseError: its base is not here.
        ConfigError: the folder is not empty, or cannot be written.
        MissingExtraError: a package of the extra is not installed.
    """
    where = _where(adapter, registry)
    (reference,) = as_references((adapter,), where, "an export")
    request = ModelRequest(reference=reference, folder=Path(folder), format=format, int8=int8, data=data, where=where)
    return prepare_model(request, events).run(events)


def import_adapter(
    file: str | PathLike[str],
    *,
    name: str | None = None,
    base: str | PathLike[str] | None = None,
    options: BaseOptions | None = None,
    registry: Place = None,
    events: Events = QUIET,
) -> Adapter:
    """Register the version in an archive that `export_adapter` or `adapt export` wrote; every file in it is checked before.

    Args:
        file: The archive.
        name: The version's name here; None: the one that it had.
        base: The base that it lies on, where that is not found by itself.
        options: What is said of that base.
        registry: A registry's folder, or a `Registry`; None: the user's own.
        events: Receives what is being done, and which base is not here.

    Returns:
        The version; the one that is here already, where it is the same. Its base has to be here before it is opened.

    Raises:
        DataError: the file is not such an archive, or is damaged.
        AdapterError: weights are damaged, or do not fit the base.
        BaseError: the base is another, or is not on this machine.
        RegistryError: the registry cannot be written, or the name does not fit beside another.
    """
    where = search_in(registry, base, options)
    with prepared_import(ImportRequest(source=Path(file), name=name, where=where, strict=True), events) as job:
        report = job.run()
    return open_version(report.entry.reference, where, EncoderSettings(), report.as_dict(), events)


def _where(adapter: Named, registry: Place) -> Search:
    """Return where an adapter is looked for: where it was found, with the base that was named then."""
    if isinstance(adapter, Adapter) and registry is None and isinstance(adapter.held, Found):
        return adapter.where
    return search_in(registry, of=(adapter,))
