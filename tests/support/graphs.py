"""A made-up graph of Cora's sizes in Planetoid's layout: features and edges show the classes."""

import pickle
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from zoo.data.graphs import VALIDATION, graph_sets

SIZES = graph_sets()["cora"]


def parts(seed: int = 0) -> dict[str, Any]:
    """What the files of a graph hold; each pickled part but the last, which is text."""
    random = np.random.RandomState(seed)
    nodes, classes = SIZES.nodes, SIZES.classes
    labels = np.arange(nodes) % classes
    words = random.rand(nodes, SIZES.columns) < 0.002
    words[np.arange(nodes), labels] = True
    onehot = np.eye(classes, dtype=np.int32)[labels]
    graph = defaultdict(list)
    for node in range(nodes):
        graph[node] = [(node + classes * step) % nodes for step in (1, 2)]
    graph[0] += [0, 7]  # a node beside itself, and an edge twice
    test = random.permutation(np.arange(nodes - SIZES.test, nodes))
    features = words.astype(np.float32)
    known, tested = slice(nodes - SIZES.test), test
    return {
        "x": csr_matrix(features[: SIZES.train]),
        "tx": csr_matrix(features[tested]),
        "allx": csr_matrix(features[known]),
        "y": onehot[: SIZES.train],
        "ty": onehot[tested],
        "ally": onehot[known],
        "graph": graph,
        "test.index": test,
    }


def write_part(folder: Path, part: str, value: Any) -> None:
    """Write a part as Python 2 did: pickle protocol 2, or a number a line."""
    path = folder / f"ind.cora.{part}"
    if part == "test.index":
        path.write_text("".join(f"{number}\n" for number in value))
    else:
        path.write_bytes(pickle.dumps(value, protocol=2))


def write_graph(data: Path) -> Path:
    """Write planetoid/cora below a folder of data; return it."""
    folder = data / "planetoid" / "cora"
    folder.mkdir(parents=True)
    for part, value in parts().items():
        write_part(folder, part, value)
    assert VALIDATION + SIZES.train < SIZES.nodes - SIZES.test
    return folder
