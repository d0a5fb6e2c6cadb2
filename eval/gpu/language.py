"""MUDDFormer beside our Transformer++ of the same size on a device, and sdpa's kernels.

tokens -> training step | tokens one by one after a prompt -> tokens/s, ratio; the paper: 84 to 96 %
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from eval.gpu.machine import Peaks, Sizes, Turn, Work, peak_memory, synchronized
from eval.gpu.results import Rows, Unit
from eval.speed import compare_times, race
from zoo.models._builder import build_model
from zoo.models._registry import get_entry

PAIRS = {  # ours with the paper's connections: without
    "muddformer_405m": "transformer_pp_405m",
    "muddformer_834m": "transformer_pp_834m",
    "muddformer_1_4b": "transformer_pp_1_4b",
    "muddformer_nano": "transformer_pp_nano",
}
KERNELS = {"flash": SDPBackend.FLASH_ATTENTION, "math": SDPBackend.MATH}


def units(
    names: Sequence[str],
    device: torch.device,
    sizes: Sizes,
    peaks: Peaks,
    rounds: int,
    compiles: bool,
) -> Iterator[Unit]:
    """Yield units for each pair: training and decoding, and one for the kernels of attention."""
    for name in names:
        pair = {name: PAIRS[name], PAIRS[name]: PAIRS[name]}
        for kind, prepare in (("training", training), ("decoding", decoding)):
            compare = partial(race_pair, list(pair), kind, prepare, device, sizes, peaks, rounds)
            yield f"{name}, {kind}", partial(compare, compiles)
        yield f"{name}, attention", partial(race_kernels, PAIRS[name], device, sizes, rounds)


def text(name: str, texts: int, tokens: int, device: torch.device) -> Tensor:
    """Return drawn token ids, no longer than the context."""
    cfg = get_entry(name).cfg
    shape = (texts, min(tokens, cfg["input_size"][0]))
    generator = torch.Generator().manual_seed(0)
    return torch.randint(cfg["vocab_size"], shape, generator=generator).to(device)


def race_pair(
    names: Sequence[str],
    kind: str,
    prepare: Any,
    device: torch.device,
    sizes: Sizes,
    peaks: Peaks,
    rounds: int,
    compiles: bool,
) -> Rows:
    """Return a row for each network, beside the one without connections."""
    torch.manual_seed(0)
    runs = {name: prepare(name, device, sizes, compiles) for name in names}
    turns = {name: synchronized(run, device) for name, run in runs.items()}
    rows = compare_times(f"{names[0]}, {kind}", race(turns, rounds, warm_up=2), names[-1])
    for row in rows:
        name = row["who"]
        length = min(sizes.tokens, get_entry(name).cfg["input_size"][0])
        tokens = sizes.texts * length if kind == "training" else sizes.decoded
        row["tokens/s"] = tokens / row["seconds"]
        row["peak_bytes"] = peak_memory(runs[name], device)
        if kind == "training":
            work = Work.count(build_model(name, device="meta"), (length,))
            row["roofline"] = peaks.bound(work, "bf16", sizes.texts, passes=3) / row["seconds"]
    return rows


def training(name: str, device: torch.device, sizes: Sizes, compiles: bool) -> Turn:
    """Return a turn: a step of AdamW in bf16 by autocast."""
    network: Any = build_model(name).to(device).train()
    ready: Any = torch.compile(network) if compiles else network
    optimizer = torch.optim.AdamW(network.parameters(), fused=device.type == "cuda")
    ids = text(name, sizes.texts, sizes.tokens, device)

    def run() -> None:
        optimizer.zero_grad()
        with torch.enable_grad():
            with torch.autocast(device.type, torch.bfloat16):
                logits = ready(ids[:, :-1])
                loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
            loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return run


def decoding(name: str, device: torch.device, sizes: Sizes, compiles: bool) -> Turn:
    """Return a turn: tokens one by one in bf16, after half a context in the cache."""
    network: Any = build_model(name).to(device, torch.bfloat16).eval()
    ready: Any = torch.compile(network) if compiles else network
    ids = text(name, 1, sizes.tokens, device)
    prompt = ids.shape[1] // 2
    with torch.inference_mode():
        cache = network.cache(1, prompt + sizes.decoded)
        network(ids[:, :prompt], cache)

    def run() -> None:
        cache.filled = prompt
        with torch.inference_mode():
            for i in range(sizes.decoded):
                ready(ids[:, i : i + 1], cache)

    return run


def race_kernels(name: str, device: torch.device, sizes: Sizes, rounds: int) -> Rows:
    """Return rows of a forward pass in bf16 by each kernel of attention, beside torch's choice."""
    network: Any = build_model(name).to(device, torch.bfloat16).eval()
    ids = text(name, sizes.texts, sizes.tokens, device)

    def run(kernels: Sequence[SDPBackend]) -> None:
        with torch.inference_mode(), sdpa_kernel(list(kernels)):
            network(ids)

    every = (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH)
    choices = {"torch's choice": every, **{key: (kernel,) for key, kernel in KERNELS.items()}}
    runs = {key: partial(run, kernels) for key, kernels in choices.items()}
    turns = {key: synchronized(turn, device) for key, turn in runs.items()}
    rows = compare_times(f"{name}, attention", race(turns, rounds, warm_up=2), "torch's choice")
    return [{**row, "peak_bytes": peak_memory(runs[row["who"]], device)} for row in rows]
