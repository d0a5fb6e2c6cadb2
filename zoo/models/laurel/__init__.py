"""LAuReL (2411.07501): ResNet-50 as in the paper, and the form of it on GPT-2."""

from functools import partial

from zoo.models._cfgs import IMAGENET_CFG, language_cfg
from zoo.models._registry import register_models

register_decoders = partial(register_models, task="language-modeling")
RESNET = "zoo.models.laurel.model:LAuReLResNet"
GPT2 = "zoo.models.laurel.language:LAuReLGPT2"

register_models(
    RESNET,
    {
        "laurel_rw_resnet50": {"parts": "rw"},
        "laurel_lr_resnet50": {"parts": "lr"},
        "laurel_pa_resnet50": {"parts": "pa"},
        "laurel_rw_lr_resnet50": {"parts": "rw+lr"},
        "laurel_rw_lr_pa_resnet50": {"parts": "rw+lr+pa"},
        "resnet53": {"parts": "", "depths": (3, 4, 7, 3)},  # the baseline and one layer more
    },
    IMAGENET_CFG,
    task="image-classification",
)
NANO = {"layers": 6, "width": 80, "heads": 4, "vocab": 257, "context": 256, "rank": 4}
for parts in ("rw", "lr", "pa", "rw+lr", "rw+lr+pa"):
    name = f"laurel_{parts.replace('+', '_')}_gpt2"
    register_decoders(GPT2, {name: {"parts": parts}}, language_cfg("gpt2", 50257, 1024))
register_decoders(
    GPT2,
    {
        "laurel_rw_gpt2_nano": {**NANO, "parts": "rw"},
        "laurel_rw_lr_gpt2_nano": {**NANO, "parts": "rw+lr"},
    },
    language_cfg("bytes", 257, 256),
)
