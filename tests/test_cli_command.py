"""Options that take one value: given once, in every command."""

import importlib
import json

import click
import pytest
from adapt_embed.cli import COMMANDS, main
from adapt_embed.cli.command import Command
from click.testing import CliRunner, Result

REPEATABLE = {
    "add": {"--ignore-field"},
    "train": {"--columns", "--data", "--dev", "--set"},
    "pretrain": {"--corpus", "--data", "--set"},
    "sweep": {"--columns", "--data", "--dev", "--set"},
    "base compare": {"--columns", "--data"},
    "bench": {"--data", "--domain", "--general-data", "--metric", "--require", "--set", "--tasks"},
    "push": {"--base-id", "--keep-name"},
    "serve": {"--allow-host", "--index-of"},
}


def every_command() -> dict[str, click.Command]:
    """All commands, those of groups too: words -> command."""
    found: dict[str, click.Command] = {}
    for verb, (module, _) in COMMANDS.items():
        command = importlib.import_module(f"adapt_embed.cli.{module}").command
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        found |= {f"{verb} {name}".strip(): each for name, each in inner.items()}
    return found


def options_of(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


SINGLE = [
    (words, option)
    for words, command in every_command().items()
    for option in options_of(command)
    if not (option.is_flag or option.multiple)
]


def adapt(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_every_command_is_of_the_class_that_refuses() -> None:
    assert {words for words, command in every_command().items() if not isinstance(command, Command)} == set()
    assert len(SINGLE) > 60


def test_the_options_that_may_be_repeated_are_these() -> None:
    repeatable = {words: {each.opts[0] for each in options_of(command) if each.multiple} for words, command in every_command().items()}
    assert {words: options for words, options in repeatable.items() if options} == REPEATABLE


@pytest.mark.parametrize(("words", "option"), SINGLE, ids=[f"{words} {option.opts[-1]}" for words, option in SINGLE])
def test_an_option_with_one_value_is_refused_when_given_again(words: str, option: click.Option) -> None:
    first, last = option.opts[0], option.opts[-1]
    short = [f"{first}1"] if first[1] != "-" else [first, "1"]
    for given in ([first, "1", last, "2"], [f"{last}=1", f"{last}=1"], [*short, f"{last}=2"]):
        ran = adapt(*words.split(), "reference", *given)
        assert ran.exit_code == 2, ran.output
        assert f"{' or '.join(option.opts)} takes one value and is given 2 times; give it once" in ran.stderr
        assert ran.stdout == ""


def test_three_times_are_counted_and_told_as_json() -> None:
    ran = adapt("list", "--json", "--domain", "a", "--domain", "b", "--domain", "c")
    assert (ran.exit_code, "given 3 times" in json.loads(ran.stdout)["error"]) == (2, True)


def test_flags_may_be_repeated_and_opposites_not() -> None:
    assert adapt("list", "--json", "--json").exit_code == 0
    ran = adapt("bench", "base", "--cache", "--no-cache")
    assert (ran.exit_code, "--cache and --no-cache exclude one another" in ran.stderr) == (2, True)
    for flags in (("--cache", "--cache"), ("--no-cache", "--no-cache")):
        assert "unknown" in adapt("bench", "no-such-reference", *flags).stderr


def test_a_help_answers_whatever_is_repeated() -> None:
    assert adapt("train", "--data", "a", "--data", "b", "--help").exit_code == 0


def test_a_value_of_the_environment_or_a_default_is_not_a_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPT_CACHE_SIZE", "1GB")
    assert "unknown" in adapt("bench", "no-such-reference", "--cache-size", "2GB").stderr


def test_what_stands_behind_two_dashes_is_no_option() -> None:
    assert "takes one value" not in adapt("merge", "--name", "a", "--", "--name", "b").stderr


def test_a_setting_that_is_given_again_is_told() -> None:
    ran = adapt("train", "--domain", "legal", "--set", "epochs=2", "--set", "epochs = many")
    assert "note: --set epochs is given 2 times; the last value counts" in ran.stderr
    assert "epochs is 'many'" in ran.stderr
