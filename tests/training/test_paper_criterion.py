"""Training by a paper's own loss, of a network that gives more than logits."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from torch.optim import SGD

from zoo.claims.retraining import score
from zoo.models.skipnet.policy import HybridLoss
from zoo.training import Recipe, steps, train
from zoo.training.image_classification import PaperClassification

RECIPE = Recipe(
    name="skipnet38_rnn.test",
    model="skipnet38_rnn",
    dataset="digits/train",
    args={"depth": 8, "gating": "sampled"},
    preprocessing={"input_size": (3, 8, 8), "mean": (0.5,) * 3, "std": (0.5,) * 3},
    epochs=2,
    batch_size=64,
    lr=0.05,
    objective=PaperClassification(pad=1, flip=False, steps=4, criterion=HybridLoss(alpha=0.1)),
    optimizer=partial(SGD, momentum=0.9),
    schedule=steps(),
    source="a test",
)


def test_episodes_are_trained_and_run_is_of_its_criterion(tmp_path: Path) -> None:
    run = train(RECIPE, seed=0, out=tmp_path, quiet=True)
    assert all(0 < row["error"] <= 100 for row in run.history)
    assert all(p.grad is not None for p in run.network.parameters())
    assert train(RECIPE, seed=0, out=tmp_path, quiet=True).history == run.history  # resumed
    objective = replace(RECIPE.objective, criterion=HybridLoss(alpha=9.0))  # type: ignore[type-var]
    with pytest.raises(ValueError, match="another recipe"):
        train(replace(RECIPE, objective=objective), seed=0, out=tmp_path, quiet=True)


def test_score_of_a_run_uses_preprocessing_of_its_recipe(tmp_path: Path) -> None:
    run = train(replace(RECIPE, epochs=1), seed=0, out=tmp_path, quiet=True)
    scores = score(run, "digits/test", None)["digits/test"]
    assert scores["error"]["total"] == 360
    assert run.network.pretrained_cfg["input_size"] == (3, 8, 8)  # type: ignore[index]
    assert 0 < scores["computation"]["value"] <= 101
