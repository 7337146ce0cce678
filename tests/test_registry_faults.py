"""The registry under fire: killed at every operation, full and read-only disks, damage, and many writers at once."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from adapt_embed import disk
from adapt_embed.cli import main
from adapt_embed.errors import RegistryError
from adapt_embed.lora import LoraModule, write_lora
from adapt_embed.registry import BaseRecord, Entry, Layer, Registry
from click.testing import CliRunner

BASE = BaseRecord(id="org/base", revision="r1", sha256="a" * 64, path="/bases/base", name="org/base")
NO_BUILTIN = Layer(Path("/nonexistent/registry.json"), Path("/nonexistent"))


class Killed(BaseException):
    """Stands for a process that ends here."""


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk in memory where there is one: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever fault a test leaves."""
    monkeypatch.setattr(disk, "FAULT", None)


def open_at(home: Path) -> Registry:
    return Registry(home, builtin=NO_BUILTIN)


def draft(name: str = "legal") -> Entry:
    return Entry(kind="adapter", name=name, bases=(BASE,), pooling="cls", created="2026-01-01T00:00:00+00:00")


def write(folder: Path) -> None:
    disk.write_file(folder / "weights.bin", b"w" * 100)
    disk.make_folder(folder / "sub")
    disk.write_file(folder / "sub" / "config.json", b"{}")


def write_without_flushing(folder: Path) -> None:
    (folder / "sub").mkdir()
    for name in ("weights.bin", "sub/config.json"):
        (folder / name).write_text("{}")


def fill(home: Path) -> Path:
    """Make a registry with legal@1, legal@2 and medical@1; legal@best is legal@1."""
    registry = open_at(home)
    for name in ("legal", "legal", "medical"):
        registry.add(draft(name), write)
    registry.set_alias(registry.find("legal", 1), "best")
    return home


State = dict[str, object]


def state_of(home: Path) -> State:
    """Return all that a reader can see: every version with the content of its files, and the aliases."""
    registry = open_at(home)
    versions = {}
    for entry in registry.entries():
        folder = registry.folder(entry)
        versions[entry.reference] = {name: (folder / name).read_bytes() for name in [*entry.files, "adapt.json"]}
    return {"versions": versions, "aliases": registry.user.index().aliases}


Act = Callable[[Registry], object]
ACTS: dict[str, Act] = {
    "first add": lambda registry: registry.add(draft("first"), write),
    "add of a new name": lambda registry: registry.add(draft("new"), write),
    "add of a version": lambda registry: registry.add(draft(), write),
    "new alias": lambda registry: registry.set_alias(registry.find("legal", 2), "latest"),
    "moved alias": lambda registry: registry.set_alias(registry.find("legal", 2), "best"),
    "removed alias": lambda registry: registry.remove_alias("legal", "best"),
    "rm": lambda registry: registry.remove(registry.find("legal", 2)),
    "rm of the last of a name": lambda registry: registry.remove(registry.find("medical", 1)),
    "rm --force": lambda registry: registry.remove(registry.find("legal", 1), force=True),
}


class Faults:
    """Counts operations, and does something at operation `at` (and, where it `stays`, at all that follow)."""

    def __init__(self, at: int = 0, what: Callable[[str, Path], None] | None = None, *, stays: bool = False) -> None:
        self.at, self.what, self.stays = at, what, stays
        self.seen: list[tuple[str, Path]] = []

    def __call__(self, operation: str, path: Path) -> None:
        self.seen.append((operation, path))
        if self.what and (len(self.seen) == self.at or (self.stays and len(self.seen) > self.at)):
            self.what(operation, path)


def raise_killed(operation: str, path: Path) -> None:
    raise Killed


def raise_disk_full(operation: str, path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device", str(path))


def kill_for_real(operation: str, path: Path) -> None:
    if operation == "write":
        path.write_bytes(b'{"form')  # the part that had reached the disk
    os.kill(os.getpid(), signal.SIGKILL)


def run_with(faults: Faults, act: Act, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(disk, "FAULT", faults)
        act(open_at(home))


def run_in_a_child(faults: Faults, act: Act, home: Path) -> int:
    """Run in a forked process; return minus the signal that ended it, or its exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of forks beside threads
        pid = os.fork()
    if pid == 0:
        disk.FAULT = faults
        code = 1
        try:
            act(open_at(home))
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Stage:
    """One act with the registry it starts from, and the states before and after it."""

    def __init__(self, act: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.act, self.folder, self.monkeypatch = ACTS[act], folder, monkeypatch
        self.template = folder / "template"
        if act == "first add":
            self.template.mkdir()
        else:
            fill(self.template)
        self.old = state_of(self.template)
        faults, home = Faults(), self.home()
        run_with(faults, self.act, home, monkeypatch)
        self.operations, self.new = len(faults.seen), state_of(home)
        self.turning_point = max(number for number, step in enumerate(faults.seen, start=1) if step == ("rename", home / "registry.json"))
        assert self.new != self.old
        assert self.operations >= 4

    def home(self) -> Path:
        """Return a fresh copy of the registry."""
        home = self.folder / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.template, home)
        return home

    def check(self, home: Path) -> bool:
        """Assert old or new, that the next commands work, and that verify ends clean; return whether it is the new one."""
        found = state_of(home)
        assert found in (self.old, self.new)
        registry = open_at(home)
        report = registry.verify(fix=True)
        assert report.is_clean, report
        assert registry.verify().problems == ()
        assert state_of(home) == found
        return found == self.new

    def check_next_commands(self, home: Path) -> None:
        """Assert that adding, naming and removing work where nobody has tidied up."""
        found, registry = state_of(home), open_at(home)
        entry = registry.add(draft("new"), write)
        registry.set_alias(entry, "next")
        assert registry.find("new", "next") == entry
        registry.remove(entry, force=True)
        assert state_of(home) == found


@pytest.fixture(params=list(ACTS))
def stage(request: pytest.FixtureRequest, memory_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(request.param, memory_folder, monkeypatch)


def test_a_process_that_ends_at_any_operation_leaves_old_or_new(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = []
    for at in range(1, stage.operations + 1):
        home = stage.home()
        with pytest.raises(Killed):
            run_with(Faults(at, raise_killed, stays=True), stage.act, home, monkeypatch)
        stage.check_next_commands(home)
        outcomes.append(stage.check(home))
    assert outcomes == sorted(outcomes)  # once it is new it stays new
    assert outcomes[0] is False
    assert outcomes[-1] is True


def test_sigkill_at_any_operation_leaves_old_or_new(stage: Stage) -> None:
    for at in range(1, stage.operations + 1):
        home = stage.home()
        assert run_in_a_child(Faults(at, kill_for_real), stage.act, home) == -signal.SIGKILL
        stage.check_next_commands(home)
        stage.check(home)
    assert run_in_a_child(Faults(stage.operations + 1, kill_for_real), stage.act, stage.home()) == 0


@pytest.mark.parametrize("what", [raise_killed, raise_disk_full])
def test_one_failed_operation_is_cleaned_up_at_once(
    stage: Stage, what: Callable[[str, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(1, stage.operations + 1):
        home = stage.home()
        with pytest.raises((Killed, RegistryError)):
            run_with(Faults(at, what), stage.act, home, monkeypatch)
        if at <= stage.turning_point:
            assert state_of(home) == stage.old
            assert open_at(home).verify().problems == ()
        stage.check(home)


def test_everything_is_flushed_before_it_is_named(memory_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fill(memory_folder / "home")
    faults = Faults()
    run_with(faults, lambda registry: registry.add(draft("new"), write_without_flushing), home, monkeypatch)
    names = [(operation, path.name) for operation, path in faults.seen]
    adopted = names.index(("rename", "1"))
    indexed = names.index(("rename", "registry.json"))
    assert {("fsync", name) for name in ("weights.bin", "config.json", "sub", "adapt.json", "files")} <= set(names[:adopted])
    assert {("fsync", "new"), ("fsync", "home")} <= set(names[adopted:indexed])
    assert names[indexed - 1][0] == "fsync"
    assert names[indexed + 1] == ("fsync", "home")


def test_an_orphans_number_is_not_counted_and_not_an_obstacle(memory_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, faults = fill(memory_folder / "home"), Faults()
    run_with(faults, ACTS["add of a version"], shutil.copytree(home, memory_folder / "copy"), monkeypatch)
    adopted = [(operation, path.name) for operation, path in faults.seen].index(("rename", "3"))
    with pytest.raises(Killed):
        run_with(Faults(adopted + 2, raise_killed, stays=True), ACTS["add of a version"], home, monkeypatch)
    assert (home / "legal" / "3").is_dir()
    assert [entry.version for entry in open_at(home).entries() if entry.name == "legal"] == [1, 2]
    assert open_at(home).add(draft(), write).version == 4


WRITER = """
import sys, time
from pathlib import Path
from adapt_embed.registry import BaseRecord, Entry, Registry
home, number = Path(sys.argv[1]), sys.argv[2]
registry = Registry(home)
base = BaseRecord(id="org/base", sha256="a" * 64)
while not (home.parent / "go").exists():
    time.sleep(0.002)
for turn in range(25):
    name = "own" + number if turn % 5 == 0 else "shared"
    registry.add(Entry(kind="adapter", name=name, bases=(base,)), lambda folder: (folder / "w").write_text(number + " " + str(turn)) and None)
"""


def test_eight_processes_register_25_versions_each_while_a_ninth_tidies_up(memory_folder: Path) -> None:
    home = memory_folder / "home"
    registry = open_at(home)
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(home), str(number)], stderr=subprocess.PIPE) for number in range(8)]
    (memory_folder / "go").touch()
    reports = []
    try:
        while any(writer.poll() is None for writer in writers):
            reports.append(registry.verify(fix=True))
            time.sleep(0.02)
    except BaseException:
        for writer in writers:
            writer.kill()
            writer.communicate()
        raise
    assert [(writer.wait(), writer.communicate()[1]) for writer in writers] == [(0, b"")] * 8
    assert len(registry.entries()) == 200
    assert sorted(entry.version for entry in registry.entries() if entry.name == "shared") == list(range(1, 161))
    written = {(registry.folder(entry) / "w").read_text() for entry in registry.entries()}
    assert written == {f"{number} {turn}" for number in range(8) for turn in range(25)}
    assert [problem for report in reports for problem in report.problems] == []
    assert registry.verify().problems == ()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a disk in memory with given options; skip where that is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount_with(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small disk")
        return folder

    yield mount_with
    while os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


def error_of(act: Act, home: Path) -> str | None:
    try:
        act(open_at(home))
    except RegistryError as e:
        return str(e)
    return None


def test_a_disk_that_fills_up_anywhere_leaves_old_or_new(mount: Callable[[str], Path]) -> None:
    disk = mount("size=128k")
    home, page = fill(disk / "home"), os.sysconf("SC_PAGE_SIZE")
    old = state_of(home)
    outcomes = []
    for pages in range(9):
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(b"x" * (free - pages * page))
        message = error_of(lambda registry: registry.add(draft("new"), write), home)
        outcomes.append(message is None)
        (disk / "filler").unlink()
        if message is None:
            open_at(home).remove(open_at(home).find("new"))
        else:
            assert "is full" in message
            assert "\n" not in message
        assert state_of(home) == old
        assert open_at(home).verify().problems == ()
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


def test_safetensors_that_do_not_fit_on_the_disk_are_one_clear_line(mount: Callable[[str], Path]) -> None:
    home = mount("size=128k") / "home"
    factors = {"layer": LoraModule(torch.zeros(64, 512), torch.zeros(512, 64), 1.0)}
    with pytest.raises(RegistryError, match=r"is full .* free some space"):
        open_at(home).add(draft(), lambda folder: write_lora(factors, folder / "adapter_model.safetensors"))
    assert state_of(home) == {"versions": {}, "aliases": {}}
    assert open_at(home).add(draft(), write).version == 1


def test_a_limit_on_the_size_of_files_is_one_clear_line(memory_folder: Path) -> None:
    home = fill(memory_folder / "home")
    old = state_of(home)

    def act(registry: Registry) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        for too_much in (lambda: registry.add(draft(), write), lambda: registry.set_alias(registry.find("legal", 2), "latest")):
            with pytest.raises(RegistryError, match="is full"):
                too_much()

    assert run_in_a_child(Faults(), act, home) == 0
    assert state_of(home) == old
    assert open_at(home).verify().problems == ()


@pytest.fixture
def read_only_home(tmp_path: Path, mount: Callable[[str], Path]) -> Iterator[Path]:
    """A filled registry that nobody may write: a read-only disk for root, read-only folders for others."""
    if os.geteuid() == 0:
        home = fill(mount("size=1m") / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(home.parent)], check=True)
        yield home
        return
    home = fill(tmp_path / "home")
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    yield home
    for path in folders:
        path.chmod(0o755)


def test_a_read_only_registry_is_read_and_says_so_when_written(read_only_home: Path) -> None:
    registry = open_at(read_only_home)
    old = state_of(read_only_home)
    assert registry.verify().problems == ()
    for act in (*(act for name, act in ACTS.items() if name != "first add"), lambda registry: registry.verify(fix=True)):
        with pytest.raises(RegistryError, match=r"is read-only .* --registry or ADAPT_HOME") as caught:
            act(registry)
        assert "\n" not in str(caught.value)
    assert state_of(read_only_home) == old


def test_a_read_only_registry_is_one_line_and_exit_code_one_on_the_command_line(read_only_home: Path) -> None:
    result = CliRunner().invoke(main, ["alias", "legal@2", "latest", "--registry", str(read_only_home)])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: the registry ")
    assert result.stderr.count("\n") == 1
    assert CliRunner().invoke(main, ["list", "--registry", str(read_only_home)]).exit_code == 0


def test_a_file_in_the_way_of_the_registry_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("mine")
    with pytest.raises(RegistryError, match="a file is in the way"):
        open_at(tmp_path / "home").add(draft(), write)
    with pytest.raises(RegistryError, match="cannot be read: Not a directory"):
        open_at(tmp_path / "home").entries()
    assert (tmp_path / "home").read_text() == "mine"


def test_a_registry_that_stays_locked_is_one_clear_line(memory_folder: Path) -> None:
    import fcntl

    home = fill(memory_folder / "home")
    old = state_of(home)
    with (home / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        impatient = Registry(home, NO_BUILTIN, lock_timeout_s=0.05)
        for act in (ACTS["add of a version"], ACTS["new alias"], ACTS["rm"]):
            with pytest.raises(RegistryError, match=r"has been locked by another process for 0\.05 s"):
                act(impatient)
    assert state_of(home) == old
    assert open_at(home).verify().problems == ()


def test_verify_sees_a_truncated_safetensors_file(memory_folder: Path) -> None:
    registry = open_at(memory_folder / "home")
    factors = {"layer": LoraModule(torch.ones(2, 8), torch.ones(8, 2), 1.0)}
    entry = registry.add(draft(), lambda folder: write_lora(factors, folder / "adapter_model.safetensors"))
    weights = registry.folder(entry) / "adapter_model.safetensors"
    size = weights.stat().st_size
    os.truncate(weights, size - 10)
    report = registry.verify(fix=True)
    assert [(problem.kind, problem.where) for problem in report.unfixed] == [("changed", "legal@1")]
    assert f"has {size - 10} bytes, {size} were registered" in report.problems[0].detail
    assert weights.exists()
