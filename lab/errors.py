"""The one exception that the lab shows to people: a single line that says what, where and what to do."""


class LabError(Exception):
    """Something the person at the keyboard can mend; printed as one line, never as a traceback."""
