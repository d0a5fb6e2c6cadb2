"""DeepNet (2203.00555) as a language model, and the post-norm transformer it comes from."""

from functools import partial

from zoo.models._cfgs import language_cfg
from zoo.models._registry import register_models

register = partial(register_models, "zoo.models.deepnet.model:DeepNet", task="language-modeling")
# as many parameters as transformer_pp_nano has, or a few less
NANO = {"layers": 6, "width": 80, "heads": 4, "hidden": 273, "vocab": 257, "context": 256}
BYTES = language_cfg("bytes", 257, 256)

register({"deepnorm_nano": NANO, "post_norm_nano": {**NANO, "alpha": 1.0, "beta": 1.0}}, BYTES)
