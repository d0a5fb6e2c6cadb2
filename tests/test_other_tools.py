"""Doors into other people's tools: torch.hub, timm, and the Gradio demo."""

import re
import tomllib
from importlib.util import find_spec
from typing import Any

import pytest
import torch

import hubconf
import zoo
from tests.conftest import ROOT
from tests.reporting.test_site_browser import chromium, tab

__all__ = ["chromium", "tab"]  # fixtures
HAS_WIDTH = "width => [...document.images].some(image => image.naturalWidth === width)"


def test_torch_hub_loads_models_and_weights_by_name() -> None:
    models = []
    for make in (lambda: torch.hub.load(str(ROOT), "wrn16_1", source="local", num_classes=7),
                 lambda: zoo.create("wrn16_1", num_classes=7)):  # fmt: skip
        torch.manual_seed(0)
        models.append(make().state_dict())
    assert models[0].keys() == models[1].keys()
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[0])
    trained = torch.hub.load(
        str(ROOT), "create", "resnet20.zoo_digits", source="local", pretrained=True
    )
    assert not trained.training


def test_hubconf_lists_every_model_with_help_and_real_dependencies() -> None:
    entries = {name for name in dir(hubconf) if not name.startswith("_")}
    assert {*zoo.list_models(), "create", "transform", "upscale"} <= entries
    assert 'zoo.create("wrn28_10"' in vars(hubconf)["wrn28_10"].__doc__
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    names = {re.split("[<>=]", need)[0] for need in needed}
    assert set(hubconf.dependencies) <= names
    assert all(map(find_spec, hubconf.dependencies))


@pytest.mark.browser
def test_demo_upscales_and_classifies_in_the_browser(tab: Any) -> None:
    from demo import app

    page = app.build()
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    try:
        tab.goto(url)
        tab.get_by_role("button", name="Upscale").wait_for()
        tab.locator(".gallery-item:visible").first.click()
        tab.wait_for_function(HAS_WIDTH, arg=192)
        tab.get_by_role("button", name="Upscale").click()
        tab.wait_for_function(HAS_WIDTH, arg=384)
        tab.get_by_role("tab", name="Classify").click()
        tab.locator(".gallery-item:visible").first.click()
        tab.wait_for_function(HAS_WIDTH, arg=8)
        tab.get_by_role("button", name="Classify").click()
        result = tab.locator("[data-testid=label-output-value]")
        result.wait_for()
        assert result.inner_text().strip() == "1"
    finally:
        page.close()
