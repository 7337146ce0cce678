"""How fast an encoder is, measured on a few of the texts."""

import time
from dataclasses import dataclass
from typing import get_args

from ...choices import Role
from ...encoders.batching import length_batches
from ...encoders.protocol import NetworkEncoder

_TRIED = 32
"""Texts that the speed is measured on, drawn evenly from the short to the long."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A text with its length in tokens, and whether it is cut to that."""

    tokens: int
    is_cut: bool
    role: Role
    text: str


def minutes_for(network: NetworkEncoder, counts: list[Counted]) -> float:
    """Return how long an encoder takes for texts, its speed being measured on a few of them."""
    return _padded(network, counts) / _padded_tokens_per_s(network, counts) / 60 if counts else 0.0


def count_tokens(network: NetworkEncoder, texts: dict[Role, list[str]]) -> list[Counted]:
    """Return each text with its length."""
    counts: list[Counted] = []
    for role, own in texts.items():
        tokens = network.tokenize(own, role)
        counts += [Counted(len(ids), is_cut, role, text) for ids, is_cut, text in zip(tokens.ids, tokens.is_cut, own, strict=True)]
    return counts


def _padded_tokens_per_s(network: NetworkEncoder, counts: list[Counted]) -> float:
    ordered = sorted(counts, key=lambda each: each.tokens)
    tried = ordered[:: max(1, len(ordered) // _TRIED)]
    _encode(network, tried)  # the first run also pays for the weights laid over, and for every new shape
    started = time.monotonic()
    _encode(network, tried)
    return _padded(network, tried) / (time.monotonic() - started)


def _padded(network: NetworkEncoder, counts: list[Counted]) -> int:
    """Count the tokens that the network is given, padding included: few texts of many lengths are mostly padding."""
    total = 0
    for role in get_args(Role):
        lengths = [each.tokens for each in counts if each.role == role]
        total += sum(len(rows) * lengths[rows[0]] for rows in length_batches(lengths, network.batch_budget))
    return total


def _encode(network: NetworkEncoder, counts: list[Counted]) -> None:
    for role in get_args(Role):
        if texts := [each.text for each in counts if each.role == role]:
            network.encode(texts, role)
