"""Any language model on any texts, on any number of processes, every token scored once.

    python -m eval.language_modeling gpt2_nano.zoo_peps --on peps_mini/validation
    python -m eval.language_modeling FILE.safetensors --model gpt2 --on DIR_OR_FILE \\
        --tokenizer gpt2 --context 1024 --stride 512 --precision bf16 --out runs/gpt2
    python -m eval.language_modeling NAME --on wikitext2/test --data DIR --protocol room/name
    python -m eval.language_modeling NAME --on Salesforce/wikitext --subset wikitext-2-raw-v1 \\
        --split test
    accelerate launch --num_processes 2 -m eval.language_modeling ...

Prints one JSON record: nats a token, perplexity and bits a byte of the whole text, in windows side
by side or `stride` apart. A file is nanoGPT's .bin, .txt or .parquet with a column `text`; a folder
holds one of them for each split. With --out a killed run goes on where it was, by any number of
processes and in any batches.
"""

import argparse
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eval.data import DataError, from_hub
from eval.record import add_options, called, measured, pinned, protocol, run_script
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.texts import Texts, TokenFile, read_parquet, read_split
from zoo.data.tokenizers import get_tokenizer
from zoo.distributed import ProcessGroup
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.evaluation.spec import to_json
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.models._registry import parse_name
from zoo.models._sources import load_file
from zoo.papers.protocols import SlidingWindowProtocol, to_record

NANOGPT = "gpt2"  # what the ids of a .bin are by, unless --tokenizer says otherwise
FILES: dict[str, Callable[[Path], Texts | TokenFile]] = {
    ".bin": TokenFile,
    ".txt": lambda path: Texts((path.read_text(encoding="utf-8"),)),
    ".parquet": lambda path: read_parquet([path]),
}


def load(options: argparse.Namespace) -> tuple[Any, str]:
    """The network and the sha256 of its weights. Raises ValueError if it takes no tokens."""
    path = Path(options.weights)
    is_file = path.suffix in (".safetensors", ".json")
    if is_file and not options.model:
        raise ValueError(f"{path} needs --model, the architecture that it is of")
    name = options.model if is_file else options.weights
    if not parse_name(name)[0].is_language_model:
        raise ValueError(f"{name} is no language model")
    if is_file:
        return load_file(name, path).eval(), file_sha256(path)
    model = create(name, pretrained=True)
    return model, pinned(model)


def open_texts(options: argparse.Namespace) -> tuple[Texts | TokenFile, str]:
    """The texts that the options name, see the head of this file, and their name with the split.
    Raises DataError, NoDataError."""
    name, path = options.on, Path(options.on)
    if name in BENCHMARKS:
        return _benchmark(name, options.data), name
    if not path.exists():
        if path.suffix in FILES or name.startswith((".", "/")):
            raise DataError(f"there is no file or folder {path}")
        found = _from_hub(name, options.split, options.subset)
        return found, "/".join(filter(None, (name, options.subset, options.split)))
    if path.is_file() and path.suffix not in FILES:
        raise DataError(f"{path} is none of {', '.join(FILES)}")
    return _local(path, options.split), f"{name}/{options.split}" if path.is_dir() else name


def _local(path: Path, split: str) -> Texts | TokenFile:
    try:
        found = read_split(path, split) if path.is_dir() else FILES[path.suffix](path)
    except ValueError as error:  # no UTF-8, no parquet file, no column of texts
        raise DataError(f"{path} cannot be read: {error}") from None
    if found is None:
        raise DataError(f"{path} holds no {split}.bin, .txt or .parquet")
    return found


def _benchmark(name: str, data: Path | None) -> Texts | TokenFile:
    benchmark = BENCHMARKS[name]
    if not benchmark.is_text:
        raise DataError(f"{name} is of images, not of texts")
    texts: Any = benchmark.open(data)
    if len(texts) != benchmark.size:
        raise DataError(f"{name} has {len(texts)} of {benchmark.size} texts")
    found: Texts | TokenFile = texts
    return found


def _from_hub(name: str, split: str, subset: str) -> Texts:
    rows = from_hub(name, split, subset)
    if "text" not in rows.column_names:
        raise DataError(f"{name} has no column 'text'; it has {rows.column_names}")
    with TemporaryDirectory() as folder:
        file = Path(folder, "rows.parquet")
        rows.to_parquet(file)
        return read_parquet([file])


def ids(texts: Texts | TokenFile, given: str, own: str) -> tuple[np.ndarray, str]:
    """The tokens of texts, and the tokenizer that they are by: the one that is `given`, or the
    model's `own`. Raises DataError for ids that are not the model's."""
    if isinstance(texts, Texts):
        return texts.tokens(get_tokenizer(given or own)), given or own
    size = texts.path.stat().st_size
    if size % 2 or not size:
        raise DataError(f"{texts.path} has {size} bytes; ids of 16 bits are two bytes each")
    if not given and own != NANOGPT:
        raise DataError(
            f"{texts.path} holds ids, by the tokenizer {NANOGPT!r} if made by nanoGPT; the model "
            f"has {own!r}: say --tokenizer {own} if they are by that one"
        )
    return texts.tokens(), given or NANOGPT


def reading(options: argparse.Namespace, model: Any) -> SlidingWindowProtocol:
    """How the texts are shown: by a paper's protocol, or as the options say. Raises ValueError."""
    if options.protocol:
        if options.context or options.stride:
            raise ValueError(f"{options.protocol} says context and stride; leave them out")
        return protocol(SlidingWindowProtocol, options.protocol)
    return SlidingWindowProtocol(context=options.context or model.context, stride=options.stride)


def evaluate(options: argparse.Namespace, world: ProcessGroup) -> dict[str, Any]:
    """The record of one evaluation, equal on every process but for the times."""
    model, digest = load(options)
    texts, name = open_texts(options)
    tokens, made_by = ids(texts, options.tokenizer, pretrained_cfg(model)["tokenizer"])
    how = reading(options, model)
    version: Any = f"{made_by}, sha256 {_sum(tokens)}"
    if name in BENCHMARKS and not options.tokenizer:
        version = BENCHMARKS[name].version
    key = {
        **called(options.weights, model),
        "sha256": digest,
        "benchmark": name,
        "benchmark_version": version,
        "protocol": to_json(to_record(how)),
    }
    return measured(LanguageModelingEvaluator(model, tokens, how, texts.bytes), key, options, world)


def _sum(tokens: np.ndarray) -> str:
    """The sha256 of ids, of 32 bits each."""
    found = hashlib.sha256()
    for start in range(0, len(tokens), 1 << 20):
        found.update(np.ascontiguousarray(tokens[start : start + (1 << 20)], dtype="<u4").data)
    return found.hexdigest()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("weights", help="arch.tag, or a .safetensors file with --model")
    parser.add_argument("--on", required=True, help="a benchmark, a file, a folder, a Hub data set")
    parser.add_argument("--split", default="validation", help="of a folder or a Hub data set")
    parser.add_argument("--subset", default="", help="of a Hub data set")
    data = os.environ.get("ZOO_DATA")
    parser.add_argument("--data", type=Path, default=data, help="folder of the zoo's benchmarks")
    parser.add_argument("--context", type=int, default=0, help="tokens; the model's by default")
    parser.add_argument("--stride", type=int, default=0, help="tokens; 0: side by side")
    parser.add_argument("--tokenizer", default="", help="a name, Hub repository or file")
    add_options(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
