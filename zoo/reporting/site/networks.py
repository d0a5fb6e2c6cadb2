"""The picture of a network, as the docstring of its own file draws it. Nothing is imported.

"zoo.models.wrn.model:WideResNet" -> the docstring's lines below its title
"""

import ast
import importlib.util
from functools import cache
from inspect import cleandoc
from pathlib import Path


@cache
def picture(target: str) -> str:
    """What the module of a class draws below its title or, if it has but a title, what the class
    says; "" for a class whose source is not at hand."""
    module, _, name = target.partition(":")
    tree = _tree(module)
    if tree is None:
        return ""
    drawn = cleandoc(ast.get_docstring(tree) or "").partition("\n\n")[2]
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    said = next((ast.get_docstring(node) or "" for node in classes), "")
    return (drawn or cleandoc(said)).strip()


@cache
def _tree(module: str) -> ast.Module | None:
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin or not found.origin.endswith(".py"):
        return None
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))
