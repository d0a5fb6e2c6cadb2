"""Time an evaluation of photographs on two processes, and on ten times the images.

    python -m eval.evaluation_scaling resnet18 [--images 1000] [--rounds 10] [--record]

Seconds and memory are those of the records of `zoo evaluate`: from the first image to the
last prediction, decoding included. Every process has one thread, as launchers set it; another run
has a thread per core. A tenth is five batches. Images and network are those of
eval/evaluation_speed.py.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from eval.evaluation_speed import prepare, run_ours, save_photographs
from eval.speed import compare_times, report

CORES = os.cpu_count() or 1


def run_round(name: str, images: int, file: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the records of one round, by contestant."""
    evaluate = partial(run_ours, name, file, folder, "--batch-size", str(max(1, images // 50)))
    records = {}
    os.environ["OMP_NUM_THREADS"] = "1"
    records["a tenth"] = evaluate("--limit", str(images // 10))
    records["one process"] = evaluate()
    records[f"{CORES} processes"] = evaluate(processes=CORES)
    os.environ["OMP_NUM_THREADS"] = str(CORES)
    records[f"{CORES} threads"] = evaluate()
    return records


def rows(name: str, images: int, rounds: list[dict[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return rows: seconds of the whole set beside one process; seconds per image and peak memory
    beside a tenth of it."""

    def of(who: str, key: str) -> list[float]:
        return [records[who][key] for records in rounds]

    title, tenth, single = f"{name}, {images} photographs", "a tenth", "one process"
    parallel = [who for who in rounds[0] if who not in (tenth, single)]
    whole = "the whole"
    seconds = {single: of(single, "seconds")}
    seconds |= {f"ours, {who}": of(who, "seconds") for who in parallel}
    an_image = {tenth: [each / (images // 10) for each in of(tenth, "seconds")]}
    an_image[f"ours, {whole}"] = [each / images for each in of(single, "seconds")]
    largest, least = (max(of(who, "peak_memory")) for who in (single, tenth))
    memory = {"model": f"{title}, memory", "who": f"ours, {whole}", "against": tenth}
    return [
        *compare_times(title, seconds, single),
        *compare_times(f"{title}, an image", an_image, tenth),
        {**memory, "bytes": largest, "ratio": largest / least},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = save_photographs(options.images, Path(folder))
        files = prepare(options.model, paths, Path(folder))
        progress = track(range(options.rounds), "rounds", console=Console(stderr=True))
        rounds = [run_round(options.model, options.images, *files) for _ in progress]
    report(
        rows(options.model, options.images, rounds),
        options.rounds,
        {"images": options.images},
        "growth of an evaluation" if options.record else "",
    )


if __name__ == "__main__":
    main()
