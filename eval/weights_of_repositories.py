"""Read the weights that repositories publish, in copies of the repositories' own files.

A repository that is no package says in a README or a module what its files are called, where they
are, and what they score. Each has one function from its folder to entries, and says what it reads.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.weights_of_deit import deit
from eval.weights_of_kair import SR_BENCHMARKS, kair
from eval.weights_of_revbifpn import revbifpn
from eval.weights_of_revcol import revcol
from eval.weights_of_torch7 import fb_resnet, functional_zoo, resnext
from zoo.papers.weights import OTHER_RECIPE

Entries = Iterator[tuple[str, dict[str, Any]]]
NUMBER = r"(\d+\.\d+)"


@dataclass(frozen=True)
class Repository:
    """A repository that publishes weights."""

    provider: str  # as the entries say it
    name: str  # owner/name on GitHub
    entries: Callable[[Path], Entries]  # from the folder with its files
    also: tuple[str, ...] = ()  # other repositories, in folders beside, that it reads


def digits(url: str) -> str:
    """Return the sum that a file's name has by torch.hub's convention, "" without one."""
    return "".join(f"sha256:{start}" for start in re.findall(r"-([0-9a-f]{8,})\.pth?$", url))


def chenyaofo(folder: Path) -> Entries:
    """Yield the ResNets and MobileNetV2s of README.md: top-1 and top-5 accuracy on CIFAR.

    The recipe and CHENYAOFO's normalisation are those of conf/cifar10.conf and cifar100.conf of
    chenyaofo/image-classification-codebase.
    """
    rows = re.findall(
        rf"\| (resnet\d+|mobilenetv2_x\d_\d+) \| {NUMBER} \| {NUMBER} \|[^\n]*\[model\]\((\S+?)\)",
        (folder / "README.md").read_text(encoding="utf-8"),
    )
    for name, top1, top5, url in rows:
        dataset = url.rpartition("/")[2].partition("_")[0]
        is_resnet = name.startswith("resnet")
        yield (
            f"{name}.chenyaofo_{dataset}",
            {
                "url": url,
                "sum": digits(url),
                "key_mapping": f"torchvision, {'timm, ' * is_resnet}chenyaofo/pytorch-cifar-models",
                "args": ({"shortcut": "B"} if is_resnet else {})
                | ({"num_classes": 100} if dataset == "cifar100" else {}),
                "license": "bsd-3-clause",
                "relation": OTHER_RECIPE,
                "note": "option B, " * is_resnet + "a cosine schedule and Nesterov's momentum",
                "benchmarks": [f"{dataset}/test"],
                "preprocessing": CHENYAOFO[dataset],
                "reported": [
                    {
                        "benchmark": f"{dataset}/test",
                        "error": f"{100 - float(top1):.2f}",
                        "top5_error": f"{100 - float(top5):.2f}",
                    }
                ],
            },
        )


def torchsr(folder: Path) -> Entries:
    """Yield RCAN, EDSR and CARN of torchsr/models, with README.md's scores on Y but for DIV2K's."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for module in ("rcan", "edsr", "carn"):
        text = (folder / f"torchsr/models/{module}.py").read_text(encoding="utf-8")
        for url in re.findall(r'"(https://\S+\.pt)"', text):
            stem = url.rpartition("/")[2].removesuffix(".pt")
            name = stem.replace("edsr64", "edsr_baseline")
            row, _, scale = name.partition("_x")
            scales = [int(scale)] if scale else [2, 3, 4]
            official = "Pretrained models from https://github.com/yulunzhang/RCAN" in text
            yield (
                f"{name}.torchsr",
                {
                    "url": url,
                    "sum": digits(url),
                    "key_mapping": TORCHSR_KEYS[module],
                    # The authors' repository of RCAN states no license.
                    "license": "unknown" if official else "mit",
                    "relation": "official" if official else OTHER_RECIPE,
                    "note": "the authors' own, as its module says; their repository has no license"
                    if official
                    else "its module does not say who trained it",
                    "benchmarks": [f"{b}/bi_x{s}" for b in SR_BENCHMARKS for s in scales],
                    "reported": list(torchsr_scores(readme, row, scales)),
                },
            )


def torchsr_scores(readme: str, network: str, scales: list[int]) -> Iterator[dict[str, str]]:
    """Yield what README.md's tables, of columns x2, x3 and x4, have of a network."""
    for benchmark in SR_BENCHMARKS:
        title = {"b100": "B100"}.get(benchmark, benchmark.capitalize())
        table = readme.partition(f"<summary>{title} results")[2].partition("</details>")[0]
        label = network.replace("_", r"\\\_")
        row = re.search(rf"\| {label} +\| [^|]+((?:\| {NUMBER} / {NUMBER} *)+)", table)
        pairs = re.findall(rf"{NUMBER} / {NUMBER}", row[1]) if row else []
        for scale, (psnr, ssim) in zip((2, 3, 4), pairs, strict=False):
            if scale in scales:
                yield {"benchmark": f"{benchmark}/bi_x{scale}", "psnr": psnr, "ssim": ssim}


def edsr_pytorch(folder: Path) -> Entries:
    """Yield src/model/{edsr,mdsr}.py's files, with README.md's PSNR on DIV2K in RGB."""
    readme = (folder / "README.md").read_text(encoding="utf-8").lower()
    for module in ("edsr", "mdsr"):
        text = (folder / f"src/model/{module}.py").read_text(encoding="utf-8")
        for url in re.findall(r"'(https://\S+\.pt)'", text):
            name = url.rpartition("/")[2].rpartition("-")[0]
            if name == "mdsr_baseline":
                continue  # no network of the zoo
            scales = [int(name[-1])] if "_x" in name else [2, 3, 4]
            rows = re.findall(rf"\| \*?{name} \|[^|]*\| {NUMBER} db", readme)
            yield (
                f"{name}.edsr_pytorch",
                {
                    "url": url,
                    "sum": digits(url),
                    "key_mapping": "sanghyun-son/EDSR-PyTorch, the zoo",
                    "license": "mit",
                    "relation": "official",
                    "note": "the authors' PyTorch code, which scores a little more than their "
                    "Torch code of the paper",
                    "benchmarks": [f"{b}/bi_x{s}" for b in EDSR_BENCHMARKS for s in scales],
                    "reported": [
                        {"benchmark": f"div2k_valid/bi_x{s}", "psnr": psnr}
                        for s, psnr in zip(scales, rows, strict=True)
                    ],
                },
            )


def resnest(folder: Path) -> Entries:
    """Yield the files of resnest/torch/models, with PyTorch's column of README.md and ablation.md.

    scripts/torch/verify.py crops pixels / (pixels + 32) of the shorter side, and resizes the crop.
    """
    for module, table, row in (
        ("resnest", "README.md", rf"\| ResNeSt-(\d+) +\| (\d+) +\| {NUMBER} "),
        ("ablation", "ablation.md", rf"\| ResNeSt-50-fast \| (\w+) \| \S+ \| (\S+) +\| {NUMBER} "),
    ):
        text = (folder / f"resnest/torch/models/{module}.py").read_text(encoding="utf-8")
        (url,) = re.findall(r"'(https://github\.com/\S+)\{\}-\{\}\.pth'", text)
        sums = {name: sha for sha, name in re.findall(r"\('([0-9a-f]{8})', '(\w+)'\)", text)}
        for which, size, top1 in re.findall(row, (folder / table).read_text(encoding="utf-8")):
            pixels = int(size) if which.isdigit() else 224  # else GFLOPs
            file = f"resnest{which}" if which.isdigit() else f"resnest50_fast_{which}"
            name, args = resnest_name(which)
            yield (
                name,
                {
                    "url": f"{url}{file}-{sums[file]}.pth",
                    "sum": f"sha256:{sums[file]}",
                    "key_mapping": "the authors, timm",
                    "args": args,
                    "license": "apache-2.0",
                    "relation": "official",
                    "note": f"the authors' PyTorch file of {file}",
                    "benchmarks": ["imagenet/val"],
                    "preprocessing": {
                        "input_size": [3, pixels, pixels],
                        "crop_pct": pixels * 1000 // (pixels + 32) / 1000,
                        "interpolation": "bicubic",
                        "mean": [0.485, 0.456, 0.406],
                        "std": [0.229, 0.224, 0.225],
                        "num_classes": 1000,
                    },
                    "reported": [
                        {
                            "benchmark": "imagenet/val",
                            "pixels": pixels,
                            "error": f"{100 - float(top1):.2f}",
                        }
                    ],
                },
            )


def resnest_name(which: str) -> tuple[str, dict[str, Any]]:
    """Return (name of the weights, arguments) by a depth or by the setting of a fast ResNeSt-50."""
    if which.isdigit():
        return f"resnest{which}{'d' if which == '50' else 'e'}.authors", {}
    if which in ("1s4x24d", "4s2x40d"):
        return f"resnest50d_{which}.authors", {}
    return f"resnest50d.authors_fast_{which}", {"setting": which, "fast": True}


EDSR_BENCHMARKS = ("div2k_valid", *SR_BENCHMARKS, "manga109")
TORCHSR_KEYS = {
    "rcan": "yulunzhang/RCAN, spandrel, the zoo",
    "edsr": "sanghyun-son/EDSR-PyTorch, the zoo",
    "carn": "nmhkahn/CARN-pytorch",
}
CHENYAOFO = {
    dataset: {
        "input_size": [3, 32, 32],
        "crop_pct": 1.0,
        "interpolation": "bilinear",
        "mean": mean,
        "std": std,
        "num_classes": classes,
    }
    for dataset, mean, std, classes in (
        ("cifar10", [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010], 10),
        ("cifar100", [0.5070, 0.4865, 0.4409], [0.2673, 0.2564, 0.2761], 100),
    )
}
REPOSITORIES = (
    Repository("deit", "facebookresearch/deit", deit),
    Repository("EDSR-PyTorch", "sanghyun-son/EDSR-PyTorch", edsr_pytorch),
    Repository("KAIR", "cszn/KAIR", kair, also=("cszn/DnCNN",)),
    Repository("torchSR", "Coloquinte/torchSR", torchsr),
    Repository("ResNeSt", "zhanghang1989/ResNeSt", resnest),
    Repository("RevCol", "megvii-research/RevCol", revcol),
    Repository("RevBiFPN", "CerebrasResearch/RevBiFPN", revbifpn),
    Repository("ResNeXt", "facebookresearch/ResNeXt", resnext),
    Repository("fb.resnet.torch", "facebookarchive/fb.resnet.torch", fb_resnet),
    Repository("functional-zoo", "szagoruyko/functional-zoo", functional_zoo),
    Repository("chenyaofo", "chenyaofo/pytorch-cifar-models", chenyaofo),
)
