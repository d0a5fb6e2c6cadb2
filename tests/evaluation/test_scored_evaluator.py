"""Networks that score each sample: what a SkipNet computes for an image is in the record."""

from typing import Any

import pytest
import torch

import zoo
from zoo.claims.matching import SCORES
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.transforms import make_transform
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.custom.labelled_images import open_source
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.evaluation.evaluators.scored import ScoredEvaluator
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.evaluation.tasks import task_of
from zoo.models.skipnet.skipping import run_skipping

SAMPLES, LIMIT = open_source("digits/test").samples, 40


def network() -> Any:
    """A SkipNet whose gates disagree about the digits."""
    torch.manual_seed(0)
    model: Any = zoo.create("skipnet38_ff", depth=14).eval()
    transform = make_transform(model.pretrained_cfg, None)
    x = torch.cat([transform(SAMPLES[i][0])[0] for i in range(LIMIT)])
    for name in model.stage_names[1:]:
        gate = model.get_submodule(f"{name}.gate")
        seen: list[torch.Tensor] = []
        hook = gate.register_forward_hook(lambda module, args, out, seen=seen: seen.append(out))
        with torch.no_grad():
            model(x)
            gate.fc.bias[1] -= (seen[0][:, 1] - seen[0][:, 0]).quantile(0.5)
        hook.remove()
    return model


def test_record_has_mean_computation_and_errors_of_dense_network() -> None:
    model = network()
    evaluator = task_of("skipnet38_ff").evaluator(model, SAMPLES, None, BENCHMARKS["digits/test"])
    assert isinstance(evaluator, ScoredEvaluator)
    record = evaluate(evaluator, EvalConfig(limit=LIMIT, batch_size=16))
    transform = make_transform(model.pretrained_cfg, None)
    dense = ClassificationEvaluator(model, SAMPLES, transform)
    expected = evaluate(dense, EvalConfig(limit=LIMIT))
    assert record["scores"]["error"] == expected["scores"]["error"]
    assert (record["samples"], record["parts"]) == (LIMIT, expected["parts"])
    x = torch.cat([transform(SAMPLES[i][0])[0] for i in range(LIMIT)])
    executed = run_skipping(model, x).executed
    assert 0.3 < executed.float().mean() < 0.7
    blocks = 100 * (1 + executed.sum(1)).float().mean().item() / 6
    assert record["scores"]["blocks"]["value"] == pytest.approx(blocks, rel=1e-6)
    assert 20 < record["scores"]["computation"]["value"] < 90
    assert {"computation", "blocks"} <= SCORES.keys()


def test_several_crops_are_refused() -> None:
    evaluator = ScoredEvaluator(network(), SAMPLES, lambda image: [torch.zeros(2, 3, 32, 32)])
    with pytest.raises(ValueError, match="a CifarSkipNet is evaluated on one crop of an image"):
        evaluate(evaluator, EvalConfig(limit=2))


def test_logits_that_are_not_finite_stop_the_run() -> None:
    model = network()
    model.fc.bias.data.fill_(float("nan"))
    evaluator = ScoredEvaluator(model, SAMPLES, make_transform(model.pretrained_cfg, None))
    with pytest.raises(NonFiniteOutputError, match="sample 0"):
        evaluate(evaluator, EvalConfig(limit=2))
