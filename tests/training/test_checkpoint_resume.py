"""Runs that are killed, averaged, cut in parts, mixed: what comes of them is what should."""

import sys
import time
import types
from contextlib import suppress
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import SGD

from configs import language
from tests.support.processes import start
from tests.training.test_loop import final, tiny
from zoo import training
from zoo.training import Trainer, checkpoint
from zoo.training.image_classification import ImageClassification, LabelledImages, shift_and_flip
from zoo.training.language_modeling import NextToken
from zoo.training.progress import log_tensorboard, status_line

RECIPE = """
from dataclasses import replace
from tests.training.test_loop import tiny as recipe_of
from zoo.training.image_classification import ImageClassification
recipe = recipe_of(
    name="mixed",
    epochs=4,
    args={"depth": 16, "drop_rate": 0.3},
    batch_size=10,
    objective=ImageClassification(pad=1, flip=True, mixup=0.2, cutmix=1.0, smoothing=0.1),
    ema=0.9,
    accumulate=2,
)
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "mixed.py"
    path.write_text(RECIPE)
    return path


def trained(recipe: Path, out: Path) -> BaseProcess:
    """A process that trains by the recipe."""
    where = ("--out", str(out / "run"), "--checkpoint-every", "5")
    return start("-m", "zoo.training", str(recipe), *where, output=out / "printed")


@pytest.fixture(scope="module")
def whole(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What the run gives that nobody stops: all that draws is in it."""
    out = tmp_path_factory.mktemp("whole")
    trained(recipe, out).join()
    printed = (out / "printed.out").read_text()
    assert printed == f"the weights are in {out / 'run' / 'model.safetensors'}\n"
    return final(out / "run")


@pytest.mark.slow
@pytest.mark.parametrize("steps", [5, 60])
def test_train_killed_in_epoch_resumes_to_same_weights(
    steps: int, recipe: Path, whole: bytes, tmp_path: Path
) -> None:
    running, run = trained(recipe, tmp_path), tmp_path / "run"
    for _ in range(2400):
        if reached(run) >= steps:
            break
        time.sleep(0.02)
    running.kill()
    running.join()
    assert steps <= reached(run) < 4 * 36
    assert not (run / "model.safetensors").exists()
    trained(recipe, tmp_path).join()
    assert final(run) == whole


def reached(out: Path, epoch: int = 36) -> int:
    """The steps that a checkpoint is of; so many are an epoch."""
    try:
        state = torch.load(out / checkpoint.NAME, weights_only=True)
    except FileNotFoundError:
        return 0
    return epoch * len(state["history"]) + int(state["step"])


def test_train_stopped_in_epoch_resumes_from_checkpoint(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At step 16 of all, 10 being an epoch; the checkpoint is of step 14."""
    small = {"epochs": 2, "batch_size": 36, "args": {"depth": 10, "drop_rate": 0.3}}
    mixed = replace(training.load_recipe(str(recipe)), **small)
    training.train(mixed, seed=0, out=tmp_path / "whole", quiet=True)
    train_step, steps, last = Trainer.train_step, [], 16

    def watched(self: Trainer, *args: Any) -> float:
        steps.append(10 * len(self.history) + self.step)
        if steps[-1] == last:
            raise KeyboardInterrupt
        return train_step(self, *args)

    monkeypatch.setattr(Trainer, "train_step", watched)
    with pytest.raises(KeyboardInterrupt):
        training.train(mixed, seed=0, out=tmp_path / "cut", quiet=True, checkpoint_every=4)
    assert reached(tmp_path / "cut", 10) == 14
    steps, last = [], -1
    path = tmp_path / "cut" / checkpoint.NAME
    state = torch.load(path, weights_only=True)
    assert 0 < state["seconds"] < 60
    torch.save(state | {"seconds": 1000.0}, path)
    done = training.train(mixed, seed=0, out=tmp_path / "cut", quiet=True, checkpoint_every=4)
    assert 1000 < done.seconds < 1060  # with those before
    assert steps == list(range(14, 20))
    assert final(tmp_path / "cut") == final(tmp_path / "whole")


def test_train_interrupted_says_how_to_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train_epoch, stop_epoch = Trainer.train_epoch, [0]

    def interrupted(self: Trainer, epoch: int, on_step: Any) -> None:
        if epoch == stop_epoch[0]:
            raise KeyboardInterrupt
        train_epoch(self, epoch, on_step)

    monkeypatch.setattr(Trainer, "train_epoch", interrupted)
    path = tmp_path / checkpoint.NAME
    lines = []
    for stop_epoch[0] in (0, 1, 3):
        with suppress(KeyboardInterrupt):
            training.train(tiny(), seed=0, out=tmp_path)
        text = capsys.readouterr().err
        lines.append([line for line in text.splitlines() if line.startswith(("res", "int"))])
    assert lines == [
        ["interrupted; the same command starts over: no checkpoint yet"],
        [f"interrupted; the same command resumes from {path}"],
        [f"resumed from {path}: 1 of 3 epochs and 0 steps are done"],
    ]


def test_train_nan_loss_leaves_last_checkpoint(tmp_path: Path) -> None:
    """At step 8 of all, the third of the second epoch; a checkpoint after every second step."""

    class Bad(ImageClassification):
        seen = 0

        def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            Bad.seen += 1
            return super().loss(output, target) * (float("nan") if Bad.seen == 9 else 1.0)

    recipe = tiny(objective=Bad(pad=1, flip=False))
    with pytest.raises(FloatingPointError, match="the loss is nan at step 8"):
        training.train(recipe, seed=0, out=tmp_path, quiet=True, checkpoint_every=2)
    state = torch.load(tmp_path / checkpoint.NAME, weights_only=True)
    assert (len(state["history"]), state["step"]) == (1, 2)
    assert all(value.isfinite().all() for value in state["model"].values())


def test_trainer_gradient_accumulation_matches_whole_batch(tmp_path: Path) -> None:
    """Of a network without BatchNorm, in uneven parts too."""
    small = replace(
        language.nano("gpt2_nano"),
        epochs=1,
        batch_size=6,
        objective=NextToken(context=32, steps=3),
        dataset="peps_mini/validation",
    )
    weights = {}
    for parts in (1, 2, 4):
        out = tmp_path / str(parts)
        run = training.train(replace(small, accumulate=parts), seed=0, out=out, quiet=True)
        weights[parts] = dict(run.network.state_dict())
        losses = [row["loss"] for row in run.history]
        assert losses == pytest.approx([run.history[0]["loss"]])
    for parts in (2, 4):
        for key, value in weights[1].items():
            torch.testing.assert_close(weights[parts][key], value, rtol=1e-3, atol=2e-5)


def test_trainer_ema_saves_averaged_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    train_step = Trainer.train_step

    def watched(self: Trainer, *args: Any) -> float:
        if not seen:
            seen.append({k: v.clone() for k, v in self.unwrapped.state_dict().items()})
        loss = train_step(self, *args)
        seen.append({k: v.clone() for k, v in self.unwrapped.state_dict().items()})
        return loss

    monkeypatch.setattr(Trainer, "train_step", watched)
    run = training.train(tiny(epochs=1, ema=0.5), seed=0, out=tmp_path, quiet=True)
    averages = {key: value for key, value in seen[0].items() if value.is_floating_point()}
    for state in seen[1:]:
        averages = {key: 0.5 * value + 0.5 * state[key] for key, value in averages.items()}
    saved = run.network.state_dict()
    for key, value in averages.items():
        torch.testing.assert_close(saved[key], value)
    assert not torch.equal(saved["fc.weight"], run.unwrapped.state_dict()["fc.weight"])


def test_image_classification_mixup_mixes_labels() -> None:
    objective = ImageClassification(pad=0, flip=False, mixup=1.0, smoothing=0.1)
    images = torch.zeros(8, 1, 4, 4) + torch.arange(8.0)[:, None, None, None]
    data = LabelledImages(objective, images, torch.arange(8) % 4, 8, 4)
    torch.manual_seed(0)
    ((mixed, targets),) = data.batches(torch.Generator().manual_seed(0))
    assert targets.shape == (8, 4)
    torch.testing.assert_close(targets.sum(1), torch.ones(8))
    assert mixed[:, 0, 0, 0].frac().any()
    logits = torch.randn(8, 4)
    by_hand = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(objective.loss(logits, targets), by_hand)
    assert objective.metric_sum(targets, targets) == 0


def test_image_classification_smoothing_matches_formula() -> None:
    logits, labels = torch.randn(5, 10), torch.arange(5)
    soft = 0.9 * torch.eye(10)[labels] + 0.01
    by_hand = -(soft * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(ImageClassification(smoothing=0.1).loss(logits, labels), by_hand)


def test_shift_and_flip_reflect_padding_uses_own_pixels() -> None:
    image = torch.arange(1.0, 37.0).reshape(1, 1, 6, 6).repeat(60, 1, 1, 1)
    generator = torch.Generator().manual_seed(0)
    actual = shift_and_flip(image, 2, False, generator, "reflect")
    assert actual.min() > 0  # no border of zeros
    padded = torch.nn.functional.pad(image[:1], (2, 2, 2, 2), "reflect")[0, 0]
    crops = [padded[y : y + 6, x : x + 6] for y in range(5) for x in range(5)]
    assert all(any(torch.equal(one[0], crop) for crop in crops) for one in actual)


def test_status_line_and_tensorboard_report_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Trainer(tiny(optimizer=SGD), seed=0, out=tmp_path)
    assert status_line(run, 1.25, 512.4, {}) == "epoch 1/3  loss 1.250  512 samples/s  tiny"
    assert "  error 4.12  " in status_line(run, 1.25, 512.4, {"error": 4.123})
    written: list[tuple[str, float, int]] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "tensorboard")

        def add_scalar(self, *row: Any) -> None:
            written.append(row)

        def close(self) -> None:
            written.append(("closed", 0.0, 0))

    fake = types.ModuleType("torch.utils.tensorboard")
    vars(fake)["SummaryWriter"] = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    log_tensorboard(tmp_path, [{"epoch": 0, "loss": 2.0}, {"epoch": 1, "loss": 1.0}])
    assert written == [("loss", 2.0, 0), ("loss", 1.0, 1), ("closed", 0.0, 0)]
