"""The bars that the datasets library draws over its own bookkeeping: off, and on again as they were."""

from collections.abc import Iterator
from contextlib import contextmanager

import datasets


@contextmanager
def without_dataset_bars(hide: bool = True) -> Iterator[None]:
    """Keep the datasets library from drawing bars; with `hide` off, nothing changes."""
    were_on = hide and not datasets.are_progress_bars_disabled()
    if were_on:
        datasets.disable_progress_bars()
    try:
        yield
    finally:
        if were_on:
            datasets.enable_progress_bars()
