"""How fast an encoder is, measured on a few of the texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import get_args

from ...choices import Role
from ...encoders.batching import length_batches
from ...encoders.protocol import NetworkEncoder
from ...timing import estimate_seconds

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
    if not counts:
        return 0.0
    ordered = sorted(counts, key=lambda each: each.tokens)
    # The first run also pays for merging the weights, and for every new shape: all that is timed is run before.
    seconds = estimate_seconds(partial(_encode, network), ordered, sample=_TRIED, warm_up=len(ordered), size=partial(_padded, network))
    return seconds / 60


def count_tokens(network: NetworkEncoder, texts: dict[Role, list[str]]) -> list[Counted]:
    """Return each text with its length."""
    counts: list[Counted] = []
    for role, own in texts.items():
        tokens = network.tokenize(own, role)
        counts += [Counted(len(ids), is_cut, role, text) for ids, is_cut, text in zip(tokens.ids, tokens.is_cut, own, strict=True)]
    return counts


def _padded(network: NetworkEncoder, counts: Sequence[Counted]) -> int:
    """Count the tokens that the network is given, padding included: few texts of many lengths are mostly padding."""
    total = 0
    for role in get_args(Role):
        lengths = [each.tokens for each in counts if each.role == role]
        total += sum(len(rows) * lengths[rows[0]] for rows in length_batches(lengths, network.batch_budget))
    return total


def _encode(network: NetworkEncoder, counts: Sequence[Counted]) -> None:
    for role in get_args(Role):
        if texts := [each.text for each in counts if each.role == role]:
            network.encode(texts, role)
