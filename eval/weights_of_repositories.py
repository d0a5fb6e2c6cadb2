"""Read the weights that repositories publish, in copies of the repositories' own files.

A repository that is no package says in a README or a module what its files are called, where they
are, and what they score. Each has one function from its folder to entries, and says what it reads.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.papers.weights import OTHER_RECIPE

Entries = Iterator[tuple[str, dict[str, Any]]]
NUMBER = r"(\d+\.\d+)"


@dataclass(frozen=True)
class Repository:
    """A repository that publishes weights."""

    provider: str  # as the entries say it
    name: str  # owner/name on GitHub
    entries: Callable[[Path], Entries]  # from the folder with its files


def digits(url: str) -> str:
    """Return the sum that a file's name has by torch.hub's convention, "" without one."""
    match = re.search(r"-([0-9a-f]{8,})\.pth?$", url)
    return f"sha256:{match[1]}" if match else ""


def chenyaofo(folder: Path) -> Entries:
    """Yield the ResNets of README.md: Top-1 and Top-5 accuracy on CIFAR-10 and CIFAR-100.

    The recipe and CHENYAOFO's normalisation are those of conf/cifar10.conf and cifar100.conf of
    chenyaofo/image-classification-codebase.
    """
    rows = re.findall(
        rf"\| (resnet\d+) \| {NUMBER} \| {NUMBER} \|[^\n]*\[model\]\((\S+?)\)",
        (folder / "README.md").read_text(encoding="utf-8"),
    )
    for name, top1, top5, url in rows:
        dataset = url.rpartition("/")[2].partition("_")[0]
        yield (
            f"{name}.chenyaofo_{dataset}",
            {
                "url": url,
                "sum": digits(url),
                "key_mapping": "torchvision, timm, chenyaofo/pytorch-cifar-models",
                "args": {"shortcut": "B"} | ({"num_classes": 100} if dataset == "cifar100" else {}),
                "license": "bsd-3-clause",
                "relation": OTHER_RECIPE,
                "note": "option B, a cosine schedule and Nesterov's momentum",
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


def kair(folder: Path) -> Entries:
    """Yield the DnCNNs of main_download_pretrained_models.py, as main_test_dncnn.py builds them.

    BatchNorm is folded into the convolutions. README.md of cszn/DnCNN, beside, has the PSNR.
    """
    text = (folder / "main_download_pretrained_models.py").read_text(encoding="utf-8")
    release = re.search(r"'(https://github\.com/cszn/KAIR/\S+/)\{\}'", text)
    files = re.search(r"'DnCNN': \[([^\]]*)\]", text)
    if not (release and files):
        raise ValueError(f"{folder} lists its models in another form")
    (readme,) = folder.parent.glob("DnCNN@*/README.md")
    cells = [line.split("|")[1:-1] for line in readme.read_text(encoding="utf-8").splitlines()]
    psnr = {  # of DnCNN and DnCNN-B, by the noise level
        row[0].strip(): [cell.strip(" *") for cell in row[7:9]]
        for row in cells
        if len(row) == 10 and row[0].strip().isdigit()
    }
    for file in re.findall(r"'(\w+)\.pth'", files[1]):
        model, tag, column = KAIR_MODELS.get(file) or ("dncnn_s", f"sigma{file[6:]}", 0)
        sigmas = {"dncnn_s": [file[6:]], "dncnn_b": list(psnr)}.get(model, [])
        sets = [f"{b}/sigma{s}" for b in ("bsd68", "set12") for s in sigmas]
        yield (
            f"{model}.kair{tag and '_'}{tag}",
            {
                "url": f"{release[1]}{file}.pth",
                "sum": "",
                "key_mapping": "cszn/KAIR, folded",
                "args": {"biases": "all", "norm": False},
                "license": "mit",
                "relation": "official",
                "note": "the authors' parameters in PyTorch, BatchNorm folded"
                + (" (DnCNN-3: noise, blur by enlarging and JPEG)" if file == "dncnn3" else ""),
                "benchmarks": sets or KAIR_BENCHMARKS[model],
                "reported": [
                    {"benchmark": f"bsd68/sigma{s}", "psnr": psnr[s][column]} for s in sigmas
                ],
            },
        )


SR_BENCHMARKS = ("set5", "set14", "b100", "urban100")
EDSR_BENCHMARKS = ("div2k_valid", *SR_BENCHMARKS, "manga109")
TORCHSR_KEYS = {
    "rcan": "yulunzhang/RCAN, spandrel, the zoo",
    "edsr": "sanghyun-son/EDSR-PyTorch, the zoo",
    "carn": "nmhkahn/CARN-pytorch",
}
KAIR_MODELS = {  # file -> (model, tag, column of the README: DnCNN or DnCNN-B)
    "dncnn_gray_blind": ("dncnn_b", "", 1),
    "dncnn_color_blind": ("dncnn_cb", "", 1),
    "dncnn3": ("dncnn_3", "", 1),
}
KAIR_BENCHMARKS = {
    "dncnn_cb": [f"cbsd68/sigma{sigma}" for sigma in (15, 25, 50)],
    "dncnn_3": [f"bsd68/sigma{sigma}" for sigma in (15, 25, 50)]
    + [f"{name}/bi_x{scale}" for name in SR_BENCHMARKS for scale in (2, 3, 4)]
    + [f"{name}/jpeg{q}" for name in ("classic5", "live1") for q in (10, 20, 30, 40)],
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
    Repository("EDSR-PyTorch", "sanghyun-son/EDSR-PyTorch", edsr_pytorch),
    Repository("KAIR", "cszn/KAIR", kair),
    Repository("torchSR", "Coloquinte/torchSR", torchsr),
    Repository("chenyaofo", "chenyaofo/pytorch-cifar-models", chenyaofo),
)
