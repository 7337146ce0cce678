"""A network as an ONNX graph: token ids in, the tokens' last states out, for batches and lengths of any size."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import AdapterError, MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ...base.load import Base

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
OUTPUT = "last_hidden_state"
LARGEST_BYTES = 1_800_000_000
"""Of weights that go into the file of the graph, which protobuf limits to 2 GiB; larger ones lie in `model.onnx.data` beside it."""
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_AXES = {0: "batch_size", 1: "sequence_length"}


def check_installed() -> None:
    """Refuse to go on where a package of the extra `onnx` is missing.

    Raises:
        MissingExtraError: one is.
    """
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        raise MissingExtraError("--onnx", "onnx")


def input_names(base: Base) -> tuple[str, ...]:
    """Return the inputs of a network's graph: what its tokenizer gives, in the order of the network's own arguments."""
    given = (*base.tokenizer.model_input_names, "input_ids", "attention_mask")
    return tuple(name for name in _INPUTS if name in given)


def export_onnx(base: Base, path: Path) -> None:
    """Write a network's graph, with its weights as they stand in memory.

    Args:
        base: The network, in float32 on the CPU.
        path: The new file; weights too large for it are written beside it.

    Raises:
        AdapterError: the network cannot be exported.

    Source: https://docs.pytorch.org/docs/stable/onnx_export.html, the exporter over `torch.export`. The older one over traces ends without an
    error on networks of transformers 5, and gives other vectors.
    """
    import torch

    names = input_names(base)
    sample = tuple(torch.ones(2, 8, dtype=torch.long) for _ in names)
    size = sum(tensor.nbytes for tensor in base.model.state_dict().values())
    try:
        with _quiet():
            torch.onnx.export(
                _last_states(base.model),
                sample,
                path,
                dynamo=True,
                input_names=names,
                output_names=(OUTPUT,),
                dynamic_shapes=tuple(_AXES for _ in names),
                external_data=size > LARGEST_BYTES,
                verbose=False,
            )
    except Exception as e:  # the exporter raises whatever a network's own code, torch.export or onnxscript raises
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise AdapterError(f"{base.spec.name} is a {base.model.config.model_type}, which torch cannot export to ONNX ({reason})") from e


def _last_states(model: Any) -> nn.Module:
    """Return a module of the network's inputs by position, which gives the tokens' states alone."""
    from torch import nn

    class LastStates(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
            more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            states: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state
            return states

    return LastStates().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says of its own workings away."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
