"""The training loop: the schedule as stated, a run that was killed ends in the same weights."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.optim import SGD

from configs import digits as recipes
from tests.conftest import ROOT
from zoo import training
from zoo.checkpoints.writing import file_sha256, save_safetensors
from zoo.models._factory import create
from zoo.papers.weights import WeightsError
from zoo.training import Recipe, cosine, steps
from zoo.training.error_count import count_errors
from zoo.training.image_classification import ImageClassification, shift_and_flip


def tiny(**changes: object) -> Recipe:
    """A recipe for a net that trains in seconds."""
    recipe = Recipe(
        name="tiny",
        model="wrn16_1",
        args={"depth": 10},
        dataset="digits/test",
        preprocessing={**recipes.PREPROCESSING, "input_size": (3, 8, 8)},
        epochs=3,
        batch_size=60,
        lr=0.1,
        objective=ImageClassification(pad=1, flip=False),
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-4),
        schedule=cosine(warmup=0.1),
        source="a test",
    )
    return replace(recipe, **changes)


def final(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_train_tiny_recipe_learns_and_writes_history(tmp_path: Path) -> None:
    run = training.train(tiny(epochs=10), seed=0, out=tmp_path, quiet=True)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(10))
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    wrong, total = count_errors(run, "digits/test")
    assert total == 360
    assert wrong < 120


def test_train_killed_run_resumes_to_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(args={"depth": 10, "drop_rate": 0.3})
    training.train(recipe, seed=3, out=tmp_path / "whole", quiet=True)
    real = training.Trainer.train_epoch

    def killed(self: training.Trainer, epoch: int, on_step: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        real(self, epoch, on_step)

    monkeypatch.setattr(training.Trainer, "train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        training.train(recipe, seed=3, out=tmp_path / "cut", quiet=True)
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    monkeypatch.setattr(training.Trainer, "train_epoch", real)
    training.train(recipe, seed=3, out=tmp_path / "cut", quiet=True)
    assert final(tmp_path / "cut") == final(tmp_path / "whole")


def test_train_same_seed_gives_same_weights(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        training.train(tiny(epochs=1), seed=seed, out=tmp_path / name, quiet=True)
    a, b, c = (file_sha256(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


def test_train_checkpoint_of_other_recipe_raises(tmp_path: Path) -> None:
    training.train(tiny(epochs=1), seed=0, out=tmp_path, quiet=True)
    with pytest.raises(ValueError, match="another recipe or seed"):
        training.train(tiny(epochs=1), seed=1, out=tmp_path, quiet=True)
    with pytest.raises(ValueError, match="another recipe or seed"):
        training.train(tiny(epochs=1, lr=0.2), seed=0, out=tmp_path, quiet=True)


def test_train_non_finite_loss_raises(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"at step \d+"):
        training.train(tiny(lr=1e30), seed=0, out=tmp_path, quiet=True)


def test_schedules_steps_and_cosine_match_values() -> None:
    paper = steps(0.5, 0.75)
    assert [paper(share) for share in (0, 0.49, 0.5, 0.74)] == [1, 1, 0.1, 0.1]
    assert paper(0.75) == pytest.approx(0.01)
    assert steps(0.5, warmup=0.1)(0.05) == 0.1
    wave = cosine(warmup=0.1)
    assert [wave(share) for share in (0, 0.05, 0.1)] == [0, 0.5, 1]
    assert wave(0.55) == pytest.approx(0.5)
    assert wave(1.0) == pytest.approx(0)


def test_shift_and_flip_gives_crops_and_mirrored_images() -> None:
    image = torch.arange(2 * 3 * 6 * 6, dtype=torch.float32).reshape(2, 3, 6, 6)
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(shift_and_flip(image, 0, False, generator), image)
    shifted = shift_and_flip(image.repeat(50, 1, 1, 1), 2, False, generator)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2))
    crops = [padded[0, :, y : y + 6, x : x + 6] for y in range(5) for x in range(5)]
    assert all(any(torch.equal(actual, crop) for crop in crops) for actual in shifted[::2])
    mirrored = shift_and_flip(image.repeat(50, 1, 1, 1), 0, True, generator)[::2]
    flipped = [bool(torch.equal(actual, image[0].flip(2))) for actual in mirrored]
    assert any(flipped)
    assert not all(flipped)
    assert all(f or torch.equal(m, image[0]) for f, m in zip(flipped, mirrored, strict=True))


@pytest.mark.parametrize("name", ["resnet20", "preresnet20", "wrn16_1"])
def test_load_recipe_by_name_gives_recipe(name: str) -> None:
    recipe = training.load_recipe(f"{recipes.__file__}:{name}")
    assert (recipe.model, recipe.epochs) == (name, recipes.EPOCHS)


def test_load_recipe_unknown_name_lists_known() -> None:
    with pytest.raises(ValueError, match="it has: resnet20, preresnet20, wrn16_1"):
        training.load_recipe(f"{recipes.__file__}:resnet9")


def test_load_recipe_of_every_documented_path_loads() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"configs/\w+\.py(?::\w+)?", text))
    assert len(named) >= 3
    for where in named:
        assert training.load_recipe(str(ROOT / where)).source


def test_decay_matrices_only_leaves_vectors_unchanged() -> None:
    weight, bias = (torch.nn.Parameter(torch.ones(shape)) for shape in ((2, 3), (3,)))
    make = training.decay_matrices_only
    optimizer = make(torch.optim.SGD, 0.5, [weight, bias], lr=0.1)
    weight.grad, bias.grad = torch.zeros(2, 3), torch.zeros(3)
    optimizer.step()
    assert torch.allclose(weight, torch.full((2, 3), 0.95))
    assert torch.equal(bias.detach(), torch.ones(3))


def test_load_matching_weights_file_copies_weights(tmp_path: Path) -> None:
    first, second = (create("rcan_x2", groups=1, blocks=1, channels=16) for _ in range(2))

    save_safetensors(first.state_dict(), tmp_path / "model.safetensors", {})
    training.load_matching_weights(second, str(tmp_path / "model.safetensors"))
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    with pytest.raises(WeightsError, match="no file at"):
        training.load_matching_weights(second, "runs/none/model.safetensors")


def test_train_of_some_parameters_leaves_the_others(tmp_path: Path) -> None:
    trainer = training.Trainer(tiny(trains=("fc.*", "layer3.*conv*")), seed=0, out=tmp_path)
    before = {key: p.detach().clone() for key, p in trainer.unwrapped.named_parameters()}
    trainer.train_epoch(0, lambda loss: None)
    changed = {k for k, p in trainer.unwrapped.named_parameters() if not torch.equal(p, before[k])}
    expected = {k for k in before if k.startswith("fc.") or ("layer3." in k and "conv" in k)}
    assert changed == expected != set(before)
    with pytest.raises(ValueError, match="another recipe or seed"):
        training.Trainer(tiny(), seed=0, out=tmp_path).resume()


def test_train_of_parameters_that_do_not_exist_raises(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no parameter of the network matches '\*\.attn\.\*'"):
        training.Trainer(tiny(trains=("fc.*", "*.attn.*")), seed=0, out=tmp_path)
