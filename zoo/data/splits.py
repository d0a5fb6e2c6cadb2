"""Facts on splits of data sets: numbers of questions and images, sums of bundled texts."""

from typing import Any

# Questions that each task of lm-evaluation-harness asks on the split that it evaluates.
HARNESS_SIZES = {
    "lambada_openai": 5_153,
    "piqa": 1_838,
    "winogrande": 1_267,
    "arc_easy": 2_376,
    "arc_challenge": 1_172,
    "sciq": 1_000,
    "logiqa": 651,
    "boolq": 3_270,
    "hellaswag": 10_042,
    "race_middle": 362,
    "race_high": 1_045,
    "cbt_common_nouns": 2_000,
    "cbt_named_entities": 2_000,
}
# Generated series in the test split of each benchmark of zoo.data.sequences.
SEQUENCES = {
    "memory_capacity": 1,
    "sinmem10": 1,
    "sinmem20": 1,
    "ctxor5": 1,
    "ctxor10": 1,
    "narma30": 1,
    "narma60": 1,
    "mackey_glass1": 1,
    "mackey_glass84": 1,
    "lorenz96_25": 128,
}
OTSU = (
    "halves of pictures of scikit-image, with masks by Otsu's threshold: marked by a rule, not by "
    "people"
)
PEP_SECTIONS = (
    "sentences of Python Enhancement Proposals: the class is the kind of section that a sentence "
    "stands in, by a rule, not by people"
)
# Benchmark whose samples are generated, or made of other samples -> task, samples, loader and what
# else Benchmark says of it.
DERIVED: dict[str, tuple[str, int, str, dict[str, Any]]] = {
    **{
        f"sequences/{name}": ("sequence-regression", size, "zoo.data.sequences:open_generated", {})
        for name, size in SEQUENCES.items()
    },
    "tabular/concentric_rings": (
        "tabular",
        99_990,
        "zoo.data.rings:open_rings",
        {"classes": 3, "note": "ten draws of 9,999 points, each with its own test half"},
    ),
    **{
        f"toy2d/{name}": ("density-estimation", 10_000, "zoo.data.toy_densities:open_points", {})
        for name in ("eight_gaussians", "checkerboard")
    },
    **{
        f"{name}_dequantized": (
            "density-estimation",
            size,
            "zoo.data.dequantized:open_split",
            {"bundled": False, "note": "8-bit pixels plus uniform noise, fixed for each image"},
        )
        for name, size in (
            ("mnist/train", 60_000),
            ("mnist/test", 10_000),
            ("cifar10/train", 50_000),
            ("cifar10/test", 10_000),
        )
    },
    **{
        f"moving_digits/{split}": (
            "video-classification",
            size,
            "zoo.data.moving_digits:open_clips",
            {"classes": 4},
        )
        for split, size in (("train", 1437), ("test", 360))
    },
    **{
        f"otsu_pictures/{split}": (
            "segmentation",
            8,
            "zoo.data.segmentation:open_halves",
            {"note": OTSU},
        )
        for split in ("train", "test")
    },
    **{
        f"pep_sections/{split}": (
            "sentence-classification",
            size,
            "zoo.data.sentences:open_peps",
            {"classes": 4, "note": PEP_SECTIONS},
        )
        for split, size in (("train", 1540), ("test", 377))
    },
}
PEPS_SUMS = {  # sha256 of the bundled texts
    "train": "507fa56a8ec544564b1faf68d51a286bab806222cacbb86a5cd9ce7b0bbd5995",
    "validation": "68ee344ea48e7e3bf06d3ca2e6df833fc9d2bcf0b5f68d3250aadea4ed517f07",
}
# Other test sets for networks trained on ImageNet-1k: images, and what they are.
IMAGENET_SHIFTS = {
    "imagenet_v2/test": (10_000, "matched frequency (1902.10811)"),
    "imagenet_a/test": (7_500, "photographs that a ResNet-50 got wrong (1907.07174): 200 classes"),
    "imagenet_r/test": (30_000, "renditions (2006.16241): 200 classes"),
    "imagenet_sketch/test": (50_889, "sketches (1905.13549)"),
    "imagenet_real/val": (
        46_837,
        "imagenet/val with all labels that fit (2006.07159); some have none",
    ),
}
