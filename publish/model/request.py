"""What model is asked for, and what the words alone show to be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ...errors import RequestError, unknown_name
from ...references import Search

Format = Literal["merged", "onnx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What to write, and where.

    Attributes:
        reference: `base`, an adapter or a merge.
        folder: The new folder.
        format: `merged` for sentence-transformers, transformers and adapt; `onnx` for onnxruntime and what is built on it.
        int8: Whether a graph with weights of eight bits is written too.
        data: What that one is scored on: a path as training takes it, or a domain, whose sample is meant; None: what the version was trained on,
            where that is at hand.
        where: Where the reference is looked for; None: the user's own registry.

    Raises:
        RequestError: values exclude one another.
    """

    reference: str
    folder: Path
    format: Format = "merged"
    int8: bool = False
    data: str | None = None
    where: Search | None = None

    def __post_init__(self) -> None:
        if self.format not in get_args(Format):
            raise RequestError(unknown_name("format", str(self.format), get_args(Format)))
        if self.int8 and self.format != "onnx":
            raise RequestError("--int8 goes with --onnx: it writes a second graph beside the first")
        if self.data is not None and not self.int8:
            raise RequestError("--data goes with --int8: it is what the eight-bit model is scored on")
