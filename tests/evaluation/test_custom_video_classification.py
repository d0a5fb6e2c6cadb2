"""`zoo evaluate` for video clips: a record of a file, and what it refuses."""

from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.support.evaluation import evaluate
from zoo.models._builder import build_model


@pytest.mark.slow
def test_video_classification_of_a_file_gives_a_record(tmp_path: Path) -> None:
    path = tmp_path / "p3d63.safetensors"
    save_file(build_model("p3d63").state_dict(), path)
    options = ("--model", "p3d63", "--benchmark", "moving_digits/test", "--limit", "2")
    record = evaluate(path, *options)
    assert (record["benchmark"], record["samples"], record["model"]) == (
        "moving_digits/test",
        2,
        "p3d63",
    )


def test_video_classification_of_images_raises() -> None:
    with pytest.raises(ValueError, match="p3d63 is not for image-classification but for video"):
        evaluate("p3d63", "--benchmark", "digits/test")
