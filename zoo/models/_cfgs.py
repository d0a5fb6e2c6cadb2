"""pretrained_cfg entries by kind of network, in timm's words."""

from typing import Any

# The CIFAR statistics are those of the authors' Torch code (datasets/cifar10.lua of
# fb.resnet.torch), in units of 255.
CIFAR_CFG: dict[str, Any] = {
    "input_size": (3, 32, 32),
    "num_classes": 10,
    "pool_size": (8, 8),
    "crop_pct": 1.0,
    "interpolation": "bilinear",
    "mean": (125.3 / 255, 123.0 / 255, 113.9 / 255),
    "std": (63.0 / 255, 62.1 / 255, 66.7 / 255),
    "first_conv": "conv1",
    "classifier": "fc",
}
IMAGENET_CFG: dict[str, Any] = CIFAR_CFG | {
    "input_size": (3, 224, 224),
    "num_classes": 1000,
    "pool_size": (7, 7),
    "crop_pct": 0.875,
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}
VIT_CFG: dict[str, Any] = IMAGENET_CFG | {  # vision transformers on patches of 16
    "pool_size": (14, 14),
    "first_conv": "patch_embed",
    "classifier": "head.fc",
}
BIG_VISION_CFG: dict[str, Any] = VIT_CFG | {  # with Big Vision's view of an image
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "interpolation": "box",
}


def super_resolution_cfg(scale: int) -> dict[str, Any]:
    """Return the configuration of a super-resolution network, for inputs of any size.

    MACs are counted at the input size whose output has 1280x720 pixels, as papers count.
    """
    return {"input_size": (3, 720 // scale, 1280 // scale), "fixed_input_size": False}


def language_cfg(tokenizer: str, vocab: int, context: int) -> dict[str, Any]:
    """Return the configuration of a language model for up to `context` ids below `vocab`."""
    return {"input_size": (context,), "vocab_size": vocab, "tokenizer": tokenizer}


def denoising_cfg(channels: int) -> dict[str, Any]:
    """Return the configuration of a denoiser, for inputs of any size.

    MACs are counted at the size of Set12's smaller images.
    """
    return {"input_size": (channels, 256, 256), "fixed_input_size": False}


def forecasting_cfg(
    look_back: int, horizon: int, *, channels: int, cycle: int = 0, padded: bool = False
) -> dict[str, Any]:
    """Return the configuration of a forecaster of `channels` series, `horizon` steps ahead.

    With a `cycle`, the phase of each step is a column before the channels. A `padded` network takes
    series that are shorter than its look-back, with NaN before their start.
    """
    cfg = {"input_size": (look_back, channels + bool(cycle)), "horizon": horizon, "cycle": cycle}
    return cfg | ({"padded": True} if padded else {})


def tabular_cfg(columns: int) -> dict[str, Any]:
    """Return the configuration of a network of tables, for rows of `columns` numbers."""
    return {"input_size": (columns,)}


def keyword_spotting_cfg(pool_size: tuple[int, int]) -> dict[str, Any]:
    """Return the configuration of a classifier of the twelve classes of Speech Commands.

    Its input is 101 frames of 40 MFCCs (zoo.data.mfcc), not normalized.
    """
    return {
        "input_size": (1, 101, 40),
        "num_classes": 12,
        "pool_size": pool_size,
        "mean": (0.0,),
        "std": (1.0,),
        "first_conv": "conv0",
        "classifier": "fc",
    }


def sequence_cfg(inputs: int) -> dict[str, Any]:
    """Return the configuration of a network of series of any length.

    MACs are counted for one step.
    """
    return {"input_size": (1, inputs)}


def time_series_cfg(steps: int, *, classes: int = 2, any_length: bool = True) -> dict[str, Any]:
    """Return the configuration of a classifier of series of one channel."""
    return {"input_size": (1, steps), "fixed_input_size": not any_length, "classes": classes}


def video_cfg(channels: int = 3) -> dict[str, Any]:
    """Return the configuration of a classifier of clips: 16 frames of 160x160, or any other size.

    MACs are counted at that size.
    """
    return {"input_size": (channels, 16, 160, 160), "fixed_input_size": False, "classes": 400}


def segmentation_cfg(channels: int, *, classes: int = 1) -> dict[str, Any]:
    """Return the configuration of a network of masks, for images of any size.

    MACs are counted at 96x96 pixels, the least size in 1807.10165.
    """
    return {
        "input_size": (channels, 96, 96),
        "fixed_input_size": False,
        "classes": classes,
    }


def graph_cfg(columns: int, classes: int) -> dict[str, Any]:
    """Return the configuration of a classifier of the nodes of a graph.

    MACs are counted for a node without neighbours.
    """
    return {"input_size": (columns,), "classes": classes}


def sentence_cfg(vocab: int, *, classes: int = 2) -> dict[str, Any]:
    """Return the configuration of a classifier of sentences of any length, of ids below `vocab`.

    MACs are counted for 20 words.
    """
    return {"input_size": (20,), "vocab_size": vocab, "classes": classes}


def translation_cfg(tokenizer: str, vocab: int) -> dict[str, Any]:
    """Return the configuration of a translator between texts of ids below `vocab`.

    MACs are counted for a source and a target of 20 tokens each.
    """
    return {"input_size": (20,), "vocab_size": vocab, "tokenizer": tokenizer}


def density_cfg(*shape: int) -> dict[str, Any]:
    """Return the configuration of a density of points (columns,) or of images (C, H, W)."""
    return {"input_size": shape}
