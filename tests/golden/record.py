"""What the commands compute, as named arrays: `python tests/golden/record.py` writes them into golden.npz beside this file.

Everything goes through the command line, on the tests' tiny base, so that the record outlives any change of the code below it.
"""

import hashlib
import json
import os
import platform
import shlex
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray
from safetensors.numpy import load_file

Arrays = dict[str, NDArray]
RECORD = Path(__file__).with_name("golden.npz")
TEXTS = ["the court and the judge of appeal", "a tenant", "rent " * 20, "法律 and 医院", "", "The doctor came early, again and again"]
TRAINED = {
    "legal": "--domain legal --set epochs=4 --set learning_rate=0.01 --gram full",
    "medical": "--domain medical --set epochs=3 --set learning_rate=0.01 --seed 1 --gram-rank 8",
    "small": "--domain legal --set epochs=1 --set rank=2 --set batch_size=24 --set dropout=0.1 --set schedule=linear --set targets=query,value",
}
ENSEMBLES = {
    "mean": "legal@1 medical@1 --mode mean --weights 1,3",
    "concat": "base legal@1 small@1 --mode concat",
    "pca": "legal@1 medical@1 --pca {texts} --dim 4",
    "rrf": "legal@1 medical@1 --mode rrf",
    "max": "legal@1 medical@1 --mode max",
}
SETTINGS = {
    "dense-ties": "--method ties --density 0.5",
    "with-base": "--method linear --with-base 0.7",
    "rank-3": "--method linear --rank 3",
    "weights": "--method linear --weights 0.3,0.9",
}


def record(folder: Path, base: Path, data: Path) -> Arrays:
    """Train, merge, ensemble, encode and score in an empty registry.

    Args:
        folder: An empty folder for what is written.
        base: The tests' tiny base.
        data: The tests' toy set, a BEIR folder.

    Returns:
        Arrays by name. `bytes/...` are sha256 sums of files, everything else is float.
    """
    texts = folder / "texts.txt"
    texts.write_text("\n".join(TEXTS[:4] + TEXTS[5:]) + "\n", encoding="utf-8")
    os.environ |= {"ADAPT_HOME": str(folder / "home"), "ADAPT_CACHE": str(folder / "cache")}
    found: Arrays = {}
    for name, options in TRAINED.items():
        adapt(f"train --data {data} --base {base} --name {name} --device cpu --dtype fp32 {options}")
        found |= weights_of(folder / "home" / name / "1", f"trained/{name}")
    for name, options in ENSEMBLES.items():
        adapt(f"ensemble --name {name} {options.format(texts=texts)} --base {base}")
    found |= merged(folder / "home")
    for reference in ("base", *TRAINED, "merge-linear", "merge-with-base", "mean", "concat", "pca"):
        found |= encoded(reference, texts, base, folder)
    return found | scored([*TRAINED, "merge-linear", "mean", "concat", "pca", "rrf", "max"], data)


def merged(home: Path) -> Arrays:
    """A merge by every method, and by each setting that changes what a method gives."""
    methods = [row["name"] for row in json.loads(adapt("merge --methods --json"))["methods"]]
    found: Arrays = {}
    for name, options in ({method: f"--method {method}" for method in methods} | SETTINGS).items():
        adapt(f"merge legal@1 medical@1 --name merge-{name} {options}")
        found |= weights_of(home / f"merge-{name}" / "1", f"merged/{name}")
    return found


def weights_of(folder: Path, name: str) -> Arrays:
    """The hash of a version's weights, and what each module's update does to a fixed vector, in float64: (sum of widths,)."""
    file = folder / "adapter_model.safetensors"
    tensors = {key: value.astype(np.float64) for key, value in load_file(file).items()}
    config = json.loads((folder / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]  # the same for all modules where a merge writes patterns: they divide alike
    moved = [
        scale * tensors[key.replace("lora_A", "lora_B")] @ (tensors[key] @ np.linspace(-1, 1, tensors[key].shape[1]))
        for key in sorted(tensors)
        if "lora_A" in key
    ]
    digest = np.frombuffer(hashlib.sha256(file.read_bytes()).digest(), dtype=np.uint8)
    return {f"bytes/{name}": digest, f"update/{name}": np.concatenate(moved)}


def encoded(reference: str, texts: Path, base: Path, folder: Path) -> Arrays:
    found = {}
    for role in ("query", "document"):
        out = folder / f"{reference}-{role}.npy"
        named = f"--base {base}" if reference == "base" else ""
        adapt(f"encode {reference} {texts} --as {role} --dtype fp32 --device cpu -o {out} {named}")
        found[f"vectors/{reference}/{role}"] = np.load(out)
    return found


def scored(references: list[str], data: Path) -> Arrays:
    """What mteb finds for each reference on the toy set's test split, rankings among them."""
    result = json.loads(adapt(f"bench {' '.join(references)} --data {data} --device cpu --no-cache --json"))
    return {f"scores/{row['reference']}": np.array([row["metrics"][name] for name in sorted(row["metrics"])]) for row in result["scores"]}


def adapt(words: str) -> str:
    """Run a command; its stdout.

    Raises:
        RuntimeError: If it fails, with what it said.
    """
    from adapt_embed.cli import main

    result = CliRunner().invoke(main, shlex.split(words))
    if result.exit_code:
        raise RuntimeError(f"adapt {words}: exit {result.exit_code}\n{result.output}") from result.exception
    return result.stdout


def machine() -> str:
    """What decides the last bits of a float: processor, its instructions, versions of the libraries that compute."""
    import torch

    told = ("model name", "cpu family", "model", "stepping", "flags")
    facts = [value.strip() for name, _, value in (line.partition(":") for line in _cpu_lines()) if name.strip() in told][: len(told)]
    processor = hashlib.sha256("\n".join(facts or [platform.processor()]).encode()).hexdigest()[:16]
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{platform.machine()} {processor} {instructions} {torch.get_num_threads()} torch {version('torch')} numpy {version('numpy')}"


def _cpu_lines() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.is_file() else []


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from conftest import build_tiny_base, write_toy

    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        found = record(place, build_tiny_base(place / "tiny-base", seed=0), write_toy(place / "beir"))
    np.savez_compressed(RECORD, machine=np.array(machine()), **found)
    print(f"{len(found)} arrays, {RECORD.stat().st_size:,} bytes: {RECORD}")
