"""Super-resolution networks with weights, bundled and published."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import zoo
from tests.conftest import bundled, first_alone, measured
from tests.support.file_server import Answer, FileServer
from tests.support.patching import replace_everywhere
from tests.support.published_weights import mirror
from zoo.checkpoints.writing import file_sha256
from zoo.cli import app
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.evaluators.super_resolution import mean_scores, score_pair
from zoo.evaluation.metrics import psnr_ssim
from zoo.models._factory import create
from zoo.models._registry import get_entry, list_weights
from zoo.papers.loading import load_papers
from zoo.papers.protocols import SuperResolutionProtocol
from zoo.papers.weights import Weights
from zoo.reporting import console

PINNED = [
    w
    for paper in load_papers()
    for w in paper.weights
    if w.bundled and get_entry(w.model).task == "super-resolution"
]
pinned_weights = pytest.mark.parametrize("pinned", PINNED, ids=lambda w: w.name)
data = pytest.mark.data


@pytest.mark.parametrize("pinned", first_alone(PINNED), ids=lambda w: w.name)
@pytest.mark.usefixtures("nothing_published")
def test_bundled_weights_photos_scores_match_record(pinned: Weights) -> None:
    record = json.loads(pinned.record.read_text())
    assert record["sha256"] == pinned.sha256 == file_sha256(pinned.path)
    assert pinned.path.stat().st_size < 1_200_000
    assert record["recipe"] == pinned.recipe == f"configs/super_resolution.py:{pinned.model}"
    assert set(record["benchmarks"]) == set(pinned.benchmarks)
    rows = bundled(pinned.name)
    assert [row.status for row in rows] == ["reproduced", "reproduced", *["not run"] * 4], rows
    assert all("--data DIR" in row.why for row in rows[2:])


def test_bundled_weights_cover_x2_and_x4() -> None:
    assert {w.name for w in PINNED} == {"rcan_tiny_x2.zoo_photos", "rcan_tiny_x4.zoo_photos"}


@data
@pinned_weights
@pytest.mark.usefixtures("nothing_published")
def test_bundled_weights_paper_benchmarks_beat_bicubic(pinned: Weights, zoo_data: Path) -> None:
    """And beat bicubic interpolation, by 2.0 dB on Set5 and 1.2 dB on Set14 at x2."""
    rows = bundled(pinned.name, zoo_data)
    assert [row.status for row in rows] == ["reproduced"] * 6, rows
    least = {"set5/bi_x2": 2.0, "set14/bi_x2": 1.2}
    for name in pinned.benchmarks:
        bicubic, scale = f"bicubic_x{name[-1]}", int(name[-1])
        pairs = BENCHMARKS[name].open(zoo_data)
        networks = [zoo.create(pinned.name, pretrained=True).eval(), zoo.create(bicubic).eval()]
        actual, base = (
            mean_scores(
                {
                    pair.name: score_pair(network, pair, SuperResolutionProtocol(), scale)
                    for pair in (pairs[i] for i in range(len(pairs)))
                }
            )
            for network in networks
        )
        assert actual.psnr - base.psnr > least.get(name, 0.5), name
        assert actual.ssim > base.ssim


def test_check_bundled_changed_weights_is_not_reproduced(monkeypatch: pytest.MonkeyPatch) -> None:
    real = create

    def wrong(name: str, pretrained: bool = False, **overrides: object) -> object:
        model = real(name, pretrained, **overrides)
        model.tail[1].bias.data += 1  # of 255 levels
        return model

    replace_everywhere(monkeypatch, "zoo.models._factory.create", wrong)
    rows = bundled(PINNED[0].name)
    assert rows[0].status == "not reproduced"
    assert rows[0].fails


def test_upscale_default_model_beats_bicubic() -> None:
    """The example of the README: nothing but the image, and better than bicubic."""
    pair = BENCHMARKS["photos/bi_x2"].open()[1]
    small = Image.fromarray(pair.small)
    actual = psnr_ssim(np.asarray(zoo.upscale(small)), pair.large, 2)
    width, height = small.size
    plain = small.resize((2 * width, 2 * height), Image.Resampling.BICUBIC)
    assert actual.psnr > psnr_ssim(np.asarray(plain), pair.large, 2).psnr + 0.5


@data
@pytest.mark.usefixtures("nothing_published")
def test_carn_m_official_checkpoint_matches_readme_table(
    zoo_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CARN-M: downloaded, converted, evaluated and set beside the table of the authors' README."""
    with mirror(monkeypatch, tmp_path) as server:
        _check_carn_m(zoo_data, server)


def _check_carn_m(zoo_data: Path, server: FileServer) -> None:
    claims = [
        c for c in zoo.list_claims("carn_m", benchmark="set5/*", kind="measured") if not c.variant
    ]
    assert len(claims) == 6
    before = [measured(claim, zoo_data) for claim in claims]
    assert {row.status for row in before} == {"not run"}
    assert all("`zoo pull carn_m.official` downloads it" in row.why for row in before)
    file = zoo_data / "checkpoints" / "carn_m" / "carn_m.pth"
    url = list_weights("carn_m")[0].url
    server.files[url.removeprefix("https://github.com")] = Answer(file.read_bytes())
    done = CliRunner().invoke(app, ["pull", "carn_m.official"])
    assert done.exit_code == 0, done.output
    rows = [measured(claim, zoo_data) for claim in claims]
    actual = {
        (c.benchmark[-2:], c.metric): row.measured for c, row in zip(claims, rows, strict=True)
    }
    assert actual == {
        ("x2", "psnr"): "37.68 dB",
        ("x2", "ssim"): "0.9595",
        ("x3", "psnr"): "34.06 dB",
        ("x3", "ssim"): "0.9248",
        ("x4", "psnr"): "31.88 dB",
        ("x4", "ssim"): "0.8910",
    }
    assert [row.status for row in rows if row.claimed == "31.92 dB"] == ["not reproduced"]
    assert {row.status for row in rows} == {"not reproduced"}  # off in either direction


def test_weights_table_shows_source() -> None:
    where = next(iter(console.weights(zoo.describe("carn_m.official")).columns[1].cells))
    assert str(where).endswith("checkpoint/carn_m.pth")
    (where,) = console.weights(zoo.describe("rcan_tiny_x4")).columns[1].cells
    assert str(where).startswith("bundled: ")


@data
@pytest.mark.usefixtures("nothing_published")
def test_bicubic_claims_of_papers_are_reproduced(zoo_data: Path) -> None:
    """Reproduced to the last digit on Set5; on Set14 off by what paper.toml says."""
    rows = {
        (c.benchmark, c.metric): measured(c, zoo_data)
        for c in zoo.list_claims("bicubic_*", paper="rcan")
        if c.kind == "measured"
        and c.benchmark[:5] in ("set5/", "set14")
        and "_x8" not in c.benchmark
    }
    for scale in (2, 3, 4):
        assert {rows[f"set5/bi_x{scale}", metric].status for metric in ("psnr", "ssim")} == {
            "reproduced"
        }
    assert not any(row.fails for row in rows.values())
    assert rows["set14/bi_x2", "psnr"].measured == "30.23 dB"
