"""Several processes as accelerate joins them: gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather, reduce
from torch import Tensor, nn

from ...errors import ConfigError, LostProcessError, TrainingError
from ...plurals import count
from .environment import Place
from .threads import THREADS, threads_each

T = TypeVar("T")
_PATIENCE = timedelta(days=7)
"""How long one waits for another, which may score, or embed a corpus; one that has ended is noticed at once."""


@dataclass(frozen=True, slots=True)
class Group:
    """The processes that were started together; see `World`."""

    rank: int
    size: int
    sharers: int
    device: torch.device
    backend: str

    def from_first(self, make: Callable[[], T]) -> T:
        """Make it in the first process, and send it to the others."""
        made: list[Any] = [make() if self.rank == 0 else None]
        with _told_of_loss(self.size):
            broadcast_object_list(made)
        found: T = made[0]
        return found

    @torch.no_grad()
    def gather(self, rows: Tensor, counts: Sequence[int]) -> list[Tensor]:
        """Send each process's rows to all."""
        most = max(counts)
        padded = rows.new_zeros((most, *rows.shape[1:]), device=self.device)
        padded[: len(rows)] = rows.detach()
        with _told_of_loss(self.size):
            every: Tensor = gather(padded)
        return [every[rank * most : rank * most + count].to(rows.device) for rank, count in enumerate(counts)]

    @torch.no_grad()
    def add_up(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients in one message; which process has one goes with them."""
        has = torch.tensor([float(each.grad is not None) for each in parameters], device=self.device)
        flat = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
        with _told_of_loss(self.size):
            summed: Tensor = reduce(torch.cat([has, *(each.flatten().float() for each in flat)]), reduction="sum")
        parts = torch.split(summed, [len(has), *(each.numel() for each in parameters)])
        for parameter, are_there, gradient in zip(parameters, parts[0].tolist(), parts[1:], strict=True):
            parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if are_there else None

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Have the others wait until the first process is through."""
        if self.rank > 0:
            self.from_first(lambda: None)
        yield
        if self.rank == 0:
            self.from_first(lambda: None)

    def describe(self) -> str:
        """Say how many there are, and on what."""
        threads = f", {count(torch.get_num_threads(), 'thread')} each" if self.device.type == "cpu" else ", a GPU each"
        return f"processes: {self.size} ({self.backend} on {self.device.type}{threads})"


def join(place: Place, device: str | None) -> Group:
    """Meet the other processes, and have the devices and threads divided; a process that has met them meets them once.

    Args:
        place: Where this process stands.
        device: `cpu`, or `cuda`; None: a GPU each where there are GPUs, else the CPU.

    Raises:
        ConfigError: the device is not here, or there are fewer GPUs than processes.
        TrainingError: they cannot be met.
    """
    is_cpu = device == "cpu" or (device in (None, "auto") and not torch.cuda.is_available())
    if not is_cpu:
        _check_gpus(place, device)
    if THREADS not in os.environ:
        os.environ[THREADS] = str(threads_each(place.local_size))
        torch.set_num_threads(threads_each(place.local_size))
    how: dict[str, Any] = {"timeout": _PATIENCE}
    if place.rendezvous is not None:
        how |= {"init_method": f"file://{place.rendezvous}", "rank": place.rank, "world_size": place.size}
    try:
        state = PartialState(cpu=is_cpu, **how)
    except (RuntimeError, ValueError) as e:
        raise TrainingError(f"the {place.size} processes cannot meet: {_first_line(e)}") from e
    if state.backend != "gloo":
        atexit.register(state.destroy_process_group)  # else NCCL warns at the end
    sharers = place.local_size if state.device.type == "cpu" else 1
    return Group(state.process_index, state.num_processes, sharers, state.device, state.backend)


def _check_gpus(place: Place, device: str | None) -> None:
    """Refuse what is no GPU each."""
    if device not in (None, "auto", "cuda"):
        raise ConfigError(f"device {device!r} is for one process; of several on GPUs each takes its own: give --device cuda, or cpu")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if there < place.local_size:
        raise ConfigError(
            f"{place.local_size} processes need a GPU each, and this machine has {there}; start fewer, or train on --device cpu"
        )


@contextmanager
def _told_of_loss(size: int) -> Iterator[None]:
    """Turn what the libraries say where a process has ended into an error that names the cause."""
    try:
        yield
    except RuntimeError as e:  # of gloo and NCCL alike
        raise LostProcessError(
            f"another of the {size} processes has ended, and training cannot go on ({_first_line(e)}); what was saved goes on with --resume"
        ) from e


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
