"""RIDNet (1904.07396) on noisy photographs, GridFormer (2305.17863) on images in bad weather.

`--data DIR`: DIR/<set>/input holds degraded images, DIR/<set>/target clean ones of the same names.
Neither paper was read: the settings are those of the authors' code.

RIDNet's training is not published, nor which photographs it saw: its settings are defaults of the
test code, whose epoch shows 1,989 pairs sixteen times each. Pixels are in 0..1, the authors' in
0..255, which hardly changes a step of Adam.

GridFormer's losses are added up over the image, its half and its quarter. The perceptual one needs
torchvision's weights of VGG19 from the Hub; its options call for conv5_4, L1 and a weight of 0.1.
"""

import math
from functools import partial

from torch.optim import Adam, AdamW

from zoo.models.gridformer.model import Pyramid
from zoo.training import Recipe, Schedule, cosine, steps
from zoo.training.restoration import Restoration

GPUS = 8  # of the authors' train.sh
FLOOR = 1e-6  # the last learning rate


def three_halves(share: float) -> float:
    """Fall to the last rate, rise and fall again: options with a T_max of a third of the steps."""
    floor = FLOOR / 3e-4
    return floor + (1 - floor) * (1 + math.cos(3 * math.pi * share)) / 2


def weather(
    dataset: str,
    options: str,
    claim: str,
    *,
    epochs: int,
    per_gpu: int = 12,
    size: int = 128,
    lr: float = 3e-4,
    schedule: Schedule | None = None,
) -> Recipe:
    """Return a recipe of GridFormer: epochs of 1,000 batches."""
    return Recipe(
        name=f"gridformer.{dataset}",
        model="gridformer",
        dataset=dataset,
        epochs=epochs,
        batch_size=per_gpu * GPUS,
        lr=lr,
        ema=0.999,
        objective=Restoration(size=size, epsilon=1e-12, perceptual=0.1),
        around=Pyramid,
        optimizer=partial(AdamW, betas=(0.9, 0.999), weight_decay=1e-4),
        schedule=schedule or cosine(floor=FLOOR / lr),
        source=f"options/train/GridFormer/{options}.yml in the code of 2305.17863",
        hardware="eight GPUs (README)",
        expected=f"psnr {claim} table in the authors' repository)",
    )


ridnet = Recipe(
    name="ridnet.real_noise",
    model="ridnet",
    dataset="real_noise",
    epochs=1000,
    batch_size=32,
    lr=1e-4,
    objective=Restoration(size=192, steps=995),
    optimizer=partial(Adam, betas=(0.9, 0.999), eps=1e-8),
    schedule=steps(0.3, 0.6, 0.9, factor=0.5),
    source="defaults of option.py in the code of 1904.07396",
    hardware="not printed; one GPU by default",
    expected="psnr 39.23 on dnd/test (DnD table of the authors' README)",
)
gridformer_sots = weather(
    "reside_its",
    "Dehazing/SOTS-Indoor/GridFormer_SOTS-Indoor",
    "42.34 on sots_indoor/test (dehazing",
    epochs=600,
    per_gpu=8,
    schedule=cosine(warmup=146 / 600, first=1.0, floor=FLOOR / 3e-4),
)
gridformer_haze4k = weather(
    "haze4k_train",
    "Dehazing/Haze4K/GridFormer_Haze4K",
    "33.27 on haze4k/test (dehazing",
    epochs=600,
    per_gpu=8,
    schedule=three_halves,
)
gridformer_snow100k = weather(
    "snow100k_train",
    "Desnowing/GridFormer_Snow100K",
    "38.89 on snow100k_s/test (desnowing",
    epochs=800,
)
gridformer_raindrop = weather(
    "raindrop_train",
    "Raindrop_Removal/GridFormer_RainDrop",
    "32.92 on raindrop/test (raindrop",
    epochs=1200,
)
gridformer_outdoor_rain = weather(
    "outdoor_rain_train",
    "Dehazing&Deraining/GridFormer_Outdoor-Rain",
    "28.49 on outdoor_rain/test (deraining",
    epochs=1200,
    size=256,
    lr=1e-4,
)
gridformer_mixed = weather(
    "allweather_train",
    "Multi_weather_Restoration/GridFormer_mixed",
    "37.46 on snow100k_s/test (desnowing",
    epochs=1200,
)
