"""Gradio demo: upscale an image, or read a handwritten digit.

    python -m demo.app [--port 7860]

The choices are the weights that come with the zoo, so that nothing is downloaded.
"""

import argparse
import os
from collections.abc import Callable
from functools import cache
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
import torch
from PIL import Image
from torch import nn

import zoo
from zoo.data.benchmarks import BENCHMARKS
from zoo.inference.upscaling import load
from zoo.models._registry import list_weights

DIGITS = "digits/test"
EXAMPLES = 8  # digits to choose from


def bundled(task: str, benchmark: str = "") -> list[str]:
    """Return the names of bundled weights for a task, or for one benchmark of it."""
    every = (w for name in zoo.list_models(task=task) for w in list_weights(name))
    return [
        weights.name
        for weights in every
        if not (weights.repo or weights.url) and (not benchmark or benchmark in weights.benchmarks)
    ]


def upscale(image: Image.Image | None, weights: str) -> Image.Image:
    """Upscale an image by weights, whose name ends in the scale: "rcan_tiny_x2.zoo_photos"."""
    if image is None:
        raise gr.Error("choose an image first")
    scale = int(weights.partition(".")[0].rpartition("_x")[2])
    return zoo.upscale(image, upscaler(weights, scale), scale=scale)


def classify(image: Image.Image | None, weights: str) -> dict[str, float]:
    """Return the probability of each digit."""
    if image is None:
        raise gr.Error("choose a digit first")
    model, prepare = classifier(weights)
    with torch.inference_mode():
        probabilities = model(prepare(image)[None]).softmax(1)[0]
    return {str(digit): p for digit, p in enumerate(probabilities.tolist())}


@cache
def upscaler(weights: str, scale: int) -> nn.Module:
    """Load a super-resolution network once."""
    return load(weights, scale)


@cache
def classifier(weights: str) -> tuple[nn.Module, Callable[[Image.Image], torch.Tensor]]:
    """Load a classifier once, with the preprocessing of its weights."""
    model = zoo.create(weights, pretrained=True)
    return model, zoo.transform(model)


def photographs() -> list[Image.Image]:
    """Return photographs that scikit-image carries, small enough to wait for."""
    from skimage import data

    images = [Image.fromarray(image()) for image in (data.chelsea, data.astronaut)]
    return [image.resize((192, 192 * image.height // image.width)) for image in images]


def tab(function: Callable[..., Any], weights: list[str], images: list[Image.Image]) -> None:
    """Add a tab's contents: image and weights in, the function's result out."""
    answer = gr.Image if function is upscale else gr.Label
    with gr.Row():
        with gr.Column():
            image = gr.Image(type="pil", label="Image", image_mode=None)
            choice = gr.Dropdown(weights, value=weights[0], label="Weights")
            button = gr.Button(function.__name__.capitalize(), variant="primary")
        result = answer(label="Result")
    gr.Examples([[example] for example in images], image)
    button.click(function, [image, choice], result)


def build() -> gr.Blocks:
    """Return the page."""
    digits = BENCHMARKS[DIGITS].open()
    with gr.Blocks(title="residual-zoo") as page:
        gr.Markdown("# residual-zoo\nSmall residual networks whose weights come with the zoo.")
        with gr.Tab("Upscale"):
            tab(upscale, bundled("super-resolution"), photographs())
        with gr.Tab("Classify"):
            scans = [digits[i][0] for i in range(EXAMPLES)]
            tab(classify, bundled("image-classification", DIGITS), scans)
    return page


def main() -> None:
    """Serve the page on this machine."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=7860)
    build().launch(server_port=parser.parse_args().port)


if __name__ == "__main__":
    main()
