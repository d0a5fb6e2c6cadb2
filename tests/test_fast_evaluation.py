"""Classifiers are evaluated as they are fast: the same answers, or it is told which changed."""

from collections.abc import Iterator
from typing import Any

import torch

import zoo
from eval.data import open_source
from zoo.evaluation import engine
from zoo.evaluation.classes import Classes
from zoo.evaluation.how import How
from zoo.evaluation.log import Entry
from zoo.evaluation.works import show
from zoo.evaluation.world import join


def test_as_it_was_defined_and_as_it_is_fast() -> None:
    """The same answers; the network that was given keeps its BatchNorms and its numbers."""
    model = zoo.create("resnet20", pretrained=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    samples = open_source("digits/test").samples
    found = []
    for eager in (True, False):
        job = Classes(model, samples, show(vars(model)["pretrained_cfg"], None))
        found.append(engine.run(job, join("cpu"), How(eager=eager), setting={}).sha256)
        folded = not any(isinstance(m, torch.nn.BatchNorm2d) for m in job.network.modules())
        assert folded is not eager
    assert found[0] == found[1]
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_the_number_of_cores_changes_nothing() -> None:
    """A batch is one core's work, as large as its pixels allow, whatever else the machine has."""
    model, samples = zoo.create("resnet20", pretrained=True), open_source("digits/test").samples
    before = torch.get_num_threads()
    scores: list[dict[int, torch.Tensor]] = []

    class Kept(Classes):
        def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Entry]:
            shown = torch.cat([tensors[0] for _, (tensors, _) in batch])
            scores[-1][batch[0][0]] = self.network(shown.to(memory_format=self.layout))
            yield from super().answer(batch)

    for cores in (1, 3):
        torch.set_num_threads(cores)
        scores.append({})
        job = Kept(model, samples, show(vars(model)["pretrained_cfg"], None))
        try:
            engine.run(job, join("cpu"), How(), setting={})
        finally:
            torch.set_num_threads(before)
    assert [sorted(each) for each in scores] == [[0, 128, 256]] * 2
    assert all(torch.equal(scores[0][at], scores[1][at]) for at in scores[0])
    assert job.by_core
    large = Classes(model, samples, lambda image: [torch.zeros(1, 3, 224, 224)])
    large.ready(torch.device("cpu"), How())
    assert large.batch_size == 16
    large.ready(torch.device("cpu"), How(compile=True))
    assert not large.by_core


def test_another_precision_says_how_many_answers_it_changed() -> None:
    """Of an untrained network, whose scores are close to each other, some."""
    torch.manual_seed(0)
    model = zoo.create("resnet20").eval()
    samples = open_source("digits/test").samples
    job = Classes(model, samples, show(vars(model)["pretrained_cfg"], None))
    images = torch.cat([job.load(i)[0][0] for i in range(100)])
    with torch.inference_mode():
        exact = model(images).argmax(1).tolist()
    answers = engine.run(job, join("cpu"), How(precision="bf16", limit=120), setting={}).answers
    changed = sum(answers[i][0][0] != best for i, best in enumerate(exact))
    assert 0 < changed < 100
    assert job.scores(answers)["changed"] == {"count": changed, "total": 100}
    assert job.scores(answers)["samples"] == 120
