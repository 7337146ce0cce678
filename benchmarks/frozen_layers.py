"""What does training the last layers alone save, and what do the stored states of those below save beside it? Step times of bge-small-en.

    python benchmarks/frozen_layers.py --shared ../shared [--sets legal] [--arms full,lora,last,stored,partial,partial-stored]
        [--precision fp32] [--steps 4] [--runs 3] [--processor-time]

All arms train on the same pairs in one precision, 32 a step (one positive a query), at most 256 tokens: `full` all weights, `lora` factors of all
linear modules, `last` factors of the last four layers, `partial` the weights of the last four; `stored` and `partial-stored` are these two with the
states of the eight layers below computed once, which takes `fill_s` for the texts of all steps. Each run is a process of its own, the arms taken in
turn; a step lasts from the end of the one before to its own, so that the first is left out. A run's figure is the median of its steps, an arm's the
median of its runs. `three_epochs` counts the filling once and each step three times.
`--report` prints the figures that are kept (cells.py).
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile

from cells import Cells, make_parser
from train_quality import SETS, SETTINGS
from train_speed import add_timing, device_name, drawn, now, parse_timing, run_apart

CELLS = Cells("frozen_layers")
OF_LAST = {"layers": "last:4", "cache_frozen": "false"}
ARMS: dict[str, dict[str, str]] = {
    "full": {"strategy": "full", "keep": "model"},
    "lora": {},
    "last": OF_LAST,
    "stored": OF_LAST | {"cache_frozen": "true"},
    "partial": {"strategy": "partial", "keep": "model"} | OF_LAST,
    "partial-stored": {"strategy": "partial", "keep": "model"} | OF_LAST | {"cache_frozen": "true"},
}


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--sets", default="legal")
    parser.add_argument("--arms", default=",".join(ARMS))
    add_timing(parser, steps=4, threads=1)
    options = parse_timing(parser)
    if options.one:
        print(json.dumps(train(options, *options.one)))
        return
    if options.fold:
        CELLS.fold()
    if not (options.report or options.fold):
        for name in options.sets.split(","):
            CELLS.write(f"{name}-{options.precision}", measure(options, name))
    print(json.dumps(CELLS.read(), indent=1))


def measure(options: argparse.Namespace, name: str) -> dict[str, object]:
    """Run the arms in turn, and return their medians and how many times faster than full fine-tuning each is."""
    arms = options.arms.split(",")
    found: dict[str, list[dict]] = {arm: [] for arm in arms}
    for _ in range(options.runs):
        for arm, runs in found.items():
            runs.append(run(options, arm, name))
            print(
                f"{name} {arm}: {statistics.median(runs[-1]['steps_s']):.2f} s a step, {runs[-1]['fill_s']:.2f} s to fill", file=sys.stderr
            )
    step_s = {arm: statistics.median(statistics.median(each["steps_s"]) for each in runs) for arm, runs in found.items()}
    fill_s = {arm: statistics.median(each["fill_s"] for each in runs) for arm, runs in found.items()}
    three_s = {arm: 3 * options.steps * step_s[arm] + fill_s[arm] for arm in arms}
    return {
        "device": device_name(),
        "threads": options.threads,
        "steps": options.steps,
        "runs": options.runs,
        "processor_time": options.processor_time,
        "step_s": {arm: round(value, 3) for arm, value in step_s.items()},
        "fill_s": {arm: round(value, 2) for arm, value in fill_s.items() if value},
        "stored_bytes": {arm: runs[0]["stored_bytes"] for arm, runs in found.items() if runs[0]["stored_bytes"]},
        "times_faster_than_full": {
            arm: {"step": round(step_s["full"] / step_s[arm], 2), "three_epochs": round(three_s["full"] / three_s[arm], 2)}
            for arm in arms
            if "full" in arms
        },
    }


def run(options: argparse.Namespace, arm: str, name: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        return run_apart(__file__, options, arm, name, ADAPT_CACHE=folder)


def train(options: argparse.Namespace, arm: str, name: str) -> dict[str, object]:
    """Train one arm; return the seconds of its steps but the first, and of what was computed before them."""
    from adapt_embed.adapters import TrainConfig, train_adapter
    from adapt_embed.base import load_base, resolve_base
    from adapt_embed.base.resolve import BaseOptions
    from adapt_embed.cache import open_cache_files
    from adapt_embed.events import Quiet

    base = load_base(resolve_base(str(options.shared / "bases" / SETS[name].base), options=BaseOptions(settings_of=SETS[name].base_as)))
    config = TrainConfig(**(SETTINGS | {"epochs": 1, "precision": options.precision, "learning_rate": 5e-5} | ARMS[arm]))
    clock: list[float] = []
    fill: list[float] = []

    class Stages(Quiet):
        def stage(self, what: str) -> None:  # noqa: ARG002 - as every receiver of events
            fill.append(now())

    train_adapter(base, drawn(options, name), config, on_step=lambda _: clock.append(now()), events=Stages())
    stored = sum(path.stat().st_size for path in open_cache_files().folder.rglob("*") if path.is_file())
    return {
        "steps_s": [after - before for before, after in itertools.pairwise(clock)],
        "fill_s": fill[-1] - fill[0] if fill else 0.0,
        "stored_bytes": stored,
    }


if __name__ == "__main__":
    main()
