"""Language models on any texts, every token scored once.

A file is nanoGPT's .bin, .txt or .parquet with a column `text`; a folder holds one of them for each
split. Nats a token, perplexity and bits a byte are of the whole text, in windows side by side or
`stride` apart.
"""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.texts import Texts, TokenFile, read_parquet, read_split
from zoo.data.tokenizers import get_tokenizer
from zoo.evaluation.contents import ids_sha256
from zoo.evaluation.custom.labelled_images import from_hub
from zoo.evaluation.custom.networks import Network
from zoo.evaluation.custom.request import DataError, Request, Samples, find_protocol
from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SlidingWindowProtocol, to_record

SPLIT = "validation"  # of a folder or a Hub data set
NANOGPT = "gpt2"  # tokenizer of a .bin, unless --tokenizer says otherwise
READERS: dict[str, Callable[[Path], Texts | TokenFile]] = {
    ".bin": TokenFile,
    ".txt": lambda path: Texts((path.read_text(encoding="utf-8"),)),
    ".parquet": lambda path: read_parquet([path]),
}


def open_texts(request: Request) -> tuple[Texts | TokenFile, str]:
    """Return the texts of a request, and their name with the split.

    Raises:
        DataError: There are no such texts, or they cannot be read.
        DatasetNotFoundError: The benchmark's data is not there.
    """
    name, path = request.benchmark, Path(request.benchmark)
    split = request.split or SPLIT
    if name in BENCHMARKS:
        return _open_benchmark(name, request.data), name
    if not path.exists():
        if path.suffix in READERS or name.startswith((".", "/")):
            raise DataError(f"there is no file or folder {path}")
        texts = _open_hub(name, split, request.subset)
        return texts, "/".join(filter(None, (name, request.subset, split)))
    if path.is_file() and path.suffix not in READERS:
        raise DataError(f"{path} is none of {', '.join(READERS)}")
    return _open_local(path, split), f"{name}/{split}" if path.is_dir() else name


def _open_benchmark(name: str, data: Path | None) -> Any:
    benchmark = BENCHMARKS[name]
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
        asked: Tokenizer of the request, or an empty string.
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


def windows(request: Request, model: Any) -> SlidingWindowProtocol:
    """Return the windows of a paper's protocol or of the request. Raises ValueError."""
    if request.protocol:
        if request.context or request.stride:
            raise ValueError(f"{request.protocol} says context and stride; leave them out")
        return find_protocol(SlidingWindowProtocol, request.protocol)
    return SlidingWindowProtocol(context=request.context or model.context, stride=request.stride)


def open_samples(request: Request, network: Network) -> Samples:
    """Return an evaluator of a language model. Raises DataError, or DatasetNotFoundError."""
    model: Any = network.module
    texts, name = open_texts(request)
    tokens, tokenizer = tokenize(texts, request.tokenizer, pretrained_cfg(model)["tokenizer"])
    protocol = windows(request, model)
    version: str | int = f"{tokenizer}, sha256 {ids_sha256(tokens)}"
    if name in BENCHMARKS and not request.tokenizer:
        version = BENCHMARKS[name].version
    evaluator = LanguageModelingEvaluator(model, tokens, protocol, texts.bytes)
    return Samples(evaluator, name, version, to_record(protocol))
