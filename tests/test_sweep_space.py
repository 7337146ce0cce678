"""What a sweep tries: read from files, refused in a line, and never a combination that training refuses."""

import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from adapt_embed.adapters.config import TrainConfig
from adapt_embed.errors import AdaptError, ConfigError, RequestError
from adapt_embed.sweeps.ask import ask_sweep
from adapt_embed.sweeps.default_space import default_dimensions
from adapt_embed.sweeps.dimension import Choice
from adapt_embed.sweeps.rule import read_rule
from adapt_embed.sweeps.space import Space, make_space
from adapt_embed.sweeps.space_file import read_space, space_of


class Drawn:
    """Draws uniformly, and keeps the names and values of parameters."""

    def __init__(self, seed: int) -> None:
        self.random, self.parameters = random.Random(seed), dict[str, tuple[object, ...]]()

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        self.parameters[name] = tuple(choices)
        return self.random.choice(choices)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        self.parameters[name] = (low, high, log)
        return self.random.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int, *, log: bool) -> int:
        self.parameters[name] = (low, high, log)
        return self.random.randint(low, high)


def space(content: object = None, **given: object) -> Space:
    return make_space(default_dimensions(given) if content is None else space_of(content), given)


def test_every_pick_is_a_configuration_and_a_parameter_has_the_same_values_in_all_trials() -> None:
    named = {
        "loss": ["infonce", "symmetric_infonce", "triplet_hard", "distil"],
        "side": ["both", "query"],
        "optimiser": ["adamw", "sgd", "loraplus"],
        "momentum": {"low": 0.5, "high": 0.9},
        "b_rate_ratio": {"low": 1, "high": 16, "log": True},
        "in_batch_negatives": [True, False],
        "corpus_negatives": [0, 16],
        "averaging": ["none", "ema"],
        "l1": {"low": 0.0, "high": 0.3},
        "temperature": {"low": 0.01, "high": 0.1, "log": True},
    }
    for tried in (space(), space({key: value for key, value in named.items() if key != "loss"}), space(named)):
        known: dict[str, tuple[object, ...]] = {}
        for seed in range(80):
            drawn = Drawn(seed)
            picks = tried.pick(drawn)
            assert isinstance(tried.config(picks), TrainConfig)
            for name, values in drawn.parameters.items():
                assert known.setdefault(name, values) == values
        assert len(known) >= 5


def test_the_temperature_is_tried_where_the_loss_reads_it_alone() -> None:
    tried = space(side="both", strategy="lora")
    picks = [tried.pick(Drawn(seed)) for seed in range(60)]
    assert {each["loss"] for each in picks if "temperature" in each} == {"infonce", "symmetric_infonce", "cosent", "distil"}
    assert {each["loss"] for each in picks if "temperature" not in each} == {"triplet_hard", "triplet", "margin_mse"}


def test_what_a_user_sets_is_not_tried_and_counts_where_it_is_read() -> None:
    tried = space(side="query", temperature="0.05", strategy="lora", rank=4)
    assert [each.name for each in tried.dimensions] == ["loss", "learning_rate"]
    configs = [tried.config(tried.pick(Drawn(seed))) for seed in range(40)]
    assert {each.side for each in configs} == {"query"}
    assert {each.temperature for each in configs if each.loss == "infonce"} == {0.05}
    assert "triplet_hard" in {each.loss for each in configs}


def test_alpha_follows_the_rank_unless_it_is_given() -> None:
    assert space({"rank": [4]}).config({"rank": 4}).alpha == 8
    assert space({"rank": [4]}, alpha=16).config({"rank": 4}).alpha == 16


def test_the_first_trial_is_the_defaults() -> None:
    assert space().default()[0] == TrainConfig()
    assert space({"learning_rate": {"low": 1e-6, "high": 1e-4, "log": True}}).default()[0].learning_rate == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("空间.yaml", "loss.name: [infonce, gist]\noptimiser:\n  learning_rate: {low: 1e-5, high: 1e-3, log: true}\nrank: [8, 16]\n"),
        (
            "s.toml",
            '[loss]\nname = ["infonce", "gist"]\n[optimiser]\nlearning_rate = {low = 1e-5, high = 1e-3, log = true}\n[strategy]\nrank = [8, 16]',
        ),
        (
            "s.json",
            '{"loss": ["infonce", "gist"], "learning_rate": {"low": 1e-5, "high": 1e-3, "log": true}, "rank": {"choices": [8, 16]}}',
        ),
    ],
)
def test_a_space_is_read_from_yaml_toml_and_json(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = {each.name: each.as_dict() for each in read_space(tmp_path / name)}
    assert found == {
        "loss": {"choices": ["infonce", "gist"]},
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "rank": {"choices": [8, 16]},
    }


WRONG = [
    ("learning_rat: [1]", "unknown setting 'learning_rat'. Did you mean learning_rate?"),
    ("loss.temprature: [1]", "Did you mean loss.temperature"),
    ("learning_rate: {low: 1e-3, high: 1e-5}", "optimiser.learning_rate goes from 0.001 to 1e-05; low must be below high"),
    ("learning_rate: {low: 0, high: 1e-5}", "learning_rate is 0.0; it must be above 0"),
    ("dropout: {low: 0, high: 0.5, log: true}", "strategy.dropout begins at 0, which has no logarithm"),
    ("dropout: {low: 0, high: 1}", "it must be at least 0 and below 1"),
    ("learning_rate: {low: 1e-5}", "needs both low and high"),
    ("learning_rate: {low: 1e-5, hihg: 1}", "has the unknown key 'hihg'; known: low, high, log, choices"),
    ("learning_rate: 1e-5", "expected {low: 1e-5"),
    ("loss: {low: 1, high: 2}", "unknown setting 'loss.low'"),
    ("loss.name: {low: 1, high: 2}", "loss.name is not a number"),
    ("loss.name: [infonc]", "unknown loss 'infonc'. Did you mean infonce?"),
    ("rank: [4, 4]", "names a choice twice"),
    ("rank: []", "choices are a list with one value or more"),
    ("rank: [4, many]", "rank is 'many'; expected a whole number"),
    ("seed: [0, 1]", "run.seed says how runs are scored or computed"),
    ("evaluation.metric: [R@10]", "fix it with --set"),
    ("[1, 2]", "there is no space"),
    ("", "there is no space"),
    ("a: [", "cannot be read"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_a_wrong_space_is_refused_in_a_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "空间.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        read_space(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "空间.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "named", "message"),
    [
        ({"rank": "8"}, {"rank": [4, 8]}, "rank is set and in the space as well"),
        ({"momentum": "0.5"}, None, "the optimiser adamw does not read momentum"),
        ({"epochs": "many"}, None, "epochs is 'many'"),
        ({"loss": "infonc"}, None, "Did you mean infonce?"),
        ({"loss": "triplet_hard"}, {"temperature": [0.1, 0.2]}, "the loss triplet_hard does not read temperature"),
        ({"side": "query"}, {"loss": ["symmetric_infonce"]}, "has no form for queries alone"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_loaded(
    settings: dict[str, object], named: dict[str, object] | None, message: str
) -> None:
    with pytest.raises(AdaptError, match=message):
        ask_sweep(settings, named, domain="legal")


def test_a_request_loads_neither_torch_nor_optuna() -> None:
    code = "import sys; from adapt_embed.sweeps.ask import ask_sweep; ask_sweep({}, None, domain='legal'); print({'torch', 'optuna'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_without_optuna_the_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapt_embed.sweeps import request

    monkeypatch.setattr(request, "find_spec", lambda name: None)
    with pytest.raises(AdaptError, match=r'pip install "adapt-embed\[sweep\]"'):
        ask_sweep({}, None, domain="legal")


def test_a_rule_is_read_as_the_bench_reads_a_requirement() -> None:
    rule = read_rule("ndcg@10 >= base + 0.1")
    assert rule.metric == "nDCG@10"
    assert [rule.holds(0.61, 0.5), rule.holds(0.59, 0.5), rule.holds(0.9, None)] == [True, False, False]
    assert not read_rule("R@100>0.7").holds(0.7, None)
    for text, message in (
        ("nDCG@10", "is not a requirement"),
        ("nDCG@10<0.5", "would end the sweep at a low score"),
        ("nDGC@10>=0.5", "unknown metric"),
    ):
        with pytest.raises(ConfigError, match=message):
            read_rule(text)


def test_a_rule_of_another_metric_than_trials_are_compared_by_is_refused() -> None:
    with pytest.raises(RequestError, match=r"--until is of R@10, and trials are compared by nDCG@10"):
        ask_sweep({}, None, domain="legal", until=read_rule("R@10>=0.7"))
    ask_sweep({"metric": "recall@10"}, None, domain="legal", until=read_rule("R@10>=0.7"))
