"""Weights that others provide: what we say of them, and what a bare name may resolve to."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import timm
import torch
from torch import nn

import zoo
from eval import timm_weights
from tests.conftest import measured
from tests.support.models import bundled_weights
from tests.support.patching import replace_everywhere
from zoo.checkpoints import loading
from zoo.claims import check, matching
from zoo.models._registry import default_weights, list_weights
from zoo.papers.loading import load_papers
from zoo.papers.weights import (
    MODELS_DIR,
    OTHER_RECIPE,
    PERMISSIVE,
    TIMM_FILE,
    WeightsError,
    validate_weights,
)
from zoo.papers.weights import load_generated_weights as read

PROVIDED = [w for paper in load_papers() for w in paper.weights if w.repo]
FILES = sorted(MODELS_DIR.glob(f"*/{TIMM_FILE}"))
GOOD = next(w for w in PROVIDED if w.paper == FILES[0].parent.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_timm_weights_json_matches_installed_timm(path: Path) -> None:
    written = json.loads(path.read_text(encoding="utf-8"))
    if written["timm"] != timm.__version__:
        pytest.skip(f"{path} is of timm {written['timm']}: run python -m eval.timm_weights")
    expected = timm_weights.content(path.parent.name)
    assert json.loads(json.dumps(expected)) == written
    assert list(expected["weights"]) == list(written["weights"])  # the order is the preference


def test_timm_weights_content_quotes_results_by_repo(tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_text(
        "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
        "resnet18.a1_in1k,288,73.168,26.832,91.022,8.978,11.69,1.000,bicubic\n"
        "resnet18.a1_in1k,224,71.490,28.510,90.076,9.924,11.69,0.950,bicubic\n"
    )
    content = timm_weights.content("resnet", table, "abc")
    rows = content["weights"]["resnet18.a1_in1k"]["reported"]
    assert [(r["pixels"], r["error"], r["crop_pct"]) for r in rows] == [
        (224, "28.510", "0.950"),
        (288, "26.832", "1.000"),
    ]
    assert content["weights"]["resnet18.tv_in1k"]["reported"] == []
    assert content["reported in"].endswith("at abc")


def test_timm_weights_content_keeps_matching_pins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrn").mkdir()
    written = json.loads((MODELS_DIR / "wrn" / TIMM_FILE).read_text())
    pin = {"revision": "a" * 40, "sha256": "b" * 64}
    tv, racm = (f"wide_resnet50_2.{tag}_in1k" for tag in ("tv", "racm"))
    written["weights"][tv] |= pin
    written["weights"][racm] |= pin | {"file": "another.safetensors"}  # what is pinned is not this
    (tmp_path / "wrn" / TIMM_FILE).write_text(json.dumps(written))
    monkeypatch.setattr(timm_weights, "MODELS_DIR", tmp_path)
    entries = timm_weights.content("wrn")["weights"]
    assert entries[tv].items() >= pin.items()
    assert (entries[racm]["revision"], entries[racm]["sha256"]) == ("", "")
    assert entries[racm]["reported"] == written["weights"][racm]["reported"]


def test_timm_weights_provenance_unknown_tag_raises() -> None:
    overrides = timm_weights.load_overrides("resnet")
    with pytest.raises(LookupError, match=r"resnet50\.moon_in1k: say in RECIPES"):
        timm_weights.relation("resnet50.moon_in1k", "moon_in1k", overrides)


def test_default_weights_are_nearest_to_paper() -> None:
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"):
        assert default_weights(name).name == f"{name}.tv_in1k"
    assert bundled_weights("resnet20").name == "resnet20.zoo_digits"


@pytest.mark.parametrize("architecture", sorted({w.model for w in PROVIDED}))
def test_default_weights_have_permissive_license(architecture: str) -> None:
    known = list_weights(architecture)
    if any(w.license in PERMISSIVE for w in known):
        assert default_weights(architecture).license in PERMISSIVE
    else:
        with pytest.raises(LookupError, match=known[0].name):
            zoo.create(architecture, pretrained=True)


@pytest.mark.parametrize("license", ["unknown", "cc-by-nc-4.0", ""])
def test_default_weights_without_free_license_raises(
    license: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    papers = [
        replace(p, weights=tuple(replace(w, license=license) for w in p.weights))
        for p in load_papers()
    ]
    replace_everywhere(monkeypatch, "zoo.papers.loading.load_papers", lambda: papers)
    message = (
        rf"wide_resnet50_2 has no default weights.*wide_resnet50_2\.tv_in1k \(license: {license}"
    )
    with pytest.raises(LookupError, match=message):
        zoo.create("wide_resnet50_2", pretrained=True)
    assert zoo.create("wide_resnet50_2.tv_in1k", num_classes=0).num_classes == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "resnet50"}, "arch.tag"),
        ({"relation": "cousin"}, "cousin"),
        ({"sha256": "0" * 63, "revision": "0" * 40}, "64 hexadecimal"),
        ({"sha256": "0" * 64}, "a revision is the commit"),
        ({"revision": "main"}, "a revision is the commit"),
        ({"repo": ""}, "64 hexadecimal"),
        ({"url": "https://example.org/x.pth"}, "a repo or a url, not both"),
        ({"sum": f"sha1:{'0' * 40}"}, "of the file at a `url`"),
        ({"member": "x.pth"}, "of the file at a `url`"),
        ({"repo": "", "url": "https://example.org/x", "sum": "md5:0"}, "a sum is sha1: and 40"),
        ({"repo": "", "url": "https://example.org/x", "sum": "sha1:00000000"}, "a sum is sha1:"),
        ({"repo": "", "sha256": "0" * 64, "revision": "0" * 40}, "a revision is the commit"),
    ],
)
def test_validate_weights_broken_rule_is_named(
    changes: Mapping[str, Any], message: str, tmp_path: Path
) -> None:
    assert validate_weights(GOOD) is None
    assert validate_weights(replace(GOOD, sha256="0" * 64, revision="a" * 40)) is None
    if "relation" not in changes:
        assert message in str(validate_weights(replace(GOOD, **changes)))
    data = json.loads((MODELS_DIR / GOOD.paper / TIMM_FILE).read_text())
    entry = data["weights"][GOOD.name] | {k: v for k, v in changes.items() if k != "name"}
    (tmp_path / TIMM_FILE).write_text(
        json.dumps({"weights": {changes.get("name", GOOD.name): entry}})
    )
    with pytest.raises(WeightsError, match=message):
        read(tmp_path)


def test_load_generated_weights_reads_every_file(tmp_path: Path) -> None:
    entry = json.loads((MODELS_DIR / GOOD.paper / TIMM_FILE).read_text())["weights"][GOOD.name]
    del entry["repo"]
    entry |= {"url": "https://example.org/x.zip", "sum": "sha256:00000000", "provider": "it"}
    for file, name in (("a_weights.json", "net.a"), (TIMM_FILE, "net.timm")):
        (tmp_path / file).write_text(json.dumps({"weights": {name: entry}}))
    timm, other = read(tmp_path)
    assert (timm.name, other.name) == ("net.timm", "net.a")
    assert other.source == f"{tmp_path.name}/a_weights.json"
    assert (other.url, other.provider, other.bundled) == ("https://example.org/x.zip", "it", False)
    (tmp_path / "b_weights.json").write_text(json.dumps({"weights": {"net.a": entry}}))
    with pytest.raises(
        WeightsError, match=r"b_weights\.json: net\.a is in .*a_weights\.json already"
    ):
        read(tmp_path)


def row(name: str, metric: str, weights: str = "") -> Any:
    """The verdict on the one claim of a metric by a protocol that is one center crop."""
    verdicts = [
        r
        for r in check.check(weights or name)
        if (r.model, r.metric) == (name, f"{metric} on imagenet/val") and r.provider
    ]
    assert verdicts
    return verdicts[0]


def test_check_claim_shows_reported_accuracy() -> None:
    verdict = row("resnet18", "error")
    assert (verdict.status, verdict.provider, verdict.measured) == (
        "not run",
        "30.248 % (resnet18.tv_in1k)",
        "",
    )
    assert verdict.claimed == "30.43 %"
    assert f"resnet18.tv_in1k ({OTHER_RECIPE}; bsd-3-clause) is not on this machine" in verdict.why
    assert row("resnet18", "top5_error").provider == "10.918 % (resnet18.tv_in1k)"
    named = row("resnet18", "error", "resnet18.gluon_in1k")
    assert named.provider == "29.156 % (resnet18.gluon_in1k)"


def test_is_applicable_other_protocol_is_false() -> None:
    other = next(w for w in list_weights("resnet18") if w.tag == "a1_in1k")  # crop 0.95
    center = next(
        c for c in zoo.list_claims("resnet18", kind="measured") if c.protocol == "fb-1crop"
    )
    assert not matching.is_applicable(other, center)
    whole = replace(center, protocol="")
    assert not any(matching.is_applicable(w, whole) for w in list_weights("resnet18"))


def test_specs_for_ten_crops_need_matching_input_size() -> None:
    """As many pixels as they see, cut by the protocol, not by their own preprocessing."""
    claim = next(
        c for c in zoo.list_claims("resnet18", kind="measured") if c.protocol == "fb-10crop"
    )
    specs = matching.specs_for(claim, list_weights("resnet18"))
    named = {spec.weights for spec in specs}
    assert "resnet18.tv_in1k" in named
    assert {spec.protocol_dict()["crops"] for spec in specs} == {"ten"}
    for known in list_weights("resnet18"):
        fits = known.preprocessing["input_size"][1] == 224 and claim.benchmark in known.benchmarks
        assert (known.name in named) == fits


def test_check_other_recipe_is_named_in_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = replace(zoo.list_claims("resnet20", kind="measured")[0], benchmark="digits/test")
    verdict = measured(claim)
    assert verdict.why == f"resnet20.zoo_digits: {OTHER_RECIPE}"
    official = [replace(bundled_weights("resnet20"), relation="official")]
    replace_everywhere(monkeypatch, "zoo.models._registry.list_weights", lambda name: official)
    assert measured(claim).why == ""


def test_create_has_preprocessing_of_weights() -> None:
    cfg = zoo.create("resnet18.a1_in1k").pretrained_cfg
    settings = {
        key: cfg[key] for key in ("crop_pct", "interpolation", "test_input_size", "license")
    }
    assert settings == {
        "crop_pct": 0.95,
        "interpolation": "bicubic",
        "test_input_size": (3, 288, 288),
        "license": "apache-2.0",
    }
    assert (cfg["hf_hub_id"], cfg["tag"]) == ("timm/resnet18.a1_in1k", "a1_in1k")
    assert not cfg.get("file")


def test_list_models_pretrained_lists_hub_weights() -> None:
    names = zoo.list_models("resnet50", pretrained=True)
    assert names[0] == "resnet50.tv_in1k"
    assert "resnet50.a1_in1k" in names
    assert "resnet50" in zoo.list_models(dataset="imagenet")


class Small(nn.Module):
    """A network whose first convolution is not called conv1."""

    pretrained_cfg: ClassVar = {"first_conv": "stem.0"}

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 4, 3))
        self.head = nn.Linear(4, 2)

    def get_classifier(self, name_only: bool = False) -> str | nn.Module:
        return "head" if name_only else self.head


def test_load_pretrained_adapts_named_first_conv(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb, grey = Small(3), Small(1)
    replace_everywhere(
        monkeypatch,
        "zoo.checkpoints.loading.fetch_tensors",
        lambda entry: (dict(rgb.state_dict()), []),
    )
    loading.load_pretrained(grey, GOOD, like=Small(1))
    torch.testing.assert_close(grey.stem[0].weight, rgb.stem[0].weight.sum(1, keepdim=True))
    assert torch.equal(grey.head.weight, rgb.head.weight)
