"""Seconds and memory of networks made and filled, beside those of timm and transformers.

    python -m eval.loading_speed resnet50 resnet101 pythia_410m [--rounds 20] [--record]
    python -m eval.loading_speed pythia_2_8b --dtype float16

In one process, in turn. create: a network with drawn parameters; timm's is timm.create_model. load:
the tensors of a safetensors file in it, ours with the sha256 of every byte checked, and "again",
with the cached sum (zoo.checkpoints.hash_cache); timm's is create_model with a checkpoint,
transformers' is from_pretrained. Memory is the most that was resident while one loads, beyond what
was before. Files are of drawn weights, read before; with --dtype, they and the networks have that
type, and nothing is created.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch

from eval.speed import compared, most, race, report
from zoo.checkpoints.loading import load_pretrained
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.models._builder import build_uninitialised, key_mappings_of
from zoo.models._factory import create
from zoo.models._registry import ModelEntry, get_entry
from zoo.papers.weights import Weights

FILE = "model.safetensors"
PYTHIA = "EleutherAI/pythia"  # the scheme of transformers' names
Rows = Iterator[dict[str, Any]]


def filled(
    entry: ModelEntry,
    given: Weights,
    checked: Path | None = None,
    dtype: torch.dtype | None = None,
) -> Any:
    """What zoo.create does for pinned weights; `checked` is where sums are kept, if they are."""
    os.environ["ZOO_CHECKED"] = str(checked or "")
    model, like = build_uninitialised(entry, given, {"dtype": dtype}, resized=False)
    scheme = next((s for s in key_mappings_of(entry) if s.name == given.key_mapping), None)
    load_pretrained(model, given, like=like, key_mapping=scheme)
    return model.eval()


def pinned(name: str, path: Path, keys: str = "") -> Weights:
    return Weights(
        name=f"{name}.drawn",
        file=str(path),
        sha256=file_sha256(path),
        origin="drawn",
        license="unknown",
        relation="architecture only",
        benchmarks=(),
        preprocessing={},
        key_mapping=keys,
    )


def ours(
    entry: ModelEntry, given: Weights, folder: Path, dtype: torch.dtype | None
) -> dict[str, Callable[[], Any]]:
    again = partial(filled, entry, given, folder / "checked.json", dtype)
    time.sleep(1)  # what has just been written is not kept
    again()
    return {"ours": partial(filled, entry, given, dtype=dtype), "ours again": again}


def of_timm(name: str, folder: Path, dtype: torch.dtype | None) -> dict[str, Callable[[], Any]]:
    make = partial(timm.create_model, name, dtype=dtype)
    save_safetensors(make().state_dict(), folder / FILE, {})
    given = pinned(name, folder / FILE)
    return {
        **ours(get_entry(name), given, folder, dtype),
        "timm": partial(make, checkpoint_path=str(folder / FILE)),
    }


def of_transformers(
    name: str, folder: Path, dtype: torch.dtype | None
) -> dict[str, Callable[[], Any]]:
    """GPT-NeoX of the same sizes, in its own names."""
    from transformers import AutoModelForCausalLM, GPTNeoXConfig

    entry = get_entry(name)
    sizes: dict[str, Any] = dict(entry.args)
    config = GPTNeoXConfig(
        num_hidden_layers=sizes["layers"],
        hidden_size=sizes["width"],
        num_attention_heads=sizes["heads"],
        intermediate_size=4 * sizes["width"],
        vocab_size=sizes["vocab"],
    )
    peer: Any = AutoModelForCausalLM
    peer.from_config(config, dtype=dtype).save_pretrained(folder, max_shard_size="100GB")
    given = pinned(name, folder / FILE, PYTHIA)
    return {
        **ours(entry, given, folder, dtype),
        "transformers": partial(peer.from_pretrained, folder, dtype=dtype),
    }


def creations(name: str, rounds: int) -> Rows:
    runs = {"ours": partial(create, name), "timm": partial(timm.create_model, name)}
    return iter(compared(f"{name}, created", race(runs, rounds)))


def loads(name: str, rounds: int, kind: str) -> Rows:
    """Seconds, then bytes against the size of the file."""
    is_timms = get_entry(name).is_classifier
    dtype = getattr(torch, kind) if kind else None
    with tempfile.TemporaryDirectory() as made:
        runs = (of_timm if is_timms else of_transformers)(name, Path(made), dtype)
        name = f"{name} in {kind}" if kind else name
        yield from compared(f"{name}, loaded", race(runs, rounds))
        size = (Path(made) / FILE).stat().st_size
        for who, run in runs.items():
            held = most(run)
            row = {"model": f"{name}, memory", "who": who, "bytes": held, "against": "the file"}
            yield {**row, "ratio": held / size}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--dtype", default="", choices=("float16", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--record", action="store_true", help="adds to eval/results")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in options.models:
        if timm.is_model(name) and not options.dtype:
            rows += creations(name, options.rounds)
        rows += loads(name, options.rounds, options.dtype)
    report(rows, options.rounds, {}, "weights" if options.record else "")


if __name__ == "__main__":
    main()
