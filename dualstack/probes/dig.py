"""Read what dig prints of several questions to one server (+question +comments +answer +stats)."""

import re

Said = dict[tuple[str, str], tuple[str, tuple[str, ...], float | None]]
"""(name in lower case, record) → (response code, values of that record, milliseconds)"""
COMPLAINTS = ("timed out", "refused", "unreachable", "error", "not found", "couldn't", "no servers")


def read_dig(text: str) -> Said:
    """Return what was answered; a question without an answer is not in it."""
    said: Said = {}
    for part in text.split(";; Got answer:")[1:]:
        status = re.search(r"status: (\w+)", part)
        question = re.search(r"^;(\S+)\s+IN\s+(\w+)\s*$", part, re.MULTILINE)
        if not status or not question:
            continue
        record = question[2]
        values = re.findall(rf"^[^;\s]\S*\s+\d+\s+IN\s+{record}\s+(\S+)\s*$", part, re.MULTILINE)
        took = re.search(r"Query time: (\d+) msec", part)
        said[question[1].lower(), record] = (status[1], tuple(values), float(took[1]) if took else None)
    return said


def complaint(text: str) -> str:
    """Return dig's first own words on what went wrong, empty if there are none."""
    lines = (line.strip("; ") for line in text.splitlines())
    return next((line for line in lines if any(word in line for word in COMPLAINTS)), "")
