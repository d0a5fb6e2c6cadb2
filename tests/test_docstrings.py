"""Every public function of `zoo` has an example, and the example runs."""

import subprocess
import sys

import pytest

SCRIPT = """
import doctest
import zoo
finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
for name in zoo.__all__:
    (example,) = finder.find(getattr(zoo, name), name, globs={"zoo": zoo})
    assert example.examples, f"zoo.{name} has no example"
    runner.run(example)
assert not runner.failures
"""


@pytest.mark.slow
def test_public_docstring_examples_run() -> None:
    """In a process of their own: one registers a model."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
