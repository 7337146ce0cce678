"""The optimisers: one table. Importing it loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from .settings.optimiser import OptimiserSettings
    from .strategies.protocol import TrainedParameter

    Make = Callable[[Sequence[TrainedParameter], OptimiserSettings], Optimizer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimiser:
    """A row of the table.

    Attributes:
        make: What is trained and settings -> the optimiser. The rate of each of its groups is the group's peak, and is set anew before each step.
        settings: The names of the settings that it reads beside `learning_rate` and `clip_norm`, which all have.
        source: The paper's URL.
        use: One line: when to use it.
        bytes_per_number: What its state takes for each number that is trained.
        needs_pairs: Whether it tells the two factors of a pair apart, and so needs a strategy that trains such pairs.
        package: What has to be installed, and the extra that brings it; None: nothing.
    """

    make: Make
    settings: tuple[str, ...] = ()
    source: str
    use: str
    bytes_per_number: int = 8
    needs_pairs: bool = False
    package: tuple[str, str] | None = None


def _adamw(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import AdamW

    return AdamW(_groups(trained, settings), lr=settings.peak_rate, weight_decay=settings.weight_decay, fused=_is_fused(trained))


def _adam(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import Adam

    return Adam(_groups(trained, settings), lr=settings.peak_rate, fused=_is_fused(trained))


def _sgd(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import SGD

    return SGD(_groups(trained, settings), lr=settings.peak_rate, momentum=settings.momentum)


def _lora_plus(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import AdamW

    groups = _groups(trained, settings, second_factors=settings.b_rate_ratio)
    return AdamW(groups, lr=settings.peak_rate, weight_decay=settings.weight_decay, fused=_is_fused(trained))


def _adafactor(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from torch.optim import Adafactor

    return Adafactor(_groups(trained, settings), lr=settings.peak_rate, weight_decay=settings.weight_decay)


def _adamw_8bit(trained: Sequence[TrainedParameter], settings: OptimiserSettings) -> Optimizer:
    from bitsandbytes.optim import AdamW8bit

    made: Optimizer = AdamW8bit(_groups(trained, settings), lr=settings.peak_rate, weight_decay=settings.weight_decay)
    return made


def _groups(trained: Sequence[TrainedParameter], settings: OptimiserSettings, second_factors: float = 1.0) -> list[dict[str, object]]:
    """Return the parameters in groups of one peak rate each, in their order; second factors have so many times the others' rate.

    What does not decay stands in groups of its own.
    """
    groups: dict[tuple[float, bool], list[object]] = {}
    for each in trained:
        share = each.rate_share * (second_factors if each.is_second_factor else 1.0)
        groups.setdefault((settings.peak_rate * share, each.decays), []).append(each.parameter)
    return [
        {"params": parameters, "lr": rate, **({} if decays else {"weight_decay": 0.0})} for (rate, decays), parameters in groups.items()
    ]


def _is_fused(trained: Sequence[TrainedParameter]) -> bool | None:
    """One operation for all parameters, where the processor's time is short; None: as torch does by itself."""
    return all(each.parameter.device.type == "cuda" for each in trained) or None


OPTIMISERS: dict[str, Optimiser] = {
    "adamw": Optimiser(make=_adamw, settings=("weight_decay",), source="https://arxiv.org/abs/1711.05101", use="by default"),
    "adam": Optimiser(
        make=_adam,
        source="https://arxiv.org/abs/1412.6980",
        use="to compare with recipes that use it",
    ),
    "sgd": Optimiser(
        make=_sgd,
        bytes_per_number=4,
        settings=("momentum",),
        source="https://proceedings.mlr.press/v28/sutskever13.html",
        use="to see what adaptive steps bring; its rates are a hundred to a thousand times AdamW's",
    ),
    "loraplus": Optimiser(
        make=_lora_plus,
        settings=("weight_decay", "b_rate_ratio"),
        source="https://arxiv.org/abs/2402.12354",
        use="when dev still rises at the end: AdamW with a higher rate for the second factors, which begin at zero",
        needs_pairs=True,
    ),
    "adafactor": Optimiser(
        make=_adafactor,
        bytes_per_number=0,
        settings=("weight_decay",),
        source="https://arxiv.org/abs/1804.04235",
        use="when the optimiser's memory is short: its state is a row and a column of each matrix. Its steps are relative to the size of "
        "the weights, so that its rates are ten to a hundred times AdamW's",
    ),
    "adamw8bit": Optimiser(
        make=_adamw_8bit,
        bytes_per_number=2,
        settings=("weight_decay",),
        source="https://arxiv.org/abs/2110.02861",
        use="when the optimiser's memory is short and AdamW's steps are wanted: its state is kept in 8 bits",
        package=("bitsandbytes", "8bit"),
    ),
}


def check_installed(name: str) -> None:
    """Refuse an optimiser whose package is not there.

    Raises:
        MissingExtraError: as said; the message names the extra.
    """
    package = OPTIMISERS[name].package
    if package is not None and find_spec(package[0]) is None:
        raise MissingExtraError(f"optimiser={name}", package[1])
