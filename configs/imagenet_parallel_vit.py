"""Attention alone at a higher resolution (2203.09795, Sec. 4): from 224 to 384 pixels.

    zoo train configs/imagenet_parallel_vit.py:vit_s12 --out runs/vit_s12.a2_400-0 --data DIR
    zoo train configs/imagenet_parallel_vit.py:vit_s12_attn --out runs/vit_s12.attn_384-0 --data DIR

Before it, 400 epochs by procedure A2 of 2110.00476 (strikes_back.py) with the rates of Sec. 2.2. No
text that was at hand has the rates of Sec. 4: these are the authors' command for the same networks
at the same size (README_revenge.md of their code). Positions are resized to 24 x 24 patches.
"""

from dataclasses import replace
from functools import partial

from timm.optim import Lamb
from torch.optim import AdamW

from zoo.models.parallel_vit.model import ATTENTION_ALONE
from zoo.training import Recipe, cosine, decay_matrices_only
from zoo.training.image_streaming import Augmentation, StreamedImageClassification

FFN_ALONE = ("*.mlp.*", *ATTENTION_ALONE[1:])
SMALL, BASE = "deit_small_patch16_36", "deit_base_patch16_36x1"


def a2(size: str, model: str, lr: float, drop_path: float, accuracy: str) -> Recipe:
    """Return a recipe at 224 pixels, by the size and its rates (Sec. 2.2)."""
    return Recipe(
        name=f"vit_{size.lower()}.a2_400",
        model=model,
        dataset="imagenet/train",
        args={"size": size, "layer_scale": 1e-4, "drop_path_rate": drop_path},
        epochs=400,
        batch_size=2048,
        lr=lr,
        objective=StreamedImageClassification(
            Augmentation(auto_augment="rand-m7-mstd0.5-inc1"),
            mixup=0.1,
            cutmix=1.0,
            num_aug_repeats=3,
            bce_target_threshold=0.2,
        ),
        optimizer=partial(decay_matrices_only, Lamb, 0.02),
        schedule=cosine(warmup=5 / 400, floor=1e-6 / lr, first=1e-4 / lr),
        precision="bf16",
        source="2203.09795 Sec. 2.2, by 2110.00476 Table 2, A2",
        hardware="not stated",
        expected=f"accuracy {accuracy} on imagenet/val (Tables 1 and 8)",
    )


def at_384(start: Recipe, kind: str, trains: tuple[str, ...], accuracy: str) -> Recipe:
    """Return a recipe at 384 pixels that trains the parameters of these names."""
    return replace(
        start,
        name=start.name.replace("a2_400", f"{kind}_384"),
        init_from=f"runs/{start.name}-0/model.safetensors",
        trains=trains,
        preprocessing={"input_size": (3, 384, 384), "crop_pct": 1.0},
        epochs=20,
        batch_size=512,
        lr=1e-5,
        objective=StreamedImageClassification(
            Augmentation(auto_augment="rand-m9-mstd0.5-inc1"), smoothing=0.1, mixup=0.8, cutmix=1.0
        ),
        optimizer=partial(decay_matrices_only, AdamW, 0.1),
        schedule=cosine(warmup=5 / 20, floor=1.0, first=0.1),
        source="2203.09795 Sec. 4",
        expected=f"accuracy {accuracy} on imagenet/val (Table 5)",
    )


vit_s12 = a2("S12", SMALL, 4e-3, 0.05, "80.7")
vit_b12 = a2("B12", BASE, 3e-3, 0.1, "82.7")
vit_l24 = a2("L24", BASE, 3e-3, 0.4, "84.0")
vit_s12_full = at_384(vit_s12, "full", (), "82.7")
vit_s12_attn = at_384(vit_s12, "attn", ATTENTION_ALONE, "82.5")
vit_s12_ffn = at_384(vit_s12, "ffn", FFN_ALONE, "82.2")
vit_b12_full = at_384(vit_b12, "full", (), "84.3")
vit_b12_attn = at_384(vit_b12, "attn", ATTENTION_ALONE, "84.3")
vit_b12_ffn = at_384(vit_b12, "ffn", FFN_ALONE, "84.1")
vit_l24_full = at_384(vit_l24, "full", (), "85.5")
vit_l24_attn = at_384(vit_l24, "attn", ATTENTION_ALONE, "85.5")
vit_l24_ffn = at_384(vit_l24, "ffn", FFN_ALONE, "85.2")
