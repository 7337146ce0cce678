"""The modules of a base, by its configuration alone: names, kinds and shapes, without weights."""

from pathlib import Path

import torch
from torch import nn

from ..errors import BaseError


def build_outline(folder: Path) -> nn.Module:
    """Build a base's network without weights (on the meta device), which takes milliseconds and no memory.

    Raises:
        BaseError: the folder's configuration is not one of a network that transformers knows.
    """
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            network: nn.Module = AutoModel.from_config(config, trust_remote_code=False)
    except Exception as e:  # transformers raises whatever its readers raise: OSError, ValueError, KeyError
        reason = next(iter(str(e).splitlines()), type(e).__name__)
        raise BaseError(f"the configuration of the base in {folder} cannot be read: {reason}") from e
    return network
