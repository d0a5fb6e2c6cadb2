"""`zoo train`: a recipe with other settings is named after them, wherever it is recorded."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.cli import run_cli
from zoo.checkpoints.writing import read_metadata
from zoo.claims.runs import runs_of
from zoo.papers.loading import load_papers
from zoo.training import load_recipe, override

RECIPE = """
from dataclasses import replace
from configs.digits import resnet20, PREPROCESSING

small = {**PREPROCESSING, "input_size": (3, 8, 8)}
tiny = replace(resnet20, epochs=1, batch_size=1437, preprocessing=small)
"""


def test_train_overridden_recipe_is_recorded_as_such(tmp_path: Path) -> None:
    (tmp_path / "recipe.py").write_text(RECIPE)
    options = ("--epochs", "1", "--lr", "0.05", "--batch-size", "719", "--device", "cpu")
    run = ("train", f"{tmp_path / 'recipe.py'}:tiny", "--out", tmp_path / "run")
    done = run_cli(*run, *options, "--quiet")
    assert (done.code, done.err) == (0, "")
    metadata = read_metadata(tmp_path / "run" / "model.safetensors")
    assert metadata["recipe"] == "resnet20.zoo_digits+lr=0.05+batch_size=719"
    again = run_cli(*run, "--device", "cpu")
    assert again.code == 2
    assert "is of another recipe or seed; choose another folder" in again.err


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", "0"), ("--lr", "nan"), ("--lr", "-1"), ("--device", "tpu")]
)
def test_train_bad_setting_is_refused(option: str, value: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = run_cli("train", "configs/digits.py:resnet20", "--out", out, option, value)
    assert done.code == 2
    assert not out.exists()


def test_override_with_the_recipes_own_settings_changes_nothing() -> None:
    recipe = load_recipe("configs/digits.py:resnet20")
    assert override(recipe, epochs=recipe.epochs, lr=recipe.lr) == recipe


def test_overridden_run_judges_no_claim() -> None:
    """Epochs and batch size are compared with the protocol's too; the name alone is enough."""
    resnet = next(paper for paper in load_papers() if paper.id == "resnet")
    protocol = next(p for p in resnet.training if p.protocol)
    claim = next(c for c in resnet.claims if c.compares and c.protocol == protocol.protocol)
    recipe = replace(
        load_recipe("configs/digits.py:resnet20"), name=f"{claim.model}.{protocol.recipe}"
    )
    metric = {"accuracy": "error"}.get(claim.metric, claim.metric)

    def record(name: str) -> dict[str, object]:
        return {
            "kind": "training",
            "model": claim.model,
            "recipe": name,
            "seed": 0,
            "precision": protocol.precision,
            "epochs": protocol.epochs,
            "batch_size": protocol.batch_size,
            "commit": "a" * 40,
            "benchmarks": {claim.benchmark: {"version": 1, "scores": {metric: {"value": 1.0}}}},
        }

    assert runs_of(claim.model, claim, protocol, [record(recipe.name)])
    changed = override(recipe, lr=0.05)
    assert not runs_of(claim.model, claim, protocol, [record(changed.name)])
