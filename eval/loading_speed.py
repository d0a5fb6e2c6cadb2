"""Time and memory of creating and loading networks, beside timm and transformers.

    python -m eval.loading_speed resnet50 resnet101 pythia_410m [--rounds 20] [--record]
    python -m eval.loading_speed pythia_2_8b --dtype float16

In one process, in turn. create: a network with random parameters; timm's is timm.create_model.
load: the tensors of a safetensors file in it, ours with the sha256 of every byte checked, and
"again", with the cached hash (zoo.checkpoints.hash_cache); timm's is create_model with a
checkpoint, transformers' is from_pretrained. Memory is the resident peak of a load. Files are of
random weights and in the page cache; with --dtype, they and the networks have that type, and
nothing is created.
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

from eval.speed import compare_times, peak_bytes, race, report
from zoo.checkpoints.loading import load_pretrained
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.models._builder import build_uninitialised, key_mappings_of
from zoo.models._factory import create
from zoo.models._registry import ModelEntry, get_entry
from zoo.papers.weights import Weights

FILE = "model.safetensors"
PYTHIA = "EleutherAI/pythia"  # key mapping of transformers' names
Rows = Iterator[dict[str, Any]]


def load_weights(
    entry: ModelEntry,
    weights: Weights,
    hashes: Path | None = None,
    dtype: torch.dtype | None = None,
) -> Any:
    """Load pinned weights as zoo.create does; `hashes` is a file of cached hashes, if any."""
    os.environ["ZOO_CHECKED"] = str(hashes or "")
    model, like = build_uninitialised(entry, weights, {"dtype": dtype}, resized=False)
    mappings = (m for m in key_mappings_of(entry) if m.name == weights.key_mapping)
    load_pretrained(model, weights, like=like, key_mapping=next(mappings, None))
    return model.eval()


def make_weights(name: str, path: Path, keys: str = "") -> Weights:
    """Return pinned weights of a file."""
    return Weights(
        name=f"{name}.random",
        file=str(path),
        sha256=file_sha256(path),
        origin="random",
        license="unknown",
        relation="architecture only",
        benchmarks=(),
        preprocessing={},
        key_mapping=keys,
    )


def ours(
    entry: ModelEntry, weights: Weights, folder: Path, dtype: torch.dtype | None
) -> dict[str, Callable[[], Any]]:
    again = partial(load_weights, entry, weights, folder / "checked.json", dtype)
    time.sleep(1)  # hashes of files written just now are not cached
    again()
    return {"ours": partial(load_weights, entry, weights, dtype=dtype), "ours again": again}


def of_timm(name: str, folder: Path, dtype: torch.dtype | None) -> dict[str, Callable[[], Any]]:
    make = partial(timm.create_model, name, dtype=dtype)
    save_safetensors(make().state_dict(), folder / FILE, {})
    weights = make_weights(name, folder / FILE)
    return {
        **ours(get_entry(name), weights, folder, dtype),
        "timm": partial(make, checkpoint_path=str(folder / FILE)),
    }


def of_transformers(
    name: str, folder: Path, dtype: torch.dtype | None
) -> dict[str, Callable[[], Any]]:
    """Return loads of GPT-NeoX of the same sizes, in its own names."""
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
    weights = make_weights(name, folder / FILE, PYTHIA)
    return {
        **ours(entry, weights, folder, dtype),
        "transformers": partial(peer.from_pretrained, folder, dtype=dtype),
    }


def creations(name: str, rounds: int) -> Rows:
    runs = {"ours": partial(create, name), "timm": partial(timm.create_model, name)}
    return iter(compare_times(f"{name}, created", race(runs, rounds)))


def loads(name: str, rounds: int, kind: str) -> Rows:
    """Yield rows of seconds, then of bytes against the size of the file."""
    is_in_timm = get_entry(name).is_classifier
    dtype = getattr(torch, kind) if kind else None
    with tempfile.TemporaryDirectory() as folder:
        runs = (of_timm if is_in_timm else of_transformers)(name, Path(folder), dtype)
        name = f"{name} in {kind}" if kind else name
        yield from compare_times(f"{name}, loaded", race(runs, rounds))
        size = (Path(folder) / FILE).stat().st_size
        for who, run in runs.items():
            peak = peak_bytes(run)
            row = {"model": f"{name}, memory", "who": who, "bytes": peak, "against": "the file"}
            yield {**row, "ratio": peak / size}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--dtype", default="", choices=("float16", "bfloat16"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--record", action="store_true", help="add the rows to eval/results")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in options.models:
        if timm.is_model(name) and not options.dtype:
            rows += creations(name, options.rounds)
        rows += loads(name, options.rounds, options.dtype)
    report(rows, options.rounds, {}, "weights" if options.record else "")


if __name__ == "__main__":
    main()
