"""Sentences of a card, escaped so that no text is read as markup.

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
    """Return a text on one line, escaped for Markdown, HTML and tables."""
    line = " ".join(str(text).split())
    line = re.sub(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)", r"\\\g<0>", line)
    return Markup(line.replace("<", "&lt;"))


def finalize(value: object) -> object:
    """Escape a template value unless it is Markdown already."""
    return value if isinstance(value, Markup) else inline(value)


def link(text: str, url: str) -> Markup:
    """Return a link, or the text alone unless `url` is of the web or of this repository."""
    if not re.match(r"https?://|\.\.?/", url):
        return inline(text)
    return Markup(f"[{inline(text)}]({quote(url, safe='/:@?=&#%+,-._')})")


def fenced(text: str, language: str = "") -> Markup:
    """Return a code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup(f"{fence}{language}\n{text.strip()}\n{fence}")


def address(url: str, record: str) -> str:
    """Return the address of a file of the checkout at `url`."""
    return f"{url.rstrip('/')}/{record}"


def record(path: str, url: str) -> Markup:
    """Return a link to a file of the checkout, or its path if there is no `url`."""
    if not (path and url):
        return inline(path)
    return link(path.rpartition("/")[2], address(url, path))


def usage(weights: Weights) -> str:
    """Return three lines of Python that use weights."""
    return tasks.task_of(weights.model).usage(weights)


def preprocessing(weights: Weights) -> list[str]:
    """Describe the inputs that weights expect."""
    entry = get_entry(weights.model)
    return tasks.task_of(entry).preprocessing(make_pretrained_cfg(entry, weights))


def protocol(result: Result) -> str:
    """Describe the protocol of a result."""
    return tasks.task_of(result.record["model"]).describe_protocol(result.details)
