"""`adapt base convert`: a base whose weights are pickled (`pytorch_model.bin`) becomes a folder with the same tensors as safetensors.

Nothing in the pickle runs: it is read with torch's `weights_only`, which takes tensors and refuses all else.
"""

from __future__ import annotations

import pickle
import shlex
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..disk import new_folder
from ..errors import BaseError, unknown_name
from ..hub.snapshots import snapshot_identity
from .encoding import BaseOptions, encoding_of
from .fingerprint import WEIGHTS
from .json_files import read_json, read_json_list
from .known import KNOWN_BASES, KnownBase, find_known, known_of_name
from .pickled import PICKLED, PICKLED_INDEX, pickled_weights
from .places import fetch_pickled, has_safetensors
from .resolve import read_base
from .spec import ResolvedBase

if TYPE_CHECKING:
    from torch import Tensor

_COPIED = ("*.json", "*.txt", "*.model", "*.md", "LICENSE*")
_POOLING_FOLDERS = ("1_Pooling", "2_Normalize")
_TEXTS = (
    "A lease of land.",
    "Who sells kettles in London, and for how much?",
    "房东可以提前终止租约吗？",
    "退货政策：七天内可退款。 refund",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What converting wrote.

    Attributes:
        source: The folder with the pickled weights.
        folder: The new folder.
        tensors: How many were written.
        size: Of the weights, in bytes.
        sha256: The new folder's fingerprint.
        left_behind: Files of the source that were not copied.
        unused: Tensors that are not part of the encoder (a head for another task), and were not written.
        alias: The known base that it is, where its place or its name says so.
        states_pooling: Whether the folder itself says how its vectors are pooled.
    """

    source: Path
    folder: Path
    tensors: int
    size: int
    sha256: str
    left_behind: tuple[str, ...]
    unused: tuple[str, ...]
    alias: str | None
    states_pooling: bool

    @property
    def options(self) -> str:
        """The options that name the result to the other commands."""
        as_known = f" --base-as {self.alias}" if self.alias else "" if self.states_pooling else " --pooling cls (or mean)"
        return f"--base {shlex.quote(str(self.folder))}{as_known}"

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self) | {"source": str(self.source), "folder": str(self.folder), "options": self.options}


def convert_base(reference: str, target: Path | None = None) -> Conversion:
    """Rewrite a base with pickled weights as safetensors, with the same tensors, and check that it gives the same vectors bit for bit.

    The new folder appears whole or not at all.

    Args:
        reference: A folder; or an alias or a Hub id, whose weights are taken from the Hugging Face cache, else from the Hub.
        target: The new folder; None: `NAME-safetensors` beside the source, or in the current directory for what lies in the cache.

    Raises:
        BaseError: the source holds no pickled weights, is damaged or holds more than tensors, the target already exists or has no
            space left, or the network does not load.
    """
    source = _find_source(reference)
    if has_safetensors(source):
        raise BaseError(f"{source} already has its weights as safetensors; use it directly: --base {source}")
    if not (source / "config.json").is_file():
        raise BaseError(f"{source} holds no config.json; a base folder needs config.json, a tokenizer and its weights")
    tensors = read_pickled(source)
    folder = (target.expanduser() if target else _default_target(source)).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BaseError(f"{folder} already exists and is left unchanged; name another folder with -o")
    copied = _files_to_copy(source)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _check_space(folder.parent, tensors, [source / name for name in copied])
        with new_folder(folder) as temporary:
            conversion = _fill(source, temporary, tensors, copied)
    except OSError as e:
        raise BaseError(f"{folder} cannot be written ({e.strerror or e}); name another folder with -o") from e
    return replace(conversion, folder=folder)


def _find_source(reference: str) -> Path:
    folder = Path(reference).expanduser()
    known = KNOWN_BASES.get(reference) or find_known(hub_id=reference)
    if folder.is_dir():
        return folder
    if known is None and (reference.count("/") != 1 or reference.startswith((".", "/", "~"))):
        raise BaseError(unknown_name("base", reference, tuple(KNOWN_BASES)) + "; or give a folder that exists, or a Hub id OWNER/NAME")
    return fetch_pickled(known.hub_id if known else reference, known)


def read_pickled(folder: Path) -> dict[str, Tensor]:
    """Read `pytorch_model.bin`, or all its shards; no code in it runs.

    Raises:
        BaseError: there is none, a shard is missing, one is damaged, or one holds more than tensors.
    """
    if (folder / PICKLED).is_file():
        return _read_tensors(folder / PICKLED)
    if not (folder / PICKLED_INDEX).is_file():
        raise BaseError(f"{folder} holds no {PICKLED} and no {PICKLED_INDEX}; there is nothing to convert")
    where = read_json(folder / PICKLED_INDEX).get("weight_map")
    if not isinstance(where, dict) or not where or not all(isinstance(name, str) and Path(name).name == name for name in where.values()):
        raise BaseError(f"{folder / PICKLED_INDEX} does not say which file holds which tensor (weight_map); fetch it again")
    names = sorted(set(where.values()))
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise BaseError(f"{folder / missing[0]} is missing, one of the {len(names)} files that {PICKLED_INDEX} names; fetch it again")
    tensors = {key: tensor for name in names for key, tensor in _read_tensors(folder / name).items()}
    if lost := sorted(where.keys() - tensors.keys()):
        raise BaseError(f"{folder / where[lost[0]]} lacks {lost[0]}, which {PICKLED_INDEX} says is in it; fetch it again")
    return tensors


def _read_tensors(path: Path) -> dict[str, Tensor]:
    import torch

    try:
        content: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        what = next((line.strip() for line in str(e).splitlines() if "GLOBAL" in line or "global" in line), "")
        if not what:
            raise _damaged(path, e) from e
        raise BaseError(
            f"{path} holds more than tensors and is not read, because that could run code ({what[:160]}); use weights that hold tensors only"
        ) from e
    except Exception as e:  # torch raises RuntimeError, EOFError, KeyError, UnicodeDecodeError ... for a file that is cut short
        raise _damaged(path, e) from e
    if not isinstance(content, dict) or not content:
        raise BaseError(f"{path} is not a mapping from names to tensors; use the model's own weights")
    if stray := [key for key, value in content.items() if not isinstance(value, torch.Tensor)]:
        raise BaseError(f"{path} is not a mapping from names to tensors: {stray[0]!r} is not one; use the model's own weights")
    return content


def _damaged(path: Path, error: Exception) -> BaseError:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return BaseError(f"{path} is damaged, or was not saved by torch ({reason[:160]}); fetch it again")


def _default_target(source: Path) -> Path:
    identity = snapshot_identity(source)
    if identity:
        return Path.cwd() / f"{identity[0].split('/')[-1]}-safetensors"
    return source.resolve().parent / f"{source.resolve().name}-safetensors"


def _files_to_copy(source: Path) -> tuple[str, ...]:
    """List what makes a base beside its weights: configuration, tokenizer, and sentence-transformers' modules."""
    named = [str(module.get("path") or "") for module in read_json_list(source / "modules.json")]
    folders = sorted({name for name in (*named, *_POOLING_FOLDERS) if name and Path(name).name == name and (source / name).is_dir()})
    files = [file for pattern in _COPIED for file in source.glob(pattern) if file.is_file() and not file.name.endswith(".index.json")]
    inside = [file for name in folders for file in (source / name).rglob("*") if file.is_file()]
    return tuple(sorted({file.relative_to(source).as_posix() for file in (*files, *inside)}))


def _check_space(parent: Path, tensors: dict[str, Tensor], copied: list[Path]) -> None:
    needed = sum(tensor.nbytes for tensor in tensors.values()) + sum(file.stat().st_size for file in copied) + (1 << 20)
    if (free := shutil.disk_usage(parent).free) < needed:
        raise BaseError(
            f"converting needs {needed / 1e6:,.0f} MB of disk space in {parent}, and {free / 1e6:,.0f} MB are free; name another place with -o"
        )


def _fill(source: Path, folder: Path, tensors: dict[str, Tensor], copied: tuple[str, ...]) -> Conversion:
    """Write the new folder, and hold the vectors that it gives against those of the pickled weights."""
    for name in copied:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    unused = _unused(tensors, source)
    _write_tensors({key: tensor for key, tensor in tensors.items() if key not in unused}, folder / WEIGHTS)
    alias, states_pooling = _known(source), (source / "1_Pooling" / "config.json").is_file()
    spec = read_base(folder, "path")
    encoding = encoding_of(spec, BaseOptions(settings_of=alias, pooling=None if states_pooling or alias else "cls"))
    _check_same(ResolvedBase(replace(spec, folder=source), encoding), ResolvedBase(spec, encoding))
    kept = {name.split("/")[0] for name in copied} | {path.name for path in pickled_weights(source)}
    return Conversion(
        source=source,
        folder=folder,
        tensors=len(tensors) - len(unused),
        size=(folder / WEIGHTS).stat().st_size,
        sha256=spec.sha256,
        left_behind=tuple(sorted(path.name for path in source.iterdir() if path.name not in kept and not path.name.startswith("."))),
        unused=unused,
        alias=alias,
        states_pooling=states_pooling,
    )


def _known(source: Path) -> str | None:
    """Return the alias that the source's place in the cache, else its folder's name, says it has."""
    identity = snapshot_identity(source)
    known: KnownBase | None = find_known(hub_id=identity[0]) if identity else known_of_name(source.resolve().name)
    return known.alias if known else None


def _unused(tensors: dict[str, Tensor], source: Path) -> tuple[str, ...]:
    """Name the tensors that are not part of the encoder: heads for other tasks, and the positions' numbers, which it counts itself."""
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        with torch.device("meta"):
            network = AutoModel.from_config(AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False))
    except Exception as e:  # transformers raises what its readers raise
        raise BaseError(
            f"no network can be built from {source / 'config.json'}: {next(iter(str(e).splitlines()), type(e).__name__)}"
        ) from e
    parts = {name.split(".")[0] for name in network.state_dict()}
    plain = {key: key.removeprefix(f"{network.base_model_prefix}.") for key in tensors}
    return tuple(sorted(key for key, name in plain.items() if name.split(".")[0] not in parts or name.endswith(".position_ids")))


def _write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    # Each tensor gets memory of its own: safetensors refuses those that share it (tied weights) or are views of larger ones.
    own = {key: tensor.detach().clone(memory_format=torch.contiguous_format) for key, tensor in tensors.items()}
    save_file(own, path, metadata={"format": "pt"})
    path.chmod(0o644)  # save_file makes it readable by its owner alone


def _check_same(pickled: ResolvedBase, converted: ResolvedBase) -> None:
    before, after = _vectors(pickled), _vectors(converted)
    if not before.equal(after):
        raise BaseError(
            f"the converted weights of {pickled.spec.folder} give different vectors (difference {float((before - after).abs().max()):.2g}); "
            "nothing was written"
        )


def _vectors(found: ResolvedBase) -> Tensor:
    """Compute the vectors of a few texts, (n, d), by a network that is loaded for them alone."""
    import torch

    from .load import load_base, pool

    base = load_base(found)
    batch = base.tokenizer(list(_TEXTS), padding=True, truncation=True, max_length=base.encoding.max_tokens, return_tensors="pt")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    with torch.no_grad():
        return pool(base.model(input_ids=ids, attention_mask=mask).last_hidden_state, mask, base.encoding.pooling)
