"""Take the picture of the report in README.md, docs/report.png, by Debian's Chromium.

    python -m eval.picture [--chromium /usr/bin/chromium]

The page is the one that `zoo report` makes of the published ledger; both themes, side by side.
"""

import argparse
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from PIL import Image
from playwright.sync_api import sync_playwright

from zoo._io import atomic_path
from zoo.claims import check
from zoo.evaluation import ledger
from zoo.evaluation.environment import ROOT
from zoo.reporting.site import build

OUT = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1100, 760
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
# Theme: fragment of the address, for another part of the page.
THEMES: dict[Literal["light", "dark"], str] = {"light": "", "dark": "#?q=set5+psnr"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chromium", type=Path, default=Path("/usr/bin/chromium"))
    options = parser.parse_args()
    halves = []
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = build(
            Path(folder) / "site", check.verdicts_from_records(), ledger.published().records()
        )
        browser = playwright.chromium.launch(executable_path=str(options.chromium), args=SWITCHES)
        for scheme, place in THEMES.items():
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.emulate_media(color_scheme=scheme)
            page.goto((site / "index.html").as_uri() + place)
            if place:
                page.locator("#all tbody tr").first.wait_for()
            halves.append(Image.open(io.BytesIO(page.screenshot())))
        browser.close()
    whole = Image.new("RGB", (2 * WIDTH, HEIGHT))
    for number, half in enumerate(halves):
        whole.paste(half, (number * WIDTH, 0))
    OUT.parent.mkdir(exist_ok=True)
    with atomic_path(OUT) as temporary:
        whole.quantize(256, kmeans=3).save(temporary, "png", optimize=True)
    print(OUT.relative_to(ROOT), OUT.stat().st_size)


if __name__ == "__main__":
    main()
