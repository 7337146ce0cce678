"""Whether a base is being trained: some parameter of its network gets gradients."""

from __future__ import annotations

from ...base.load import Base


def refuse_in_use(base: Base) -> None:
    """Refuse a base that a strategy has been put into.

    Raises:
        ValueError: it is being trained already.
    """
    if any(parameter.requires_grad for parameter in base.model.parameters()):
        raise ValueError(f"{base.spec.name} is being trained already; load the base a second time to train two adapters at once")
