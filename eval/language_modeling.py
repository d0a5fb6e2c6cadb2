"""Evaluate a language model on any texts, on any number of processes, every token scored once.

    python -m eval.language_modeling gpt2_nano.zoo_peps --benchmark peps_mini/validation
    python -m eval.language_modeling FILE.safetensors --model gpt2 --benchmark DIR_OR_FILE \\
        --tokenizer gpt2 --context 1024 --stride 512 --precision bf16 --out runs/gpt2
    python -m eval.language_modeling NAME --benchmark wikitext2/test --data DIR \\
        --protocol paper/name
    python -m eval.language_modeling NAME --benchmark Salesforce/wikitext \\
        --subset wikitext-2-raw-v1 --split test
    accelerate launch --num_processes 2 -m eval.language_modeling ...

Prints one JSON record: nats a token, perplexity and bits a byte of the whole text, in windows side
by side or `stride` apart. A file is nanoGPT's .bin, .txt or .parquet with a column `text`; a folder
holds one of them for each split. With --out a killed run resumes, by any number of processes and in
any batches.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eval.data import DataError, from_hub
from eval.record import add_options, find_protocol, load_network, measure, run_script
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.texts import Texts, TokenFile, read_parquet, read_split
from zoo.data.tokenizers import get_tokenizer
from zoo.distributed import ProcessGroup
from zoo.evaluation.contents import ids_sha256
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SlidingWindowProtocol, to_record

TASK = "language-modeling"
NANOGPT = "gpt2"  # tokenizer of a .bin, unless --tokenizer says otherwise
READERS: dict[str, Callable[[Path], Texts | TokenFile]] = {
    ".bin": TokenFile,
    ".txt": lambda path: Texts((path.read_text(encoding="utf-8"),)),
    ".parquet": lambda path: read_parquet([path]),
}


def open_texts(options: argparse.Namespace) -> tuple[Texts | TokenFile, str]:
    """Return the texts of the options, and their name with the split.

    Raises:
        DataError: There are no such texts, or they cannot be read.
        DatasetNotFoundError: The benchmark's data is not there.
    """
    name, path = options.benchmark, Path(options.benchmark)
    if name in BENCHMARKS:
        return _open_benchmark(name, options.data), name
    if not path.exists():
        if path.suffix in READERS or name.startswith((".", "/")):
            raise DataError(f"there is no file or folder {path}")
        texts = _open_hub(name, options.split, options.subset)
        return texts, "/".join(filter(None, (name, options.subset, options.split)))
    if path.is_file() and path.suffix not in READERS:
        raise DataError(f"{path} is none of {', '.join(READERS)}")
    return _open_local(path, options.split), f"{name}/{options.split}" if path.is_dir() else name


def _open_benchmark(name: str, data: Path | None) -> Any:
    benchmark = BENCHMARKS[name]
    if benchmark.task != TASK:
        raise DataError(f"{name} is a benchmark of {benchmark.task}, not of {TASK}")
    texts = benchmark.open(data)
    if len(texts) != benchmark.size:
        raise DataError(f"{name} has {len(texts)} of {benchmark.size} texts")
    return texts


def _open_local(path: Path, split: str) -> Texts | TokenFile:
    try:
        texts = read_split(path, split) if path.is_dir() else READERS[path.suffix](path)
    except ValueError as error:  # no UTF-8, no parquet file, no column of texts
        raise DataError(f"{path} cannot be read: {error}") from None
    if texts is None:
        raise DataError(f"{path} holds no {split}.bin, .txt or .parquet")
    return texts


def _open_hub(name: str, split: str, subset: str) -> Texts:
    rows = from_hub(name, split, subset)
    if "text" not in rows.column_names:
        raise DataError(f"{name} has no column 'text'; it has {rows.column_names}")
    with TemporaryDirectory() as folder:
        file = Path(folder, "rows.parquet")
        rows.to_parquet(file)
        return read_parquet([file])


def tokenize(texts: Texts | TokenFile, asked: str, own: str) -> tuple[np.ndarray, str]:
    """Return the token ids of texts, and the name of their tokenizer.

    Args:
        texts: Texts, or a file of ids.
        asked: Tokenizer of the options, or an empty string.
        own: Tokenizer of the model.

    Raises:
        DataError: The ids are not the model's.
    """
    if isinstance(texts, Texts):
        return texts.tokens(get_tokenizer(asked or own)), asked or own
    size = texts.path.stat().st_size
    if size % 2 or not size:
        raise DataError(f"{texts.path} has {size} bytes; ids of 16 bits are two bytes each")
    if not asked and own != NANOGPT:
        raise DataError(
            f"{texts.path} holds ids, by the tokenizer {NANOGPT!r} if made by nanoGPT; the model "
            f"has {own!r}: say --tokenizer {own} if they are by that one"
        )
    return texts.tokens(), asked or NANOGPT


def windows(options: argparse.Namespace, model: Any) -> SlidingWindowProtocol:
    """Return the windows of a paper's protocol or of the options. Raises ValueError."""
    if options.protocol:
        if options.context or options.stride:
            raise ValueError(f"{options.protocol} says context and stride; leave them out")
        return find_protocol(SlidingWindowProtocol, options.protocol)
    return SlidingWindowProtocol(context=options.context or model.context, stride=options.stride)


def evaluate(options: argparse.Namespace, group: ProcessGroup) -> dict[str, Any]:
    """Return the record of an evaluation, the same on every process but for the times."""
    model, sha256 = load_network(options, TASK)
    texts, name = open_texts(options)
    tokens, tokenizer = tokenize(texts, options.tokenizer, pretrained_cfg(model)["tokenizer"])
    protocol = windows(options, model)
    version: str | int = f"{tokenizer}, sha256 {ids_sha256(tokens)}"
    if name in BENCHMARKS and not options.tokenizer:
        version = BENCHMARKS[name].version
    key = {
        "sha256": sha256,
        "benchmark": name,
        "benchmark_version": version,
        "protocol": to_record(protocol),
    }
    evaluator = LanguageModelingEvaluator(model, tokens, protocol, texts.bytes)
    return measure(evaluator, model, key, options, group)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_options(parser)
    parser.add_argument(
        "--benchmark", required=True, help="a benchmark, a file, a folder or a Hub data set"
    )
    parser.add_argument("--split", default="validation", help="split of a folder or a Hub data set")
    parser.add_argument("--subset", default="", help="subset of a Hub data set")
    data = os.environ.get("ZOO_DATA")
    parser.add_argument("--data", type=Path, default=data, help="folder with a folder per data set")
    parser.add_argument("--context", type=int, default=0, help="tokens a window; else the model's")
    parser.add_argument("--stride", type=int, default=0, help="tokens between windows; 0: context")
    parser.add_argument("--tokenizer", default="", help="name, Hub repository or file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_script(evaluate, parse())
