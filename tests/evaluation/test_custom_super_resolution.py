"""`zoo evaluate` for super-resolution: benchmarks, folders, data sets; resumed."""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from PIL import Image

from tests.support.evaluation import evaluate
from zoo.data.imresize import imresize
from zoo.evaluation.metrics import psnr_ssim


def run(*options: str | Path) -> dict[str, Any]:
    return evaluate(*options)


def psnr(record: dict[str, Any]) -> float:
    value: float = record["scores"]["psnr"]["value"]
    return value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of odd sizes, and small ones of them by the newer MATLAB."""
    rng = np.random.default_rng(0)
    for kind in ("large", "small"):
        (tmp_path / kind).mkdir()
    for name, size in (("a", (41, 40)), ("b", (50, 33)), ("c", (36, 36))):
        image = imresize(rng.integers(0, 256, (14, 14, 3), dtype=np.uint8), 4)[: size[0], : size[1]]
        Image.fromarray(image).save(tmp_path / "large" / f"{name}.png")
        even = image[: size[0] // 2 * 2, : size[1] // 2 * 2]
        small = imresize(even, 1 / 2, "symmetric")
        Image.fromarray(small).save(tmp_path / "small" / f"{name}.png")
    return tmp_path


def test_evaluate_low_res_images_given_or_downscaled_agree(folder: Path) -> None:
    options = ("bicubic_x2", "--benchmark", folder / "large", "--scale", "2")
    computed, newer = run(*options), run(*options, "--border", "symmetric")
    published = run(*options, "--small", folder / "small")
    assert list(computed["parts"]) == ["a", "b", "c"]
    assert psnr(computed) != psnr(newer) == psnr(published)
    assert psnr(computed) == pytest.approx(
        np.mean([part["psnr"] for part in computed["parts"].values()])
    )
    large = np.asarray(Image.open(folder / "large" / "c.png"))
    up = imresize(imresize(large, 1 / 2).astype(float), 2)
    expected = psnr_ssim(np.floor(up.clip(0, 255) + 0.5), large, 2)
    assert computed["parts"]["c"]["psnr"] == pytest.approx(expected.psnr, abs=1e-2)
    three = ("bicubic_x3", *options[1:3], "--scale", "3")
    blurred, plain = run(*three, "--degradation", "bd"), run(*three)
    assert psnr(blurred) != psnr(plain)
    assert blurred["benchmark_version"] != plain["benchmark_version"]


def test_evaluate_hub_dataset_matches_folder(folder: Path) -> None:
    names = ["a", "b", "c"]
    rows = {
        column: [str(folder / kind / f"{name}.png") for name in names]
        for column, kind in (("hr", "large"), ("lr", "small"))
    }
    (folder / "set").mkdir()
    table = datasets.Dataset.from_dict(rows)
    for column in rows:
        table = table.cast_column(column, datasets.Image())
    table.to_parquet(folder / "set" / "validation-0.parquet")
    computed = run("bicubic_x2", "--benchmark", folder / "set", "--scale", "2")
    published = run(
        "bicubic_x2", "--benchmark", folder / "large", "--small", folder / "small", "--scale", "2"
    )
    assert psnr(computed) == pytest.approx(psnr(published))


def test_evaluate_protocol_option_uses_luma() -> None:
    plain = run("bicubic_x2", "--benchmark", "photos/bi_x2")
    luma = run("bicubic_x2", "--benchmark", "photos/bi_x2", "--protocol", "rcan/bi-y")
    assert luma["protocol"]["colour"] == "y"
    assert psnr(plain) != psnr(luma)
    assert (plain["samples"], plain["sha256"], plain["weights"]) == (4, "", "")


def test_evaluate_killed_run_resumes_to_same_scores(folder: Path, tmp_path: Path) -> None:
    options = (
        "bicubic_x2",
        "--benchmark",
        folder / "large",
        "--scale",
        "2",
        "--out",
        tmp_path / "out",
    )
    whole = run(*options)
    log = tmp_path / "out" / "answers-0.jsonl"
    lines = log.read_text().splitlines()
    log.write_text(lines[1] + "\n" + lines[2][:9])
    assert run(*options)["parts"] == whole["parts"]
    with pytest.raises(ValueError, match="another setting"):
        run(*options, "--border", "symmetric")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("bicubic_x2", "--benchmark", "set5/bi_x2"), "--data DIR"),
        (("bicubic_x3", "--benchmark", "photos/bi_x2"), "upscales by 3, not 2"),
        (("bicubic_x2", "--benchmark", "."), "needs --scale"),
        (("bicubic_x2", "--benchmark", "tests", "--scale", "2"), "holds no images"),
        (("bicubic_x2", "--benchmark", "photos/bi_x2", "--protocol", "rcan/no"), "the nearest are"),
        (("x.safetensors", "--benchmark", "photos/bi_x2"), "no file at x.safetensors"),
        (("resnet20", "--benchmark", "photos/bi_x2"), "resnet20 is not for super-resolution"),
    ],
)
def test_evaluate_invalid_option_raises(options: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(*options)
