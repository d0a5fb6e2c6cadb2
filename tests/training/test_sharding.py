"""Networks in parts on two processes (gloo): what they learn, what each holds, what is written."""

import copy
import json
import math
import runpy
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.optim import SGD

from configs import language
from tests.models import test_all_language_models as decoders
from tests.support.processes import on_processes, start_group
from tests.training.test_checkpoint_resume import reached
from tests.training.test_loop import final, tiny
from zoo.checkpoints import loading
from zoo.training import Recipe, Trainer, checkpoint, sharding, train
from zoo.training.error_count import count_errors
from zoo.training.language_modeling import NextToken
from zoo.training.objective import Shard

MOMENTUM = {"optimizer": partial(SGD, momentum=0.9), "lr": 0.5}
SCRIPT = "import sys, tests.training.test_sharding as t; getattr(t, sys.argv[1])(sys.argv[2])"


def small(**changes: Any) -> Recipe:
    """Ten steps of two layers: AdamW, each batch in two parts, gradients shortened."""
    recipe = replace(
        language.nano("gpt2_nano"),
        args={"layers": 2, "width": 32, "heads": 2},
        dataset="peps_mini/validation",
        objective=NextToken(context=32, steps=5),
        epochs=2,
        batch_size=8,
        accumulate=2,
        clip=0.5,
    )
    return replace(recipe, **changes)


trained = partial(train, seed=0, quiet=True, checkpoint_every=2)


def stopped(out: Path, shard: bool) -> None:
    """A run that ends at its eighth step; the checkpoint is of the seventh."""
    run = Trainer(small(), seed=0, out=out, checkpoint_every=2, shard=shard)
    seen: list[float] = []

    def on_step(loss: float) -> None:
        seen.append(loss)
        if len(seen) == 8:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        for epoch in range(2):
            run.train_epoch(epoch, on_step)


class Bad(NextToken):
    """Not a number, at the fourth step, on the second process alone."""

    seen = 0

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        Bad.seen += 1
        second = torch.distributed.get_rank() == 1
        return super().loss(output, target) * (math.nan if second and Bad.seen == 7 else 1.0)


def runs(where: str) -> None:
    """On each process, what the tests look at."""
    out = Path(where)
    trained(small(), out=out / "ddp")
    trained(small(**MOMENTUM), out=out / "momentum-ddp")
    trained(small(**MOMENTUM), out=out / "momentum", shard=True)
    run = trained(small(), out=out / "sharded", shard=True)
    states, rank = run.optimizer.state.values(), run.accelerator.process_index
    held: dict[str, Any] = {"parameters": [elements(each) for each in run.unwrapped.parameters()]}
    held["state"] = [elements(each) for state in states for each in state.values()]
    with CommDebugMode() as sent:
        run.train_step(*next(run.data.batches(torch.Generator(), 0, Shard(rank, 2))))
    held["reduced"] = [n for op, n in sent.get_comm_counts().items() if "reduce_scatter" in str(op)]
    (out / f"held-{rank}.json").write_text(json.dumps(held))
    stopped(out / "resumed", True)
    if run.accelerator.is_main_process:
        shutil.copytree(out / "resumed", out / "unsharded")
    trained(small(), out=out / "resumed", shard=True)
    trained(small(), out=out / "from-one", shard=True)
    for name, shard in (("nan", True), ("nan-ddp", False)):
        Bad.seen = 0
        with pytest.raises(FloatingPointError) as error:
            trained(small(objective=Bad(context=32, steps=5)), out=out / name, shard=shard)
        (out / f"{name}-{rank}").write_text(str(error.value))
    run.accelerator.end_training()


def elements(value: Tensor) -> tuple[int, int]:
    """(here, of how many); of a tensor that is not in parts, all."""
    return (value.to_local() if isinstance(value, DTensor) else value).numel(), value.numel()


@pytest.fixture(scope="module", params=[pytest.param("runs", marks=pytest.mark.slow)])
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of all runs; what looks at them is slow by that."""
    folder = tmp_path_factory.mktemp("runs")
    stopped(folder / "from-one", False)
    return launched("runs", folder)


def launched(function: str, folder: Path) -> Path:
    (folder / "script.py").write_text(SCRIPT)
    on_processes(2, str(folder / "script.py"), function, str(folder))
    return folder


def assert_near(folder: Path, other: Path) -> None:
    """In weights, by rounding, and in the losses on the way."""
    actual, expected = (
        loading.read_safetensors(each / "model.safetensors") for each in (folder, other)
    )
    assert list(actual) == list(expected)
    for key, value in expected.items():
        torch.testing.assert_close(actual[key], value, rtol=1e-3, atol=2e-5)
    losses, other_losses = ([row["loss"] for row in history(each)] for each in (folder, other))
    assert losses == pytest.approx(other_losses)


@pytest.mark.parametrize(("name", "other"), [("sharded", "ddp"), ("momentum", "momentum-ddp")])
def test_train_sharded_matches_data_parallel(name: str, other: str, out: Path) -> None:
    assert_near(out / name, out / other)


def history(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_shard_each_process_holds_half_of_params_and_state(out: Path) -> None:
    held = [json.loads((out / f"held-{rank}.json").read_text()) for rank in (0, 1)]
    numbers = sum(
        v.numel() for v in loading.read_safetensors(out / "sharded/model.safetensors").values()
    )
    for what, total in (("parameters", numbers), ("state", 2 * numbers)):
        for process in held:
            parts = [(here, of) for here, of in process[what] if of > 1]  # not AdamW's steps
            assert sum(of for _, of in parts) == total
            assert sum(here for here, _ in parts) == pytest.approx(total / 2, rel=0.01)


def test_shard_gradients_reduced_once_per_step(out: Path) -> None:
    """Not once a part: those of two blocks, and of the rest."""
    assert json.loads((out / "held-0.json").read_text())["reduced"] == [3]


def test_resume_sharded_run_ends_with_identical_bytes(out: Path) -> None:
    assert final(out / "resumed") == final(out / "sharded")
    assert history(out / "resumed") == history(out / "sharded")


def test_resume_between_sharded_and_unsharded_matches(out: Path) -> None:
    state = torch.load(out / "unsharded" / checkpoint.NAME, weights_only=True)
    assert (len(state["history"]), state["step"]) == (1, 2)
    trained(small(), out=out / "unsharded")
    for name in ("unsharded", "from-one"):
        assert_near(out / name, out / "ddp")


@pytest.mark.parametrize("name", ["nan", "nan-ddp"])
def test_train_nan_loss_on_one_process_stops_all(name: str, out: Path) -> None:
    messages = {(out / f"{name}-{rank}").read_text() for rank in (0, 1)}
    assert messages == {"the loss is nan at step 3"}
    state = torch.load(out / name / checkpoint.NAME, weights_only=True)
    assert state["step"] == 2
    assert all(value.isfinite().all() for value in state["model"].values())


def test_train_command_shard_with_one_process_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["zoo.training", f"{language.__file__}:gpt2_nano", "--out", str(tmp_path), "--shard"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as end:
        runpy.run_module("zoo.training", run_name="__main__")
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: --shard splits a network among processes, and there is one")
    assert message.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_train_command_help_names_every_option_and_default(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["zoo.training", option])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("zoo.training", run_name="__main__")
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert end.value.code == 0
    assert "Seed of the run." in shown
    assert "checkpoints within an epoch. [default: 500]" in shown
    assert "Benchmark to evaluate on at the end, e.g. cifar10/test; none by default." in shown


def variants(where: str) -> None:
    """Averages, bf16, BatchNorm: sharded and not."""
    out = Path(where)
    kinds: dict[str, Recipe] = {
        "averages": small(ema=0.9),
        "norms": tiny(epochs=1, ema=0.5, args={"depth": 10}),
        "bf16": small(precision="bf16", epochs=1, objective=NextToken(context=32, steps=1)),
    }
    for name, recipe in kinds.items():
        AcceleratorState._reset_state()  # another precision
        trained(recipe, out=out / f"{name}-ddp")
        run = trained(recipe, out=out / name, shard=True)
        if name == "norms":
            _, total = count_errors(run, "digits/test")
            (out / f"errors-{run.accelerator.process_index}").write_text(str(total))
    run.accelerator.end_training()


@pytest.mark.slow
def test_train_sharded_ema_bf16_and_batchnorm_match_unsharded(tmp_path: Path) -> None:
    launched("variants", tmp_path)
    for name in ("averages", "norms", "bf16"):
        assert_near(tmp_path / name, tmp_path / f"{name}-ddp")
    assert [(tmp_path / f"errors-{rank}").read_text() for rank in (0, 1)] == ["360", "360"]


def gradients(_: str) -> None:
    """Of every language model, whole and in parts."""
    accelerator = Accelerator(cpu=True)
    for target, args in decoders.EVERY:
        network = decoders.small(target, **args).train()
        parts = copy.deepcopy(network)
        sharding.shard(parts, accelerator)
        for each in (network, parts):
            each(decoders.ids()).square().mean().backward()
        for p, q in zip(network.parameters(), parts.parameters(), strict=True):
            torch.testing.assert_close(q.grad.full_tensor(), p.grad)
    accelerator.end_training()


@pytest.mark.slow
def test_shard_every_language_model_gives_same_gradients(tmp_path: Path) -> None:
    launched("gradients", tmp_path)


RECIPE = """
from tests.training.test_sharding import NextToken, small
recipe = small(objective=NextToken(context=32, steps=20))
"""


@pytest.mark.slow
def test_resume_sharded_after_kill_ends_with_identical_bytes(tmp_path: Path) -> None:
    """By -9, all processes, in the second epoch."""
    recipe = tmp_path / "recipe.py"
    recipe.write_text(RECIPE)

    def command(out: Path) -> tuple[str, ...]:
        options = ("--shard", "--checkpoint-every", "5")
        return ("-m", "zoo.training", str(recipe), "--out", str(out), *options)

    on_processes(2, *command(tmp_path / "whole"))
    cut = tmp_path / "cut"
    running = start_group(2, *command(cut), folder=tmp_path)
    for _ in range(6000):
        if reached(cut, 20) >= 25:
            break
        time.sleep(0.02)
    for process in running:
        process.kill()
        process.join()
    assert 25 <= reached(cut, 20) < 40
    assert not (cut / "model.safetensors").exists()
    on_processes(2, *command(cut))
    assert final(cut) == final(tmp_path / "whole")
    assert history(cut) == history(tmp_path / "whole")
