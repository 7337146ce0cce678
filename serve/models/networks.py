"""The networks that one thread runs: kept ready between turns, and given their own weights again after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ...base.load import Network
from ...choices import Role
from ...encoders.lora import LoraEncoder
from ...encoders.standing import Row, StandingNetwork
from .jobs import Part
from .shelf import Loaded


class Networks:
    """The networks. `keep` may be called by any thread, all else by one alone."""

    def __init__(self) -> None:
        self._standing: dict[int, StandingNetwork] = {}
        self._kept: tuple[set[int], set[str]] | None = None

    def keep(self, in_memory: Sequence[Loaded]) -> None:
        """Keep of what was made ready for products that of these versions alone, from the next `drop` on."""
        networks = {id(network) for each in in_memory for network in each.networks}
        self._kept = networks, {key for each in in_memory for key in each.keys}

    def compute(self, parts: Sequence[Part]) -> None:
        """Encode the parts, which share a network and a way through it, or are of one encoder that has none of its own."""
        first = parts[0].job.loaded.encoder
        if not isinstance(first, LoraEncoder):
            self._release(parts[0].job.loaded)
            for part in parts:
                encoder, texts = part.job.loaded.encoder, [str(text) for text in part.texts]
                tokens = sum(len(ids) for ids in encoder.networks()[0].tokenize(texts, part.job.role).ids)
                encoded = encoder.encode(texts, part.job.role)
                part.job.truncated += encoded.truncated
                part.keep(encoded.vectors, tokens)
            return
        rows = self._rows(parts)
        vectors = self._stand(first.base.network).embed(rows)
        start = 0
        for part in parts:
            end = start + part.end - part.start
            part.keep(vectors[start:end], sum(len(row.ids) for row in rows[start:end]))
            start = end

    def close(self) -> None:
        """Give all networks their own weights again, whatever state a failure left them in."""
        self._close(list(self._standing))

    def drop(self) -> None:
        """Drop what was made ready of versions that are no longer in memory; a job that waited for one may have made it ready again."""
        if self._kept is None:
            return
        networks, keys = self._kept
        self._close([number for number in self._standing if number not in networks])
        for standing in self._standing.values():
            standing.keep(keys)

    def _rows(self, parts: Sequence[Part]) -> list[Row]:
        """Tokenise the texts of the parts, those that are read alike in one go."""
        ids: dict[int, list[list[int]]] = {}
        alike: dict[tuple[int, Role, int], list[int]] = {}
        for number, part in enumerate(parts):
            member, role = part.job.loaded.encoder, part.job.role
            assert isinstance(member, LoraEncoder)
            if isinstance(part.texts[0], str):
                alike.setdefault((id(member.base), role, member.longest(role)), []).append(number)
            else:
                ids[number] = [list(each) for each in part.texts]  # type: ignore[arg-type]
        for (_, role, _), numbers in alike.items():
            member = parts[numbers[0]].job.loaded.encoder
            assert isinstance(member, LoraEncoder)
            tokens = member.tokenize([text for number in numbers for text in parts[number].texts], role)  # type: ignore[misc]
            each = iter(zip(tokens.ids, tokens.is_cut, strict=True))
            for number in numbers:
                read = [next(each) for _ in parts[number].texts]
                ids[number] = [own for own, _ in read]
                parts[number].job.truncated += sum(int(is_cut) for _, is_cut in read)
        return [Row(part.job.loaded.encoder, part.job.role, each) for number, part in enumerate(parts) for each in ids[number]]  # type: ignore[arg-type]

    def _stand(self, network: Network) -> StandingNetwork:
        standing = self._standing.get(id(network))
        if standing is None or standing.network is not network:
            standing = self._standing[id(network)] = StandingNetwork(network)
        return standing

    def _release(self, loaded: Loaded) -> None:
        """Let an encoder of several networks prepare them as it likes."""
        for network in loaded.networks:
            if id(network) in self._standing:
                self._standing.pop(id(network)).close()

    def _close(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            with suppress(Exception):
                self._standing[number].close()
            del self._standing[number]
