"""Read the denoisers that cszn/KAIR publishes: DnCNNs and IRCNNs, by its list of files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entries = Iterator[tuple[str, dict[str, Any]]]
SR_BENCHMARKS = ("set5", "set14", "b100", "urban100")
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


def kair(folder: Path) -> Entries:
    """Yield the DnCNNs and IRCNNs of main_download_pretrained_models.py.

    As main_test_dncnn.py builds them, BatchNorm is folded into the convolutions. README.md of
    cszn/DnCNN, beside, has the PSNR.
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
    yield from ircnn(text, release[1])


def ircnn(text: str, release: str) -> Entries:
    """Yield the IRCNNs of a list of files, for the levels of noise of the paper's tables.

    A file has 25 networks, for noise of 2, 4, ..., 50, of which main_test_ircnn_denoiser.py takes
    the next.
    """
    for file in re.findall(r"'(ircnn_\w+)\.pth'", text):
        for sigma in (15, 25, 50):
            which = -(-sigma // 2)
            yield (
                f"{file}.kair_sigma{2 * which}",
                {
                    "url": f"{release}{file}.pth",
                    "sum": "",
                    "member": str(which - 1),
                    "key_mapping": "cszn/KAIR",
                    "args": {"norm": False},
                    "license": "mit",
                    "relation": "official",
                    "note": "the authors' parameters in PyTorch, one of 25 networks in the file",
                    "benchmarks": [
                        f"{'c' * file.endswith('color')}bsd68/sigma{sigma}",
                        *([] if file.endswith("color") else [f"set12/sigma{sigma}"]),
                    ],
                },
            )
