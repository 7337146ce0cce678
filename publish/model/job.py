"""`adapt export REF --merged DIR` and `--onnx DIR` as a job: what cannot become one model is refused, and what was written is checked before it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.dev_set import DevSet
from ...disk import files_in
from ...events import QUIET, Events, note_once
from ...plurals import format_size
from ...references import Resolved, Search, resolve_reference
from ...registry import open_registry
from .aside import check_new_folder, new_folder
from .readme import readme
from .request import ModelRequest
from .whole import check_one_network, is_for_queries, open_whole

if TYPE_CHECKING:
    from .int8 import Loss
    from .onnx_check import Agreement
    from .whole import WholeModel

GRAPH, GRAPH_INT8 = "onnx/model.onnx", "onnx/model_int8.onnx"
"""Where sentence-transformers, optimum, text-embeddings-inference and transformers.js look for a graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What was written, or would be.

    Attributes:
        resolved: What was exported.
        folder: The new folder.
        format: As it was asked for.
        files: Path in the folder -> bytes; empty where nothing was written.
        difference: The largest difference of a number of a vector; None where it was not measured.
        agreement: How near the graph is to torch; None without one.
        loss: What eight bits cost; None without them.
    """

    resolved: Resolved
    folder: Path
    format: str
    files: dict[str, int] = field(default_factory=dict)
    difference: float | None = None
    agreement: Agreement | None = None
    loss: Loss | None = None

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(self.files.values())

    @property
    def for_queries(self) -> bool:
        """Whether the model is for queries alone."""
        return is_for_queries(self.resolved)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        near = self.agreement
        return {
            "reference": self.resolved.reference,
            "base": self.resolved.base.name,
            "folder": str(self.folder),
            "format": self.format,
            "for": "queries" if self.for_queries else "queries and documents",
            "files": self.files,
            "size": self.size,
            "written": bool(self.files),
            "largest_difference": self.difference,
            "checked": None
            if near is None
            else {"least_cosine": near.cosine, "texts": near.texts, "batches": list(near.batches), "longest": near.longest},
            "int8": None if self.loss is None else self.loss.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class ModelJob:
    """A model that can be written."""

    request: ModelRequest
    where: Search
    resolved: Resolved
    dev: tuple[str, DevSet] | None = None

    def plan(self) -> ModelReport:
        """Say what will be written."""
        return ModelReport(resolved=self.resolved, folder=self.request.folder, format=self.request.format)

    def run(self, events: Events = QUIET) -> ModelReport:
        """Write the model aside, check it, and put it into its place.

        Raises:
            AdaptError: weights are damaged, the base does not load or cannot be exported, the vectors differ, or the folder cannot be written.
        """
        with new_folder(self.request.folder) as folder:
            events.stage("loading the base")
            whole = open_whole(self.resolved)
            whole.merge()
            found = _WRITERS[self.request.format](self, whole, folder, events)
            (folder / "README.md").write_text(readme(self.resolved, _described(folder, found)), encoding="utf-8")
            files = {name: path.stat().st_size for name, path in files_in(folder).items()}
        return ModelReport(resolved=self.resolved, folder=self.request.folder, format=self.request.format, files=files, **found)


def prepare_model(request: ModelRequest, events: Events = QUIET) -> ModelJob:
    """Find what is to be exported, and the data that it is scored on; nothing is written.

    Raises:
        AdaptError: the folder is not empty or cannot be made, a package is missing, the reference is not known or is no one network, its base
            is not here, or the data cannot be read.
    """
    check_new_folder(request.folder)
    if request.format == "onnx":
        from .onnx_export import check_installed

        check_installed()
    where = request.where or Search(registry=open_registry())
    resolved = resolve_reference(request.reference, where)
    check_one_network(resolved)
    note_once(events, resolved.notes)
    if not request.int8:
        return ModelJob(request, where, resolved)
    from .int8 import find_dev

    language = where.options.language or resolved.base.text_language
    return ModelJob(request, where, resolved, find_dev(request.data, resolved.entry, language, events))


def _write_merged(job: ModelJob, whole: WholeModel, folder: Path, events: Events) -> dict[str, Any]:
    from ...base.model_folder import write_model
    from .check import check_merged

    events.stage("writing the model")
    write_model(whole.base, folder)
    events.stage("checking the model")
    return {"difference": check_merged(whole, folder, job.where)}


def _write_onnx(job: ModelJob, whole: WholeModel, folder: Path, events: Events) -> dict[str, Any]:
    from ...base.model_folder import write_frame
    from .onnx_check import check_onnx
    from .onnx_export import export_onnx
    from .onnx_run import open_onnx

    write_frame(whole.base, folder)
    (folder / GRAPH).parent.mkdir()
    events.stage("exporting to ONNX")
    export_onnx(whole.base, folder / GRAPH)
    events.stage("checking the graph")
    graph = open_onnx(folder / GRAPH, whole.base)
    found: dict[str, Any] = {"agreement": check_onnx(graph, whole)}
    if job.request.int8:
        from .int8 import measure_loss, quantize

        events.stage("quantizing")
        quantize(folder / GRAPH, folder / GRAPH_INT8, is_large=(folder / f"{GRAPH}.data").exists())
        events.stage("measuring what eight bits cost")
        found["loss"] = measure_loss(graph, open_onnx(folder / GRAPH_INT8, whole.base), whole, job.dev)
    return found


_WRITERS: dict[str, Callable[[ModelJob, WholeModel, Path, Events], dict[str, Any]]] = {"merged": _write_merged, "onnx": _write_onnx}
"""Format -> what writes it into an empty folder, checks it, and returns what of a report it found."""


def _described(folder: Path, found: dict[str, Any]) -> dict[str, str]:
    """Return the files with weights, each with what is to be known of it."""
    near, loss = found.get("agreement"), found.get("loss")
    described = {} if near else {"model.safetensors": "float32"}
    if near:
        described[GRAPH] = f"float32; cosine to the vectors in torch at least {near.cosine:.6f}, over texts of up to {near.longest} tokens"
    if loss:
        described[GRAPH_INT8] = f"weights of eight bits; {loss_text(loss)}"
    return {path: f"{format_size((folder / path).stat().st_size)}, {what}" for path, what in described.items()}


def loss_text(loss: Loss) -> str:
    """Return what eight bits cost, as text."""
    cosine = (
        f"cosine to float32 {loss.cosine:.4f} in the mean, {loss.least_cosine:.4f} at the least, over sample texts in English and Chinese"
    )
    if loss.fp32 is None or loss.int8 is None:
        return f"not scored, because no dev data were at hand; {cosine}"
    return f"{loss.metric} on dev of {loss.dev} {loss.fp32:.4f} -> {loss.int8:.4f} ({loss.int8 - loss.fp32:+.4f}); {cosine}"
