"""The examples in the docstrings of `zoo.check` and `zoo.explain`."""

import doctest
from typing import Any

import pytest

import zoo


@pytest.mark.parametrize("function", [zoo.check, zoo.explain])
def test_facade_docstring_example_runs(function: Any) -> None:
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(function, globs={})
    assert doctest.DocTestRunner().run(example).failed == 0
