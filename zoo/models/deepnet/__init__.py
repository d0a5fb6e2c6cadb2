"""DeepNet (2203.00555): translation, language models, a classifier of sentences; and post-norm."""

from functools import partial

from zoo.models._cfgs import language_cfg, sentence_cfg, translation_cfg
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

# names are of the layers of encoder and decoder, as the paper writes them
BASE = {"width": 512, "heads": 8, "hidden": 2048}
LARGE = {"width": 1024, "heads": 16, "hidden": 4096}
MULTILINGUAL = 250_002  # ids of XLM-R, by which the printed numbers of parameters come out
translation = partial(
    register_models, "zoo.models.deepnet.translation:DeepNetTranslation", task="translation"
)
for prefix, depths, dims, vocab in (
    ("wmt17", (6, 18, 50, 100), BASE, 32_768),
    ("opus100", (6, 10, 50, 100, 500), BASE, MULTILINGUAL),
    ("102_languages", (100,), LARGE, MULTILINGUAL),
):
    tokenizer = "FacebookAI/xlm-roberta-base" if vocab == MULTILINGUAL else ""
    translation(
        {
            f"deepnorm_{prefix}_{n}l_{n}l": {
                **dims,
                "layers": n,
                "decoder_layers": n,
                "vocab": vocab,
            }
            for n in depths
        },
        translation_cfg(tokenizer, vocab),
    )
TINY = {**SIZE, "layers": 3, "decoder_layers": 3, "vocab": 257, "context": 256}
translation(
    {
        "deepnorm_translation_nano": TINY,
        "post_norm_translation_nano": {**TINY, "constants": "post_norm"},
    },
    translation_cfg("bytes", 257),
)
