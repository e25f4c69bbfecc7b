"""Write a run's bundle: one folder with the report and its views, and `latest` pointing to it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from dualstack.report import canonical, html_page, junit, markdown
from dualstack.report.model import Report

VIEWS: dict[str, Callable[[Report], str]] = {
    "junit.xml": junit.render,
    "report.md": markdown.render,
    "report.html": html_page.render,
}


def folder_name(start: datetime, run_id: str) -> str:
    """The name of a run's folder, known from its start: sorts by time."""
    return f"{start.astimezone(UTC):%Y%m%dT%H%M%SZ}-{run_id}"


def write_bundle(report: Report, root: Path) -> Path:
    """Write report.json first, then every view of it; the folder."""
    folder = root / folder_name(report.run.start, report.run.id)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "report.json", canonical.pieces(report))
    for name, render in VIEWS.items():
        write_file(folder / name, [render(report).encode()])
    _point(root / "latest", folder)
    return folder


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Whole or not at all: a report that is cut off must not look like one.

    Its name until then has an end of its own: collectors of files (`*.prom`) must not take it up.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.writelines(pieces)
    unfinished.replace(path)


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".{link.name}-{folder.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(link)
