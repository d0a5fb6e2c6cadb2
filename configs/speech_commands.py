"""The residual networks of 1710.10361 on Speech Commands: the README of castorini/honk.

`--data DIR`: DIR/speech_commands holds version 0.01 of the data set: a folder for each word and
_background_noise_/.
"""

from functools import partial

from torch.optim import SGD

from zoo.training import Recipe, steps
from zoo.training.keyword_spotting import KeywordSpotting

STEPS = 26 * 347  # of 64 among 22,244


def keywords(model: str, claim: str = "the paper's number is not known") -> Recipe:
    """Return a recipe of 26 epochs; the rate falls after 3,000 and 6,000 steps."""
    return Recipe(
        name=f"{model}.speech_commands",
        model=model,
        dataset="speech_commands/train",
        objective=KeywordSpotting(shift=100, noise=0.8),
        epochs=26,
        batch_size=64,
        lr=0.1,
        optimizer=partial(SGD, momentum=0.9, weight_decay=1e-5),
        schedule=steps(3000 / STEPS, 6000 / STEPS),
        source="1710.10361 as README.md of castorini/honk trains it",
        hardware="not stated",
        expected=claim,
    )


kws_res8, kws_res26 = keywords("kws_res8"), keywords("kws_res26")
kws_res15 = keywords("kws_res15", "accuracy 95.8 on speech_commands/test (table of results)")
kws_res8_narrow = keywords(
    "kws_res8_narrow", "accuracy 90.1 on speech_commands/test (table of results)"
)
kws_res15_narrow, kws_res26_narrow = keywords("kws_res15_narrow"), keywords("kws_res26_narrow")
