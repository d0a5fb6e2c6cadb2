"""What the scripts of eval/ share: answers kept as they come, and one record of what ran where.

DIR/setting.json, DIR/answers-<process>.jsonl -> resumed run -> record, DIR/record.json
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import timm
import torch
from accelerate import Accelerator
from torch import nn

from zoo import hub, literature, registry

ROOT = Path(__file__).parent.parent
Entry = tuple[Any, ...]  # (index, answer, ...)


def run_script(
    evaluate: Callable[[argparse.Namespace, Accelerator], dict[str, Any]],
    options: argparse.Namespace,
) -> None:
    """One evaluation on all processes: its record or, for what its user can mend, one sentence and
    exit code 2."""
    on_cpu = options.device == "cpu" or not torch.cuda.is_available()
    accelerator = Accelerator(cpu=on_cpu)
    try:
        record = evaluate(options, accelerator)
    except (LookupError, ValueError, OSError) as error:
        accelerator.print(f"error: {error}", file=sys.stderr)
        accelerator.end_training()
        sys.exit(2)
    if accelerator.is_main_process:
        finish(record, options.out, options.weights if options.record else "")
    accelerator.wait_for_everyone()
    accelerator.end_training()


def protocol(table: str, name: str) -> Any:
    """What a paper's protocol ("room/name") says in `table` ("views", ...), see zoo.details. Raises
    ValueError for a protocol that no paper has there."""
    known = {
        f"{paper.id}/{key}": how
        for paper in literature.load_all()
        for key, how in getattr(paper, table).items()
    }
    if name not in known:
        near = registry.nearest(name, list(known))
        raise ValueError(f"no protocol is called {name!r}; the nearest are {near}")
    return known[name]


def pinned(model: nn.Module) -> str:
    """The sha256 of the weights that a network was created with; "" if nobody has pinned them."""
    cfg = vars(model)["pretrained_cfg"]
    _, loaded = registry.split(f"{cfg['architecture']}.{cfg['tag']}")
    assert loaded
    pin = hub.pin_of(loaded) if loaded.repo else loaded
    return pin.sha256 if pin else ""


def kept(folder: Path | None, setting: dict[str, Any]) -> dict[int, Entry]:
    """Answers of an earlier run with the same setting. Raises ValueError if it was another."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "setting.json"
    if before.exists() and json.loads(before.read_text(encoding="utf-8")) != setting:
        raise ValueError(f"{folder} holds answers of another setting; take a new folder")
    write(before, setting)
    found: dict[int, Entry] = {}
    for path in sorted(folder.glob("answers-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                index, *answer = json.loads(line)
            except (ValueError, TypeError):
                continue  # the line that was being written when the run was killed
            found[index] = tuple(answer)
    return found


def write(path: Path, content: Any) -> None:
    part = path.with_name(f"{path.name}.{time.monotonic_ns()}.part")
    part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def logged(found: Iterable[Entry], folder: Path | None, rank: int) -> Iterator[Entry]:
    """The same answers, each of them in the folder before the next is asked for."""
    if folder is None:
        yield from found
        return
    with (folder / f"answers-{rank}.jsonl").open("a", encoding="utf-8") as log:
        log.write("\n")  # after half a line, if the last run was killed
        for entry in found:
            log.write(json.dumps(entry) + "\n")
            log.flush()
            yield entry


def commit() -> str:
    """The commit of the checkout; "" outside git."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def machine(accelerator: Accelerator, seconds: float) -> dict[str, Any]:
    """What ran, where, and what it took."""
    on_gpu = accelerator.device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if on_gpu else 1024 * _resident()
    return {
        "processes": accelerator.num_processes,
        "device": torch.cuda.get_device_name() if on_gpu else platform.machine(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "commit": commit(),
        "seconds": round(seconds, 1),
        "peak_memory": peak,
    }


def _resident() -> int:
    """The most memory that this process held, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def finish(record: dict[str, Any], out: Path | None, ledger_name: str) -> None:
    """Prints a record; keeps it in `out`, and under a name in the ledger, eval/results."""
    print(json.dumps(record))
    if out:
        write(out / "record.json", record)
    if ledger_name:
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{ledger_name}.json"
        write(ROOT / "eval" / "results" / name.replace("/", "_"), record)
