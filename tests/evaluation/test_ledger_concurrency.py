"""A ledger that several processes and threads add to, and one that is killed while it does."""

import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT
from tests.support.ledgers import content
from zoo.evaluation.ledger import Ledger

PROCESSES, THREADS, EACH = 3, 2, 5
ADD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tests.support.ledgers import content
from zoo.evaluation.ledger import Ledger

folder, process, threads, each = Path(sys.argv[1]), *map(int, sys.argv[2:])

def add(thread):
    start = (process * threads + thread) * each
    for number in range(start, start + each):
        Ledger(folder).add(content(number))

with ThreadPoolExecutor(threads) as pool:
    list(pool.map(add, range(threads)))
"""
WITHOUT_END = """
import itertools, sys
from pathlib import Path
from tests.support.ledgers import content
from zoo.evaluation.ledger import Ledger

for number in itertools.count():
    Ledger(Path(sys.argv[1])).add(content(number))
"""
KILLED_BEFORE_THE_NAME = """
import os, signal, sys
from pathlib import Path
from tests.support.ledgers import content
from zoo.evaluation.ledger import Ledger

os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
Ledger(Path(sys.argv[1])).add(content(1))
"""


def start(code: str, *args: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, args)], cwd=ROOT)


def test_ledger_add_concurrently_stores_every_record(tmp_path: Path) -> None:
    running = [start(ADD, tmp_path, number, THREADS, EACH) for number in range(PROCESSES)]
    assert [process.wait() for process in running] == [0] * PROCESSES
    count = PROCESSES * THREADS * EACH
    assert Ledger(tmp_path).verify() == count
    answers = {record["answers_sha256"] for record in Ledger(tmp_path).records()}
    assert answers == {content(number)["answers_sha256"] for number in range(count)}


def test_ledger_add_killed_process_leaves_whole_records(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    running = start(WITHOUT_END, tmp_path)
    until = time.monotonic() + 60
    while len(ledger.paths) < 5 and time.monotonic() < until:
        time.sleep(0.01)
    running.kill()
    running.wait()
    count = ledger.verify()
    assert count >= 5
    ledger.add(content(count))
    assert ledger.verify() == count + 1


def test_ledger_add_partial_write_is_ignored_and_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.add(content(0))
    assert start(KILLED_BEFORE_THE_NAME, tmp_path).wait() == -9
    (left,) = tmp_path.glob("*.part")
    assert ledger.verify() == 1
    ledger.add(content(1))
    assert ledger.verify() == 2
    assert not left.exists()
