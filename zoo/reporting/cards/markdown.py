"""The words of a card, and what keeps a text from being read as markup.

weights, results -> sentences, three lines of Python, links
"""

import re
from urllib.parse import quote

from markupsafe import Markup

from zoo.evaluation import tasks
from zoo.models._builder import make_pretrained_cfg
from zoo.models._registry import get_entry
from zoo.papers.weights import OTHER_RECIPE, Weights
from zoo.reporting.cards.results import Result

RELATION = {
    "official": "These are weights that the authors published.",
    "port": "These are the authors' weights in another format, published by others.",
    "retrained, same recipe": "These weights were trained again by the paper's recipe, not by its "
    "authors.",
    OTHER_RECIPE: "These weights were trained by another recipe than the paper's; its numbers "
    "are not theirs.",
    "architecture only": "Only the architecture is the paper's, which claims nothing about these "
    "weights.",
}


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
    return tasks.task_of(weights.model).usage(weights)


def preprocessing(weights: Weights) -> list[str]:
    """What weights want of an image or a text."""
    entry = get_entry(weights.model)
    return tasks.task_of(entry).preprocessing(make_pretrained_cfg(entry, weights))


def protocol(result: Result) -> str:
    """How a result was measured."""
    return tasks.task_of(result.record["model"]).told(result.details)
