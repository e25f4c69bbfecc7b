"""Shared by the unit tests."""

import importlib.util

import pytest

from dualstack.places import SUITE


@pytest.fixture
def suite_module():
    """A function that loads a file of the suite by its stem, apart from pytest's own collection."""

    def load(stem):
        spec = importlib.util.spec_from_file_location(stem, SUITE / f"{stem}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
