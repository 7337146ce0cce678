"""Several processes begin a run in one state: that of the first, which may have restored it."""

from __future__ import annotations

import io

import torch

from ..loop import Run


def begin_alike(run: Run) -> None:
    """Give each process's run the state of the first one's, bit for bit; of one process it stays as it is."""
    if run.world.size == 1:
        return
    saved = run.world.from_first(lambda: _to_bytes(run))
    if run.world.rank > 0:
        run.restore(torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True))  # the run puts each tensor on its device


def _to_bytes(run: Run) -> bytes:
    """Write a state as a checkpoint does, so that it is read without the device that it was made on."""
    file = io.BytesIO()
    torch.save(run.as_dict(), file)
    return file.getvalue()
