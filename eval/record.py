"""What the scripts of eval/ share: options, the one loop, and one record of what ran where.

options -> job -> zoo.evaluation.engine -> record, in OUT/record.json and in the published ledger
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from zoo.checkpoints.lockfile import get_pin
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import ProcessGroup, init, shutdown
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.config import PRECISIONS, EvalConfig
from zoo.evaluation.engine import run_evaluation
from zoo.evaluation.spec import make_record, to_json
from zoo.models._builder import pretrained_cfg
from zoo.models._registry import parse_name, suggest
from zoo.papers.loading import load_papers
from zoo.papers.protocols import P


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that are the same for every script."""
    parser.add_argument("--protocol", default="", help="room/name of a paper's protocol")
    parser.add_argument("--model", default="", help="the architecture of a file")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--batch-size", type=int, default=0, help="0: what suits the task")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode")
    parser.add_argument("--limit", type=int, default=0, help="the first samples alone, for a try")
    parser.add_argument("--skip-broken", action="store_true", help="leave out what is unreadable")
    parser.add_argument("--out", type=Path, help="folder that keeps the answers")
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--processes", type=int, default=0, help="how many there have to be")


def how(options: argparse.Namespace) -> EvalConfig:
    """How the options want it. Raises ValueError."""
    given = {k: v for k, v in vars(options).items() if k in EvalConfig.__dataclass_fields__}
    return EvalConfig(**given)


def run_script(
    evaluate: Callable[[argparse.Namespace, ProcessGroup], dict[str, Any]],
    options: argparse.Namespace,
) -> None:
    """One evaluation on all processes: its record or, for what its user can mend, one sentence and
    exit code 2."""
    is_main, code = True, 0
    try:
        world = init(options.device, options.processes)
        is_main = world.is_main
        record = evaluate(options, world)
        if is_main:
            finish(record, options.out, options.record)
    except (LookupError, ValueError, OSError) as error:
        code = 2
        if is_main:
            print(f"error: {error}", file=sys.stderr)
    shutdown()
    if code:
        sys.exit(code)


def measured(
    job: Any, key: Mapping[str, Any], options: argparse.Namespace, world: ProcessGroup
) -> dict[str, Any]:
    """The record of a job, by the one loop; the same on every process but for the times."""
    asked = how(options)
    setting = to_json({**key, "precision": asked.precision, "limit": asked.limit})
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    hidden = not world.is_main or not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden) as bar:
        share = len(range(world.rank, min(job.size, asked.limit or job.size), world.size))
        task = bar.add_task(key["weights"], total=share)
        outcome = run_evaluation(
            job,
            world,
            asked,
            setting=setting,
            folder=options.out,
            on_progress=lambda n: bar.advance(task, n),
        )
    return make_record(setting, job, outcome, world)


def protocol(kind: type[P], name: str) -> P:
    """Return a paper's protocol ("paper/name"). Raises ValueError if no paper has it."""
    known = {
        f"{paper.id}/{key}": settings
        for paper in load_papers()
        for key, settings in paper.protocol_settings.items()
        if isinstance(settings, kind)
    }
    if name not in known:
        near = suggest(name, list(known))
        raise ValueError(f"no protocol is called {name!r}; the nearest are {near}")
    return known[name]


def pinned(model: nn.Module) -> str:
    """The sha256 of the weights that a network was created with; "" if nobody has pinned them."""
    cfg = pretrained_cfg(model)
    _, loaded = parse_name(f"{cfg['architecture']}.{cfg['tag']}")
    assert loaded
    pin = get_pin(loaded) if loaded.repo else loaded
    return pin.sha256 if pin else ""


def called(name: str, model: nn.Module) -> dict[str, str]:
    """The architecture and the weights ("arch.tag", or their file) of a network, for a record."""
    cfg = pretrained_cfg(model)
    tag = f"{cfg['architecture']}.{cfg['tag']}" if cfg.get("tag") else ""
    file = Path(name).suffix in (".safetensors", ".json")
    return {"model": cfg["architecture"], "weights": name if file else tag}


def finish(record: dict[str, Any], out: Path | None, into_ledger: bool) -> None:
    """Prints a record; keeps it in `out` and, if asked to, adds it to the published ledger. Raises
    ValueError for one that is not of a whole benchmark of the zoo."""
    print(json.dumps(record))
    if out:
        write_indented(out / "record.json", record)
    if into_ledger:
        if record["benchmark"] not in BENCHMARKS or record["limit"]:
            raise ValueError("the ledger is of whole benchmarks of the zoo; leave out --record")
        ledger.published().add({k: v for k, v in record.items() if k != "limit"})
