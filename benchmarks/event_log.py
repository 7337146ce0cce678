"""Whether the event log loses or breaks anything when what writes it is killed: 20 times the writer alone, 3 times a whole server.

    python benchmarks/event_log.py                 both
    python benchmarks/event_log.py --only writer
    python benchmarks/event_log.py --small DIR     a full disk: DIR is empty, on a file system of 64 kB (mount -t tmpfs -o size=64k tmpfs DIR)

Writer: a process adds lines of 100 to 60,000 bytes and says after each that it was written; it is killed with SIGKILL after 0.05 to 0.5 s, every
second time with each line flushed to the disk. Server: `adapt serve` on loopback, bge-small-en-v1.5 in bfloat16 where there is, an A/A test over
800 passages of hetPQA; eight clients search and send events of what they got, until it is killed after 3 s or so. After each start: every answer
and event that was acknowledged must be in the log, every line whole, each user in the arm as before, an event sent again refused as repeated.
Full disk: a server whose log lies there is searched and told of clicks until nothing goes in, then half of the space is freed.
What is told: acknowledged lines, those missing, lines that cannot be read, bytes that were cut off at the next start, and lines a second.
`--report` prints the figures that are kept (cells.py).
"""

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree

from adapt_embed.abtests.log.folder import day_files
from adapt_embed.abtests.log.repair import repair_log
from cells import Cells, make_parser

CELLS = Cells("event_log")
WRITER_KILLS, SERVER_KILLS, CLIENTS, PASSAGES = 20, 3, 8, 800
WRITER = """
import random, sys
from pathlib import Path
from adapt_embed.abtests.log.lines import Answer
from adapt_embed.abtests.log.writer import LogWriter
drawn = random.Random(sys.argv[3])
with LogWriter(Path(sys.argv[1]), fsync=sys.argv[2]) as log:
    number = 0
    while True:
        query = "灯" * drawn.choice((3, 30, 300, 20_000))
        answer = Answer(at=0.0, id=f"{sys.argv[3]}-{number}", user=None, experiment=None, arm=None, query=query, shown=["d"], ms=1.0)
        log.append(answer.line())
        print(number, flush=True)
        number += 1
"""


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--only", choices=("writer", "server"))
    parser.add_argument("--small", type=Path, help="only fill this small file system")
    options = parser.parse_args()
    if options.fold:
        CELLS.fold()
    if options.small is not None:
        CELLS.write("full disk", fill(CELLS.runs / "full", options.small, options.shared))
    elif not (options.report or options.fold):
        if options.only != "server":
            CELLS.write("writer", kill_writers(CELLS.runs / "writer"))
        if options.only != "writer":
            CELLS.write("server", kill_servers(CELLS.runs / "server", options.shared))
    print(json.dumps(CELLS.read(), indent=1))


def kill_writers(folder: Path) -> dict:
    """Kill writers of one log, one after another, and return what was lost."""
    rmtree(folder, ignore_errors=True)
    drawn, acknowledged, cut, seconds = random.Random(0), set(), 0, {"interval": 0.0, "each": 0.0}
    counts = {"interval": 0, "each": 0}
    for run in range(WRITER_KILLS):
        fsync = ("interval", "each")[run % 2]
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), fsync, str(run)], stdout=subprocess.PIPE)
        said = [process.stdout.readline()]
        started = time.perf_counter()
        time.sleep(drawn.uniform(0.05, 0.5))
        process.send_signal(signal.SIGKILL)
        seconds[fsync] += time.perf_counter() - started
        said += process.stdout.read().splitlines(keepends=True)
        process.wait()
        whole = [int(line) for line in said if line.endswith(b"\n")]
        counts[fsync] += len(whole)
        acknowledged |= {f"{run}-{number}" for number in whole}
        cut += sum(repair.cut_bytes for repair in repair_log(folder))
    lines, broken = read(folder)
    return {
        "kills": WRITER_KILLS,
        "acknowledged": len(acknowledged),
        "missing": len(acknowledged - {line["id"] for line in lines}),
        "broken": broken,
        "cut_bytes": cut,
        "lines_a_second": {fsync: round(counts[fsync] / seconds[fsync]) for fsync in counts},
    }


def read(folder: Path) -> tuple[list[dict], int]:
    """Return the lines of a log, and how many cannot be read."""
    lines, broken = [], 0
    for path in day_files(folder).values():
        for line in path.read_bytes().split(b"\n")[:-1]:
            try:
                lines.append(json.loads(line))
            except ValueError:
                broken += 1
        broken += not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
    return lines, broken


@dataclass
class Heard:
    """What clients were told."""

    answers: dict[str, dict] = field(default_factory=dict)
    events: set[tuple[str, str, str]] = field(default_factory=set)
    arms: dict[str, set[str]] = field(default_factory=dict)
    experiments: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)


def kill_servers(folder: Path, shared: Path) -> dict:
    """Kill a server under load several times, and return what was lost, and what became of users and answers."""
    base = make_index(folder, shared)
    heard, repeated, seconds, starts = Heard(), 0, 0.0, []
    for run in range(SERVER_KILLS + 1):
        started = time.perf_counter()
        process, port = serve(folder, folder / "log", base)
        starts.append(time.perf_counter() - started)
        old = next(iter(heard.events), None)
        if old is not None:
            refused = post(port, "/events", {"answer": old[0], "item": old[1], "kind": old[2]})["refused"]
            repeated += refused[0]["reason"] == "repeated"
        if run == SERVER_KILLS:
            check_arms(port, heard)
            process.send_signal(signal.SIGTERM)
            process.wait()
            break
        seconds += load_until_killed(process, port, heard, random.Random(run).uniform(2, 4))
    lines, broken = read(folder / "log")
    answers = {line["id"] for line in lines if line["kind"] == "answer"}
    events = {(line["answer"], line["item"], line["kind"]) for line in lines if line["kind"] != "answer"}
    return {
        "kills": SERVER_KILLS,
        "answers": len(heard.answers),
        "events": len(heard.events),
        "missing_answers": len(heard.answers.keys() - answers),
        "missing_events": len(heard.events - events),
        "broken": broken,
        "events_twice": len([line for line in lines if line["kind"] != "answer"]) - len(events),
        "repeated_after_a_restart": repeated,
        "experiments": len(heard.experiments),
        "users": len(heard.arms),
        "users_in_two_arms": sum(len(arms) > 1 for arms in heard.arms.values()),
        "searches_a_second": round(len(heard.answers) / seconds),
        "start_s": round(max(starts), 1),
    }


def make_index(folder: Path, shared: Path) -> Path:
    """Embed some passages into a folder that is emptied before, and return the base."""
    rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    base = shared / "bases" / "bge-small-en-v1.5"
    rows = (shared / "data" / "ecommerce-hetpqa" / "corpus.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "corpus.jsonl").write_text("".join(rows[:PASSAGES]), encoding="utf-8")
    adapt("index", "build", folder / "corpus.jsonl", "-o", folder / "index", "--base", base)
    return base


def fill(folder: Path, small: Path, shared: Path) -> dict:
    """Search until the disk is full and for as long again, free a part of it, and return what became of answers and events."""
    base = make_index(folder, shared)
    filler = small / "filler"
    filler.write_bytes(bytes(30_000))
    process, port = serve(folder, small / "log", base)
    logged, without, events = [], 0, {200: 0, 503: 0}
    for number in range(120):
        result = post(port, "/search", {"query": f"防水 {number} " + "灯" * 200, "user": f"用户{number}"})["results"][0]
        logged += [result] if "answer" in result else []
        without += "answer" not in result
        status, _ = ask(port, "/events", {"answer": logged[-1]["answer"], "item": result["items"][0]["id"], "kind": "click"})
        events[status] += 1
    filler.unlink()
    again = post(port, "/search", {"query": "heavy", "user": "u"})["results"][0]
    process.send_signal(signal.SIGTERM)
    process.wait()
    lines, broken = read(small / "log")
    missing = {result["answer"] for result in [*logged, again]} - {line["id"] for line in lines if line["kind"] == "answer"}
    return {
        "answers": 120,
        "logged": len(logged),
        "without_the_log": without,
        "event_requests": {str(status): number for status, number in events.items()},
        "logged_again_with_space": "answer" in again,
        "missing": len(missing),
        "broken": broken,
    }


def adapt(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "adapt_embed.cli", *map(str, words)], check=True)


def serve(folder: Path, log: Path, base: Path) -> tuple[subprocess.Popen, int]:
    """Start a server on a port that is free, and return it with its port."""
    words = ["--index", folder / "index", "--base", base, "--split", "base=50,base=50", "--events", log, "--port", 0]
    command = [sys.executable, "-m", "adapt_embed.cli", "serve", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"ADAPT_HOME": str(folder / "home")})
    for line in process.stderr:
        print(line, end="", flush=True)
        if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, int(match[1])
    raise RuntimeError("the server did not start")


def load_until_killed(process: subprocess.Popen, port: int, heard: Heard, seconds: float) -> float:
    """Have clients search and send events until the server is killed; return for how long."""
    started = time.perf_counter()
    clients = [threading.Thread(target=shop, args=(port, heard, number)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for client in clients:
        client.join()
    return time.perf_counter() - started


def shop(port: int, heard: Heard, number: int) -> None:
    """Search and click until the server is gone."""
    drawn = random.Random(f"{number} {time.time()}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        while True:
            user = f"用户{drawn.randrange(50)}"
            found = post_over(connection, "/search", {"query": f"is it {drawn.choice(('waterproof', '防水', 'heavy'))}?", "user": user})
            result = found["results"][0]
            with heard.guard:
                heard.answers[result["answer"]] = result
                heard.arms.setdefault(user, set()).add(found["arm"])
                heard.experiments.add(found["experiment"])
            event = {"answer": result["answer"], "item": drawn.choice(result["items"])["id"], "kind": drawn.choice(("click", "purchase"))}
            if post_over(connection, "/events", event)["accepted"]:
                with heard.guard:
                    heard.events.add((event["answer"], event["item"], event["kind"]))
    except (OSError, http.client.HTTPException, ValueError):
        pass
    finally:
        connection.close()


def check_arms(port: int, heard: Heard) -> None:
    """Ask once more as each user."""
    for user, arms in heard.arms.items():
        arms.add(post(port, "/search", {"query": "heavy", "user": user})["arm"])


def post(port: int, path: str, body: dict) -> dict:
    return ask(port, path, body)[1]


def ask(port: int, path: str, body: dict) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def post_over(connection: http.client.HTTPConnection, path: str, body: dict) -> dict:
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return json.loads(connection.getresponse().read())


if __name__ == "__main__":
    main()
