"""The examples in the docstrings of what `zoo` does not name itself."""

import doctest
import sys
from typing import Any

import pytest

from zoo.inference.text_generation import TextGenerator
from zoo.training import load_recipe


@pytest.mark.parametrize("function", [load_recipe, TextGenerator], ids=lambda f: f.__name__)
def test_docstring_example_runs(function: Any) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    module = sys.modules[function.__module__]
    (example,) = finder.find(function, globs=dict(vars(module)))
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
