"""How the factors of LoRA begin: one table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import ConfigError, unknown_name

_ITERATIONS = re.compile(r"pissa_niter_\d{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A row of the table.

    Attributes:
        use: One line: what it is, and when to use it.
        source: The paper's URL, or where it is described.
        takes_from_base: Whether the factors begin as a part of the base's weights, of which the frozen rest is trained over.
        cancels: Whether neither factor begins as zero, and their product does; the rank then has to be even.
    """

    use: str
    source: str
    takes_from_base: bool = False
    cancels: bool = False


STARTS: dict[str, Start] = {
    "default": Start(use="A is drawn evenly (Kaiming), B is zero", source="https://arxiv.org/abs/2106.09685"),
    "gaussian": Start(
        use="A is drawn from a normal distribution of deviation 1 / rank, B is zero; to repeat recipes that have it",
        source="https://github.com/huggingface/peft",
    ),
    "orthogonal": Start(
        use="A and B are drawn so that B A is zero; both learn from the first step. Needs an even rank",
        source="https://datta0.github.io/posts/rethink-lora-init/",
        cancels=True,
    ),
    "pissa": Start(
        use="the largest singular directions of each matrix are what is trained; `pissa_niter_4` finds them approximately, by four iterations",
        source="https://arxiv.org/abs/2404.02948",
        takes_from_base=True,
    ),
    "olora": Start(
        use="the first columns of a QR decomposition of each matrix are what is trained",
        source="https://arxiv.org/abs/2406.01775",
        takes_from_base=True,
    ),
}
"""Name -> how the factors begin. In peft they have the same names, but for `default`, which is `True` there."""


def find_start(name: str) -> Start:
    """Return the row of a name, `pissa_niter_N` among them.

    Raises:
        ConfigError: there is none of that name; the message lists those that exist.
    """
    if name in STARTS:
        return STARTS[name]
    if _ITERATIONS.fullmatch(name):
        return STARTS["pissa"]
    raise ConfigError(unknown_name("init", name, (*STARTS, "pissa_niter_4")))


def check_start(_name: str, value: str) -> None:
    """Refuse a name that is in no row."""
    find_start(value)
