"""`zoo evaluate`: any network on any data set."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from zoo.cli.app import (
    Data,
    Json,
    app,
    bars,
    complete_benchmark,
    complete_model,
    is_quiet,
    print_json,
)
from zoo.cli.diagnose import Triple, parse_args
from zoo.distributed import DEVICES
from zoo.evaluation.config import BACKENDS, PRECISIONS

if TYPE_CHECKING:
    from zoo.distributed import ProcessGroup
    from zoo.evaluation.custom import OnBegin

RESUMES = "With --out, the same command resumes; without it, it starts over."
FILE = "Networks from a file"
IMAGES = "Data sets that are no benchmark"
LANGUAGE = "Language models"


@app.command(epilog=RESUMES)
def evaluate(
    weights: Annotated[
        str,
        typer.Argument(
            help="arch.tag, arch, FILE.safetensors, hf-hub:org/repo, local-dir:DIR, or a name of "
            "timm's, e.g. timm:levit_128s.",
            autocompletion=complete_model,
        ),
    ],
    benchmark: Annotated[
        str,
        typer.Option(
            help="Benchmark, or a folder, a file or a data set on the Hub.",
            autocompletion=complete_benchmark,
        ),
    ],
    data: Data = None,
    protocol: Annotated[
        str, typer.Option(help="Protocol of a paper, as paper/name; by default the weights' own.")
    ] = "",
    device: Annotated[str, typer.Option(help=f"Device to run on: {', '.join(DEVICES)}.")] = "auto",
    precision: Annotated[str, typer.Option(help=f"Precision: {', '.join(PRECISIONS)}.")] = "fp32",
    backend: Annotated[
        str, typer.Option(help=f"What runs the network: {', '.join(BACKENDS)}.")
    ] = "eager",
    eager: Annotated[
        bool, typer.Option("--eager", help="Fold no BatchNorm, and keep channels first.")
    ] = False,
    batch_size: Annotated[
        int, typer.Option(help="Samples per batch; 0 for the task's default.", min=0)
    ] = 0,
    workers: Annotated[
        int, typer.Option(help="Processes that decode samples; 0 for none beside this.", min=0)
    ] = 0,
    limit: Annotated[
        int, typer.Option(help="Evaluate only the first N samples; 0 for all.", min=0)
    ] = 0,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out samples that cannot be read.")
    ] = False,
    processes: Annotated[
        int, typer.Option(help="Fail unless exactly N processes were launched; 0 for any.", min=0)
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps predictions and record, to resume; by default none."),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Ledger to add the record of a whole benchmark to; by default none."),
    ] = None,
    as_json: Json = False,
    model: Annotated[
        str,
        typer.Option(
            help="Architecture of the file; by default what it says, or the only one that fits.",
            rich_help_panel=FILE,
        ),
    ] = "",
    args: Annotated[
        str, typer.Option(help="Arguments of --model, as JSON.", rich_help_panel=FILE)
    ] = "{}",
    mean: Annotated[
        Triple,
        typer.Option(help="Mean of a classifier's input; else --model's.", rich_help_panel=FILE),
    ] = None,
    std: Annotated[
        Triple,
        typer.Option(
            help="Standard deviation of a classifier's input; else --model's.",
            rich_help_panel=FILE,
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="Split of texts or of a data set on the Hub; by default validation.",
            rich_help_panel=IMAGES,
        ),
    ] = "",
    columns: Annotated[
        tuple[str, str],
        typer.Option(
            help="Columns of images and labels, or of large and small images; by default image "
            "label, or hr lr.",
            rich_help_panel=IMAGES,
            show_default=False,
        ),
    ] = ("", ""),
    scale: Annotated[
        int,
        typer.Option(
            help="Factor of super-resolution; 0 for that of the benchmark.",
            min=0,
            rich_help_panel=IMAGES,
        ),
    ] = 0,
    small: Annotated[
        Path | None,
        typer.Option(help="Folder of small images; by default made.", rich_help_panel=IMAGES),
    ] = None,
    degradation: Annotated[
        Literal["bi", "bd"],
        typer.Option(help="How small images are made: bi or bd.", rich_help_panel=IMAGES),
    ] = "bi",
    border: Annotated[
        Literal["replicate", "symmetric"],
        typer.Option(
            help="Border of the bicubic reduction: replicate or symmetric.",
            rich_help_panel=IMAGES,
        ),
    ] = "replicate",
    sigma: Annotated[
        float,
        typer.Option(
            help="Noise to remove, of pixels in 0..255; 0 for that of the benchmark.",
            min=0,
            rich_help_panel=IMAGES,
        ),
    ] = 0.0,
    noise_seed: Annotated[
        int, typer.Option("--seed", help="Seed of the noise.", min=0, rich_help_panel=IMAGES)
    ] = 0,
    unrounded: Annotated[
        bool,
        typer.Option(
            "--unrounded", help="Score denoised images without rounding.", rich_help_panel=IMAGES
        ),
    ] = False,
    subset: Annotated[
        str,
        typer.Option(
            help="Subset of texts on the Hub; by default the only one.", rich_help_panel=LANGUAGE
        ),
    ] = "",
    context: Annotated[
        int,
        typer.Option(help="Tokens a window; 0 for the model's.", min=0, rich_help_panel=LANGUAGE),
    ] = 0,
    stride: Annotated[
        int,
        typer.Option(
            help="Tokens between windows; 0 for --context.", min=0, rich_help_panel=LANGUAGE
        ),
    ] = 0,
    tokenizer: Annotated[
        str,
        typer.Option(
            help="Name, Hub repository or file of a tokenizer; else the model's.",
            rich_help_panel=LANGUAGE,
        ),
    ] = "",
) -> None:
    """Evaluate any network on any data set of its task, every sample once.

    `accelerate launch --num_processes N -m zoo.cli evaluate ...` shares the samples among N
    processes; numbers do not depend on N.
    """
    options = locals().copy()
    from zoo.distributed import init, shutdown
    from zoo.evaluation.config import EvalConfig
    from zoo.evaluation.custom import Request
    from zoo.evaluation.custom import evaluate as evaluate_custom

    def fields(kind: Any) -> dict[str, Any]:
        names = kind.__dataclass_fields__
        return {key: value for key, value in options.items() if key in names}

    request = Request(
        **fields(Request) | {"args": parse_args(args), "mean": mean or (), "std": std or ()}
    )
    try:
        group = init(device, processes)
        with _progress(group) as on_begin:
            config = EvalConfig(**fields(EvalConfig))
            record = evaluate_custom(request, config, group, out=out, on_begin=on_begin)
        if group.is_main:
            _keep(record, out, ledger)
            print_json(record) if as_json else _print(record)
    finally:
        shutdown()


@contextmanager
def _progress(group: "ProcessGroup") -> "Iterator[OnBegin]":
    """Yield a function that starts the bar of an evaluation, on the main process."""
    from functools import partial

    with bars() as progress:

        def begin(name: str, samples: int, note: str) -> Callable[[int], None]:
            if not group.is_main:
                return lambda done: None
            if note and not is_quiet():
                print(f"zoo: {note}", file=sys.stderr)
            return partial(progress.advance, progress.add_task(name, total=samples))

        yield begin


def _keep(record: Mapping[str, Any], out: Path | None, ledger: Path | None) -> None:
    """Write a record to `out`, and add it to a ledger.

    Raises:
        ValueError: The ledger is not for this record, which is not of a whole benchmark.
    """
    from zoo.data.benchmarks import BENCHMARKS
    from zoo.evaluation.answer_log import write_indented
    from zoo.evaluation.ledger import Ledger

    if out:
        write_indented(out / "record.json", record)
    if ledger:
        if record["benchmark"] not in BENCHMARKS or record["limit"]:
            raise ValueError("a ledger is of whole benchmarks of the zoo; leave out --ledger")
        Ledger(ledger).add({key: value for key, value in record.items() if key != "limit"})


def _print(record: Mapping[str, Any]) -> None:
    from zoo.claims.weights import format_scores

    samples = f"{record['samples']:,} samples"
    print(f"{record['weights'] or record['model']} on {record['benchmark']}, {samples}:")
    for metric, score, interval in format_scores(record):
        limits = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
        print(f"  {metric} {score}{limits}")
    print(f"  {record['precision']} on {record['device']}, {record['seconds']:.1f} s")
