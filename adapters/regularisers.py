"""What is added to a gradient before a step, and taken off the parameters after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import nn
from torch.nn.functional import softshrink
from torch.optim import Optimizer


@torch.no_grad()
def add_squares(parameters: Iterable[nn.Parameter], factor: float) -> None:
    """Add the gradient of factor / 2 * (the sum of the squares) to what the parameters have."""
    for parameter in parameters:
        if parameter.grad is not None:
            parameter.grad.add_(parameter, alpha=factor)


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
