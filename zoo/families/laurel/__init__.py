"""LAuReL (2411.07501): ResNet-50 as in the paper, and the form of it on GPT-2."""

from zoo.inputs import IMAGENET, language
from zoo.registry import register

RESNET = "zoo.families.laurel.model:LAuReLResNet"
GPT2 = "zoo.families.laurel.language:LAuReLGPT2"

register(
    RESNET,
    {
        "laurel_rw_resnet50": {"parts": "rw"},
        "laurel_lr_resnet50": {"parts": "lr"},
        "laurel_pa_resnet50": {"parts": "pa"},
        "laurel_rw_lr_resnet50": {"parts": "rw+lr"},
        "laurel_rw_lr_pa_resnet50": {"parts": "rw+lr+pa"},
        "resnet53": {"parts": "", "depths": (3, 4, 7, 3)},  # the baseline and one layer more
    },
    IMAGENET,
)
NANO = {"layers": 6, "width": 80, "heads": 4, "vocab": 257, "context": 256, "rank": 4}
for name, parts in {
    "rw": "rw",
    "lr": "lr",
    "pa": "pa",
    "rw_lr": "rw+lr",
    "rw_lr_pa": "rw+lr+pa",
}.items():
    register(GPT2, {f"laurel_{name}_gpt2": {"parts": parts}}, language("gpt2", 50257, 1024))
    if name in ("rw", "rw_lr"):
        register(
            GPT2,
            {f"laurel_{name}_gpt2_nano": {**NANO, "parts": parts}},
            language("bytes", 257, 256),
        )
