"""Classification evaluator: folded, channels-last and bf16 networks give the same predictions."""

from typing import Any

import torch

import zoo
from zoo.data.transforms import make_transform
from zoo.distributed import init
from zoo.evaluation import engine
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.custom.labelled_images import open_source
from zoo.evaluation.evaluators.classification import ClassificationEvaluator
from zoo.models._builder import pretrained_cfg


def test_evaluator_folded_and_eager_predictions_are_equal() -> None:
    """The given network keeps its BatchNorms and its numbers."""
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    samples = open_source("digits/test").samples
    hashes = []
    for eager in (True, False):
        evaluator = ClassificationEvaluator(
            model, samples, make_transform(pretrained_cfg(model), None)
        )
        hashes.append(
            engine.run_evaluation(
                evaluator, init("cpu"), EvalConfig(eager=eager), setting={}
            ).sha256
        )
        folded = not any(isinstance(m, torch.nn.BatchNorm2d) for m in evaluator.network.modules())
        assert folded is not eager
    assert hashes[0] == hashes[1]
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_prepare_large_images_reduce_cpu_batch_size() -> None:
    model, samples = zoo.create("resnet20"), open_source("digits/test").samples
    for pixels, size in ((32, 128), (224, 16), (896, 1), (2000, 1)):
        evaluator = ClassificationEvaluator(
            model, samples, lambda image, n=pixels: [torch.zeros(1, 3, n, n)]
        )
        evaluator.prepare(torch.device("cpu"), EvalConfig(eager=True))
        assert evaluator.batch_size == size


def test_compute_bf16_reports_changed_predictions() -> None:
    """Of an untrained network whose classes win equally often, some: one digit decides there."""
    torch.manual_seed(0)
    model: Any = zoo.create("resnet20").eval()
    samples = open_source("digits/test").samples
    evaluator = ClassificationEvaluator(model, samples, make_transform(model.pretrained_cfg, None))
    images = torch.cat([evaluator.load(i)[0][0] for i in range(100)])
    with torch.no_grad():
        logits = model(images)
        model.get_classifier().bias.sub_(logits.mean(0))
        exact = (logits - logits.mean(0)).argmax(1).tolist()
    predictions = engine.run_evaluation(
        evaluator, init("cpu"), EvalConfig(precision="bf16", limit=120), setting={}
    ).predictions
    changed = sum(predictions[i][0][0] != best for i, best in enumerate(exact))
    assert 0 < changed < 100
    assert evaluator.compute(predictions)["changed"] == {"count": changed, "total": 100}
    assert evaluator.compute(predictions)["samples"] == 120
