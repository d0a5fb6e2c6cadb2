"""python -m eval.cluster_plan: the schedule on paper."""

import pytest

from eval.cluster_plan import makespan, times
from tests.support.ledgers import content
from zoo.claims.plan import multiply_adds
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.spec import spec_for
from zoo.models._registry import parse_name
from zoo.papers.protocols import SlidingWindowProtocol
from zoo.papers.weights import Weights


def weights(name: str) -> Weights:
    known = parse_name(name)[1]
    assert known
    return known


def test_makespan_is_between_longest_and_sum() -> None:
    seconds = [7, 5, 4, 4, 3, 1]
    assert makespan(seconds, 1) == sum(seconds)
    assert makespan(seconds, 2) == 12
    assert makespan(seconds, 3) == 8
    assert makespan(seconds, 64) == 7


def test_times_are_measured_or_in_proportion_to_work() -> None:
    digits = spec_for(weights("resnet20.zoo_digits"), "digits/test", None)
    cifar = spec_for(weights("resnet56.akamaster_cifar10"), "cifar10/test", None)
    windows = SlidingWindowProtocol(context=256)
    text = spec_for(weights("gpt2_nano.zoo_peps"), "peps_mini/validation", windows)
    fields = digits.fingerprint("fp32") | {"seconds": 2.0}
    seconds = times([digits, cifar, text], [content(**fields)])  # type: ignore[list-item]
    work = {s: multiply_adds(s) * BENCHMARKS[s.benchmark].size for s in (digits, cifar)}
    assert seconds == {digits: 2.0, cifar: pytest.approx(2.0 * work[cifar] / work[digits])}
