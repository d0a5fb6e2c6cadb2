"""Evaluations on a cluster: a Ray of two workers on this machine."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.claims.measure import measure
from zoo.distributed import init
from zoo.evaluation.cluster import Cluster, ClusterError, import_ray
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.ledger import Ledger
from zoo.evaluation.spec import spec_for
from zoo.models._registry import parse_name

VARYING = ("date", "seconds", "peak_memory", "threads", "id", "previous")  # of a record
LOCAL = Cluster(address="local", device="cpu")


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Any]:
    """A cluster that this process has joined, so that its start is paid once."""
    ray = import_ray()  # under `uv run` too, the nodes take the zoo that is installed
    options: Any = {"include_dashboard": False, "log_to_driver": False, "logging_level": "ERROR"}
    ray.init(address="local", num_cpus=2, **options)
    yield ray
    ray.shutdown()


@pytest.mark.slow
def test_run_lost_process_is_done_again_and_longest_begins_first(
    two_workers: Any, tmp_path: Path
) -> None:
    def task(name: str) -> tuple[str, float]:
        began, killed = time.time(), tmp_path / name
        if name == "lost" and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return name, began

    cluster = Cluster(address="local", cpus=2)  # one after another
    results = dict(cluster.run(task, ["short", "lost", "long"], [1.0, 2.0, 9.0]))
    assert (tmp_path / "lost").exists()
    assert [results[index][0] for index in range(3)] == ["short", "lost", "long"]
    assert results[2][1] < results[0][1]
    assert two_workers.is_initialized()


@pytest.mark.slow
def test_run_error_of_task_or_resources_is_raised(two_workers: Any) -> None:
    def fails(name: str) -> None:
        raise ValueError(f"{name} cannot be read")

    with pytest.raises(ValueError, match=r"^a\.png cannot be read$"):
        list(LOCAL.run(fails, ["a.png"], [1.0]))
    with pytest.raises(ClusterError, match="no node has 64 cores for a task; the most is 2"):
        list(Cluster(address="local", cpus=64).run(fails, ["a.png"], [1.0]))


@pytest.mark.slow
def test_measure_on_cluster_adds_same_records_in_same_order(
    two_workers: Any, tmp_path: Path
) -> None:
    names = ("preresnet20", "wrn16_1", "resnet20")
    weights = [parse_name(f"{name}.zoo_digits")[1] for name in names]
    specs = [spec_for(each, "digits/test", None) for each in weights if each]
    ledgers = []
    for cluster in (None, LOCAL):
        ledger = Ledger(tmp_path / f"{'cluster' if cluster else 'here'}")
        options: Any = {"cluster": cluster, "ledger": ledger, "rerun": True}
        steps = measure(specs, None, init("cpu"), EvalConfig(), **options)
        assert [steps[spec].record for spec in specs] == ledger.records()
        ledgers.append([{k: v for k, v in r.items() if k not in VARYING} for r in ledger.records()])
    assert ledgers[0] == ledgers[1]
    assert [record["model"] for record in ledgers[0]] == list(names)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:port"])
def test_run_without_cluster_at_address_raises_at_once(address: str) -> None:
    with pytest.raises(ClusterError, match=f"^there is no Ray cluster at {address}: "):
        list(Cluster(address=address).run(abs, [1], [1.0]))


def test_cluster_without_cores_or_ray_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="1 core or more, not 0"):
        Cluster(address="local", cpus=0)
    monkeypatch.setattr("zoo.evaluation.cluster.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'residual-zoo\[cluster\]'"):
        Cluster(address="local")
