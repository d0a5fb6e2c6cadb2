"""How an evaluation of photographs grows: with two processes, and with ten times the images.

    python -m eval.evaluation_scaling resnet18 [--images 1000] [--rounds 10] [--record]

Seconds and memory are those of the records that `eval.classification` writes: from the first image
to the last answer, decoding included. Every process has one thread, as launchers set it; beside
them stands one process with as many threads as there are cores. A tenth is five batches. Images
and network are those of eval/evaluation_speed.py.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from eval.evaluation_speed import evaluated, prepare, saved
from eval.speed import compared, report

CORES = os.cpu_count() or 1


def measured(name: str, images: int, file: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """The records of one round, in turn."""
    evaluate = partial(evaluated, name, file, folder, "--batch-size", str(max(1, images // 50)))
    found = {}
    os.environ["OMP_NUM_THREADS"] = "1"
    found["a tenth"] = evaluate("--limit", str(images // 10))
    found["one process"] = evaluate()
    found[f"{CORES} processes"] = evaluate(processes=CORES)
    os.environ["OMP_NUM_THREADS"] = str(CORES)
    found[f"{CORES} threads"] = evaluate()
    return found


def rows(name: str, images: int, rounds: list[dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Seconds of the whole set, beside one process; seconds an image and the most memory, beside a
    tenth of it."""

    def of(who: str, key: str) -> list[float]:
        return [records[who][key] for records in rounds]

    told, tenth, one, whole = f"{name}, {images} photographs", "a tenth", "one process", "the whole"
    others = [who for who in rounds[0] if who not in (tenth, one)]
    seconds = {one: of(one, "seconds")} | {f"ours, {who}": of(who, "seconds") for who in others}
    an_image = {tenth: [each / (images // 10) for each in of(tenth, "seconds")]}
    an_image[f"ours, {whole}"] = [each / images for each in of(one, "seconds")]
    largest, least = (max(of(who, "peak_memory")) for who in (one, tenth))
    memory = {"model": f"{told}, memory", "who": f"ours, {whole}", "against": tenth}
    return [
        *compared(told, seconds, one),
        *compared(f"{told}, an image", an_image, tenth),
        {**memory, "bytes": largest, "ratio": largest / least},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        paths = saved(options.images, Path(made))
        files = prepare(options.model, paths, Path(made))
        shown = track(range(options.rounds), "rounds", console=Console(stderr=True))
        found = [measured(options.model, options.images, *files) for _ in shown]
    report(
        rows(options.model, options.images, found),
        options.rounds,
        {"images": options.images},
        "growth of an evaluation" if options.record else "",
    )


if __name__ == "__main__":
    main()
