"""The names of tensors in a PEFT file: which are LoRA factors of linear modules, and what any other one is."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from ..errors import AdapterError

PREFIX = "base_model.model."
_FACTOR = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])\.weight")
_CAUSES = {
    r"\.lora_embedding_[AB]": "LoRA of embeddings; train it on linear modules alone",
    r"\.lora_magnitude_vector": "DoRA; train it again without use_dora",
    r"\.lora_[AB]\.bias$": "LoRA bias; train it again without lora_bias",
    r"\.lora_diag": "the diagonal of KaSA; train it again without kasa_config",
    r"\.lora_monteclora": "the sampler of MonteCLoRA; train it again without monteclora_config",
    r"\.lora_velora": "what VeLoRA keeps for training; train it again without velora_config",
    r"trainable_tokens": "trained rows of the embeddings; train it again without trainable_token_indices",
    r"\.lora_[AB]\.[^.]+\.weight$": "a factor with the adapter's name in it, as a network holds it; save it with peft's save_pretrained",
    r"\.lora_": "a kind of LoRA that adapt does not know",
    r"": "a weight of the base, or of a whole module; train it again without modules_to_save and bias, on linear modules alone",
}
"""What a tensor's name holds -> what that tensor is; the first that fits."""


def module_and_side(key: str) -> tuple[str, str]:
    """Return the module that a factor belongs to, as the network names it, and which of the two it is: A or B."""
    match = _FACTOR.fullmatch(key.removeprefix(PREFIX))
    assert match is not None
    return match["module"], match["side"]


def factor_key(name: str, side: str) -> str:
    """Return what peft calls a factor, A or B, of a module."""
    return f"{PREFIX}{name}.lora_{side}.weight"


def check_tensors(path: Path, keys: Collection[str]) -> None:
    """Refuse a file that holds anything but factors `lora_A.weight` and `lora_B.weight`.

    Raises:
        AdapterError: it does, or holds none; the message names the tensor, and what it is.
    """
    strays = sorted(key for key in keys if not _FACTOR.fullmatch(key.removeprefix(PREFIX)))
    if strays:
        _, key, cause = min(_cause(key) for key in strays)
        raise AdapterError(f"{path} holds {key}: {cause}; expected lora_A.weight and lora_B.weight of linear modules alone")
    if not keys:
        raise AdapterError(f"{path} holds no lora_A or lora_B; expected LoRA factors")


def find_wrapper(names: Collection[str], linears: Collection[str]) -> str | None:
    """Find what to take off the names of modules (`bert.`), so that each of them is a linear module of the base.

    A network in a wrapper (a language model's head, a SentenceTransformer) has a base's modules under a longer name.

    Returns:
        The shortest such prefix, empty where the names are the base's own; None where there is none.
    """
    parts = next(iter(names)).split(".")
    for count in range(len(parts)):
        wrapper = "".join(f"{part}." for part in parts[:count])
        if _all_fit(names, wrapper, linears):
            return wrapper
    return None


def _all_fit(names: Iterable[str], wrapper: str, linears: Collection[str]) -> bool:
    return all(name.startswith(wrapper) and name.removeprefix(wrapper) in linears for name in names)


def _cause(key: str) -> tuple[int, str, str]:
    return next((place, key, cause) for place, (pattern, cause) in enumerate(_CAUSES.items()) if re.search(pattern, key))
