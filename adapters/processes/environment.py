"""What the environment says of the processes that one training was started in. No torch: a number that does not fit is refused first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import RequestError

PARENT = "ADAPT_PARENT"
"""Names the process of `adapt train --processes` that started this one, and ends it."""
RENDEZVOUS = "ADAPT_RENDEZVOUS"
"""The file by which processes that it started find one another."""
_TORCHRUN = "torchrun --nproc-per-node {} -m adapt_embed.cli train ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this process stands among those that were started together.

    Attributes:
        rank: Its number, from 0.
        size: How many there are.
        local_rank: Its number on this machine.
        local_size: How many there are on this machine.
        rendezvous: A file by which they find one another; None: MASTER_ADDR and MASTER_PORT, as launchers set them.
        parent: The process of `adapt` that started them; None: another launcher did.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    rendezvous: str | None = None
    parent: int | None = None

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and prints."""
        return self.rank == 0


def find_place(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return where this process stands; None where it was started alone.

    Raises:
        RequestError: the launcher's variables are incomplete or no numbers.
        Source: https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
    """
    if "WORLD_SIZE" not in environment or "RANK" not in environment:
        return None
    size, rank = _number(environment, "WORLD_SIZE"), _number(environment, "RANK")
    if rank >= size:
        raise RequestError(
            f"RANK is {rank} and WORLD_SIZE is {size}; expected ranks from 0 to below the size. Start with " + _torchrun(size)
        )
    parent = environment.get(PARENT)
    return Place(
        rank=rank,
        size=size,
        local_rank=_number(environment, "LOCAL_RANK", rank),
        local_size=_number(environment, "LOCAL_WORLD_SIZE", size),
        rendezvous=environment.get(RENDEZVOUS),
        parent=int(parent) if parent else None,
    )


def check_processes(asked: int | None, environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return where this process stands, where that agrees with the number that was asked for; None where it was started alone.

    `accelerate launch --cpu` starts one process whatever `--num_processes` says, and names no world: https://github.com/huggingface/accelerate.

    Args:
        asked: How many processes were asked for; None: as many as there are.
        environment: The variables of this process.

    Raises:
        RequestError: another number was started.
    """
    place = find_place(environment)
    if place is not None:
        if asked is not None and asked != place.size:
            raise RequestError(
                f"--processes {asked} was asked for, and {place.size} were started (WORLD_SIZE); start {asked}, or leave out --processes"
            )
        return place
    if "ACCELERATE_DYNAMO_BACKEND" not in environment:  # `accelerate launch` sets it, whatever it starts
        return None
    several = "MASTER_ADDR" in environment and environment.get("ACCELERATE_USE_CPU") == "True"  # set for more than one process alone
    if asked not in (None, 1) or several:
        told = "several processes were" if asked in (None, 1) else f"--processes {asked} was"
        raise RequestError(
            f"{told} asked for, and accelerate launch started one (with --cpu it starts no more); use adapt train --processes N, or "
            f"{_torchrun(asked or 2)}"
        )
    return None


def refuse_launched(what: str, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to do what each process of a launcher would do once more.

    Args:
        what: The command, as the user calls it.
        environment: The variables of this process.

    Raises:
        RequestError: this process was started together with others.
    """
    place = find_place(environment)
    if place is not None and place.size > 1:
        raise RequestError(f"{what} runs in one process, and {place.size} were started together (WORLD_SIZE); start it without a launcher")


def _torchrun(size: int) -> str:
    return _TORCHRUN.format(max(2, size))


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        raise RequestError(f"{name} is {text!r}; expected a whole number, as torchrun sets it")
    return int(text)
