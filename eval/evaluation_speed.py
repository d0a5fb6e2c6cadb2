"""Time evaluations of photographs, decoding included, beside timm's validate.py.

    python -m eval.evaluation_speed resnet18 resnet50 --timm DIR [--images 1000] [--rounds 3]
        [--only ours "timm, best"]

DIR has validate.py of huggingface/pytorch-image-models. Each contestant is a command of its own, in
turn: ours as it comes, and by ONNX Runtime and OpenVINO; timm's as it comes, and with its best
options on few cores (channels last, a decoding process for each, batches of 16); ours and timm's
best in bf16 if the CPU has instructions for it. Take 1,000 images: timm's warms up with a batch of
noise, 256 by default. The photographs are pieces of scikit-learn's, as JPEG files of 500x375.
Weights are random, and each photograph lies in the folder of the class that the network predicts
without any optimization: whoever changes a prediction gets less than 100 %.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from sklearn.datasets import load_sample_images

import zoo
from eval.speed import compare_times, race, report
from zoo.checkpoints.writing import save_safetensors
from zoo.evaluation.config import is_emulated
from zoo.models._builder import build_model, make_pretrained_cfg
from zoo.models._registry import get_entry

SIZE, CLASSES, QUALITY = (500, 375), 10, 90


def photographs(count: int, seed: int = 0) -> list[Image.Image]:
    """Return random crops of two photographs, of a quarter of their size or more."""
    rng = np.random.default_rng(seed)
    photos = [Image.fromarray(image) for image in load_sample_images().images]
    crops = []
    for number in range(count):
        image = photos[number % len(photos)]
        width = int(rng.integers(image.width // 4, image.height * SIZE[0] // SIZE[1]))
        height = width * SIZE[1] // SIZE[0]
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        crops.append(image.resize(SIZE, box=(left, top, left + width, top + height)))
    return crops


def save_photographs(count: int, to: Path) -> list[Path]:
    """Write photographs as JPEG files; return their paths."""
    paths = [to / f"{number:05}.jpg" for number in range(count)]
    for path, image in zip(paths, photographs(count), strict=True):
        image.save(path, quality=QUALITY)
    return paths


@torch.inference_mode()
def prepare(name: str, images: list[Path], to: Path) -> tuple[Path, Path]:
    """Return a file of random weights, and a folder of the images by their predicted classes."""
    torch.manual_seed(0)
    network: Any = build_model(name, num_classes=CLASSES).eval()
    transform = zoo.transform(network)
    batches = [images[at : at + 50] for at in range(0, len(images), 50)]
    progress = track(batches, f"classes of {name}", console=Console(stderr=True))
    inputs = (torch.stack([transform(Image.open(path)) for path in batch]) for batch in progress)
    logits = torch.cat([network(batch) for batch in inputs])
    mean = logits.mean(0)  # or one class would always win
    predicted = (logits - mean).argmax(1).tolist()
    classes = sorted(set(predicted))
    head = network.get_classifier()
    network.reset_classifier(len(classes))
    network.get_classifier().weight.copy_(head.weight[classes])
    network.get_classifier().bias.copy_((head.bias - mean)[classes])
    for path, label in zip(images, map(classes.index, predicted), strict=True):
        folder = to / name / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        os.link(path, folder / path.name)
    file = to / f"{name}.safetensors"
    save_safetensors(network.state_dict(), file, {})
    return file, to / name


def run_ours(
    name: str, file: Path, folder: Path, *options: str, processes: int = 1
) -> dict[str, Any]:
    """Return the record of an evaluation in a process of its own."""
    launched = ("-m", "torch.distributed.run", "--nproc_per_node", str(processes))
    args = {"num_classes": len(list(folder.iterdir()))}
    command = [sys.executable, *(launched if processes > 1 else ())]
    command += ["-m", "zoo.cli", "evaluate", str(file), "--model", name, "--json"]
    command += ["--benchmark", str(folder), "--args", json.dumps(args), "--device", "cpu", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def ours(name: str, file: Path, folder: Path, *options: str) -> float:
    """Return our top-1 accuracy in percent."""
    record = run_ours(name, file, folder, *options)
    return 100 - float(record["scores"]["error"]["value"])


def timm_accuracy(script: Path, name: str, file: Path, folder: Path, *options: str) -> float:
    """Return the top-1 accuracy of timm's script in percent."""
    classes = str(len(list(folder.iterdir())))
    command = [sys.executable, str(script), "--data-dir", str(folder), "--model", name]
    command += ["--checkpoint", str(file), "--num-classes", classes, "--device", "cpu", *options]
    cfg = make_pretrained_cfg(get_entry(name), None)
    command += ["--use-train-size", "--crop-pct", str(cfg["crop_pct"])]
    command += ["--interpolation", cfg["interpolation"]]
    for key in ("mean", "std"):
        command += [f"--{key}", *map(str, cfg[key])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout[done.stdout.index("--result") + 8 :])["top1"])


def contestants(name: str, script: Path, file: Path, folder: Path) -> dict[str, Any]:
    best = ("--channels-last", "-j", str(os.cpu_count()), "-b", "16")
    our_options: dict[str, tuple[str, ...]] = {"ours": ()}
    our_options |= {f"ours, {way}": ("--backend", way) for way in ("onnxruntime", "openvino")}
    timm_options: dict[str, tuple[str, ...]] = {"timm": (), "timm, best": best}
    if not is_emulated("bf16"):
        our_options["ours, bf16"] = ("--precision", "bf16")
        timm_options["timm, best, bf16"] = (*best, "--model-dtype", "bfloat16")
    return {
        **{who: partial(ours, name, file, folder, *o) for who, o in our_options.items()},
        **{
            who: partial(timm_accuracy, script, name, file, folder, *o)
            for who, o in timm_options.items()
        },
    }


def race_rows(name: str, runs: dict[str, Any], rounds: int) -> list[dict[str, Any]]:
    """Return rows of seconds beside timm's default, and of ours beside timm's best of the same
    precision, with the lowest accuracy in percent."""
    same: dict[str, list[float]] = {who: [] for who in runs}

    def turn(who: str) -> None:
        same[who].append(runs[who]())

    seconds = race({who: partial(turn, who) for who in runs}, rounds, warm_up=0)
    has_default = "timm" in runs
    rows = compare_times(name, seconds, "timm") if has_default else []
    for who in runs:
        peer = "timm, best, bf16" if who.endswith("bf16") else "timm, best"
        if who.startswith("ours") and peer in runs:
            rows += compare_times(name, {k: seconds[k] for k in (who, peer)}, peer)[
                : 2 - has_default
            ]
    for who, shares in same.items():
        print(f"{name}, {who}: {min(shares):.1f} % of the predictions are the same")
    return [{**row, "same": min(same[row["who"]])} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--timm", type=Path, required=True, help="folder of timm's validate.py")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=(), help="contestants to run; all by default")
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        paths = save_photographs(options.images, Path(folder))
        for name in options.models:
            runs = contestants(
                name, options.timm / "validate.py", *prepare(name, paths, Path(folder))
            )
            if unknown := set(options.only) - set(runs):
                parser.error(f"no contestant is called {min(unknown)!r}; there are {list(runs)}")
            chosen = {who: run for who, run in runs.items() if who in (options.only or runs)}
            rows += race_rows(name, chosen, options.rounds)
    report(
        rows,
        options.rounds,
        {"images": options.images},
        "evaluation of photographs" if options.record else "",
    )


if __name__ == "__main__":
    main()
