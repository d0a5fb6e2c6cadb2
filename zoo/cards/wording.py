"""The words of a card, and what keeps a text from being read as markup.

weights, results -> sentences, three lines of Python, links
"""

import re
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from zoo import registry, tokens
from zoo.cards.recorded import Result
from zoo.pretrained import ANOTHER, Weights

RELATION = {
    "official": "These are weights that the authors published.",
    "port": "These are the authors' weights in another format, published by others.",
    "retrained, same recipe": "These weights were trained again by the paper's recipe, not by its "
    "authors.",
    ANOTHER: "These weights were trained by another recipe than the paper's; its numbers are not "
    "theirs.",
    "architecture only": "Only the architecture is the paper's, which claims nothing about these "
    "weights.",
}
CLASSIFY = """\
model = zoo.create("{name}", pretrained=True)
image = zoo.transform(model)(Image.open("photo.jpg").convert("RGB"))
print(model(image[None]).softmax(1).topk(5))"""
ENLARGE = """\
small = Image.open("photo.jpg")
large = zoo.upscale(small, "{name}", scale={scale})
large.save("large.png")"""
WRITE = """\
writer = Writer.load("{name}")
(text,) = writer.write(["Abstract"], max_new_tokens=40)
print(text)"""
IMAGES = "import zoo\nfrom PIL import Image\n\n"
TEXTS = "from zoo.writing import Writer\n\n"


def inline(text: object) -> Markup:
    """A text in one line, without any meaning in Markdown, HTML or a table."""
    line = " ".join(str(text).split())
    line = re.sub(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)", r"\\\g<0>", line)
    return Markup(line.replace("<", "&lt;"))


def finalize(value: object) -> object:
    """What a template prints: escaped, unless it was made as Markdown."""
    return value if isinstance(value, Markup) else inline(value)


def link(text: str, url: str) -> Markup:
    """A link, or the text alone if it has no address of the web or of this repository."""
    if not re.match(r"https?://|\.\.?/", url):
        return inline(text)
    return Markup(f"[{inline(text)}]({quote(url, safe='/:@?=&#%+,-._')})")


def fenced(text: str, language: str = "") -> Markup:
    """A block of code, in a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}{language}\n{text.strip()}\n{fence}")


def address(url: str, record: str) -> str:
    """Where a file of the checkout can be read, `url` being where the checkout is."""
    return f"{url.rstrip('/')}/{record}"


def record(path: str, url: str) -> Markup:
    """A file of the checkout: a link, or its path if the checkout cannot be read at any `url`."""
    if not (path and url):
        return inline(path)
    return link(path.rpartition("/")[2], address(url, path))


def usage(weights: Weights) -> str:
    """Three lines of Python that use weights."""
    entry = registry.variant(weights.model)
    if entry.is_classifier:
        return IMAGES + CLASSIFY.format(name=weights.name)
    if entry.is_language_model:
        return TEXTS + WRITE.format(name=weights.name)
    scales = {int(b.rpartition("_x")[2]) for b in weights.benchmarks}
    return IMAGES + ENLARGE.format(name=weights.name, scale=min(scales))


def preprocessing(weights: Weights) -> list[str]:
    """What weights want of an image or a text."""
    entry = registry.variant(weights.model)
    cfg = registry.configuration(entry, weights)
    if entry.is_classifier:
        return _of_a_classifier(cfg)
    if entry.is_language_model:
        return _of_a_language_model(cfg)
    return [
        "The network takes RGB pixels in 0..1, of any size, and gives the same; grey images are "
        "repeated.",
        "PSNR and SSIM are of Y of YCbCr, as many pixels as the scale cut off at each edge.",
    ]


def _of_a_classifier(cfg: dict[str, Any]) -> list[str]:
    channels, height, width = cfg["input_size"]
    numbers = {key: ", ".join(f"{n:.6g}" for n in cfg[key]) for key in ("mean", "std")}
    shorter = int(height / cfg["crop_pct"])
    said = [
        f"Resized to {shorter} pixels on the shorter side ({cfg['interpolation']}), then the "
        f"{height}x{width} in its center, in {channels} channels.",
        f"Pixels in 0..1, minus the mean ({numbers['mean']}), over the standard deviation "
        f"({numbers['std']}).",
        f"{cfg['num_classes']} classes.",
    ]
    if "test_input_size" in cfg:
        larger, crop = cfg["test_input_size"][1], cfg.get("test_crop_pct", cfg["crop_pct"])
        said.append(f"The provider also tests at {larger} pixels, a share of {crop:g}.")
    return said


def _of_a_language_model(cfg: dict[str, Any]) -> list[str]:
    name = cfg["tokenizer"]
    made = "UTF-8: an id is a byte, and 256 stands between texts"
    if name != "bytes":
        made = f"{name}, as in {tokens.REPOS[name]}"
    return [
        f"Tokenizer: {made}.",
        f"{cfg['vocab_size']:,} tokens; a context of {cfg['input_size'][0]:,} of them.",
    ]


def protocol(result: Result) -> str:
    """How a result was measured."""
    how = result.details
    if "context" in how:
        steps = f"{how['stride']} apart" if how["stride"] else "side by side"
        return f"windows of {how['context']:,} tokens, {steps}"
    if "crop_pct" in how:
        return "one center crop, by the preprocessing of the weights"
    if "crops" in how:
        sizes = ", ".join(map(str, how["shorter"]))
        return f"{how['crops']} crops of {how['pixels']} pixels, from a shorter side of {sizes}"
    small = {"bi": "bicubically", "bd": "by blur and decimation"}[how["degradation"]]
    colour = {"rgb": "in RGB", "y": "of Y alone"}[how["colour"]]
    eight = ", mean of eight positions" if how["ensemble"] else ""
    chop = ", in overlapping quarters" if how["chop"] else ""
    return f"small images made {small} (MATLAB's way), {colour}{chop}{eight}"
