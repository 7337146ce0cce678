"""Linear: the weighted sum of the updates, exactly."""

from collections.abc import Sequence

from ...lora import Update, weighted_sum
from .parts import MethodSettings, Part, modules, weights


def merge_linear(parts: Sequence[Part], _settings: MethodSettings) -> Update:
    """Return sum of weight * delta W, factored.

    Weights of 1/n are the mean of the models, other weights are task arithmetic, negative ones take away.
    Source: https://arxiv.org/abs/2203.05482 (model soups), https://arxiv.org/abs/2212.04089 (task arithmetic). Theirs is the sum of
    whole models; the sum of updates over one base is the same model.
    """
    return weighted_sum(modules(parts), weights(parts))
