"""References that are open already, as a bench takes them: found like those that were named, sharing the networks in memory."""

from collections.abc import Sequence

from ...encoders.lora import LoraEncoder
from ...encoders.protocol import NetworkEncoder, Opened
from ...errors import RequestError
from ...references import LoadedBases, Resolved, Search
from ..request import OpenReference


def describe_open(given: OpenReference, where: Search) -> Resolved:
    """Return what is known of a reference that is open.

    Args:
        given: What is open.
        where: Where the base is looked for that a whole model was made from.

    Raises:
        TypeError: nothing in it runs a network on a base, so that there is nothing to compare it with.
    """
    networks = _on_bases(given.encoder)
    if not networks:
        raise TypeError(f"{given.reference} runs no network on a base; expected an encoder over bases")
    first, entry = networks[0], given.entry
    is_base = entry is None and len(networks) == 1 and not any(first.sha256.values())
    kind = entry.kind if entry else "base" if is_base else "adapter" if len(networks) == 1 else "ensemble"
    name = first.base.spec.name
    return Resolved(
        reference=given.reference,
        kind=kind,
        base=first.base.spec,
        encoding=first.base.encoding,
        folder=given.path,
        entry=entry,
        search=where if kind == "model" else None,
        description=f"{name}, as it is"
        if is_base
        else f"{kind} {given.reference} on {name}" + (f", domain {entry.domain}" if entry and entry.domain else ""),
    )


def share_networks(given: Sequence[OpenReference], bases: LoadedBases) -> dict[str, Opened]:
    """Put the networks of open references among those in memory; return the encoders by name, with the settings of `bases`.

    A network on another device than the one that the settings name is left alone, and loaded once more.

    Raises:
        RequestError: two of them have one name.
    """
    opened: dict[str, Opened] = {}
    for each in given:
        if each.reference in opened:
            raise RequestError(
                f"two references are called {each.reference}; give each a name of its own, so that their scores can be told apart"
            )
        networks = [_with_settings(network, bases) for network in each.encoder.networks()]
        opened[each.reference] = each.encoder.with_networks(networks)
    return opened


def _with_settings(network: NetworkEncoder, bases: LoadedBases) -> NetworkEncoder:
    if not isinstance(network, LoraEncoder):
        return network
    base, settings = network.base, bases.settings
    if settings.device is None:
        bases.networks.setdefault((base.spec.folder, base.spec.sha256), base.network)
    return LoraEncoder(
        bases.load(base.spec, base.encoding),
        network.factors,
        network.document_factors,
        precision=settings.precision,
        max_tokens=settings.max_tokens or base.encoding.longest(),
        batch_tokens=settings.batch_tokens,
    )


def _on_bases(opened: Opened) -> list[LoraEncoder]:
    return [network for network in opened.networks() if isinstance(network, LoraEncoder)]
