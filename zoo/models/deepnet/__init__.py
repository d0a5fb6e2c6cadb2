"""DeepNet (2203.00555) as a language model and as a classifier of sentences, and post-norm."""

from functools import partial

from zoo.models._cfgs import language_cfg, sentence_cfg
from zoo.models._registry import register_models

register = partial(register_models, "zoo.models.deepnet.model:DeepNet", task="language-modeling")
# as many parameters as transformer_pp_nano has, or a few less
SIZE = {"layers": 6, "width": 80, "heads": 4, "hidden": 273}
NANO = {**SIZE, "vocab": 257, "context": 256}
DEEP = {"layers": 48, "width": 32, "heads": 2, "hidden": 128, "vocab": 257, "context": 128}

for size, dims in {"nano": NANO, "deep_nano": DEEP}.items():
    register(
        {f"deepnorm_{size}": dims, f"post_norm_{size}": {**dims, "alpha": 1.0, "beta": 1.0}},
        language_cfg("bytes", dims["vocab"], dims["context"]),
    )
register_models(
    "zoo.models.deepnet.encoder:DeepNetEncoder",
    {"deepnorm_encoder_nano": SIZE},
    sentence_cfg(10_001, classes=4),
    task="sentence-classification",
)
