"""Writes which weights timm has for the rooms' networks: zoo/models/ROOM/timm_weights.json.

    python -m eval.timm_weights [ROOM ...] [--results CSV --commit COMMIT]

Everything that timm knows is read from the installed timm; what its results table reports, from
CSV (results/results-imagenet.csv at COMMIT of huggingface/pytorch-image-models). Without CSV the
reported numbers stay those of the file; so do the pins that `zoo pin` wrote.

What we decide stands here, for tags that are the same everywhere, and in a room's timm.py.
"""

import argparse
import csv
import importlib
import json
from pathlib import Path
from typing import Any

import timm
from timm.models import PretrainedCfg, get_arch_pretrained_cfgs, is_model

from zoo._io import write_json
from zoo.models._registry import model_entries
from zoo.papers.weights import MODELS_DIR, OTHER_RECIPE, RELATIONS, TIMM_FILE, TimmOverrides

IMAGENET = "imagenet/val"
STRIKES = ("a3", "a2", "a1", "a1h", "b1k", "b2k", "c1", "c2", "d")
STRIKES_BACK = "timm's, after 'ResNet strikes back' (2110.00476)"
# Recipes that other people trained these networks by, tag by tag: none is a paper's own, so all
# are "retrained, another recipe". The order is the order of preference for a bare name: nearest to
# the papers' recipes (SGD in steps, about 100 epochs, crops and flips) first.
RECIPES = {
    "tv_in1k": (
        "torchvision's first: SGD, momentum 0.9, weight decay 1e-4, batch 256, learning rate 0.1 "
        "in steps of 30 epochs, 90 to 100 epochs, random resized crops and flips: the nearest to "
        "the papers' of 2015 to 2017, without their colour augmentation"
    ),
    "gluon_in1k": "GluonCV's, with a bag of tricks (1812.01187)",
    "bt_in1k": "timm's, with a bag of tricks (1812.01187)",
    "ra_in1k": "timm's, with RandAugment",
    "am_in1k": "timm's, with AugMix",
    "ram_in1k": "timm's, with RandAugment and AugMix",
    "racm_in1k": "timm's, with RandAugment and CutMix",
    **{f"{tag}_in1k": STRIKES_BACK for tag in STRIKES},
    "ra4_e3600_r224_in1k": "timm's of 2024, 3600 epochs",
    "tv2_in1k": "torchvision's second, of 2021: 600 epochs, mixup, CutMix, averaged weights",
    "fb_ssl_yfcc100m_ft_in1k": "Facebook's, with images of YFCC100M (1905.00546)",
    "fb_swsl_ig1b_ft_in1k": "Facebook's, with tagged images of Instagram (1905.00546)",
    "fb_wsl_ig1b_ft_in1k": "Facebook's, with tagged images of Instagram (1805.00932)",
}
PREPROCESSING = (
    "input_size",
    "test_input_size",
    "crop_pct",
    "test_crop_pct",
    "crop_mode",
    "interpolation",
    "mean",
    "std",
    "num_classes",
)


def decisions(room: str) -> TimmOverrides:
    """What the room's timm.py decides; nothing, if it has none."""
    if not (MODELS_DIR / room / "timm.py").is_file():
        return TimmOverrides()
    decided: TimmOverrides = importlib.import_module(f"zoo.models.{room}.timm").TIMM_OVERRIDES
    return decided


def relation(name: str, tag: str, decided: TimmOverrides) -> tuple[str, str, int]:
    """(relation, why, rank among the same): the room's word, else that of RECIPES.

    Raises LookupError for a tag that nobody has decided about.
    """
    if found := decided.relations.get(name) or decided.relations.get(tag):
        return *found, len(RECIPES)
    if tag not in RECIPES:
        raise LookupError(f"{name}: say in RECIPES, or in the room's timm.py, what {tag} is")
    return OTHER_RECIPE, RECIPES[tag], list(RECIPES).index(tag)


def entry(name: str, cfg: PretrainedCfg, decided: TimmOverrides) -> dict[str, Any]:
    """One entry of timm_weights.json, without what is reported."""
    kind, why, _ = relation(name, cfg.tag or "", decided)
    known = {key: getattr(cfg, key) for key in PREPROCESSING}
    return {
        "repo": cfg.hf_hub_id,
        "revision": "",
        "file": cfg.hf_hub_filename or "model.safetensors",
        "sha256": "",
        "license": cfg.license if cfg.license not in (None, "unknown") else decided.license,
        "relation": kind,
        "note": why,
        "recipe": cfg.tag,
        "origin": cfg.origin_url or cfg.url or f"https://huggingface.co/{cfg.hf_hub_id}",
        "benchmarks": [IMAGENET],
        "preprocessing": {key: value for key, value in known.items() if value is not None},
    }


def entries(room: str) -> dict[str, dict[str, Any]]:
    """{"arch.tag": entry} of a room: its networks as registered, their tags by preference."""
    decided = decisions(room)
    found: dict[str, dict[str, Any]] = {}
    for name, variant in model_entries().items():
        known = decided.names.get(name, name)
        if variant.family != f"zoo.models.{room}" or not is_model(known):
            continue
        cfgs = {f"{name}.{cfg.tag}": cfg for cfg in get_arch_pretrained_cfgs(known).values()}
        wanted = {k: c for k, c in cfgs.items() if c.hf_hub_id and c.num_classes == 1000}

        def preference(key: str, wanted: dict[str, PretrainedCfg] = wanted) -> tuple[int, int]:
            kind, _, rank = relation(key, wanted[key].tag or "", decided)
            return RELATIONS.index(kind), rank

        found |= {key: entry(key, wanted[key], decided) for key in sorted(wanted, key=preference)}
    return found


def reported(repo: str, pixels: int, results: Path) -> list[dict[str, Any]]:
    """What the results table says of a repository, the row at the weights' own size first."""
    with results.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["model"] == repo.rpartition("/")[2]]
    return [
        {
            "pixels": int(row["img_size"]),
            "crop_pct": row["crop_pct"],
            "interpolation": row["interpolation"],
            "error": row["top1_err"],
            "top5_error": row["top5_err"],
        }
        for row in sorted(rows, key=lambda row: int(row["img_size"]) != pixels)
    ]


def content(room: str, results: Path | None = None, commit: str = "") -> dict[str, Any]:
    """What timm_weights.json of a room has to say, with the pins (and numbers) of the one that is there."""
    path = MODELS_DIR / room / TIMM_FILE
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"weights": {}}
    now = entries(room)
    for name, new in now.items():
        before = old["weights"].get(name, {})
        if (before.get("repo"), before.get("file")) == (new["repo"], new["file"]):
            new |= {key: before[key] for key in ("revision", "sha256")}
        new["reported"] = before.get("reported", [])
        if results:
            new["reported"] = reported(new["repo"], new["preprocessing"]["input_size"][1], results)
    source = f"results/results-imagenet.csv of huggingface/pytorch-image-models at {commit}"
    return {
        "timm": timm.__version__,
        "reported in": source if results else old.get("reported in", ""),
        "weights": now,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", help="all that have names of timm's, by default")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--commit", default="")
    options = parser.parse_args()
    if bool(options.results) != bool(options.commit):
        parser.error("--results and --commit belong together: a table, and which one it is")
    every = sorted({v.family.rpartition(".")[2] for v in model_entries().values()})
    for room in options.rooms or every:
        found = content(room, options.results, options.commit)
        if found["weights"]:
            write_json(MODELS_DIR / room / TIMM_FILE, found)
        print(f"{room}: {len(found['weights'])} weights")


if __name__ == "__main__":
    main()
