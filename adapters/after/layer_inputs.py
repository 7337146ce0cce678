"""What modules read while texts go through the network: passed on as it happens, nothing kept."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ...base.load import Base


@contextmanager
def watch_inputs(base: Base, names: Iterable[str], take: Callable[[str, Tensor], None]) -> Iterator[dict[str, str]]:
    """Pass on each distinct input of some modules while texts go through the network, without padding.

    Modules that are called one after the other with the very same tensor (query, key and value of a layer) share an input.

    Args:
        base: Gets hooks while this lasts.
        names: Of the modules.
        take: Called with the module that reads an input first, and the input, (tokens, in) float32.

    Yields:
        Module -> the module that reads its input first; filled in as texts go through.
    """
    first: dict[str, str] = {}
    mask: Tensor | None = None
    latest: tuple[Tensor, str] | None = None

    def see_mask(_model: nn.Module, _inputs: tuple[Any, ...], arguments: dict[str, Any]) -> None:
        nonlocal mask
        mask = arguments["attention_mask"].bool().flatten(1)  # (n, tokens), or (n, 1, 1, tokens) -> (n, tokens)

    def see_input(name: str, values: Tensor) -> None:
        nonlocal latest
        if latest is None or values is not latest[0]:
            latest = values, name
            rows = values[mask] if values.ndim == 3 else values  # (n, tokens, in) -> (real tokens, in); a pooler reads (n, in)
            with torch.autocast(values.device.type, enabled=False):
                take(name, rows.float())
        first[name] = latest[1]

    modules = dict(base.model.named_modules())
    hooks = [base.model.register_forward_pre_hook(see_mask, with_kwargs=True)]
    hooks += [modules[name].register_forward_pre_hook(lambda _, inputs, name=name: see_input(name, inputs[0])) for name in names]
    try:
        yield first
    finally:
        for hook in hooks:
            hook.remove()
