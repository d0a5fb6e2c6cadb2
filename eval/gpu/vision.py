"""Classifiers on a device beside their peers: forward pass, training step, memory, roofline.

network, setting -> ours and the peer, in turn -> seconds, ratio, share of the roofline
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from eval.gpu.machine import DTYPES, Peaks, Sizes, Turn, Work, peak_memory, synchronized
from eval.gpu.results import Rows, Unit
from eval.peers import peer
from eval.speed import compare_times, race
from zoo.models._builder import build_model
from zoo.models._registry import get_entry

TABLE = (
    "resnet20", "resnet110", "preresnet164", "wrn28_10", "resnet18", "resnet50", "resnext50_32x4d",
    "res2net50_26w_4s", "rdnet_tiny",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How networks run."""

    precision: str  # key of DTYPES; training keeps weights in fp32 and runs by autocast
    channels_last: bool = True
    mode: str = ""  # of torch.compile; empty: not compiled


SETTINGS = {
    "fp32, NCHW": Setting(precision="fp32", channels_last=False),
    "fp32": Setting(precision="fp32"),
    "bf16": Setting(precision="bf16"),
    "bf16, compiled": Setting(precision="bf16", mode="default"),
    "bf16, max-autotune": Setting(precision="bf16", mode="max-autotune"),
}


def units(
    names: Sequence[str],
    settings: Sequence[str],
    device: torch.device,
    sizes: Sizes,
    peaks: Peaks,
    rounds: int,
) -> Iterator[Unit]:
    """Yield a unit for each network, setting, and forward pass or training step."""
    for name in names:
        for key in settings:
            for train in (False, True):
                run = partial(race_peers, name, key, train, device, sizes, peaks, rounds)
                kind = "training" if train else "forward"
                yield f"{name}, {key}, {kind}", run


def race_peers(
    name: str,
    key: str,
    train: bool,
    device: torch.device,
    sizes: Sizes,
    peaks: Peaks,
    rounds: int,
) -> Rows:
    """Return a row for ours and for the peer, if there is one."""
    setting, number = SETTINGS[key], sizes.train_batch if train else sizes.batch
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    torch.manual_seed(0)
    size = get_entry(name).cfg["input_size"]
    x = torch.randn(number, *size, device=device).to(memory_format=layout)
    makers: dict[str, Any] = {"ours": partial(build_model, name), **peer(name)}
    prepare = training if train else forward
    runs = {who: prepare(make().to(device), x, setting) for who, make in makers.items()}
    turns = {who: synchronized(run, device) for who, run in runs.items()}
    title = f"{name}, {key}{', a step of training' if train else ''}"
    rows = compare_times(title, race(turns, rounds, warm_up=3))
    with torch.device("meta"):
        work = Work.count(build_model(name, device="meta"), size)
    least = peaks.bound(work, setting.precision, number, passes=3 if train else 1)
    for row in rows:
        row["images/s"] = number / row["seconds"]
        row["roofline"] = least / row["seconds"]
        row["peak_bytes"] = peak_memory(runs[row["who"]], device)
    return rows


def compiled(network: nn.Module, setting: Setting) -> Callable[[Tensor], Tensor]:
    """Return a network, compiled if the setting says so."""
    ready: Any = torch.compile(network, mode=setting.mode) if setting.mode else network
    return ready


def forward(network: nn.Module, x: Tensor, setting: Setting) -> Turn:
    """Return a turn: the classes of a batch."""
    dtype = DTYPES[setting.precision]
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    ready = compiled(network.eval().to(dtype).to(memory_format=layout), setting)
    batch = x.to(dtype)

    def run() -> None:
        with torch.inference_mode():
            ready(batch)

    return run


def training(network: nn.Module, x: Tensor, setting: Setting) -> Turn:
    """Return a turn: a step of SGD with momentum on a batch, by autocast in bf16."""
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    network.train().to(memory_format=layout)
    ready = compiled(network, setting)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    target = torch.zeros(len(x), dtype=torch.long, device=x.device)
    dtype = DTYPES[setting.precision]

    def run() -> None:
        optimizer.zero_grad()
        with torch.enable_grad():
            with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
                loss = nn.functional.cross_entropy(ready(x), target)
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run
