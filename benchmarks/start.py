"""Processor time of short commands, two checkouts in turn: python benchmarks/start.py BEFORE AFTER [--runs N] -- encode base questions.txt

BEFORE and AFTER are checkouts of this repository; both run under this interpreter. The command follows `--`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = "from adapt_embed.cli import main; main()"


def processor_s(checkout: Path, command: list[str]) -> float:
    """Run `adapt` of one checkout; return the user and system time that the whole process took."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "adapt_embed").symlink_to(checkout.resolve())
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", CODE, *command], env=os.environ | {"PYTHONPATH": folder}, stdout=subprocess.DEVNULL, check=True
        )
        after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Time the command in pairs, and print the medians and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", nargs=2, type=Path, metavar="CHECKOUT")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    pairs = [[processor_s(checkout, given.command) for checkout in given.checkouts] for _ in range(given.runs)]
    before, after = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{before:.2f} s -> {after:.2f} s processor time, ratio {statistics.median(b / a for a, b in pairs):.2f}, {given.runs} pairs")


if __name__ == "__main__":
    main()
