"""The engine of the conformance suite: everything but the checks themselves, which live in tests/."""

from importlib.metadata import version

__version__ = version("dualstack-conformance")  # as pyproject.toml says
