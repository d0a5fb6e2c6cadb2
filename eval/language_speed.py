"""Time our language models and their peers, in one process, in turn.

    python -m eval.language_speed mudd gpt2 int8 loops memory [--mudd DIR] [--rounds 20] [--record]

mudd: MUDDFormer with 24 layers of 1,024 and our Transformer++ of the same sizes, a prompt of 512
tokens and single tokens after it; beside them the released code with and without its connections,
if DIR is a checkout of Caiyun-AI/MUDDFormer. gpt2: GPT-2, as it is and by zoo.optimize, and
transformers' (group `parity`) with sdpa, as it is and compiled with a static cache, and OpenVINO's
if optimum-intel is installed; after a prompt each is asked for the last position's logits alone
where it can be. int8: ours in float32 beside the latter two with weights in int8, for which torchao
is needed. loops: the same blocks 1 to 6 times. memory: the peak of a training step, with
checkpointing, each in a process of its own. Weights are random.
"""

import argparse
import importlib
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from eval import gpt2_peers as peers
from eval.gpt2_peers import MORE, PROMPT, ids
from eval.speed import Turn, compare_times, race, report
from zoo.evaluation.memory import PeakMemory
from zoo.inference.optimize import optimize
from zoo.models.gpt2.model import GPT2
from zoo.models.loop_residual.model import LoopGPT2
from zoo.models.muddformer.model import MUDDFormer
from zoo.models.transformer_pp.model import TransformerPP

TOKENS = 4  # one by one, by MUDDFormer
SIZES: Any = {"layers": 24, "width": 1024, "heads": 16, "hidden": 2816}
Rows = Iterator[dict[str, Any]]


def prompt(model: Any) -> Turn:
    """Return a run: logits of the token after a prompt, filling a cache for the next ones."""

    def run() -> None:
        cache = model.cache(1, PROMPT + TOKENS)
        model.forward_head(model.forward_features(ids(PROMPT), cache)[:, -1:])

    return run


def tokens_after(model: Any) -> Turn:
    """Return a run: some tokens, one by one, after a prompt in the cache."""
    cache = model.cache(1, PROMPT + TOKENS)
    with torch.no_grad():
        model(ids(PROMPT), cache)

    def run() -> None:
        cache.filled = PROMPT
        for i in range(TOKENS):
            model(ids(TOKENS)[:, i : i + 1], cache)

    return run


def released(checkout: Path, *, dense: bool) -> nn.Module:
    """Return the authors' network; without `dense`, their plain transformer."""
    sys.path.insert(0, str(checkout / "pytorch" / "muddformer"))
    config: Any = importlib.import_module("configuration_muddformer").MUDDFormerConfig(
        n_layer=SIZES["layers"],
        n_head=SIZES["heads"],
        dim=SIZES["width"],
        intermediate_size=SIZES["hidden"],
        use_qk_norm=True,
        round64=True,
        expand_last=True,
        dense=dense,
        sepln=dense,
    )
    model: Any = importlib.import_module("modeling_muddformer").MUDDFormer(config).eval()
    model.setup_caches(1, PROMPT + 128, dtype=torch.float32)
    return model


def their_prompt(model: Any) -> Turn:
    return lambda: model(ids(PROMPT), input_pos=torch.arange(PROMPT), return_tensor=True)


def their_tokens(model: Any) -> Turn:
    with torch.no_grad():
        their_prompt(model)()

    def run() -> None:
        for i in range(TOKENS):
            place = torch.tensor([PROMPT + i])
            model(ids(TOKENS)[:, i : i + 1], input_pos=place, return_tensor=True)

    return run


def mudd(options: argparse.Namespace) -> Rows:
    ours: dict[str, Any] = {
        "ours, plain": TransformerPP(**SIZES, qk_norm=True).eval(),
        "ours, MUDD": MUDDFormer(**SIZES).eval(),
    }
    theirs: dict[str, Any] = {}
    if options.mudd:
        for dense, name in ((False, "released, plain"), (True, "released, MUDD")):
            theirs[name] = released(options.mudd, dense=dense)
    for title, run, their_run in (
        (f"prompt of {PROMPT}", prompt, their_prompt),
        (f"{TOKENS} tokens", tokens_after, their_tokens),
    ):
        runs = {name: run(model) for name, model in ours.items()}
        runs |= {name: their_run(model) for name, model in theirs.items()}
        seconds = race(runs, options.rounds)
        yield from compare_times(title, seconds, "ours, plain")
        for name in theirs:
            ours_name = name.replace("released", "ours")
            pair = {who: seconds[who] for who in (name, ours_name)}
            yield from compare_times(title, pair, name)


def our_gpt2(model: Any) -> dict[str, Turn]:
    """Return the same by ours."""

    def generate() -> None:
        cache = model.cache(1, PROMPT + MORE)
        model.forward_head(model.forward_features(ids(PROMPT), cache)[:, -1:])
        for i in range(MORE):
            model(ids(MORE)[:, i : i + 1], cache)

    runs = (partial(model, ids(PROMPT)), prompt(model), generate)
    return dict(zip(peers.RUNS, runs, strict=True))


def gpt2(options: argparse.Namespace) -> Rows:
    theirs, ours = peers.make(), GPT2().eval()
    optimized: Any = optimize(ours, example=ids(PROMPT))
    print(f"gpt2: {optimized.optimized}")
    contestants = {
        "ours": our_gpt2(ours),
        "ours, optimized": our_gpt2(optimized),
        "transformers": peers.by_transformers(theirs),
        "transformers, compiled": peers.by_torch_compile(theirs),
    }
    if peers.has_openvino():
        contestants["OpenVINO"] = peers.by_openvino(theirs)
    yield from race_gpt2("gpt2", contestants, options.rounds)


def int8(options: argparse.Namespace) -> Rows:
    """Time GPT-2 with weights in int8 by others, beside ours in float32."""
    theirs, ours = peers.make(), GPT2().eval()
    contestants = {
        "ours, optimized": our_gpt2(optimize(ours, example=ids(PROMPT))),
        "transformers, compiled, int8": peers.by_torch_compile(theirs, int8=True),
    }
    if peers.has_openvino():
        contestants["OpenVINO, int8"] = peers.by_openvino(theirs, int8=True)
    yield from race_gpt2("gpt2 beside int8", contestants, options.rounds)


def race_gpt2(name: str, contestants: Mapping[str, Mapping[str, Turn]], rounds: int) -> Rows:
    """Race all kinds of run; the tokens' own time is what they take more than their prompt."""
    seconds = {}
    for title in peers.RUNS:
        turns = {who: runs[title] for who, runs in contestants.items()}
        seconds[title] = race(turns, rounds, warm_up=3)  # a static cache compiles twice
        yield from compare_times(f"{name}, {title}", seconds[title])
    _, prefill, generation = seconds.values()
    yield from compare_times(
        f"{name}, {MORE} tokens",
        {
            who: [a - b for a, b in zip(times, prefill[who], strict=True)]
            for who, times in generation.items()
        },
    )


def loops(options: argparse.Namespace) -> Rows:
    """Time loops of 6 blocks against as many separate blocks."""
    models: dict[str, nn.Module] = {}
    for n in (1, 2, 6):
        models[f"ours, unrolled, {6 * n} blocks"] = GPT2(layers=6 * n).eval()
        models[f"ours, looped, {6 * n} blocks"] = LoopGPT2(loops=n).eval()
    runs: dict[str, Turn] = {k: partial(model, ids(PROMPT)) for k, model in models.items()}
    seconds = race(runs, options.rounds)
    for n in (1, 2, 6):
        chosen = {k: v for k, v in seconds.items() if k.endswith(f" {6 * n} blocks")}
        yield from compare_times(
            f"loops, prompt of {PROMPT}", chosen, f"ours, unrolled, {6 * n} blocks"
        )


def step(make: Callable[[], Any], peak: Any) -> None:
    """Take training steps with checkpointing; set `peak` to the process's peak memory in bytes."""
    memory = PeakMemory(torch.device("cpu"))
    model = make().train()
    model.set_grad_checkpointing()
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(2):
        optimizer.zero_grad()
        text = ids(2 * PROMPT + 1)
        logits = model(text[:, :-1])
        loss: Any = nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
        loss.backward()
        optimizer.step()
    peak.value = memory.bytes()


def plain_model() -> Any:
    return TransformerPP(**SIZES, qk_norm=True)


def mudd_model() -> Any:
    return MUDDFormer(**SIZES)


def memory(options: argparse.Namespace) -> Rows:
    context, peaks = multiprocessing.get_context("spawn"), {}
    for who, make in (("ours, plain", plain_model), ("ours, MUDD", mudd_model)):
        peak = context.Value("q", 0)
        process = context.Process(target=step, args=(make, peak))
        process.start()
        process.join()
        peaks[who] = peak.value
    base = "ours, plain"
    for who, size in peaks.items():
        row = {"model": "memory of a training step", "who": who, "bytes": size, "against": base}
        yield {**row, "ratio": size / peaks[base]}


KINDS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "mudd": mudd,
    "gpt2": gpt2,
    "int8": int8,
    "loops": loops,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kinds", nargs="+", choices=KINDS)
    parser.add_argument("--mudd", type=Path, help="checkout of Caiyun-AI/MUDDFormer")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    torch.manual_seed(0)
    rows = [row for kind in options.kinds for row in KINDS[kind](options)]
    ledger = "language models" if options.record else ""
    report(rows, options.rounds, {"prompt": PROMPT, "kinds": options.kinds}, ledger)


if __name__ == "__main__":
    main()
