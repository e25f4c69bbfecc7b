"""The one exception that people see: a single line that says what, where and what to do."""


class UserError(Exception):
    """Something that the person at the keyboard can mend; shown as one line, with exit status 4."""
