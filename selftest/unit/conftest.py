"""Shared by the unit tests."""

import pytest

from dualstack.places import SUITE
from dualstack.session import catalogue


@pytest.fixture
def suite_module():
    """A function that loads a file of the suite by its stem, apart from pytest's own collection."""

    return lambda stem: catalogue.load(SUITE / f"{stem}.py")
