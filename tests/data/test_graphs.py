"""Planetoid's layout: nodes in place, edges both ways, and files that are not what they say."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.file_server import Answer, FileServer
from tests.support.graphs import SIZES, parts, write_graph, write_part
from tests.support.patching import replace_everywhere
from zoo.data import catalog
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.catalog.entries import get_dataset
from zoo.data.contents import files_digest
from zoo.data.graphs import PARTS, Graph, GraphSet
from zoo.papers.protocols import GraphProtocol

CORA = BENCHMARKS["planetoid/cora"]


def open_cora(data: Path) -> Graph:
    graph: Any = CORA.open(data)
    assert isinstance(graph, Graph)
    return graph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_graph(tmp_path)


def test_test_nodes_stand_where_their_index_says(tmp_path: Path, folder: Path) -> None:
    graph, made = open_cora(tmp_path), parts()
    assert graph.features.shape == (SIZES.nodes, SIZES.columns)
    np.testing.assert_array_equal(graph.labels, np.arange(SIZES.nodes) % SIZES.classes)
    row = made["tx"][5].toarray()[0]
    np.testing.assert_array_equal(graph.features[made["test.index"][5]], row)
    np.testing.assert_array_equal(graph.features[:1708], made["allx"].toarray())
    assert graph[0] == (1708, 1708 % 7)
    assert (len(graph.train), len(graph.validation), len(graph)) == (140, 500, 1000)
    assert not {*graph.train, *graph.validation} & {*graph.test}


def test_edges_go_both_ways_once(tmp_path: Path, folder: Path) -> None:
    edges = open_cora(tmp_path).edges
    pairs = set(map(tuple, edges.T.tolist()))
    assert len(pairs) == edges.shape[1] == 2 * 2 * SIZES.nodes
    assert {(b, a) for a, b in pairs} == pairs
    assert all(a != b for a, b in pairs)


def test_inputs_follow_protocol(tmp_path: Path, folder: Path) -> None:
    graph = open_cora(tmp_path)
    graph.features[3] = 0
    features, edges = graph.inputs(GraphProtocol())
    sums = features.sum(1)
    np.testing.assert_allclose(np.delete(sums, 3), 1, rtol=1e-6)
    assert sums[3] == 0
    loops = edges[:, graph.edges.shape[1] :]
    np.testing.assert_array_equal(loops, np.arange(SIZES.nodes)[None].repeat(2, 0))
    plain, same = graph.inputs(GraphProtocol(normalized=False, self_loops=False))
    assert plain is graph.features
    assert same is graph.edges


def test_nodes_that_index_leaves_out_have_zeros(tmp_path: Path, folder: Path) -> None:
    index = parts()["test.index"]
    index[index.argmax()] += 1
    write_part(folder, "test.index", index)
    sizes = replace(SIZES, nodes=SIZES.nodes + 1)
    graph = open_with_sizes(tmp_path, sizes)
    assert not graph.features[SIZES.nodes - 1].any()
    assert graph.features[SIZES.nodes].any()
    assert SIZES.nodes - 1 not in graph.test


def open_with_sizes(data: Path, sizes: GraphSet) -> Graph:
    """Open a graph that is to have other sizes."""
    with pytest.MonkeyPatch.context() as patch:
        replace_everywhere(patch, "zoo.data.graphs.graph_sets", lambda: {"cora": sizes})
        return open_cora(data)


def test_folder_of_the_repository_will_do(tmp_path: Path, folder: Path) -> None:
    expected = open_cora(tmp_path).edges
    for part in PARTS:
        (folder / f"ind.cora.{part}").rename(folder.parent / f"ind.cora.{part}")
    np.testing.assert_array_equal(open_cora(tmp_path).edges, expected)


class Evil:
    """A pickle that makes a folder when it is read."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("evil",)


@pytest.mark.parametrize(
    ("part", "value", "problem"),
    [
        ("graph", Evil(), r"not in Planetoid's layout: it asks for \w+\.mkdir"),
        ("graph", {0: [5000]}, "graph has an edge to a node that is not there"),
        ("graph", [1, 2], "is not in Planetoid's layout"),
        ("graph", {}, "is not in Planetoid's layout"),
        ("test.index", ["x"], "is not in Planetoid's layout"),
        ("test.index", [1708] * 1000, "test.index has a node twice"),
        ("test.index", range(1000), "one that is not among the test nodes"),
        ("y", np.zeros((3, 7), np.int32), "the train of cora are 3, not 140"),
        ("ty", np.zeros((3, 7), np.int32), "is not in Planetoid's layout"),
        ("allx", np.zeros((1708, 3), np.float32), "is not in Planetoid's layout"),
    ],
)
def test_other_files_raise_one_sentence(
    tmp_path: Path, folder: Path, part: str, value: Any, problem: str, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_part(folder, part, value)
    with pytest.raises(DatasetNotFoundError, match=problem):
        CORA.open(tmp_path)
    assert not (tmp_path / "evil").exists()


def test_indices_beyond_the_matrix_raise(tmp_path: Path, folder: Path) -> None:
    matrix = parts()["tx"]
    matrix.indices[0] = 1_000_000
    write_part(folder, "tx", matrix)
    with pytest.raises(DatasetNotFoundError, match="is not in Planetoid's layout: "):
        CORA.open(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_files_that_are_cut_off_raise(tmp_path: Path, folder: Path, cut: int) -> None:
    path = folder / "ind.cora.graph"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetNotFoundError, match="is not in Planetoid's layout"):
        CORA.open(tmp_path)


def test_missing_files_are_named(tmp_path: Path, folder: Path) -> None:
    (folder / "ind.cora.ally").unlink()
    with pytest.raises(DatasetNotFoundError, match=r"has no ind\.cora\.ally; `zoo data get cora`"):
        CORA.open(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        CORA.open()


def test_get_writes_what_the_publisher_has(
    server: FileServer, tmp_path: Path, resize: Callable[..., None]
) -> None:
    made = write_graph(tmp_path / "made")
    (file,) = get_dataset("cora").files
    for url in file.urls():
        path = "/" + url.split("/", 3)[3]
        server.files[path] = Answer((made / path.rpartition("/")[2]).read_bytes())
    contents = files_digest([made / f"ind.cora.{part}" for part in PARTS])
    resize("cora", SIZES.test, contents=contents)
    assert catalog.get("cora", tmp_path) == tmp_path / "planetoid" / "cora"
    assert len(open_cora(tmp_path)) == SIZES.test
    resize("cora", SIZES.test, contents="0" * 64)
    with pytest.raises(ValueError, match="its files are not those of"):
        catalog.get("cora", tmp_path)
