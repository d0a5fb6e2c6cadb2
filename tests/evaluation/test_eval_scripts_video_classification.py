"""The script for video clips: a record of a file, and what it refuses."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from eval.video_classification import evaluate, parse
from zoo.distributed import init
from zoo.models._builder import build_model


@pytest.mark.slow
def test_video_classification_of_a_file_gives_a_record(tmp_path: Path) -> None:
    path = tmp_path / "p3d63.safetensors"
    save_file(build_model("p3d63").state_dict(), path)
    options = parse(
        [str(path), "--model", "p3d63", "--benchmark", "moving_digits/test", "--limit", "2"]
    )
    record = evaluate(options, init("cpu"))
    assert (record["benchmark"], record["samples"], record["model"]) == (
        "moving_digits/test",
        2,
        "p3d63",
    )


def test_video_classification_of_images_raises() -> None:
    options = parse(["p3d63", "--benchmark", "digits/test"])
    with pytest.raises(ValueError, match="digits/test is no benchmark of video-classification"):
        evaluate(options, init("cpu"))
