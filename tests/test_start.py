"""What a command costs before and after its work, and that it is never silent."""

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from adapt_embed.base.fingerprint import fingerprint
from adapt_embed.cli import life, process
from adapt_embed.data.domains import name_domain
from adapt_embed.errors import DomainError, did_you_mean
from adapt_embed.registry import BaseRecord, Entry, Registry
from adapt_embed.registry import index as index_module
from adapt_embed.registry.index import Index, read_index

HEAVY = {"torch", "transformers", "peft", "mteb", "datasets"}
RUN = f"""
import atexit, resource, sys
from adapt_embed.cli import main
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("loaded", *sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
    print("seconds", used.ru_utime + used.ru_stime, file=sys.stderr)
atexit.register(tell)
main()
"""


def run_fresh(*arguments: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True, env=os.environ | (env or {}), cwd=cwd
    )


def entry_of(name: str, version: int = 0) -> Entry:
    return Entry(kind="adapter", name=name, version=version, domain="legal", bases=(BaseRecord(id="x/y", sha256="3" * 64, name="y"),))


def write_index(home: Path, *entries: Entry) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "registry.json"
    path.write_bytes(Index(entries, {"legal": {"best": 1}}).to_json())
    return path


@pytest.fixture
def folder(tmp_path: Path, tiny_base: Path) -> Path:
    """A registry with legal@1, alias best, and 医院@1 of a domain of the user's own, and a table of pairs."""
    own = replace(
        entry_of("医院", 1), domain="医院", bases=(BaseRecord(id="x/y", sha256=fingerprint(tiny_base), path=str(tiny_base), name="y"),)
    )
    write_index(tmp_path / "home", entry_of("legal", 1), own)
    for name in ("legal", "医院"):
        (tmp_path / "home" / name / "1").mkdir(parents=True)
    (tmp_path / "train.csv").write_text("anchor,positive\na,b\n", encoding="utf-8")
    (tmp_path / "bad.csv").write_text("colour,shape\na,b\n", encoding="utf-8")
    (tmp_path / "settings.toml").write_text("epochs = 1\n", encoding="utf-8")
    (tmp_path / "questions.txt").write_text("a\n", encoding="utf-8")
    return tmp_path


WRONG = [
    ("train --domain leagl", "unknown domain 'leagl'. Did you mean legal?"),
    ("train --domain LEAGL --data sample", "Did you mean legal?"),
    ("train --domain legl.toml", "legl.toml does not exist"),
    ("train --domain legal --set epocs=2", "unknown setting 'epocs'. Did you mean epochs?"),
    ("train --domain legal --set loss.temprature=2", "unknown setting 'loss.temprature'. Did you mean loss.temperature"),
    ("train --domain legal --set loss=infonc", "unknown loss 'infonc'. Did you mean infonce"),
    ("train --domain legal --set store=fp61", "unknown store 'fp61'. Did you mean fp16"),
    ("train --domain legal --set epochs=many", "epochs is 'many'; expected a whole number"),
    ("train --domain legal --config setings.toml", "Did you mean settings.toml?"),
    ("train --domain legal --data train.csv --init-from leagl", "unknown adapter 'leagl'. Did you mean legal"),
    ("pretrain --domain legal", "there is no text to train on"),
    ("pretrain --domain legal --corpus trian.csv", "the corpus trian.csv does not exist. Did you mean train.csv"),
    ("pretrain --domain legal --corpus train.csv --set mask_shar=1", "unknown setting 'mask_shar'. Did you mean mask_share"),
    ("train --domain legal --data trian.csv", "Did you mean train.csv"),
    ("sweep --domain leagl", "Did you mean legal?"),
    ("sweep --domain legal --set epocs=2", "unknown setting 'epocs'. Did you mean epochs?"),
    ("sweep --domain legal --space setings.toml", "Did you mean settings.toml?"),
    ("train --domain legal --data sampel", "Did you mean sample?"),
    ("train --domain legal --data bad.csv", "lacks the column anchor, positive"),
    ("train --domain legal --base bge-smal-en", "unknown base 'bge-smal-en'. Did you mean bge-small-en"),
    ("train --domain legal --base . --base-as bge-smal-en", "unknown base alias 'bge-smal-en'. Did you mean bge-small-en"),
    ("train --domain legal --dtype fp23", "Did you mean fp32"),
    ("train --domain legal --name a/b", "the name 'a/b' is not valid"),
    ("encode leagl questions.txt", "unknown adapter 'leagl'. Did you mean legal?"),
    ("encode legal@bset questions.txt", "Did you mean best?"),
    ("encode ./hom questions.txt", "Did you mean home?"),
    ("bench leagl", "unknown adapter 'leagl'. Did you mean legal?"),
    ("bench legal --domain leagl", "unknown domain 'leagl'. Did you mean legal?"),
    ("bench legal --data trian.csv", "Did you mean train.csv"),
    ("bench legal --general-data trian.csv", "Did you mean train.csv"),
    ("bench legal --set smaple", "Did you mean sample?"),
    ("merge legal leagl", "unknown adapter 'leagl'. Did you mean legal?"),
    ("merge legal base --method tyes", "unknown merge method 'tyes'. Did you mean ties?"),
    ("merge legal base --density 7", "density is 7.0"),
    ("merge legal base --search leagl", "unknown domain 'leagl'. Did you mean legal?"),
    ("merge legal base --search trian.csv", "Did you mean train.csv"),
    ("merge legal base --search legal --general hoem", "Did you mean home?"),
    ("export leagl legal.tar", "unknown adapter 'leagl'. Did you mean legal?"),
    ("export legal --merged home", "home is not empty, and is left unchanged"),
    ("import trian.csv", "Did you mean train.csv"),
    ("import bad.csv", "bad.csv: it is not a tar file"),
    ("ensemble legal leagl", "unknown adapter 'leagl'. Did you mean legal?"),
    ("ensemble legal base --mode conact", "Did you mean concat?"),
    (
        "bench 医院",
        "医院 is a domain of your own, for which no sample ships; give data to score on, such as: adapt bench 医院@1 --data test.csv",
    ),
    ("bench legal --domain 医院", "医院 is a domain of your own"),
    ("bench legal --tasks STSBenchmrk", "MTEB has no task or benchmark 'STSBenchmrk'; did you mean STSBenchmark"),
    ("bench legal --tasks MTEB(Lew,v1)", "did you mean MTEB(Law, v1)"),
    ("bench legal --tasks domian=legal", "unknown key of a filter of tasks 'domian'. Did you mean domain?"),
    ("bench legal --metric nDGC@10", "unknown metric 'nDGC@10'. Did you mean nDCG@10"),
    ("bench legal --require nDCG@10", "'nDCG@10' is not a requirement; expected one such as"),
    ("bench legal --device cudda", "'cudda' is not a device; expected cpu, cuda, cuda:N (such as cuda:1) or mps. Did you mean cuda?"),
    ("encode legal questions.txt --device cuda:x", "'cuda:x' is not a device"),
    ("encode legal questions.txt --device 显卡", "'显卡' is not a device"),
    ("train --domain legal --device gpu", "'gpu' is not a device"),
    ("train --domain legal --set epochs", "--set 'epochs': expected KEY=VALUE"),
    ("merge legal base --energy 0.9 --rank 4", "--energy decides the rank of --rank auto"),
    ("merge legal base --weights 1", "2 adapters to merge and 1 weight;"),
    ("merge legal base --density 0.5", "does not read --density"),
    ("merge legal base --search legal --plot x.gif", "a picture is written as .svg or .png"),
    ("merge legal base --search legal --curve-steps 1", "--curve-steps is 1"),
    ("ensemble legal base --weights 1", "1 weight for 2 members"),
    ("index build trian.csv -o out", "the corpus trian.csv does not exist. Did you mean train.csv"),
    ("index build bad.csv -o out", "has no column of texts that is known by its name"),
    ("index build train.csv -o out --text-column anchor --ref leagl", "unknown adapter 'leagl'. Did you mean legal?"),
    ("index build train.csv -o out --vectors fp23", "Did you mean fp32"),
    ("index info hom", "the index hom does not exist"),
    ("search legal --index hom -q x", "the index hom does not exist"),
    ("show leagl", "Did you mean legal?"),
    ("ab report hom", "the folder of events hom does not exist. Did you mean home?"),
    ("ab plan --metric ctrr --baseline 0.1 --effect 0.01", "unknown metric 'ctrr'. Did you mean ctr?"),
    ("card leagl", "Did you mean legal?"),
    ("card legal --license MIT", "'MIT' is not the id of a licence"),
    ("card legal --bench nosuch.json", "--bench nosuch.json cannot be read"),
    ("card legal --card-template nosuch.jinja", "the card template nosuch.jinja cannot be read"),
    ("rm leagl", "Did you mean legal?"),
    ("alias leagl best", "Did you mean legal?"),
    ("pull legal", "'legal' is not a repository of the Hub; expected OWNER/NAME"),
    ("pull me/legal", "cannot be reached; check the network, HF_ENDPOINT and the proxy"),
    ("push leagl me/legal", "unknown adapter 'leagl'. Did you mean legal?"),
    ("push legal legal", "the repository is 'legal'; expected OWNER/NAME"),
    ("push legal me/legal --tag v+1", "--tag is 'v+1'"),
    ("update legal", "no version of legal was pulled from the Hub, or pushed to it"),
    ("trian", "Did you mean train"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line for line, _ in WRONG])
def test_a_wrong_word_is_refused_with_the_near_one_before_anything_heavy_is_imported(folder: Path, line: str, message: str) -> None:
    result = run_fresh(*line.split(), env={"ADAPT_HOME": str(folder / "home")}, cwd=folder)
    assert result.returncode in (1, 2), result.stdout
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert "loaded\n" in result.stderr
    assert float(result.stderr.rpartition("seconds ")[2]) < 1.5  # 0.1 to 0.4 on a quiet core


def test_with_data_an_unknown_domain_is_a_new_one_of_the_users() -> None:
    domain, note = name_domain("leagl", has_data=True)
    assert (domain.name, note) == ("leagl", "leagl is a new domain of your own. Did you mean legal?")
    assert name_domain("医院", has_data=True)[1] == "医院 is a new domain of your own."
    assert name_domain("legal", has_data=True)[1] is None
    assert name_domain("legal", has_data=True)[0].sample == "legal"


def test_without_data_an_unknown_domain_is_refused() -> None:
    with pytest.raises(DomainError, match=r"unknown domain 'leagl'\. Did you mean legal\?"):
        name_domain("leagl", has_data=False)
    with pytest.raises(DomainError, match=r"nosuch\.toml does not exist"):
        name_domain("nosuch.toml", has_data=True)


def test_near_names_are_found_whatever_their_case() -> None:
    assert did_you_mean("LEGALL", ["legal", "medical"]) == " Did you mean legal?"
    assert did_you_mean("legl", ["Legal"]) == " Did you mean Legal?"
    assert did_you_mean("xyz", ["legal"]) == ""


def test_the_methods_are_listed_without_torch() -> None:
    result = run_fresh("merge", "--methods", "--json")
    assert len(json.loads(result.stdout)["methods"]) == 17
    assert "loaded\n" in result.stderr


# the registry


def test_the_index_is_parsed_once_for_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_index(tmp_path, *(entry_of("legal", number) for number in range(1, 101)))
    parsed: list[int] = []
    time.sleep(1.5 * index_module._SETTLED_S)
    parse = index_module._parse
    monkeypatch.setattr(index_module, "_parse", lambda *given: parsed.append(1) or parse(*given))
    registry = Registry(tmp_path)
    for entry in registry.entries():
        assert not registry.is_builtin(entry)
        registry.aliases_of(entry)
    of_user = len(parsed)
    assert of_user <= 2  # the built-in index and the user's
    write_index(tmp_path, entry_of("legal", 1))
    assert len(registry.entries()) == 1
    assert len(parsed) == of_user + 1


def test_a_change_that_keeps_size_and_time_is_seen_when_another_file_takes_the_place(tmp_path: Path) -> None:
    path = write_index(tmp_path, entry_of("legal", 1))
    os.utime(path, (1e9, 1e9))
    assert read_index(path).entries[0].version == 1
    other = write_index(tmp_path / "other", entry_of("legal", 2))
    os.utime(other, (1e9, 1e9))
    assert other.stat().st_size == path.stat().st_size
    other.replace(path)
    assert read_index(path).entries[0].version == 2


def test_a_file_just_written_is_read_again_though_its_inode_size_and_time_stay(tmp_path: Path) -> None:
    path = write_index(tmp_path, entry_of("legal", 1))
    now = time.time()
    os.utime(path, (now, now))
    assert read_index(path).entries[0].version == 1
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 2'))
    os.utime(path, (now, now))
    assert read_index(path).entries[0].version == 2


def test_readers_beside_a_writer_see_whole_indexes_that_never_go_back(tmp_path: Path) -> None:
    path, seen, stop = write_index(tmp_path, entry_of("legal", 1)), [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(len(read_index(path).entries))

    reader = threading.Thread(target=read)
    reader.start()
    for count in range(2, 60):
        new = tmp_path / "new.json"
        new.write_bytes(Index(tuple(entry_of("legal", number) for number in range(1, count + 1))).to_json())
        new.replace(path)
        assert len(read_index(path).entries) == count
    stop.set()
    reader.join()
    assert seen == sorted(seen)


def test_listing_costs_in_proportion_to_the_versions(tmp_path: Path) -> None:
    seconds = {}
    for count in (500, 2000):
        path = write_index(tmp_path / str(count), *(entry_of("legal", number) for number in range(1, count + 1)))
        os.utime(path, (1e9, 1e9))
        registry, begun = Registry(path.parent), time.process_time()
        for entry in registry.entries():
            registry.is_builtin(entry)
            registry.aliases_of(entry)
        seconds[count] = time.process_time() - begun
    assert seconds[2000] < 12 * seconds[500] + 0.05


def test_a_thousand_versions_are_listed_quickly(tmp_path: Path) -> None:
    write_index(tmp_path, *(entry_of("legal", number) for number in range(1, 1001)))
    result = run_fresh("list", env={"ADAPT_HOME": str(tmp_path)})
    assert result.stdout.count("legal@") == 1000
    assert float(result.stderr.rpartition("seconds ")[2]) < 1.5  # 0.25 on a busy core


# start and end


LEAVE = """
import atexit, sys, threading
from adapt_embed.cli import process
sys.modules["torch"] = sys
atexit.register(lambda: print("registered for the end"))
class Last:
    def __del__(self): print("taken apart")
last = Last()
if "thread" in sys.argv: threading.Thread(target=lambda: (__import__("time").sleep(0.2), print("thread"))).start()
process.leave(3)
"""


def test_the_end_runs_what_was_registered_and_takes_nothing_apart() -> None:
    result = subprocess.run([sys.executable, "-c", LEAVE], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (3, "registered for the end\n", "")


def test_the_end_waits_for_threads() -> None:
    result = subprocess.run([sys.executable, "-c", LEAVE, "thread"], capture_output=True, text=True)
    assert result.returncode == 3
    assert result.stdout.splitlines()[:2] == ["thread", "registered for the end"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_what_cannot_be_flushed_at_the_end_is_an_exit_code() -> None:
    code = "import sys; from adapt_embed.cli import process; sys.modules['torch'] = sys; print('x'); process.leave(0)"
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE).returncode != 0


def test_a_process_of_its_own_collects_garbage_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(process.gc, "set_threshold", lambda *thresholds: given.append(thresholds))
    process.start()
    assert given[0][0] > 10_000


# signs of life


def output_times(command: list[str], env: dict[str, str]) -> tuple[list[float], bytes]:
    """Run a command under a pseudo-terminal: when it wrote something, its start and its end included, and what."""
    master, slave = pty.openpty()
    begun, times, written = time.monotonic(), [0.0], b""
    child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm"} | env)
    os.close(slave)
    while select.select([master], [], [], 60)[0]:
        try:
            part = os.read(master, 1 << 16)
        except OSError:  # the terminal has gone with the command
            break
        if not part:
            break
        written += part
        times.append(time.monotonic() - begun)
    child.wait()
    os.close(master)
    return [*times, time.monotonic() - begun], written


def test_in_a_terminal_a_command_is_never_silent_while_it_imports_and_loads(tmp_path: Path, tiny_base: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a\n", encoding="utf-8")
    code = "from adapt_embed.cli import main; main()"
    command = [sys.executable, "-c", code, "encode", "base", str(texts), "--base", str(tiny_base), "-o", str(tmp_path / "vectors.npy")]
    times, written = output_times(command, {"ADAPT_HOME": str(tmp_path / "home")})
    assert b"1 vector of" in written
    assert b"loading the base (" in written
    assert max(later - earlier for earlier, later in pairwise(times)) < 2.5  # 2, and the start of the interpreter


def test_in_a_terminal_the_status_line_is_taken_away_before_anything_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import time; from adapt_embed.cli import life, output\n"
        "with life.alive(): life.doing('counting'); time.sleep(1.2); output.say('a line'); time.sleep(0.1)"
    )
    _, written = output_times([sys.executable, "-c", code], {})
    assert b"counting (" in written
    assert b"\r\x1b[Ka line" in written
    assert written.endswith(b"a line\r\n")


def test_in_a_pipe_long_work_prints_a_line_now_and_then_with_how_far_it_is() -> None:
    code = (
        "import time; from adapt_embed.cli import life, bars\nlife.LINE_EVERY_S = 0.5\n"
        "with life.alive(), bars.text_bar() as tell: tell('scoring', 3, 10); time.sleep(1.9)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = result.stderr.splitlines()
    assert 2 <= len(lines) <= 3
    assert all(line.startswith("scoring: 3 of 10 texts (") for line in lines)
    assert result.stdout == ""


def test_a_line_comes_at_least_every_thirty_seconds() -> None:
    assert life.LINE_EVERY_S + life.STATUS_EVERY_S < 30


def test_a_line_that_the_command_prints_is_a_sign_of_life_itself() -> None:
    code = (
        "import time; from adapt_embed.cli import life, output\nlife.LINE_EVERY_S = 0.8\n"
        "with life.alive():\n for _ in range(6): output.say('step'); time.sleep(0.3)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.splitlines() == ["step"] * 6


def test_no_sign_is_given_while_somebody_types_or_a_bar_is_drawn() -> None:
    code = "import time; from adapt_embed.cli import life\nlife.LINE_EVERY_S = 0.2\nwith life.alive(), life.paused(): time.sleep(0.9)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


def test_a_closed_stderr_costs_the_signs_alone() -> None:
    code = (
        "import os, time; from adapt_embed.cli import life\nlife.LINE_EVERY_S = 0.2\n"
        "with life.alive(): os.close(2); time.sleep(0.9)\nprint('done')"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True).stdout == "done\n"
