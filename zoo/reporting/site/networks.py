"""The drawing of a network, from the docstring of its source file. Nothing is imported.

"zoo.models.wrn.model:WideResNet" -> the docstring's lines below its title
"""

import ast
import importlib.util
from functools import cache
from inspect import cleandoc
from pathlib import Path


@cache
def picture(target: str) -> str:
    """Return the drawing in the docstring of a class's module, else the class's own docstring;
    empty if the source is not at hand."""
    module, _, name = target.partition(":")
    tree = _tree(module)
    if tree is None:
        return ""
    drawing = cleandoc(ast.get_docstring(tree) or "").partition("\n\n")[2]
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    own = next((ast.get_docstring(node) or "" for node in classes), "")
    return (drawing or cleandoc(own)).strip()


@cache
def _tree(module: str) -> ast.Module | None:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
