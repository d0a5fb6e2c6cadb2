"""The examples in the docstrings of public functions run."""

import doctest
import sys
from typing import Any

import pytest

from zoo.inference.generation import generate
from zoo.inference.optimize import optimize
from zoo.inference.text_generation import TextGenerator
from zoo.inference.upscaling import upscale
from zoo.training import load_recipe


@pytest.mark.parametrize(
    "function", [generate, optimize, upscale, load_recipe, TextGenerator], ids=lambda f: f.__name__
)
def test_docstring_example_runs(function: Any) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    module = sys.modules[function.__module__]
    (example,) = finder.find(function, globs=dict(vars(module)))
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
