"""Write the weights that timm has for each paper's models: zoo/models/PAPER/timm_weights.json.

    python -m eval.timm_weights [PAPER ...] [--results CSV --commit COMMIT]

Everything that timm knows is read from the installed timm; what its results table reports, from
CSV (results/results-imagenet.csv at COMMIT of huggingface/pytorch-image-models). Without CSV the
reported numbers stay those of the file; so do the pins that `zoo dev pin` wrote.

What we decide stands here, for tags that are the same everywhere, and in a paper's timm.py.
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
# Recipes by timm's tags. None is a paper's own, so all are "retrained, another recipe". They are in
# the order of preference for a bare name: nearest to the papers' recipes (SGD in steps, about 100
# epochs, crops and flips) first.
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


def load_overrides(paper: str) -> TimmOverrides:
    """Return the overrides in a paper's timm.py, or none."""
    if not (MODELS_DIR / paper / "timm.py").is_file():
        return TimmOverrides()
    overrides: TimmOverrides = importlib.import_module(f"zoo.models.{paper}.timm").TIMM_OVERRIDES
    return overrides


def relation(name: str, tag: str, overrides: TimmOverrides) -> tuple[str, str, int]:
    """Return (relation, note, rank among the same) by the paper's overrides, else by RECIPES.

    Raises LookupError for a tag that neither has.
    """
    if override := overrides.relations.get(name) or overrides.relations.get(tag):
        return *override, len(RECIPES)
    if tag not in RECIPES:
        raise LookupError(f"{name}: say in RECIPES, or in the paper's timm.py, what {tag} is")
    return OTHER_RECIPE, RECIPES[tag], list(RECIPES).index(tag)


def weights_entry(name: str, cfg: PretrainedCfg, overrides: TimmOverrides) -> dict[str, Any]:
    """Return an entry of timm_weights.json, without reported accuracies."""
    tag = cfg.tag or ""
    kind, note, _ = relation(name, tag, overrides)
    protocol = overrides.protocols.get(name) or overrides.protocols.get(tag)
    preprocessing = {key: getattr(cfg, key) for key in PREPROCESSING}
    return {
        "repo": cfg.hf_hub_id,
        "revision": "",
        "file": cfg.hf_hub_filename or "model.safetensors",
        "sha256": "",
        "license": cfg.license if cfg.license not in (None, "unknown") else overrides.license,
        "relation": kind,
        "note": note,
        "recipe": cfg.tag,
        **({"protocol": protocol} if protocol else {}),
        "origin": cfg.origin_url or cfg.url or f"https://huggingface.co/{cfg.hf_hub_id}",
        "benchmarks": [IMAGENET],
        "preprocessing": {k: v for k, v in preprocessing.items() if v is not None},
    }


def paper_entries(paper: str) -> dict[str, dict[str, Any]]:
    """Return {"arch.tag": entry}: a paper's models as registered, their tags by preference."""
    overrides = load_overrides(paper)
    entries: dict[str, dict[str, Any]] = {}
    for name, entry in model_entries().items():
        timm_name = overrides.names.get(name, name)
        if entry.family != f"zoo.models.{paper}" or not is_model(timm_name):
            continue
        cfgs = {
            f"{name}.{cfg.tag}": cfg
            for cfg in get_arch_pretrained_cfgs(timm_name).values()
            if cfg.hf_hub_id and cfg.num_classes == 1000
        }

        def preference(key: str, cfgs: dict[str, PretrainedCfg] = cfgs) -> tuple[int, int]:
            kind, _, rank = relation(key, cfgs[key].tag or "", overrides)
            return RELATIONS.index(kind), rank

        for key in sorted(cfgs, key=preference):
            entries[key] = weights_entry(key, cfgs[key], overrides)
    return entries


def reported(repo: str, pixels: int, results: Path) -> list[dict[str, Any]]:
    """Return a repository's rows of the results table, that of the weights' own size first."""
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


def content(paper: str, results: Path | None = None, commit: str = "") -> dict[str, Any]:
    """Return a paper's timm_weights.json, with the pins (and numbers) of the present one."""
    path = MODELS_DIR / paper / TIMM_FILE
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"weights": {}}
    entries = paper_entries(paper)
    for name, new in entries.items():
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
        "weights": entries,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("papers", nargs="*", help="papers, by their folder; all by default")
    parser.add_argument("--results", type=Path, help="timm's results-imagenet.csv")
    parser.add_argument("--commit", default="", help="commit of --results")
    options = parser.parse_args()
    if bool(options.results) != bool(options.commit):
        parser.error("--results and --commit belong together: a table, and which one it is")
    papers = sorted({entry.family.rpartition(".")[2] for entry in model_entries().values()})
    for paper in options.papers or papers:
        tables = content(paper, options.results, options.commit)
        if tables["weights"]:
            write_json(MODELS_DIR / paper / TIMM_FILE, tables)
        print(f"{paper}: {len(tables['weights'])} weights")


if __name__ == "__main__":
    main()
