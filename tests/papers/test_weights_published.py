"""Weights that others publish as files: the generated lists, and what a bare name stands for."""

import json
import logging
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

import zoo
from eval import published_weights, weights_of_repositories, weights_of_torch7
from zoo.models._builder import key_mappings_of
from zoo.models._factory import describe_weights
from zoo.models._registry import default_weights, get_entry, list_weights
from zoo.papers.loading import load_papers
from zoo.papers.weights import MODELS_DIR, ReportedScores, WeightsError

PUBLISHED = [w for p in load_papers() for w in p.weights if w.listing == published_weights.FILE]


@pytest.mark.slow
def test_published_weights_json_matches_installed_packages() -> None:
    for path in sorted(MODELS_DIR.glob(f"*/{published_weights.FILE}")):
        written = json.loads(path.read_text())
        for package in written["read in"].keys() & published_weights.PACKAGES.keys():
            if metadata.version(package).partition("+")[0] != written["read in"][package]:
                pytest.skip(f"{path} is of another {package}: run python -m eval.published_weights")
        assert written == published_weights.content()[path.parent.name]


def test_published_weights_have_sum_license_key_mapping_and_number() -> None:
    for weights in PUBLISHED:
        names = {m.name for m in key_mappings_of(get_entry(weights.model))}
        assert weights.key_mapping in names, weights.name
        assert weights.provider
        assert weights.license in ("unknown", "cc-by-nc-4.0") or weights.permissive
        if weights.provider in ("pytorchcv", "torchvision", "chenyaofo", "ResNeSt"):
            assert weights.sum
            assert weights.reported[0].error is not None
    of = Counter(weights.provider for weights in PUBLISHED)
    assert of.keys() == published_weights.PROVIDERS.keys()


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("wrn28_10", "pytorchcv_cifar10"),  # of three data sets, the paper's first
        ("resnest50d", "authors"),  # not those of other arguments, nor timm's copy
        ("resnetrs200", "tf_in1k"),  # timm's own: there are no others
        ("resnet50", "tv_in1k"),  # as near as five others, and first in the lists
        ("resnet20", "akamaster_cifar10"),  # not the digits that come with the package
        ("resnet110", "pytorchcv_cifar10"),
        ("pyramidnet272_a200", "pytorchcv_bn_cifar10"),
        ("edsr_x2", "edsr_pytorch"),  # the authors', though another is listed as well
        ("dncnn_s", "kair_sigma15"),  # the authors', not the retrained ones under the GPL
        ("dpn98", "mx_in1k"),  # a port
        ("carn", "torchsr"),
        ("preresnet200", "pytorchcv_b_imagenet"),  # not those without a published sum
        ("wrn16_1", "zoo_digits"),  # there are no others
    ],
)
def test_default_weights_follow_written_rule(name: str, tag: str) -> None:
    assert default_weights(name).tag == tag
    assert list_weights(name)[0].tag == tag


def test_default_weights_official_without_license_raises() -> None:
    with pytest.raises(LookupError, match=r"rcan_x4\.torchsr \(license: unknown\)"):
        default_weights("rcan_x4")


def test_create_bare_name_says_which_weights(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with (
        caplog.at_level(logging.WARNING, "zoo.models._factory"),
        pytest.raises(WeightsError, match=r"wrn28_10\.pytorchcv_cifar10"),
    ):
        zoo.create("wrn28_10", pretrained=True)
    assert caplog.messages == [
        "wrn28_10 stands for wrn28_10.pytorchcv_cifar10, for cifar10/test, by pytorchcv "
        "(retrained, another recipe; mit)"
    ]
    assert "by timm/resnet18.tv_in1k (" in describe_weights(default_weights("resnet18"))


def test_reported_value_is_of_benchmark_and_metric() -> None:
    cifar = default_weights("wrn28_10")
    assert str(cifar.reported_value("cifar10/test", "error")) == "2.39"
    assert str(cifar.reported_value("cifar10/test", "accuracy")) == "97.61"
    assert cifar.reported_value("cifar10/test", "top5_error") is None
    assert cifar.reported_value("svhn/test", "error") is None
    (edsr,) = (w for w in list_weights("edsr_x2") if w.provider == "torchSR")
    assert str(edsr.reported_value("set5/bi_x2", "psnr")) == "38.19"
    assert str(edsr.reported_value("set5/bi_x2", "ssim")) == "0.9609"
    assert ReportedScores().value("accuracy") is None


# Repositories that are no packages: their files in small


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_chenyaofo_readme_rows_become_entries(tmp_path: Path) -> None:
    url = "https://x.org/releases/download/resnet/cifar100_resnet20-0123abcd.pt"
    row = f"| resnet20 | 68.83 | 91.01 | 0.28 | 40.82 | [model]({url}) \\| [log](https://x.org/l)"
    write(tmp_path / "README.md", f"| vgg11_bn | 92.79 | 99.72 | 9.7 | 1.2 | [model](y)\n{row}\n")
    ((name, entry),) = weights_of_repositories.chenyaofo(tmp_path)
    assert (name, entry["sum"]) == ("resnet20.chenyaofo_cifar100", "sha256:0123abcd")
    assert entry["args"] == {"shortcut": "B", "num_classes": 100}
    assert entry["reported"] == [
        {"benchmark": "cifar100/test", "error": "31.17", "top5_error": "8.99"}
    ]


def test_chenyaofo_mobilenetv2_rows_have_another_mapping(tmp_path: Path) -> None:
    url = "https://x.org/releases/download/mobilenetv2/cifar10_mobilenetv2_x0_75-0123abcd.pt"
    write(
        tmp_path / "README.md", f"| mobilenetv2_x0_75 | 93.72 | 99.79 | 1.4 | 59 | [model]({url})"
    )
    ((name, entry),) = weights_of_repositories.chenyaofo(tmp_path)
    assert (name, entry["args"]) == ("mobilenetv2_x0_75.chenyaofo_cifar10", {})
    assert entry["key_mapping"] == "torchvision, chenyaofo/pytorch-cifar-models"
    assert entry["note"] == "a cosine schedule and Nesterov's momentum"
    assert entry["reported"][0]["error"] == "6.28"


def test_torchsr_scores_are_those_of_scale_and_table() -> None:
    tables = "".join(
        f"<summary>{title} results</summary>\n"
        f"| carn\\_m | 0.41 | {psnr}.68 / 0.95 | 34.06 / 0.92 | 31.88 / 0.89 |\n</details>\n"
        for title, psnr in (("Set5", 37), ("DIV2K", 35), ("B100", 31))
    )
    scores = list(weights_of_repositories.torchsr_scores(tables, "carn_m", [2]))
    assert scores == [
        {"benchmark": "set5/bi_x2", "psnr": "37.68", "ssim": "0.95"},
        {"benchmark": "b100/bi_x2", "psnr": "31.68", "ssim": "0.95"},
    ]


def test_kair_file_list_becomes_denoisers(tmp_path: Path) -> None:
    folder = tmp_path / "cszn" / "KAIR@1"
    release = "https://github.com/cszn/KAIR/releases/download/v1.0/"
    files = "'DnCNN': ['dncnn_25.pth', 'dncnn_gray_blind.pth'], 'SRMD': ['srmd_x2.pth']"
    write(folder / "main_download_pretrained_models.py", f"url = '{release}{{}}'\n{files}\n")
    row = "| 25 | 28.57 | 28.83 | 28.68 | - | 28.74 | 28.92 | **29.23** | **29.16** | **29.22** |\n"
    write(tmp_path / "cszn" / "DnCNN@2" / "README.md", row)
    entries = dict(weights_of_repositories.kair(folder))
    assert list(entries) == ["dncnn_s.kair_sigma25", "dncnn_b.kair"]
    assert entries["dncnn_b.kair"]["url"] == f"{release}dncnn_gray_blind.pth"
    assert [e["reported"][0]["psnr"] for e in entries.values()] == ["29.23", "29.16"]
    write(folder / "main_download_pretrained_models.py", "nothing of the kind")
    with pytest.raises(ValueError, match="lists its models in another form"):
        dict(weights_of_repositories.kair(folder))


def test_resnest_sums_and_tables_become_entries(tmp_path: Path) -> None:
    url = "https://github.com/x/releases/"
    for module, entry in (
        ("resnest", "('528c19ca', 'resnest50')"),
        ("ablation", "('d8fbf808', 'resnest50_fast_1s1x64d')"),
    ):
        text = f"_url_format = '{url}{{}}-{{}}.pth'\n[{entry}]\n"
        write(tmp_path / f"resnest/torch/models/{module}.py", text)
    write(tmp_path / "README.md", "| ResNeSt-50  | 224       | 81.03   | 81.04 |\n")
    row = "| ResNeSt-50-fast | 1s1x64d | 26.3M | 4.34   | 80.33   | 80.35 |\n"
    write(tmp_path / "ablation.md", row)
    entries = dict(weights_of_repositories.resnest(tmp_path))
    assert list(entries) == ["resnest50d.authors", "resnest50d.authors_fast_1s1x64d"]
    whole, fast = entries.values()
    assert (whole["url"], whole["sum"]) == (f"{url}resnest50-528c19ca.pth", "sha256:528c19ca")
    assert fast["url"] == f"{url}resnest50_fast_1s1x64d-d8fbf808.pth"
    assert (whole["args"], fast["args"]) == ({}, {"setting": "1s1x64d", "fast": True})
    assert [entry["reported"][0]["error"] for entry in entries.values()] == ["18.97", "19.67"]
    assert {entry["preprocessing"]["crop_pct"] for entry in entries.values()} == {0.875}


def test_edsr_pytorch_url_and_psnr_by_file_name(tmp_path: Path) -> None:
    url = "https://cv.org/models/edsr_x3-ea3ef2c6.pt"
    write(tmp_path / "src/model/edsr.py", f"url = {{'r32f256x3': '{url}'}}\n")
    write(tmp_path / "src/model/mdsr.py", "url = {'a': 'https://cv.org/mdsr_baseline-a0.pt'}\n")
    write(tmp_path / "README.md", "| | | *EDSR_x3 | 43.7 M | 31.26 dB |\n")
    ((name, entry),) = weights_of_repositories.edsr_pytorch(tmp_path)
    assert (name, entry["sum"]) == ("edsr_x3.edsr_pytorch", "sha256:ea3ef2c6")
    assert entry["reported"] == [{"benchmark": "div2k_valid/bi_x3", "psnr": "31.26"}]


def test_content_keeps_pins_of_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `zoo pull` locked stays while url and sum do; repositories stay without their files."""
    for paper in ("wrn", "edsr"):
        text = (MODELS_DIR / paper / published_weights.FILE).read_text()
        written = json.loads(text)
        for entry in written["weights"].values():
            entry["sha256"] = "a" * 64
        packages = published_weights.PACKAGES
        for moved in [e for e in written["weights"].values() if e["provider"] in packages][:1]:
            moved["url"] += ".moved"
        write(tmp_path / paper / published_weights.FILE, json.dumps(written))
    monkeypatch.setattr(published_weights, "MODELS_DIR", tmp_path)
    content = published_weights.content()
    pins = [entry["sha256"] for entry in content["wrn"]["weights"].values()]
    assert [pin for pin in pins if pin != "a" * 64] == [""]
    assert content["edsr"] == json.loads((tmp_path / "edsr" / published_weights.FILE).read_text())


def test_fb_resnet_readme_rows_become_entries(tmp_path: Path) -> None:
    """But for its ResNet-50, another network; the numbers are those of one crop."""
    links = "".join(f"- [ResNet-{d}](https://x.org/resnet-{d}.t7)\n" for d in (18, 50, 200))
    table = "\n".join(
        f"##### ImageNet {crops}-crop error rates (224x224)\n\n"
        f"| ResNet-18     | {error}.43       | 10.76       |\n"
        f"| ResNet-200    | {error}.66 <sup>[1](#notes)</sup> | 5.79        |\n"
        for crops, error in ((1, 30), (10, 28))
    )
    write(tmp_path / "pretrained/README.md", f"{links}\n{table}")
    entries = dict(weights_of_torch7.fb_resnet(tmp_path))
    assert {name: entry["reported"][0] for name, entry in entries.items()} == {
        name: {
            "benchmark": "imagenet/val",
            "pixels": 224,
            "crop_pct": "0.875",
            "interpolation": "bicubic",
            "error": error,
            "top5_error": top5,
        }
        for name, error, top5 in (
            ("resnet18.fb_torch7", "30.43", "10.76"),
            ("preresnet200.fb_torch7", "30.66", "5.79"),
        )
    }
    assert entries["preresnet200.fb_torch7"]["url"] == "https://x.org/resnet-200.t7"


def test_resnext_readme_rows_become_entries(tmp_path: Path) -> None:
    rows = [
        "| ResNet-50 (1x64d)   |  ~4.1  |  23.9        | [Original ResNet-50](https://x.org/fb) |",
        "| ResNeXt-50 (32x4d)  |  ~4.1  |  22.2        | [Download (191MB)](https://x.org/a.t7) |",
    ]
    write(tmp_path / "README.md", "\n".join(rows))
    ((name, entry),) = weights_of_torch7.resnext(tmp_path)
    assert (name, entry["url"]) == ("resnext50_32x4d.authors_torch7", "https://x.org/a.t7")
    assert entry["reported"][0]["error"] == "22.2"
    assert (entry["license"], entry["relation"]) == ("cc-by-nc-4.0", "official")


def test_functional_zoo_readme_row_becomes_entry(tmp_path: Path) -> None:
    url = "https://x.org/wide-resnet-50-2-export-5ae25d50.pth"
    row = "| WRN-50-2 | [a.ipynb](a.ipynb) | 22.0, 6.05 | [url](https://x.org/a.hkl) | 246 MB |"
    write(tmp_path / "README.md", f"weights = model_zoo.load_url('{url}')\n{row}\n")
    ((name, entry),) = weights_of_torch7.functional_zoo(tmp_path)
    assert (name, entry["url"]) == ("wide_resnet50_2.authors_folded", url)
    assert (entry["sum"], entry["args"]) == ("sha256:5ae25d50", {"folded": True})
    assert entry["reported"][0]["top5_error"] == "6.05"


def test_content_keeps_entries_of_repositories_that_are_not_there(tmp_path: Path) -> None:
    """And reads those that are."""
    url = "https://x.org/releases/download/resnet/cifar10_resnet20-0123abcd.pt"
    row = f"| resnet20 | 92.60 | 99.81 | 0.27 | 40.81 | [model]({url}) |"
    write(tmp_path / "chenyaofo/pytorch-cifar-models@1234567/README.md", row)
    tables, before = published_weights.content(tmp_path), published_weights.content()
    chenyaofo = [w for w in tables["resnet"]["weights"] if "chenyaofo" in w]
    assert chenyaofo == ["resnet20.chenyaofo_cifar10"]
    assert tables["resnet"]["read in"]["chenyaofo/pytorch-cifar-models"] == "1234567"
    assert tables["rcan"] == before["rcan"]
