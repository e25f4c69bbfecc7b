"""Every view that can be made again from report.json alone, by the name of its format.

Text comes in pieces: what has a line for each finding takes 150 MB for a large cluster, never all at once.
"""

from collections.abc import Callable, Iterator

from dualstack.report import (
    canonical,
    csv_table,
    ctrf,
    html_page,
    junit,
    markdown,
    prometheus,
    sign_off,
    worklist,
)
from dualstack.report.model import Report

View = Callable[[Report], Iterator[str]]


def _whole(render: Callable[[Report], str]) -> View:
    def view(report: Report) -> Iterator[str]:
        yield render(report)

    return view


FORMATS: dict[str, View] = {
    "json": lambda report: (piece.decode() for piece in canonical.pieces(report)),
    "html": _whole(html_page.render),
    "markdown": _whole(markdown.render),
    "junit": _whole(junit.render),
    "ctrf": _whole(ctrf.render),
    "csv": csv_table.pieces,
    "prometheus": _whole(prometheus.render),
    "sign-off": _whole(sign_off.render),
    "worklist": worklist.render,
}
