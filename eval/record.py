"""Shared parts of the evaluation scripts: options, the network, the run and its record.

options -> evaluator -> zoo.evaluation.engine -> record, in OUT/record.json and the published ledger
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

from zoo._io import json_text
from zoo.checkpoints.lockfile import get_pin
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.distributed import DEVICES, ProcessGroup, init, shutdown
from zoo.evaluation import ledger
from zoo.evaluation.answer_log import write_indented
from zoo.evaluation.config import BACKENDS, PRECISIONS, EvalConfig
from zoo.evaluation.contents import run_contents
from zoo.evaluation.engine import Evaluator, run_evaluation, shard
from zoo.evaluation.spec import make_record, to_json
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import parse_name, suggest
from zoo.models._sources import load_file
from zoo.papers.loading import load_papers
from zoo.papers.protocols import P

FILES = (".safetensors", ".json")  # a checkpoint, or the index of one in several files


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all scripts have."""
    parser.add_argument("weights", help="arch.tag, arch, or a .safetensors file with --model")
    parser.add_argument("--model", default="", help="architecture of a file")
    parser.add_argument("--protocol", default="", help="protocol of a paper: paper/name")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--backend", choices=BACKENDS, default="eager", help="of zoo.optimize")
    parser.add_argument("--batch-size", type=int, default=0, help="0: the evaluator's own")
    parser.add_argument("--workers", type=int, default=0, help="processes that decode samples")
    parser.add_argument("--limit", type=int, default=0, help="evaluate only the first N samples")
    parser.add_argument("--skip-broken", action="store_true", help="leave out unreadable samples")
    parser.add_argument("--out", type=Path, help="folder that keeps the predictions and the record")
    parser.add_argument("--record", action="store_true", help="add the record to eval/results")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument(
        "--processes", type=int, default=0, help="fail unless exactly N processes were launched"
    )


def run_script(
    evaluate: Callable[[argparse.Namespace, ProcessGroup], dict[str, Any]],
    options: argparse.Namespace,
) -> None:
    """Run an evaluation on all processes and print its record.

    What the user can mend ends in one sentence and exit code 2.
    """
    is_main, code = True, 0
    try:
        group = init(options.device, options.processes)
        is_main = group.is_main
        record = evaluate(options, group)
        if is_main:
            finish(record, options.out, options.record)
    except (LookupError, ValueError, OSError) as error:
        code = 2
        if is_main:
            print(f"error: {error}", file=sys.stderr)
    shutdown()
    if code:
        sys.exit(code)


def load_network(options: argparse.Namespace, task: str) -> tuple[Any, str]:
    """Return the network of the options and the sha256 of its weights.

    Raises:
        ValueError: The network is of another task, or a file comes without its architecture.
    """
    path = Path(options.weights)
    is_file = path.suffix in FILES
    name = required_model(options) if is_file else options.weights
    if parse_name(name)[0].task != task:
        raise ValueError(f"{name} is not for {task}; `zoo list --task {task}` lists what is")
    if is_file:
        return load_file(name, path), file_sha256(path)
    model = create(name, pretrained=True)
    return model, pinned_sha256(model)


def required_model(options: argparse.Namespace) -> str:
    """Return --model, which a file needs. Raises ValueError."""
    if not options.model:
        raise ValueError(f"{options.weights} needs --model, the architecture that it is of")
    return str(options.model)


def measure(
    evaluator: Evaluator,
    model: nn.Module,
    key: Mapping[str, Any],
    options: argparse.Namespace,
    group: ProcessGroup,
) -> dict[str, Any]:
    """Run an evaluator; return the record, the same on every process but for the times.

    `key` has sha256, benchmark, benchmark_version and protocol of the record.
    """
    fields = EvalConfig.__dataclass_fields__
    config = EvalConfig(**{k: v for k, v in vars(options).items() if k in fields})
    names = model_names(options.weights, model)
    how = {"precision": config.precision, "backend": config.backend, "limit": config.limit}
    setting = to_json({**names, **key, **how})
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    hidden = not group.is_main or not console.is_terminal
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden) as bar:
        samples = range(min(evaluator.size, config.limit or evaluator.size))
        task = bar.add_task(names["weights"], total=len(shard(samples, group.rank, group.size)))
        output = run_evaluation(
            evaluator,
            group,
            config,
            setting=setting | (run_contents(evaluator, group) if options.out else {}),
            folder=options.out,
            on_progress=lambda n: bar.advance(task, n),
        )
    return make_record(setting, evaluator, output, group)


def find_protocol(kind: type[P], name: str) -> P:
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


def pinned_sha256(model: nn.Module) -> str:
    """Return the sha256 of a network's weights, or an empty string if nobody has pinned them."""
    cfg = pretrained_cfg(model)
    _, weights = parse_name(f"{cfg['architecture']}.{cfg['tag']}")
    assert weights
    pin = get_pin(weights) if weights.repo else weights
    return pin.sha256 if pin else ""


def model_names(name: str, model: nn.Module) -> dict[str, str]:
    """Return a record's model (architecture) and weights (arch.tag, or their file)."""
    cfg = pretrained_cfg(model)
    tag = f"{cfg['architecture']}.{cfg['tag']}" if cfg.get("tag") else ""
    is_file = Path(name).suffix in FILES
    return {"model": cfg["architecture"], "weights": name if is_file else tag}


def finish(record: dict[str, Any], out: Path | None, into_ledger: bool) -> None:
    """Print a record; write it to `out`, and add it to the published ledger if asked to.

    Raises:
        ValueError: The record is not of a whole benchmark of the zoo.
    """
    print(json.dumps(json.loads(json_text(record))))
    if out:
        write_indented(out / "record.json", record)
    if into_ledger:
        if record["benchmark"] not in BENCHMARKS or record["limit"]:
            raise ValueError("the ledger is of whole benchmarks of the zoo; leave out --record")
        ledger.published().add({k: v for k, v in record.items() if k != "limit"})
