"""What variants of LoRA exclude, whatever is trained on."""

from __future__ import annotations

from ...errors import RequestError
from .joined import TrainSettings
from .starts import find_start


def check_variant(settings: TrainSettings) -> None:
    """Refuse variants of LoRA that contradict one another, or what is asked of the factors.

    Raises:
        RequestError: they do.
    """
    start = find_start(settings.init)
    if start.cancels and settings.rank % 2:
        raise RequestError(f"init={settings.init} needs an even rank, and rank is {settings.rank}; take {settings.rank + 1}")
    if start.takes_from_base and settings.dora:
        raise RequestError(
            f"dora trains the lengths of the base's matrices, and init={settings.init} takes a part out of them; leave out one of the two"
        )
    if settings.l1 and (settings.dora or start.takes_from_base):
        variant = "dora=true" if settings.dora else f"init={settings.init}"
        raise RequestError(
            f"l1 pulls what is trained to zero, and with {variant} that begins as numbers of the base; leave out l1, or {variant}"
        )
    if start.takes_from_base and settings.dropout:
        raise RequestError(
            f"dropout would fall on the part of the base that init={settings.init} trains; leave out dropout, or take another init"
        )
