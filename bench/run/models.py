"""The models that are benched: the references asked for, and before them the bases that they are compared with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mteb.abstasks import AbsTask

from ...cache.space import vector_space
from ...encoders.protocol import Opened, is_searcher
from ...encoders.truncated import TruncatedEncoder, truncated
from ...errors import ConfigError
from ...references import LoadedBases, Resolved, base_of, open_reference
from ..result import BenchedReference
from ..tasks.table import kind_of
from .identity import Identity, identify


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the bench: an Encoder or a Searcher. `base` names the model that it is compared with: None for a base itself."""

    name: str
    encoder: Opened
    identity: Identity
    description: str
    base: str | None

    def described(self) -> BenchedReference:
        """Return what the result says of it."""
        own = self.identity
        return BenchedReference(
            name=self.name,
            base=self.base,
            description=self.description,
            revision=own.revision,
            precision=own.precision,
            max_tokens=own.max_tokens,
        )


def open_models(references: Sequence[Resolved], bases: LoadedBases, opened: Mapping[str, Opened] | None = None) -> list[Model]:
    """Open references, each once, and their bases, which come first. An ensemble over several is compared with its first member's.

    Args:
        references: As they were found.
        bases: What is in memory, and how vectors are computed.
        opened: By name, those that are open already.

    Raises:
        AdaptError: as `open_reference`.
    """
    models: dict[str, Model] = {}
    names: dict[str, str] = {}  # a base's revision -> its name here
    for resolved in references:
        compared = base_of(resolved)
        base = _as_model(compared, None, bases)
        if base.identity.revision not in names:
            name = resolved.reference if resolved.kind == "base" else _free_name(base, compared.base.name, models)
            names[base.identity.revision] = name
            models[name] = replace(base, name=name)
        if resolved.kind != "base" and resolved.reference not in models:
            models[resolved.reference] = _as_model(resolved, names[base.identity.revision], bases, opened or {})
    return sorted(models.values(), key=lambda model: model.base is not None)


def share_documents(models: Sequence[Model]) -> bool:
    """Return whether documents have the same vectors under models whose queries differ: the base and adapters for queries alone."""
    if len(models) < 2:  # members of one ensemble share their vectors anyway
        return False
    networks = [network for model in models for network in model.encoder.networks()]
    spaces = {(vector_space(network, "query"), vector_space(network, "document")) for network in networks}
    return len({document for _, document in spaces}) < len(spaces)


def check_tasks(models: Sequence[Model], tasks: Sequence[AbsTask]) -> None:
    """Refuse a task that needs vectors for a model that has none.

    Raises:
        ConfigError: there is one, or the bench does not know a task's kind.
    """
    for task in tasks:
        for model in models:
            if kind_of(task).needs_vectors and is_searcher(model.encoder):
                raise ConfigError(
                    f"{model.name} ranks passages and has no vectors, which {task.metadata.name} ({task.metadata.type}) compares; "
                    "bench it on retrieval only"
                )


def _as_model(resolved: Resolved, base: str | None, bases: LoadedBases, opened: Mapping[str, Opened] = MappingProxyType({})) -> Model:
    encoder = opened[resolved.reference] if resolved.reference in opened else open_reference(resolved, bases)
    encoder = truncated(encoder, bases.settings.dim)
    name = resolved.reference if base else f"base-{resolved.base.name}"
    cut = f", cut after {encoder.dimension} numbers" if isinstance(encoder, TruncatedEncoder) else ""
    return Model(resolved.reference, encoder, identify(name, encoder), resolved.description + cut, base)


def _free_name(base: Model, name: str, taken: Collection[str]) -> str:
    choices = ("base", f"base {name}", f"base {name} ({base.identity.revision[:8]})")
    return next(choice for choice in choices if choice not in taken)
