"""ResNet-50 by the procedures A1, A2 and A3 of "ResNet strikes back" (2110.00476, Table 2).

From timm, where the table is silent: targets above 0.2 become 1, the warm-up begins at 1e-4, the
floor is 1e-6, vectors do not decay. The table has no clipping of gradients; timm's LAMB clips their
global norm to 1 by default. For the cosine, see imagenet_rdnet.py.
"""

from dataclasses import replace
from functools import partial

from timm.optim import Lamb

from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

RAND_7, RAND_6 = (Augmentation(auto_augment=f"rand-m{m}-mstd0.5-inc1") for m in (7, 6))
HARDWARE = "four V100 of 32 GB, 512 images each"

a1 = Recipe(
    name="resnet50.a1",
    model="resnet50",
    dataset="imagenet/train",
    args={"drop_path_rate": 0.05},
    preprocessing={"interpolation": "bicubic", "crop_pct": 0.95},
    epochs=600,
    batch_size=2048,
    lr=5e-3,
    objective=StreamedImageClassification(
        RAND_7, smoothing=0.1, mixup=0.2, cutmix=1.0, num_aug_repeats=3, bce_target_threshold=0.2
    ),
    optimizer=partial(decay_matrices_only, Lamb, 0.01),
    schedule=cosine(warmup=5 / 600, floor=1e-6 / 5e-3, first=1e-4 / 5e-3),
    precision="bf16",
    source="2110.00476 Table 2, A1",
    hardware=HARDWARE,
    expected="80.4 % right in Table 2, after 4.6 days",
)
a2 = replace(
    a1,
    name="resnet50.a2",
    epochs=300,
    objective=StreamedImageClassification(
        RAND_7, mixup=0.1, cutmix=1.0, num_aug_repeats=3, bce_target_threshold=0.2
    ),
    optimizer=partial(decay_matrices_only, Lamb, 0.02),
    schedule=cosine(warmup=5 / 300, floor=1e-6 / 5e-3, first=1e-4 / 5e-3),
    source="2110.00476 Table 2, A2",
    expected="79.8 % right in Table 2",
)
a3 = replace(
    a1,
    name="resnet50.a3",
    args={},
    preprocessing={**a1.preprocessing, "input_size": (3, 160, 160)},
    epochs=100,
    lr=8e-3,
    objective=StreamedImageClassification(RAND_6, mixup=0.1, cutmix=1.0, bce_target_threshold=0.2),
    optimizer=partial(decay_matrices_only, Lamb, 0.02),
    schedule=cosine(warmup=5 / 100, floor=1e-6 / 8e-3, first=1e-4 / 8e-3),
    source="2110.00476 Table 2, A3",
    expected="78.1 % right in Table 2, at 224 pixels; trained with 160",
)
