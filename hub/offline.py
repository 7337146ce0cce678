"""The Hub's client and `datasets` kept from asking the Hub, whatever the user's environment says."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hub_off() -> Iterator[None]:
    """Have both refuse to ask the Hub, where they would retry for minutes."""
    import datasets
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    verbosity = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity_error()
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before
        datasets.logging.set_verbosity(verbosity)
