"""Every view that can be made again from report.json alone, by the name of its format."""

from collections.abc import Callable

from dualstack.report import canonical, csv_table, ctrf, html, junit, markdown, prometheus, sign_off
from dualstack.report.model import Report

FORMATS: dict[str, Callable[[Report], str]] = {
    "json": lambda report: canonical.to_json(report).decode(),
    "html": html.render,
    "markdown": markdown.render,
    "junit": junit.render,
    "ctrf": ctrf.render,
    "csv": csv_table.render,
    "prometheus": prometheus.render,
    "sign-off": sign_off.render,
}
