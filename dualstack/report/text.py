"""Make text from a cluster harmless: names and messages are not ours, and some views interpret characters."""

import re
import unicodedata

# Characters that XML 1.0 cannot hold at all: https://www.w3.org/TR/xml/#charsets
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    """The text on one line, with control and direction characters shown as escapes, not obeyed."""
    line = " ".join(text.split())
    if line.isprintable():  # nearly all of them, and much faster
        return line
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in ("Cc", "Cf", "Cs") else char
        for char in line
    )


def shortened(text: str, length: int) -> str:
    """The text cut to `length` characters, with an ellipsis if anything is gone."""
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"
