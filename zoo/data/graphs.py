"""Nodes of a graph with features, edges and a class, in Planetoid's layout.

DIR/planetoid/cora/ind.cora.{x,tx,allx,y,ty,ally,graph,test.index}, or without the folder cora
-> Graph: (number of a node, its class) of each test node

x and y are of the nodes to train on, allx and ally of all but the test nodes, tx and ty of those,
in the order of test.index. The files are pickles, of which NumPy's arrays, SciPy's sparse matrices,
lists and dictionaries are read, and nothing else; nothing in them is run.
"""

import pickle
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.papers.protocols import GraphProtocol

PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
VALIDATION = 500  # nodes after those to train on


def latin1(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them for Python 2."""
    return text.encode("latin1")


READABLE = {  # names in pickles, of Python 2 and as they are now
    "numpy ndarray": np.ndarray,
    "numpy dtype": np.dtype,
    "numpy.core.multiarray _reconstruct": np.empty(0).__reduce__()[0],
    "numpy._core.multiarray _reconstruct": np.empty(0).__reduce__()[0],
    "scipy.sparse.csr csr_matrix": csr_matrix,
    "scipy.sparse._csr csr_matrix": csr_matrix,
    "collections defaultdict": defaultdict,
    "builtins list": list,
    "__builtin__ list": list,
    "_codecs encode": latin1,
}
BROKEN = (  # what a file that is none of those raises
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    MemoryError,
)


@dataclass(frozen=True, kw_only=True)
class GraphSet:
    """Sizes of a graph."""

    nodes: int
    train: int  # nodes to train on, the first ones
    test: int  # nodes to test on
    columns: int  # features of a node
    classes: int


@cache
def graph_sets() -> Mapping[str, GraphSet]:
    """Return the graphs that the zoo knows, by their names in benchmarks.

    Example:
        >>> graph_sets()["cora"].columns
        1433
    """
    sets = tomllib.loads(Path(__file__).with_name("planetoid.toml").read_text(encoding="utf-8"))
    return {name: msgspec.convert(table, GraphSet) for name, table in sets.items()}


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph. As samples: (number of a test node, its class)."""

    features: NDArray[np.float32]  # (N, columns)
    edges: NDArray[np.int64]  # (2, E), from the first row's nodes to the second's, both ways
    labels: NDArray[np.int64]  # (N,), 0..classes-1
    train: NDArray[np.int64]  # numbers of the nodes to train on
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    files: tuple[Path, ...]  # that it was read from

    def __len__(self) -> int:
        return len(self.test)

    def __getitem__(self, index: int, /) -> tuple[int, int]:
        node = int(self.test[index])
        return node, int(self.labels[node])

    def inputs(self, protocol: GraphProtocol) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return features (N, columns) and edges (2, E) as a protocol wants them."""
        features, edges = self.features, self.edges
        if protocol.normalized:
            sums = features.sum(1, keepdims=True)
            features = features / np.maximum(sums, np.finfo(np.float32).tiny)
        if protocol.self_loops:
            edges = np.concatenate((edges, np.arange(len(features))[None].repeat(2, 0)), 1)
        return features, edges


class PlainUnpickler(pickle.Unpickler):
    """Reads arrays, sparse matrices, lists and dictionaries. Raises UnpicklingError for others."""

    def find_class(self, module: str, name: str) -> Any:
        if f"{module} {name}" not in READABLE:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return READABLE[f"{module} {name}"]


def open_planetoid(benchmark: Benchmark, data: Path | None = None) -> Graph:
    """Return a graph with its test nodes.

    Raises:
        DatasetNotFoundError: A file is not there, or not what the layout says.
    """
    home, name = benchmark.require_folder(data), benchmark.split
    folder = next((f for f in (home / name, home) if (f / f"ind.{name}.x").is_file()), home / name)
    files = tuple(folder / f"ind.{name}.{part}" for part in PARTS)
    if missing := [file.name for file in files if not file.is_file()]:
        raise DatasetNotFoundError(
            f"{folder} has no {', '.join(missing)}; `zoo data get {name}` writes it"
        )
    try:
        graph = _assemble({part: _read(file) for part, file in zip(PARTS, files, strict=True)})
    except BROKEN as error:
        raise DatasetNotFoundError(f"{folder} is not in Planetoid's layout: {error}") from None
    sizes = {
        "nodes": len(graph.labels),
        "train": len(graph.train),
        "test": len(graph.test),
        "columns": graph.features.shape[1],
    }
    expected = graph_sets()[name]
    for size, count in sizes.items():
        if count != getattr(expected, size):
            problem = f"{count:,}, not {getattr(expected, size):,}"
            raise DatasetNotFoundError(f"{folder}: the {size} of {name} are {problem}")
    return Graph(**{**vars(graph), "files": files})


def _read(file: Path) -> Any:
    if file.suffix == ".index":
        return np.array(file.read_text(encoding="ascii").split(), np.int64)
    with file.open("rb") as stream:
        value = PlainUnpickler(stream, encoding="latin1").load()
    if isinstance(value, csr_matrix):
        value.check_format(full_check=True)  # indices stay within the matrix
        return value.toarray().astype(np.float32)
    return value


def _assemble(parts: Mapping[str, Any]) -> Graph:
    """Put the test nodes where test.index says; what it leaves out (15 nodes of Citeseer) has zeros
    for features, and is in no split."""
    test = parts["test.index"]
    first = len(parts["allx"])
    nodes = int(test.max()) + 1
    if len(set(test.tolist())) != len(test) or test.min() < first:
        raise ValueError("test.index has a node twice, or one that is not among the test nodes")
    features, labels = (np.zeros((nodes, parts[a].shape[1]), np.float32) for a in ("tx", "ty"))
    for whole, known, tested in ((features, "allx", "tx"), (labels, "ally", "ty")):
        whole[:first], whole[test] = parts[known], parts[tested]
    pairs = np.array([(a, b) for a, row in parts["graph"].items() for b in row], np.int64)
    if pairs.min() < 0 or pairs.max() >= nodes:
        raise ValueError("graph has an edge to a node that is not there")
    both = np.concatenate((pairs, pairs[:, ::-1]))
    edges = np.unique(both[both[:, 0] != both[:, 1]], axis=0).T
    train = np.arange(len(parts["y"]))
    return Graph(
        features=features,
        edges=np.ascontiguousarray(edges),
        labels=labels.argmax(1),
        train=train,
        validation=len(train) + np.arange(VALIDATION),
        test=np.sort(test),
        files=(),
    )
