"""The engine of the conformance suite: everything but the checks themselves, which live in tests/."""

__version__ = "0.1.0"
