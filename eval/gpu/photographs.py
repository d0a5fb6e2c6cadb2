"""Photographs, decoded by the device, by the CPU or not at all, and classified on the device.

JPEG bytes -> torchvision's decode_jpeg (nvJPEG on a GPU) -> resize, crop, normalize -> classes
"""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

import zoo
from eval.evaluation_speed import save_photographs
from eval.gpu.machine import Peaks, Sizes, Turn, Work, peak_memory, synchronized
from eval.gpu.results import Rows, Unit
from eval.speed import compare_times, race
from zoo.models._builder import build_model, make_pretrained_cfg
from zoo.models._registry import get_entry

MODELS = ("resnet18", "resnet50")
ALONE = "the network alone"


def units(
    names: Sequence[str], device: torch.device, sizes: Sizes, peaks: Peaks, rounds: int
) -> Iterator[Unit]:
    """Yield a unit for each network."""
    for name in names:
        yield name, partial(race_decoders, name, device, sizes, peaks, rounds)


def decode(files: Sequence[Tensor], on: torch.device) -> list[Tensor]:
    """Return images in RGB, (3, H, W) of bytes, from the bytes of JPEG files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*deprecated")  # since torchvision 0.29
        images: Any = decode_jpeg(list(files), mode=ImageReadMode.RGB, device=on)
    return list(images)


def make_transform(name: str) -> v2.Compose:
    """Return the preprocessing of a classifier for images of bytes on any device."""
    cfg = make_pretrained_cfg(get_entry(name), None)
    pixels = cfg["input_size"][-1]
    how = v2.InterpolationMode(cfg["interpolation"])
    return v2.Compose(
        [
            v2.Resize(int(pixels / cfg["crop_pct"]), interpolation=how, antialias=True),
            v2.CenterCrop(pixels),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(cfg["mean"], cfg["std"]),
        ]
    )


def race_decoders(name: str, device: torch.device, sizes: Sizes, peaks: Peaks, rounds: int) -> Rows:
    """Return rows: images/s with each decoder, beside the network alone, and the share of top-1
    that are those of Pillow and the zoo's own preprocessing."""
    torch.manual_seed(0)
    network: Any = build_model(name).eval()
    with tempfile.TemporaryDirectory() as folder:
        paths = save_photographs(sizes.photographs, Path(folder))
        inputs = torch.stack([zoo.transform(network)(Image.open(path)) for path in paths])
        files = [torch.from_numpy(np.fromfile(path, np.uint8)) for path in paths]
    network.to(device, torch.bfloat16, memory_format=torch.channels_last)
    transform = make_transform(name)

    @torch.inference_mode()
    def classify(images: Tensor) -> Tensor:
        batch = images.to(device, torch.bfloat16, memory_format=torch.channels_last)
        return network(batch).argmax(1)

    def fed(by: torch.device) -> Tensor:
        classes = []
        for start in range(0, len(files), sizes.batch):
            images = decode(files[start : start + sizes.batch], by)
            batch = torch.stack([transform(image.to(device)) for image in images])
            classes.append(classify(batch))
        return torch.cat(classes)

    ready = inputs.to(device)

    def alone() -> Tensor:
        return torch.cat([classify(batch) for batch in torch.split(ready, sizes.batch)])

    runs: dict[str, Turn] = {ALONE: alone, "decoded by the CPU": partial(fed, torch.device("cpu"))}
    if device.type != "cpu":
        runs["decoded by the device"] = partial(fed, device)
    turns = {who: synchronized(run, device) for who, run in runs.items()}
    rows = compare_times(f"{name}, photographs", race(turns, rounds), ALONE)
    expected = alone()
    work = Work.count(build_model(name, device="meta"), get_entry(name).cfg["input_size"])
    least = peaks.bound(work, "bf16", sizes.photographs)
    for row in rows:
        run = runs[row["who"]]
        row["images/s"] = sizes.photographs / row["seconds"]
        row["roofline"] = least / row["seconds"]
        row["same"] = float((run() == expected).float().mean())
        row["peak_bytes"] = peak_memory(run, device)
    return rows
