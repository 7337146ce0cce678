"""What is added to a gradient before a step, and taken off the parameters after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import softshrink
from torch.optim import Optimizer

if TYPE_CHECKING:
    from .strategies.protocol import TrainedParameter


@torch.no_grad()
def add_squares(trained: Iterable[TrainedParameter], factor: float) -> None:
    """Add the gradient of factor / 2 * (the sum of the squares of how far each is from its origin) to what the parameters have.

    Source: https://arxiv.org/abs/1802.01483 for weights whose origin is a base's; that of factors is zero.
    """
    for each in trained:
        if each.parameter.grad is not None:
            each.parameter.grad.add_(each.parameter if each.origin is None else each.parameter - each.origin, alpha=factor)


@torch.no_grad()
def shrink(optimizer: Optimizer, factor: float, spared: Collection[int] = ()) -> None:
    """Take factor * learning rate off the absolute value of each number, down to zero: the proximal step of an L1 term.

    Source: https://arxiv.org/abs/0912.3522 (forward-backward splitting). With optimisers that scale each number's gradient the step is
    not scaled with it, as AdamW's decay is not.

    Args:
        optimizer: Of the parameters.
        factor: Of the term.
        spared: The `id` of those that it is not of.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if id(parameter) not in spared:
                parameter.copy_(softshrink(parameter, group["lr"] * factor))
