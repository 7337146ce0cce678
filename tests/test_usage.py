"""What the words of a command alone show to be wrong ends with exit code 2, and nothing is written."""

import json
from pathlib import Path

import pytest
from adapt_embed.bench.hub.written_names import check_task_words, written_benchmarks, written_tasks
from adapt_embed.cli import main
from adapt_embed.errors import AdapterError, ConfigError, DataError
from adapt_embed.json_text import parse_json
from click.testing import CliRunner, Result


def adapt(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


WRONG = [
    ("train --domain legal --set epochs", "--set 'epochs': expected KEY=VALUE"),
    ("train --domain legal --seed -1", "-1 is not in the range x>=0"),
    ("train --domain legal --train-queries 0", "0 is not in the range x>=1"),
    ("train --domain legal --seed x", "'x' is not a valid whole number"),
    ("merge legal medical --energy x", "'x' is not a valid number"),
    ("train --domain legal --device abacus", "'abacus' is not a device"),
    ("train --domain legal --gram full --gram-rank 4", "exclude one another"),
    ("encode base x.txt --max-tokens 3 --json", "3 is not in the range x>=8"),
    ("encode base x.txt --batch-tokens 0 --json", "0 is not in the range x>=1"),
    ("encode base x.txt -o - --json", "would both write to stdout"),
    ("merge legal medical --energy 0.5 --rank full", "--energy decides the rank of --rank auto"),
    ("merge legal medical --search legal --tolerance nan", "not a finite number"),
    ("merge legal medical --explain --search legal", "--explain merges nothing, and --search does nothing beside it"),
    ("ensemble legal medical --mode mean --pca x.txt --dim 4", "with --mode mean, leave --pca and --dim out"),
    ("ensemble legal medical --weights 0,1", "the weight 0 does not fit the mode concat"),
    ("push legal me/legal --create-pr --revision dev", "--revision does not go with it"),
    ("push legal me/legal --over 1234", "--over is '1234'; expected the whole commit"),
    ("show legal --base minilm", "--base goes with: adapt show base"),
    ("base convert x -o -", "a folder does not go to the standard output"),
    ("base link x --as minilm --undo", "--undo takes no FOLDER"),
    ("bench base --mteb-results -", "a folder does not go to the standard output"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line for line, _ in WRONG])
def test_what_the_words_show_is_a_usage_error(line: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = adapt(*line.split())
    assert ran.exit_code == 2, ran.output
    assert message in ran.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1", "mps", "auto"])
def test_devices_as_torch_names_them_are_taken(name: str) -> None:
    ran = adapt("encode", "nothing", "x.txt", "--device", name, "--json")
    assert (ran.exit_code, "unknown adapter 'nothing'" in ran.output) == (1, True)


# MTEB's names


def test_every_task_and_benchmark_of_mteb_is_among_the_names_that_its_files_give() -> None:
    from mteb.benchmarks.get_benchmark import _build_aliases_registry, _build_registry
    from mteb.get_tasks import TASK_LIST

    assert {task.metadata.name for task in TASK_LIST} <= written_tasks()
    assert {*_build_registry(), *_build_aliases_registry()} <= written_benchmarks()


def test_filter_keys_are_those_of_the_filters() -> None:
    from adapt_embed.bench.hub.filters import KEYS
    from adapt_embed.bench.hub.written_names import FILTER_KEYS

    assert tuple(KEYS) == FILTER_KEYS


@pytest.mark.parametrize("text", ["STSBenchmark", "STS22 (en)", "MTEB(Law, v1)", "domain=legal,language=eng", "AILAStatutes, STSBenchmark"])
def test_names_that_mteb_has_pass(text: str) -> None:
    check_task_words([text])


@pytest.mark.parametrize("text", ["STSBenchmrk", "STSBenchmark,STSBenchmrk", "MTEB(Lew, v1)", "法律", "domian=legal", "STSBenchmrk (en)"])
def test_names_that_mteb_lacks_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        check_task_words([text])


# What is said


def test_a_folder_that_is_not_there_is_not_called_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-lora").mkdir()
    ran = adapt("add", "my-loar")
    assert (ran.exit_code, ran.stderr) == (1, "Error: the folder my-loar does not exist. Did you mean my-lora?\n")


@pytest.mark.parametrize("group", ["base", "runs"])
def test_the_lines_of_subcommands_are_whole_at_80_columns(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = adapt(group, "--help").stdout.partition("Commands:")[2]
    assert lines
    assert "..." not in lines


# The base that is shown


def test_show_base_takes_another_base(tiny_base: Path) -> None:
    told = json.loads(adapt("show", "base", "--base", tiny_base, "--json").stdout)
    assert (told["name"], told["pooling"], told["dimension"]) == (tiny_base.name, "cls", 32)
    assert json.loads(adapt("show", "base", "--base", tiny_base, "--pooling", "mean", "--json").stdout)["pooling"] == "mean"


# Keys that are given twice


def test_a_key_that_is_given_twice_is_refused_and_elsewhere_again_is_not() -> None:
    with pytest.raises(ValueError, match="the key 'a' is given twice in one object"):
        parse_json('{"b": {"a": 1, "a": 2}}')
    assert parse_json('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


def test_a_line_of_data_with_a_key_twice_is_refused_with_its_number(tmp_path: Path) -> None:
    from adapt_embed.data.readers import read_jsonl

    (tmp_path / "x.jsonl").write_text('{"query": "a"}\n{"query": "a", "query": "b"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl, line 2: .*the key 'query' is given twice"):
        list(read_jsonl(tmp_path / "x.jsonl"))


def test_an_adapters_configuration_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    from adapt_embed.lora import read_config

    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "r": 8}')
    with pytest.raises(AdapterError, match="the key 'r' is given twice"):
        read_config(tmp_path)


# The length of texts


@pytest.mark.parametrize("words", [("encode", "base", "x.txt"), ("bench", "base", "--domain", "legal")])
def test_a_length_beyond_the_bases_is_refused_before_the_network_is_loaded(
    words: tuple[str, ...], tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapt_embed.references import LoadedBases

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LoadedBases, "load", lambda *_: pytest.fail("the network was loaded"))
    ran = adapt(*words, "--base", tiny_base, "--max-tokens", 9999, "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["error"] == f"the maximum length is 9999 tokens; {tiny_base.name} takes at most 512"


# Requests


def test_a_request_that_contradicts_itself_is_a_usage_error_of_the_command() -> None:
    message = "--energy decides the rank of --rank auto; with --rank full it does nothing: leave one of them out"
    ran = adapt("merge", "法律", "legal", "--energy", 0.5, "--rank", "full")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Usage: ")
    assert ran.stderr.endswith(f"Error: {message}\n")
    as_json = adapt("merge", "法律", "legal", "--energy", 0.5, "--rank", "full", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (2, {"error": message})


@pytest.mark.parametrize("sources", ["", " , "])
def test_a_search_on_nothing_is_refused(sources: str) -> None:
    ran = adapt("merge", "legal", "medical", "--search", sources)
    assert (ran.exit_code, "--search names no dev data" in ran.stderr) == (2, True)
