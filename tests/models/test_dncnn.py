"""DnCNN: what is taken away is what is found; parity with spandrel; keys; noise and scores."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from spandrel.architectures.DnCNN import DnCNN as Theirs
from torch import Tensor, nn

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.support.evaluation import evaluate
from tests.support.models import make_model
from zoo.checkpoints.reading import read_checkpoint
from zoo.claims.diagnosis import explain
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.denoising import add_noise
from zoo.evaluation import tasks
from zoo.evaluation.metrics import psnr_ssim_all_channels
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file, detect_model
from zoo.models._factory import create
from zoo.models._registry import model_entries
from zoo.models.dncnn.model import DnCNN, folded
from zoo.papers.protocols import DenoisingProtocol
from zoo.training.denoising import Denoising, NoisyPatches

NAMES = ("dncnn_s", "dncnn_b", "dncnn_3", "dncnn_cb")


def noise_of(model: Any, size: int = 24) -> Tensor:
    return images(size, channels=model.layers[0].in_channels)


@pytest.mark.parametrize(
    ("name", "params"),
    [("dncnn_s", 556_096), ("dncnn_b", 667_072), ("dncnn_3", 667_072), ("dncnn_cb", 669_376)],
)
def test_dncnn_params_match_paper(name: str, params: int) -> None:
    assert sum(p.numel() for p in build_model(name, device="meta").parameters()) == params


def test_dncnn_biases_at_ends_add_one_param() -> None:
    ends = build_model("dncnn_s", biases="ends")
    assert sum(p.numel() for p in ends.parameters()) == 556_097


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_dncnn_zero_residual_is_identity(name: str) -> None:
    model = make_model(name)
    y = noise_of(model)
    assert torch.equal(model(y), y - model.residual(y))
    assert not torch.equal(model(y), y)
    model.layers[-1].weight.zero_()
    assert torch.equal(model(y), y)


@torch.inference_mode()
def test_dncnn_s_receptive_field_is_35_pixels() -> None:
    """Sec. III-A: (2 * 17 + 1) on each side."""
    model = make_model("dncnn_s")
    y = noise_of(model, 41)[:1]
    changed = y.clone()
    changed[..., 20, 20] += 1
    rows = (model(y) != model(changed))[0, 0].any(1).nonzero()
    assert (int(rows.min()), int(rows.max())) == (20 - 17, 20 + 17)


@pytest.mark.parametrize("biases", ["none", "first", "ends", "all"])
@torch.inference_mode()
def test_folded_batchnorm_keeps_output(biases: str) -> None:
    model = make_model("dncnn_s", biases=biases)
    small = folded(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in small.modules())
    y = noise_of(model)
    torch.testing.assert_close(small(y), model(y), rtol=0, atol=1e-12)
    assert torch.equal(folded(small)(y), small(y))


@pytest.mark.parametrize(("act", "norm"), [("BR", True), ("R", False)])
@pytest.mark.parametrize("name", ["dncnn_s", "dncnn_b", "dncnn_cb"])
@torch.inference_mode()
def test_dncnn_equals_spandrel(name: str, act: str, norm: bool, tmp_path: Path) -> None:
    """Equal to the last bit; and `zoo convert` knows by itself what their file is, unless it has
    the tensors of DnCNN-B and of DnCNN-3."""
    args = {"biases": "all", "epsilon": 1e-4} if norm else {"biases": "all", "norm": False}
    ours = make_model(name, **args)
    channels, depth = ours.layers[0].in_channels, 17 if name == "dncnn_s" else 20
    theirs = Theirs(in_nc=channels, out_nc=channels, nb=depth, act_mode=act).double().eval()
    state = {k.replace("layers.", "model."): v for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    y = noise_of(ours)
    assert torch.equal(ours(y), theirs(y))
    torch.save(state, tmp_path / "theirs.pth")
    alike = not norm and name == "dncnn_b"
    actual = convert_file(tmp_path / "theirs.pth", model=name if alike else "")
    assert (actual.model, actual.args) == (name, args)


class Community(nn.Module):
    """conv, relu, (conv, BatchNorm, relu) ..., conv: no bias; torch's own epsilon; gives R(y)."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 64, 3, padding=1, bias=False), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        self.dncnn = nn.Sequential(*layers, nn.Conv2d(64, 1, 3, padding=1, bias=False))

    def forward(self, y: Tensor) -> Tensor:
        actual: Tensor = self.dncnn(y)
        return y - actual


@pytest.mark.parametrize(("name", "depth"), [("dncnn_s", 17), ("dncnn_b", 20)])
@torch.inference_mode()
def test_convert_file_saoyan_layout_detects_dncnn(name: str, depth: int, tmp_path: Path) -> None:
    theirs = Community(depth)
    fill(layers_of(theirs))
    theirs.eval()
    state = {f"module.{k}": v for k, v in theirs.state_dict().items() if "batches" not in k}
    path = tmp_path / "net.pth"
    torch.save(state, path)
    actual = convert_file(path)
    assert (actual.model, actual.args, actual.keys) == (name, {}, "SaoYan/DnCNN-PyTorch")
    ours: Any = create(name).double().eval()
    ours.load_state_dict(detect_model(read_checkpoint(path)[0], "theirs").state)
    y = images(24, channels=1)
    torch.testing.assert_close(ours(y), theirs(y), rtol=0, atol=1e-12)
    assert not ours.layers[0].bias.any()


def test_dncnn_invalid_arguments_raise() -> None:
    with pytest.raises(ValueError, match=re.escape("depth must be 3 or more (Sec. III-B")):
        DnCNN(depth=2)
    with pytest.raises(ValueError, match="biases must be one of none, first, ends, all"):
        DnCNN(biases="last")


def test_dncnn_untrained_residual_is_small() -> None:
    torch.manual_seed(0)
    y = torch.rand(1, 1, 32, 32)
    assert float(create("dncnn_s").residual(y).detach().std()) < 0.2 * float(y.std())


def test_noisy_is_seeded_and_not_clipped() -> None:
    clean = np.full((200, 200), 250, np.uint8)
    noisy = add_noise(clean, 25, 0)
    assert np.array_equal(noisy, add_noise(clean, 25, 0))
    assert not np.array_equal(noisy, add_noise(clean, 25, 1))
    assert noisy.max() > 1
    assert 255 * (noisy - clean / 255).std() == pytest.approx(25, rel=0.01)
    assert len(np.unique(noisy)) > 30_000


def test_compare_scores_all_pixels_and_channels() -> None:
    expected = np.random.default_rng(0).integers(0, 256, (20, 24, 3)).astype(np.uint8)
    actual = expected.astype(float)
    actual[0, 0, 0] += 12  # in the corner of one channel
    assert psnr_ssim_all_channels(actual, expected).psnr == pytest.approx(
        10 * np.log10(255**2 * 20 * 24 * 3 / 144)
    )
    assert (
        psnr_ssim_all_channels(actual[..., 0], expected[..., 0]).ssim
        < psnr_ssim_all_channels(actual, expected).ssim
        < 1
    )
    assert psnr_ssim_all_channels(expected, expected) == (np.inf, 1)
    with pytest.raises(ValueError, match="images of one shape"):
        psnr_ssim_all_channels(actual[..., 0], expected)


def test_denoising_objective_draws_patches_and_halves_loss() -> None:
    """Patches of the images, whose noise has a strength between the two; half of the sum."""
    image = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40) % 251
    patches = NoisyPatches(Denoising(sigma=(10, 20), size=12, steps=3), [image, image[:9]], 64)
    batches = list(patches.batches(torch.Generator().manual_seed(0)))
    again = list(patches.batches(torch.Generator().manual_seed(0), start=2))
    assert len(batches) == 3
    assert torch.equal(batches[2][0], again[0][0])
    noisy, clean = batches[0]
    strengths = 255 * (noisy - clean).flatten(1).std(1)
    assert 8 < float(strengths.min()) < 12
    assert 18 < float(strengths.max()) < 23
    values = {float(v) for v in image.flatten() / np.float32(255)}
    assert {float(v) for v in clean.unique()} <= values
    objective = patches.objective
    assert float(objective.loss(noisy, clean)) == pytest.approx(
        float(((noisy - clean) ** 2).sum()) / 128, rel=1e-5
    )


@pytest.mark.slow
def test_evaluate_bundled_dncnn_matches_recorded_psnr() -> None:
    """Removes more than 9 dB at sigma 25 on four images; equal to its record."""
    options = ("dncnn_tiny.zoo_train400", "--benchmark", "photos/sigma25")
    record = evaluate(*options)
    actual = record["scores"]["psnr"]["value"]
    assert actual == pytest.approx(30.386, abs=5e-3)
    samples: Any = BENCHMARKS["photos/sigma25"].open()
    before = [
        psnr_ssim_all_channels(255 * add_noise(s.pixels, 25, 0), s.pixels).psnr for s in samples
    ]
    assert actual - float(np.mean(before)) > 9
    unrounded = evaluate(*options, "--unrounded")["scores"]["psnr"]["value"]
    assert 0 < actual - unrounded < 0.01  # neither rounded nor clipped


def test_evaluate_other_task_is_rejected() -> None:
    with pytest.raises(ValueError, match="resnet20 is not for denoising"):
        evaluate("resnet20", "--benchmark", "photos/sigma25")
    with pytest.raises(ValueError, match="dncnn_tiny is not for super-resolution"):
        evaluate("dncnn_tiny", "--benchmark", "set5/bi_x2")


def test_denoising_evaluator_channel_mismatch_raises() -> None:
    evaluator = tasks.TASKS["denoising"].evaluator(
        create("dncnn_cb"),
        BENCHMARKS["photos/sigma25"].open(),
        DenoisingProtocol(),
        BENCHMARKS["photos/sigma25"],
    )
    with pytest.raises(ValueError, match="has 1 channels; the network takes 3"):
        evaluator.load(0)


def test_explain_denoising_has_no_known_causes() -> None:
    with pytest.raises(ValueError, match="denoises images, and no causes are known"):
        explain("dncnn_tiny", "photos/sigma25")


def test_tasks_all_have_models_benchmarks_and_papers() -> None:
    assert {entry.task for entry in model_entries().values()} == set(tasks.TASKS)
    assert {benchmark.task for benchmark in BENCHMARKS.values()} == set(tasks.TASKS)
    paper_tasks = {paper.task for paper in zoo.list_papers()}
    assert paper_tasks == set(tasks.TASKS)


@pytest.mark.data
def test_evaluate_bundled_dncnn_on_set12_exceeds_29_db(zoo_data: Path) -> None:
    """The bundled network, on the images that papers are about."""
    options = ("--benchmark", "set12/sigma25", "--data", zoo_data)
    record = evaluate("dncnn_tiny.zoo_train400", *options)
    assert record["samples"] == 12
    assert record["scores"]["psnr"]["value"] > 29.2
