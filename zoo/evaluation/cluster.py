"""Work on a cluster, by Ray: each item is a task with resources of its own.

items, the longest first -> tasks on the nodes -> (index, result) of each, as it is done

The tasks of a lost node are done again on the others. Ray is the extra `cluster`.
"""

import importlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
WAIT = 10  # seconds for the cluster's port to answer
LOSSES = 3  # of the node or process of a task, before it is given up
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # the nodes have the zoo installed
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as later versions of Ray have it
}


def import_ray() -> Any:
    """Import Ray with the settings of QUIET, some of which it reads as it is imported."""
    os.environ.update(QUIET)
    return importlib.import_module("ray")


class ClusterError(ValueError):
    """A cluster that cannot be reached or lost a task too often; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Ray cluster, and what a task gets of it: a GPU of its own too, if the cluster has any."""

    address: str  # "local": started in this process; "auto": that of this machine; or HOST:PORT
    cpus: int = 1  # cores of a task, and its threads
    device: str = "auto"  # kind that tasks compute on: one of zoo.distributed.DEVICES

    def __post_init__(self) -> None:
        if self.cpus < 1:
            raise ValueError(f"a task needs 1 core or more, not {self.cpus}")
        if find_spec("ray") is None:
            raise ValueError("a cluster needs ray: pip install 'residual-zoo[cluster]'")

    def run(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        seconds: Sequence[float],
    ) -> Iterator[tuple[int, Result]]:
        """Call a function on every item, on any node; yield (index, result) as they are done.

        A cluster that this process has joined already is used, and not left.

        Args:
            function: can be pickled; the zoo is installed on every node.
            items: its arguments, which can be pickled.
            seconds: about how long each takes: the longest begin first.

        Raises:
            ClusterError: there is no cluster, too little in it for one task, or a task lost its
                node too often.
            Exception: what the function raised.
        """
        ray = import_ray()
        joined = ray.is_initialized()
        if not joined:
            self._connect(ray)
        try:
            task = self._remote(ray, function)
            order = sorted(range(len(items)), key=lambda index: -seconds[index])
            pending = {task.remote(items[index]): index for index in order}
            while pending:
                (done,), _ = ray.wait(list(pending))
                yield pending.pop(done), _result(ray, done)
        finally:
            if not joined:
                ray.shutdown()

    def _connect(self, ray: Any) -> None:
        host, _, port = self.address.rpartition(":")
        if host:
            self._check_port(host, port)
        local = self.address == "local"
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        options |= {"include_dashboard": False} if local else {}
        try:
            ray.init(address=self.address, **options)
        except (ConnectionError, RuntimeError) as error:
            raise ClusterError(f"there is no Ray cluster at {self.address}: {error}") from None

    def _check_port(self, host: str, port: str) -> None:
        """Raise ClusterError unless something listens: Ray would wait for minutes."""
        try:
            socket.create_connection((host, int(port)), timeout=WAIT).close()
        except (OSError, ValueError) as error:
            raise ClusterError(f"there is no Ray cluster at {self.address}: {error}") from None

    def _remote(self, ray: Any, function: Callable[[Item], Result]) -> Any:
        """Return the function as a task of the cluster."""
        there = ray.cluster_resources()
        if self.cpus > there.get("CPU", 0):
            most = max((node["Resources"].get("CPU", 0) for node in ray.nodes()), default=0)
            raise ClusterError(f"no node has {self.cpus} cores for a task; the most is {most:g}")
        per_task = int(self.device in ("auto", "cuda") and there.get("GPU", 0) > 0)
        options = {"num_cpus": self.cpus, "num_gpus": per_task, "max_retries": LOSSES}
        return ray.remote(**options)(function)


def _result(ray: Any, reference: Any) -> Any:
    """Return the result of a task; raise what it raised."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        first = str(error).partition("\n")[0]
        raise ClusterError(f"a task was lost {LOSSES + 1} times: {first}") from None
