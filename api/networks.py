"""The networks that adapters have in memory: one for each base and device, shared by all that are open, and freed with the last of them.

A network has one adapter at a time merged into its weights. Whoever computes with one therefore holds `IN_USE`, so that calls from several
threads run one after another.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ..references import EncoderSettings, LoadedBases

if TYPE_CHECKING:
    from ..base.load import Base, Network

IN_USE = threading.RLock()
"""Held while networks are loaded, shared and computed with."""

_networks: WeakValueDictionary[tuple[str, Path, str], Network] = WeakValueDictionary()
"""By device, folder and fingerprint."""


def loaded_bases(settings: EncoderSettings) -> LoadedBases:
    """Return what is in memory on the device that the settings name; what is loaded into it is shared by `share`.

    Raises:
        ConfigError: the device is not here.
    """
    import torch

    from ..encoders.forward import choose_device

    device = torch.empty(0, device=choose_device(settings.device)).device  # with its number, as weights name it
    networks = {(folder, sha256): network for (on, folder, sha256), network in list(_networks.items()) if on == str(device)}
    return LoadedBases(settings, networks=networks)


def share(bases: LoadedBases) -> None:
    """Let others use the networks that were loaded."""
    for (folder, sha256), network in bases.networks.items():
        _networks.setdefault((str(network.device), folder, sha256), network)


def adopt(base: Base) -> Base:
    """Return a base with the network in memory that has its weights: its own, where there was none."""
    key = (str(base.device), base.spec.folder, base.spec.sha256)
    return replace(base, network=_networks.setdefault(key, base.network))
