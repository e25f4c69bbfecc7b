"""How a run that ends early ends its steps."""


class Stopped(Exception):
    """The run is ending early."""
