"""Write the weights that others publish as files: zoo/models/PAPER/published_weights.json.

    python -m eval.published_weights [--repositories DIR]

pytorchcv and torchvision are read as they are installed; the others, which are no packages, in
DIR/OWNER/NAME@COMMIT/, where the files that eval/weights_of_repositories.py names have been put.
The entries of repositories that are not in DIR stay those of the files; so do the pins (sha256).

A provider is one function that yields entries; PROVIDERS has them in the order of preference.
"""

import argparse
import csv
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from torchvision.models import get_model_weights, list_models

from eval.weights_of_repositories import REPOSITORIES, Repository
from zoo._io import read_json, write_json
from zoo.models._builder import key_mappings_of
from zoo.models._registry import get_entry, model_entries
from zoo.papers.weights import MODELS_DIR, OTHER_RECIPE

FILE = "published_weights.json"
Entries = Iterator[tuple[str, dict[str, Any]]]
BENCHMARKS = {"imagenet": "imagenet/val", "cub": ""}  # "": the zoo has no such benchmark
BENCHMARKS |= {name: f"{name}/test" for name in ("cifar10", "cifar100", "svhn")}
CLASSES = {"imagenet": 1000, "cifar10": 10, "cifar100": 100, "svhn": 10, "cub": 200}
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
# pytorch/datasets/cifar10_cls_dataset.py of osmr/imgclsmob at c1a844d, for CIFAR-100 and SVHN too.
CIFAR = {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.2010]}
# Their names of networks that the zoo calls otherwise.
RENAMED = {
    "mobilenet_v2": "mobilenetv2_100",
    "inceptionv4": "inception_v4",
    "inceptionresnetv1": "inception_resnet_v1",
    "inceptionresnetv2": "inception_resnet_v2",
}
# pytorchcv's names of networks that are not the zoo's default of that name -> arguments.
VARIANTS: dict[str, Mapping[str, Any]] = {
    r"resnet(20|56|110|1202)": {"shortcut": "B"},
    r"resnet(164bn|1001)": {"stride_first": False},
    r"preresnet(20|110)": {"shortcut": "B", "shares": False},
    r"preresnet(164bn|1001)": {"stride_first": False},
    r"resnet(50|101|152)": {"layout": "v1"},
    r"resnet200": {"layout": "v1"},
    r"resnet200b": {"layout": "v1.5"},
    r"preresnet(50|101|152|200)": {"stride_first": True, "activated": False},
    r"preresnet(50|101|152|200)b": {"activated": False},
    r"inceptionresnetv1": {"embedding": 512},
}


def mapping_of(model: str, provider: str) -> str:
    """Return the name of the key mapping that a provider publishes a model under."""
    mappings = key_mappings_of(get_entry(model))
    (name,) = {m.name for m in mappings if provider in m.name and m.supports(model)}
    return name


def pytorchcv_rows() -> Iterator[dict[str, str]]:
    """Yield the rows of pytorchcv's table of image classifiers that have published weights."""
    table = files("pytorchcv") / "models" / "common" / "model_metainfos.csv"
    for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
        if row["test_dataset"] in ("in1k", "cf", "cub") and row["repo_release_tag"] != "NA":
            yield row


def split_name(name: str) -> tuple[str, str]:
    """Split pytorchcv's name into the network and the data set."""
    network, _, dataset = name.rpartition("_")
    return (network, dataset) if dataset in CLASSES else (name, "imagenet")


def zoo_name(network: str, dataset: str) -> str:
    """Return the zoo's name of pytorchcv's network, "" if the zoo lacks it."""
    network = RENAMED.get(network, network)
    name = re.sub(r"(?<=\d)_?bn$|(?<=resnet\d{2})b$|(?<=resnet\d{3})b$", "", network)
    name = "resnet200_v1" if name == "resnet200" else name
    is_small = BENCHMARKS[dataset].endswith("/test")
    entry = model_entries().get(name)
    return name if entry and (entry.cfg["input_size"][1] == 32) == is_small else ""


def missing_networks() -> dict[str, list[str]]:
    """Return {arXiv number: pytorchcv's names} of networks with weights that the zoo lacks."""
    missing: dict[str, list[str]] = {}
    papers = {row["model_name"]: row["arxiv_paper"] for row in pytorchcv_rows()}
    for name, own in papers.items():
        network, dataset = split_name(name)
        if not zoo_name(network, dataset):
            paper = papers.get(network, own)
            missing.setdefault("" if paper == "NA" else paper, []).append(name)
    return missing


def from_pytorchcv(_: Path | None) -> Entries:
    """Yield the weights of all networks that the zoo has, with the errors of its README."""
    readme = str(metadata.metadata("pytorchcv").json["description"])
    for row in pytorchcv_rows():
        network, dataset = split_name(row["model_name"])
        if not (name := zoo_name(network, dataset)):
            continue
        base = row["model_name"], row["error_value"], row["checksum"][:8]
        pixels = int(row["img_size"]) if row["img_size"].isdigit() else 224
        args = dict(next((a for p, a in VARIANTS.items() if re.fullmatch(p, network)), {}))
        if CLASSES[dataset] != get_entry(name).cfg["num_classes"]:
            args["num_classes"] = CLASSES[dataset]
        variant = "" if network in RENAMED else network[len(name.removesuffix("_v1")) :].strip("_")
        tag = "_".join(filter(None, ("pytorchcv", variant, dataset)))
        url = "https://github.com/osmr/imgclsmob/releases/download/{}/{}-{}-{}.pth.zip"
        yield (
            f"{name}.{tag}",
            {
                "url": url.format(row["repo_release_tag"], *base),
                "sum": f"sha1:{row['checksum']}",
                "key_mapping": mapping_of(name, "pytorchcv"),
                "args": args,
                "license": metadata.metadata("pytorchcv")["License-Expression"].lower(),
                "relation": OTHER_RECIPE,
                "note": f"{row['model_name']} of pytorchcv, {remark(readme, row)}",
                "benchmarks": [BENCHMARKS[dataset]] if BENCHMARKS[dataset] else [],
                **images(dataset, *pytorchcv_errors(readme, row), pixels=pixels),
            },
        )


def remark(readme: str, row: Mapping[str, str]) -> str:
    """Return where the weights come from, by the remark in pytorchcv's README."""
    line = re.search(rf"\| ([^|]*) \(\[log\]\([^)]*/{row['model_name']}-", readme)
    origin = line[1] if line else row["remark"]
    if origin in ("Converted from GL model", "NA"):
        return "trained by its author, with Gluon"
    return origin[0].lower() + origin[1:]


def pytorchcv_errors(readme: str, row: Mapping[str, str]) -> tuple[str, str]:
    """Return (top-1 error, top-5 error) in percent, "" where pytorchcv does not say."""
    printed = f"{Decimal(row['error_value']) / 100:.2f}"
    if row["test_dataset"] != "in1k":
        return printed, ""
    line = re.search(
        rf"\| *([\d.]+) \| *([\d.]+) \|[^\n]*/{row['model_name']}-{row['error_value']}-", readme
    )
    return (line[1] if line else ""), printed


def images(
    dataset: str, error: str, top5_error: str = "", *, pixels: int = 224, crop: str = "0.875"
) -> dict[str, Any]:
    """Return the preprocessing and the reported errors of a classifier."""
    small = BENCHMARKS[dataset].endswith("/test")
    pixels, crop = (32, "1.0") if small else (pixels, crop)
    errors = {"error": error, "top5_error": top5_error}
    seen = {"pixels": pixels, "crop_pct": crop, "interpolation": "bilinear"}
    return {
        "preprocessing": {
            "input_size": [3, pixels, pixels],
            "crop_pct": float(crop),
            "interpolation": "bilinear",
            **(CIFAR if small else IMAGENET),
            "num_classes": CLASSES[dataset],
        },
        "reported": [
            {"benchmark": BENCHMARKS[dataset] or dataset}
            | seen
            | {metric: value for metric, value in errors.items() if value}
        ],
    }


def from_torchvision(_: Path | None) -> Entries:
    """Yield torchvision's own files, by its weight enums."""
    for theirs in list_models():
        name = RENAMED.get(theirs, theirs)
        if name not in model_entries():
            continue
        for weights in get_model_weights(theirs):
            scores, seen = weights.meta["_metrics"]["ImageNet-1K"], weights.transforms()
            (pixels,), (resized,) = seen.crop_size, seen.resize_size
            crop = (Decimal(pixels) / resized).quantize(Decimal("0.001"), ROUND_DOWN)
            errors = [str(100 - Decimal(str(scores[f"acc@{k}"]))) for k in (1, 5)]
            digits = re.search(r"-([0-9a-f]{8})\.pth$", weights.url)
            version = weights.name.rpartition("_")[2].lower()
            yield (
                f"{name}.torchvision_{version}",
                {
                    "url": weights.url,
                    "sum": f"sha256:{digits[1]}" if digits else "",
                    "key_mapping": mapping_of(name, "torchvision"),
                    "license": "bsd-3-clause",
                    "relation": OTHER_RECIPE,
                    "note": f"{weights.name} of torchvision: {weights.meta['recipe']}",
                    "benchmarks": ["imagenet/val"],
                    **images("imagenet", *errors, pixels=pixels, crop=str(crop)),
                },
            )


def from_repository(repository: Repository) -> Callable[[Path | None], Entries]:
    """Return the provider that reads a repository's files, which are below DIR/OWNER/."""

    def provide(folder: Path | None) -> Entries:
        for path in folder.glob(f"{repository.name}@*") if folder else ():
            yield from repository.entries(path)

    return provide


PACKAGES = {"pytorchcv": from_pytorchcv, "torchvision": from_torchvision}
PROVIDERS: dict[str, Callable[[Path | None], Entries]] = {
    **{repository.provider: from_repository(repository) for repository in REPOSITORIES},
    **PACKAGES,
}


def versions(folder: Path | None) -> dict[str, str]:
    """Return what was read: {package or repository: its version or commit}."""
    packages = {name: metadata.version(name).partition("+")[0] for name in PACKAGES}
    commits = {
        f"{path.parent.name}/{path.name.partition('@')[0]}": path.name.partition("@")[2]
        for path in sorted(folder.glob("*/*@*") if folder else ())
    }
    return packages | commits


def sources_of(provider: str) -> tuple[str, ...]:
    """Return the package or the repositories that a provider's entries are read in."""
    repositories = {r.provider: (r.name, *r.also) for r in REPOSITORIES}
    return repositories.get(provider, (provider,))


def complete(name: str, provider: str, new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Return an entry with all fields, and the pin of the old one if that is of the same file."""
    pinned = all(old.get(key) == new[key] for key in ("url", "sum"))
    return {
        "provider": provider,
        "file": f"{name}.safetensors",
        "sha256": old["sha256"] if pinned else "",
        "origin": new["url"],
        "member": "",
        "args": {},
        "preprocessing": {},
        "reported": [],
        **new,
    }


def content(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return {paper: published_weights.json}, with the pins of the present files.

    Args:
        folder: Files of repositories; the entries that came from the others are kept.
    """
    tables_before = {path.parent.name: read_json(path) for path in MODELS_DIR.glob(f"*/{FILE}")}
    before = {
        name: entry for old in tables_before.values() for name, entry in old["weights"].items()
    }
    read_in = {k: v for old in tables_before.values() for k, v in old["read in"].items()}
    read_in |= versions(folder)
    tables: dict[str, dict[str, Any]] = {}
    for provider, entries in PROVIDERS.items():
        kept = {name: old for name, old in before.items() if old["provider"] == provider}
        current = dict(entries(folder)) or kept
        for name, new in current.items():
            paper = get_entry(name.partition(".")[0]).family.rpartition(".")[2]
            table = tables.setdefault(paper, {"read in": {}, "weights": {}})
            table["weights"][name] = complete(name, provider, new, kept.get(name, {}))
            table["read in"] |= {k: read_in[k] for k in sorted(sources_of(provider))}
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repositories", type=Path, metavar="DIR", help="OWNER/NAME@COMMIT/...")
    options = parser.parse_args()
    for paper, table in sorted(content(options.repositories).items()):
        write_json(MODELS_DIR / paper / FILE, table)
        print(f"{paper}: {len(table['weights'])} weights")
    for paper, names in sorted(missing_networks().items()):
        print(f"not in the zoo, {paper or 'no paper named'}: {', '.join(names)}")


if __name__ == "__main__":
    main()
