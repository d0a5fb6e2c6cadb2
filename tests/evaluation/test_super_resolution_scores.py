"""Scores in RGB without further pixels at the edges, as EDSR's authors print them on DIV2K."""

import numpy as np
import pytest

import zoo
from tests.support.images import photo
from zoo.data.imresize import imresize
from zoo.data.super_resolution import Pair
from zoo.evaluation.evaluators.super_resolution import score_pair, upscale_by_protocol
from zoo.papers.loading import load_papers
from zoo.papers.protocols import SuperResolutionProtocol


def test_score_pair_in_rgb_cuts_scale_and_extra_pixels() -> None:
    """PSNR over all values of what is left, by hand."""
    large = np.asarray(photo(60, 48))
    small = imresize(large, 1 / 2)
    protocol = SuperResolutionProtocol(scored="rgb", extra_shave=2)
    model = zoo.create("bicubic_x2").eval()
    score = score_pair(model, Pair("photo", large, small), protocol, 2)
    errors = (upscale_by_protocol(model, small, 2, protocol).astype(float) - large)[4:-4, 4:-4]
    assert score.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(errors**2)), abs=1e-6)
    on_luma = score_pair(model, Pair("photo", large, small), SuperResolutionProtocol(), 2)
    assert on_luma.psnr > score.psnr


def test_edsr_div2k_protocol_is_that_of_the_readme() -> None:
    (paper,) = (paper for paper in load_papers() if paper.id == "edsr")
    expected = SuperResolutionProtocol(scored="rgb", extra_shave=2)
    assert paper.protocol_settings["div2k"] == expected
