"""The command `dualstack`: run the suite from anywhere, and what can be done with reports, offline.

Running is pytest's: `run` becomes pytest on the suite's own files, so signals and the exit status are its.
"""

import argparse
import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from dualstack.errors import UserError
from dualstack.places import AS_PYTEST
from dualstack.redaction import names as pseudonyms
from dualstack.redaction.report import pseudonymous
from dualstack.report import canonical, compare_views, history, keys, sign, sign_off, site_checks
from dualstack.report.compare import compare
from dualstack.report.model import PSEUDONYM_KEY
from dualstack.report.render import FORMATS
from dualstack.report.write import write_file

FOUND_NEW = 1
BAD_INPUT = 4
REPORT = "report.json"


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; the exit status: 0, FOUND_NEW or BAD_INPUT (argparse's own is 2)."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["run"]:
        _become_pytest(words[1:])
    options = _parser().parse_args(words)
    try:
        with _no_cycles():
            status: int = options.do(options)
        sys.stdout.flush()
    except UserError as error:
        print(f"dualstack: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader has seen enough; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Reports refer to nothing but values: to look for cycles among them takes as long as to read them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _become_pytest(options: list[str]) -> NoReturn:
    """Judge a cluster; `-P`, so that nothing in the current folder is taken for a module."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *AS_PYTEST, *options])  # noqa: S606


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dualstack", description="Judge clusters, and work with reports.")
    rooms = parser.add_subparsers(required=True, metavar="run|report")
    rooms.add_parser("run", help="judge a cluster; takes pytest's options (`dualstack run --help`)")
    report = rooms.add_parser("report", help="render, compare, sign and verify reports")
    commands = report.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("render", help="make a view of a report again")
    command.add_argument("report", type=Path, metavar="REPORT", help="a report.json, or a run's folder")
    command.add_argument("--format", choices=FORMATS, required=True)
    command.add_argument(
        "--site", type=Path, metavar="FILE",
        help="for sign-off: a YAML file with the site's own checks and who signs (docs/report.md)",
    )  # fmt: skip
    command.add_argument(
        "--pseudonyms", action="store_true",
        help="other names for nodes, namespaces and addresses; "
        f"the same ones again with ${PSEUDONYM_KEY}",
    )  # fmt: skip
    _output(command)
    command.set_defaults(do=_render)

    command = commands.add_parser("compare", help="what changed between two runs")
    command.add_argument("old", type=Path, metavar="OLD", help="a report.json, or a run's folder")
    command.add_argument("new", type=Path, metavar="NEW", help="likewise")
    command.add_argument("--format", choices=compare_views.FORMATS, default="text")
    command.add_argument("--fail-on", choices=["new"], help=f"exit with {FOUND_NEW} if anything is new")
    _output(command)
    command.set_defaults(do=_compare)

    command = commands.add_parser("history", help="one HTML page of many runs")
    command.add_argument("folder", type=Path, metavar="DIR", help="the folder that holds the runs' folders")
    _output(command)
    command.set_defaults(do=_history)

    for name, do, about in (
        ("sign", _sign, "sign a run's folder: checksums and an attestation"),
        ("verify", _verify, "whether a run's folder is as it was signed"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("folder", type=Path, metavar="DIR", help="a run's folder")
        command.add_argument(
            "--key", type=Path, metavar="FILE",
            help=f"an Ed25519 key in PEM; default: the PEM text in ${keys.VARIABLE}",
        )  # fmt: skip
        command.set_defaults(do=do)
    return parser


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")


def _render(options: argparse.Namespace) -> int:
    file = _file(options.report)
    report = canonical.load(file)
    if options.pseudonyms:
        if report.run.pseudonyms:
            raise UserError(f"{options.report}: its names are pseudonyms already; leave out --pseudonyms")
        report = pseudonymous(report, pseudonyms.from_environment())
    if options.format == "sign-off":
        added = site_checks.load(options.site) if options.site else None
        text = iter([sign_off.render(report, added, None if options.pseudonyms else sign.digest(file))])
    elif options.site is None:
        text = FORMATS[options.format](report)
    else:
        raise UserError(f"--site belongs to --format sign-off, not to {options.format}")
    _write(text, options.output)
    return 0


def _compare(options: argparse.Namespace) -> int:
    comparison = compare(canonical.load(_file(options.old)), canonical.load(_file(options.new)))
    _write([compare_views.FORMATS[options.format](comparison)], options.output)
    found = comparison.new or comparison.unseen or comparison.lost
    return FOUND_NEW if options.fail_on == "new" and found else 0


def _history(options: argparse.Namespace) -> int:
    _write([history.render(history.collect(options.folder))], options.output)
    return 0


def _sign(options: argparse.Namespace) -> int:
    print(sign.sign(options.folder, keys.read(options.key, options.folder)))
    return 0


def _verify(options: argparse.Namespace) -> int:
    sign.verify(options.folder, keys.read(options.key, options.folder))
    print(f"{options.folder}: every file is as it was signed")
    return 0


def _file(path: Path) -> Path:
    """The report.json that is meant, wherever `latest` points to a moment later."""
    return (path / REPORT if path.is_dir() else path).resolve()


def _write(text: Iterable[str], path: Path | None) -> None:
    """To the file, whole or not at all; to a pipe or a device as it comes."""
    pieces = (each.encode() for each in text)
    if path is None:
        sys.stdout.buffer.writelines(pieces)
        return
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as device:
                device.writelines(pieces)
        else:
            write_file(path.resolve(), pieces)
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
