"""The fields of a PEFT LoRA configuration: which are read, which change nothing at inference, and which change the vectors."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import AdapterError

Effect = Literal["read", "none", "changes"]
_NOTHING: tuple[object, ...] = (None, False, "", [], {})
_STARTS = re.compile(r"gaussian|eva|orthogonal|mica")
_STARTS_THAT_CHANGE_THE_BASE = re.compile(r"(pissa|olora|corda|loftq|lora_ga).*")


@dataclass(frozen=True, slots=True)
class Field:
    """What a field of the configuration means for the vectors.

    Attributes:
        effect: `read`: it is understood; `none`: it changes nothing at inference; `changes`: plain factors cannot express it.
        reason: What it does.
        off: The values at which a field that `changes` changes nothing.
    """

    effect: Effect
    reason: str
    off: tuple[object, ...] = (None, False)


def _read(reason: str) -> Field:
    return Field("read", reason)


def _none(reason: str) -> Field:
    return Field("none", reason)


def _changes(reason: str, *off: object) -> Field:
    return Field("changes", reason, off or (None, False))


FIELDS: dict[str, Field] = {
    "peft_type": _read("the kind of adapter"),
    "r": _read("the rank, and so the scale"),
    "lora_alpha": _read("the scale"),
    "use_rslora": _read("the scale divides by the rank's square root"),
    "rank_pattern": _read("ranks of single modules"),
    "alpha_pattern": _read("scales of single modules"),
    "init_lora_weights": _read("how training started; some starts change the base's weights"),
    "target_modules": _none("the tensors' names say which modules are changed"),
    "exclude_modules": _none("as target_modules"),
    "layers_to_transform": _none("as target_modules"),
    "layers_pattern": _none("as target_modules"),
    "task_type": _none("the class that peft wraps the network in"),
    "auto_mapping": _none("the class of the network"),
    "peft_version": _none("what wrote the folder"),
    "base_model_name_or_path": _none("names the base"),
    "revision": _none("the revision of the base"),
    "inference_mode": _none("whether the factors can be trained"),
    "lora_dropout": _none("acts in training alone"),
    "runtime_config": _none("where peft computes"),
    "megatron_core": _none("used where megatron_config is set"),
    "qalora_group_size": _none("used where use_qalora is set"),
    "eva_config": _none("a start from data that leaves the base as it is"),
    "corda_config": _none("used where init_lora_weights is corda"),
    "lora_ga_config": _none("used where init_lora_weights is lora_ga"),
    "velora_config": _none("acts on gradients alone"),
    "ensure_weight_tying": _none("acts on embeddings and whole modules, whose tensors are refused"),
    "bias": _changes("trains biases of the base", "none"),
    "fan_in_fan_out": _changes("the weights are stored transposed (Conv1D), which those of a linear module are not"),
    "modules_to_save": _changes("whole modules are trained and saved", None, []),
    "use_dora": _changes("DoRA: the changed weights are given another length"),
    "lora_bias": _changes("LoRA bias: the factors have biases of their own"),
    "megatron_config": _changes("the layers are Megatron's parallel ones", None, {}),
    "trainable_token_indices": _changes("rows of the embeddings are trained", None, [], {}),
    "loftq_config": _changes("LoftQ: the base is quantised before training", None, {}),
    "alora_invocation_tokens": _changes("aLoRA: the adapter acts on the tokens after an invocation alone", None, []),
    "use_qalora": _changes("QA-LoRA: inputs are pooled in groups before lora_A"),
    "monteclora_config": _changes("MonteCLoRA: the factors are sampled from a learned distribution", None),
    "layer_replication": _changes("layers of the base are repeated, which makes it deeper", None, []),
    "target_parameters": _changes("parameters outside of linear modules are changed", None, []),
    "use_bdlora": _changes("BD-LoRA: factors are stored as the blocks of a block-diagonal matrix"),
    "arrow_config": _changes("Arrow: each token chooses among several adapters", None),
    "kasa_config": _changes("KaSA: the base's small singular values are cut off, and a diagonal stands between the factors", None),
}
"""Field of peft's `LoraConfig` -> what it means for the vectors. Source: https://github.com/huggingface/peft, release 0.21.2."""


def check_fields(folder: Path, config: Mapping[str, object], ignored: Collection[str] = (), *, has_biases: bool = False) -> None:
    """Refuse a configuration of which one field is not understood, or says what plain factors cannot express.

    Args:
        folder: Where it lies, for the message.
        config: The content of `adapter_config.json`.
        ignored: Fields that adapt does not know, of which the user says that they change nothing.
        has_biases: Whether the file that adapt keeps of changed biases lies beside it; the configuration then states `bias="all"`.

    Raises:
        AdapterError: a field is refused; the message names it. Or a field is to be ignored that changes the vectors or is not there.
    """
    for name in ignored:
        _check_can_be_ignored(folder, config, name)
    if has_biases and config.get("bias") != "all":
        raise AdapterError(
            f"{folder} holds changed biases and sets bias={_short(config.get('bias'))}; expected 'all': restore it from a copy"
        )
    for name, value in config.items():
        field = FIELDS.get(name)
        if has_biases and name == "bias":
            continue
        if field is None and name not in ignored and not _among(value, _NOTHING):
            raise AdapterError(
                f"{folder} sets {name}={_short(value)}, a field that adapt does not know (written by a newer peft, or another tool) and "
                f"that may change the vectors; if it does not, register the folder with: adapt add {folder} --ignore-field {name}"
            )
        if field is not None and field.effect == "changes" and not _among(value, field.off):
            raise AdapterError(
                f"{folder} sets {name}={_short(value)} ({field.reason}), which plain factors cannot express; train it again without {name}"
            )
    _check_start(folder, config.get("init_lora_weights", True))


def ignored_values(config: Mapping[str, object], ignored: Collection[str]) -> dict[str, object]:
    """Return the fields that are ignored at the user's word, with their values: those that adapt does not know."""
    return {name: config[name] for name in sorted(set(ignored)) if name not in FIELDS}


def _check_can_be_ignored(folder: Path, config: Mapping[str, object], name: str) -> None:
    if name not in config:
        raise AdapterError(f"the field {name} is to be ignored, but {folder / 'adapter_config.json'} does not have it; check its spelling")
    field = FIELDS.get(name)
    if field is not None and field.effect != "none":
        what = "and plain factors cannot express it" if field.effect == "changes" else "and is read"
        raise AdapterError(
            f"the field {name} of {folder} cannot be ignored: it changes the vectors ({field.reason}) {what}; "
            "--ignore-field is for fields that adapt does not know"
        )


def _check_start(folder: Path, start: object) -> None:
    if start is None or isinstance(start, bool):
        return
    if isinstance(start, str) and _STARTS.fullmatch(start.lower()):
        return
    if isinstance(start, str) and _STARTS_THAT_CHANGE_THE_BASE.fullmatch(start.lower()):
        raise AdapterError(
            f"{folder} sets init_lora_weights={start!r}: it starts from {start}, which changes the base's own weights as well; "
            "save it again with peft's path_initial_model_for_weight_conversion"
        )
    raise AdapterError(
        f"{folder} sets init_lora_weights={_short(start)}, a start that adapt does not know and that may change the base's own weights; "
        "expected true, false, gaussian, eva, orthogonal or mica"
    )


def _among(value: object, values: Collection[object]) -> bool:
    """Whether a value is one of `values`, where 0 is not False."""
    return any(type(value) is type(each) and value == each for each in values)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
