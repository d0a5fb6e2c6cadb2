"""Any classifier on any data set of images, on any number of processes, every image once.

    python -m eval.classification resnet20.zoo_digits --on digits/test
    python -m eval.classification resnet50.tv_in1k --on ILSVRC/imagenet-1k \\
        --protocol resnet/imagenet-10crop --precision bf16 --out runs/resnet50
    python -m eval.classification FILE.safetensors --model resnet20 --args '{"padding": "both"}' \\
        --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --on cifar10_jpeg/test --data DIR
    accelerate launch --num_processes 2 -m eval.classification ...

Prints one JSON record. With --out, answers are kept as they come: killed and run again, by any
number of processes, it goes on where it was and writes the same record but for the times.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from rich.progress import track
from torch import nn
from torch.utils.data import DataLoader, Dataset

from eval.data import Source, open_source
from eval.record import kept, logged, machine, pinned, protocol, run_script
from zoo import registry, weights
from zoo.benchmarks.preprocessing import Preprocessing
from zoo.benchmarks.views import Views, answers
from zoo.verdicts import interval

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BEST = 5
Answers = dict[int, tuple[list[int], int]]  # {index: (five best classes, true class)}


class Shown(Dataset[Any]):
    """(index, what is shown of the image, label) for the images at `indices`."""

    def __init__(self, source: Source, indices: list[int], show: Any) -> None:
        self.samples, self.indices, self.show = source.samples, indices, show

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[int, list[torch.Tensor], int]:
        index = self.indices[position]
        image, label = self.samples[index]
        return index, self.show(image), label


def load(options: argparse.Namespace) -> tuple[nn.Module, dict[str, Any], str]:
    """The network, its preprocessing, and the sha256 of its weights."""
    path = Path(options.weights)
    if path.suffix != ".safetensors":
        model = registry.create(options.weights, pretrained=True)
        return model, dict(vars(model)["pretrained_cfg"]), pinned(model)
    if not options.model:
        raise ValueError(f"{path} needs --model, the architecture that it is of")
    model = registry.create(options.model, **json.loads(options.args))
    state = safetensors.torch.load_file(path)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    weights.check_keys(str(path), shapes, state)
    model.load_state_dict(state, strict=True)
    cfg = dict(vars(model)["pretrained_cfg"])
    given = {"mean": options.mean, "std": options.std}
    return model, cfg | {k: v for k, v in given.items() if v}, weights.sha256(path)


def shown_by(name: str, cfg: dict[str, Any]) -> Any:
    """image -> list of (crops, C, H, W): a paper's protocol ("room/name"), or that of the weights.

    Raises ValueError for a protocol that no paper has a view for.
    """
    if not name:
        prepare = Preprocessing(cfg)
        return lambda image: [prepare(image)[None]]
    return Views(protocol("views", name), cfg)


def answer(
    model: nn.Module, batches: Any, options: argparse.Namespace, device: torch.device
) -> Iterator[tuple[int, list[int], int]]:
    """(index, five best classes, true class), batch by batch."""
    dtype = DTYPES[options.precision]
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    model = model.to(device, dtype).to(memory_format=layout).eval()
    ready = cast(nn.Module, torch.compile(model)) if options.compile else model
    with torch.inference_mode():
        for batch in batches:
            shown = [
                [t.to(device, dtype, memory_format=layout) for t in tensors]
                for _, tensors, _ in batch
            ]
            scores = answers(ready, shown)
            best = scores.topk(min(BEST, scores.shape[1]), 1).indices.tolist()
            for (index, _, label), classes in zip(batch, best, strict=True):
                yield index, classes, label


def evaluate(options: argparse.Namespace, accelerator: Accelerator) -> dict[str, Any]:
    """The record of one evaluation, equal on every process."""
    model, cfg, digest = load(options)
    show = shown_by(options.protocol, cfg)
    source = open_source(
        options.on, options.split, (options.image_column, options.label_column), options.data
    )
    total = min(len(source.samples), options.limit or len(source.samples))
    setting = {
        "weights": options.weights,
        "sha256": digest,
        "data": source.name,
        "version": source.version,
        "protocol": options.protocol or "of the weights",
        "precision": options.precision,
        "limit": options.limit,
    }
    start, rank, world = time.perf_counter(), accelerator.process_index, accelerator.num_processes
    with accelerator.main_process_first():
        before: Any = kept(options.out, setting)
    mine = [i for i in range(rank, total, world) if i not in before]
    batches = DataLoader(
        Shown(source, mine, show), options.batch_size, num_workers=options.workers, collate_fn=list
    )
    bar = track(
        batches, "images", disable=not accelerator.is_main_process or not sys.stderr.isatty()
    )
    found = {i: entry for i, entry in before.items() if i % world == rank and i < total}
    for index, best, label in logged(
        answer(model, bar, options, accelerator.device), options.out, rank
    ):
        found[index] = best, label
    seen = dict(gather_object(list(found.items())))
    if sorted(seen) != list(range(total)):
        raise RuntimeError(f"{len(seen)} answers to {total} images of {source.name}")
    return setting | scores(seen) | machine(accelerator, time.perf_counter() - start)


def scores(seen: Answers) -> dict[str, Any]:
    """Right answers among the first and the first five, errors in percent with their intervals."""
    total = len(seen)
    first = sum(best[0] == label for best, label in seen.values())
    five = sum(label in best for best, label in seen.values())
    return {
        "total": total,
        "right": first,
        "right_of_five": five,
        "error": 100 * (total - first) / total,
        "interval": interval(total - first, total),
        "top5_error": 100 * (total - five) / total,
        "top5_interval": interval(total - five, total),
    }


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark, a Hub data set, a file, a folder")
    parser.add_argument("--split", default="", help="of a Hub data set; validation by default")
    parser.add_argument("--image-column", default="")
    parser.add_argument("--label-column", default="")
    parser.add_argument("--data", type=Path, help="folder of the zoo's benchmarks")
    parser.add_argument("--protocol", default="", help="room/name; that of the weights by default")
    parser.add_argument("--model", default="", help="the architecture of a file")
    parser.add_argument("--args", default="{}", help="its arguments, as JSON")
    parser.add_argument("--mean", type=float, nargs="+")
    parser.add_argument("--std", type=float, nargs="+")
    parser.add_argument("--precision", choices=sorted(DTYPES), default="fp32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--limit", type=int, default=0, help="the first images alone")
    parser.add_argument("--out", type=Path, help="folder that keeps the answers")
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
    parser.add_argument("--device", choices=["cpu", "auto"], default="auto")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
