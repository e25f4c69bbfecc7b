"""Debian packages, fetched with apt and unpacked into the cache: nothing is installed on this machine.

apt is given an empty package database and folders of its own, so what it fetches does not depend on what the
machine has installed, and the machine's own apt state stays as it is. Of the packages that the wanted ones
depend on only the shared libraries are unpacked. The tree is versioned by the list, not by the packages'
versions: `python -m lab purge` fetches newer ones.
"""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from lab.artifacts import recipe, store
from lab.artifacts.commands import Progress, run
from lab.errors import LabError

FOLDER = recipe.MODULES / "debian"
SECONDS = 25.0

# Top-level folders that every Debian since 12 has under /usr only; older packages still ship them apart.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
UNUSED = ("include", "share/doc", "share/info", "share/locale", "share/man", "share/perl")

# Commands that Debian's alternatives system would link: name -> program.
IPTABLES = tuple(
    f"{family}tables{suffix}" for family in ("ip", "ip6") for suffix in ("", "-save", "-restore")
)
ALTERNATIVES = {"bin/nc": "nc.openbsd"} | {f"sbin/{name}": "xtables-nft-multi" for name in IPTABLES}
# To be put first in PATH where the kernel has no nf_tables.
LEGACY = "lib/dualstack-lab/iptables-legacy"

SETTINGS = """\
Dir::State "{apt}";
Dir::State::Lists "{apt}/lists";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}";
Dir::Cache::archives "{apt}/archives";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Debug::NoLocking "true";
#clear APT::Update;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
"""


def place(cache: Path) -> Path:
    """Where the unpacked tree is, or will be; its usr/ is what counts."""
    facts = (os.uname().machine, codename(), Path(__file__).read_text())
    return cache / "debian" / f"tree-{store.key_of(store.contents(FOLDER), *facts)}"


def unpack(cache: Path, progress: Progress) -> Path:
    """The unpacked tree, fetched if it is not in the cache yet."""

    def make(folder: Path) -> None:
        unpack_packages(FOLDER / "packages.toml", folder, cache / "logs", progress)
        _add_links(folder / "usr")

    return store.made(place(cache), make)


def unpack_packages(listed: Path, folder: Path, logs: Path, progress: Progress) -> None:
    """Fetches the packages that a file lists and leaves their usr/ in a folder."""
    wanted = tomllib.loads(listed.read_text())["packages"]
    progress(f"fetching and unpacking {len(wanted)} Debian packages: about {SECONDS:.0f} s")
    apt = folder / "apt"
    _fetch(apt, wanted, logs, progress)
    for archive in sorted((apt / "archives").glob("*.deb")):
        package, section = _fields(archive)
        if package in wanted or section == "libs":
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    shutil.rmtree(apt)
    _tidy(folder)


def _fetch(apt: Path, wanted: list[str], logs: Path, progress: Progress) -> None:
    for name in ("lists/partial", "archives/partial"):
        (apt / name).mkdir(parents=True)
    (apt / "status").touch()
    settings = apt / "apt.conf"
    settings.write_text(SETTINGS.format(apt=apt))
    tool = ["apt-get", "-c", os.fspath(settings), "--yes"]
    try:
        update = "reading Debian's package lists"
        run(update, [*tool, "update"], log=logs / "apt-update.log", seconds=SECONDS, progress=progress)
    except LabError as error:
        # One unreachable source among several is common and need not matter: the next step tells.
        progress(f"{error}; going on with the lists that could be read")
    fetch = "fetching Debian packages"
    command = [*tool, "install", "--download-only", *wanted]
    run(fetch, command, log=logs / "apt-fetch.log", seconds=SECONDS, progress=progress)


def _fields(archive: Path) -> tuple[str, str]:
    """A package's name, and its section without the component (`contrib/libs`)."""
    command = ["dpkg-deb", "--show", "--showformat=${Package} ${Section}", os.fspath(archive)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    package, _, section = answer.stdout.partition(" ")
    return package, section.rpartition("/")[2]


def _tidy(folder: Path) -> None:
    """Makes a merged /usr of it and nothing else."""
    usr = folder / "usr"
    for name in MERGED:
        if (folder / name).is_dir():
            _merge(folder / name, usr / name)
    for path in folder.iterdir():
        if path != usr:
            shutil.rmtree(path)
    for name in UNUSED:
        shutil.rmtree(usr / name, ignore_errors=True)


def _add_links(usr: Path) -> None:
    """The links that installing would have made."""
    for name, program in ALTERNATIVES.items():
        (usr / name).symlink_to(program)
    (usr / LEGACY).mkdir(parents=True)
    for name in IPTABLES:
        (usr / LEGACY / name).symlink_to("../../../sbin/xtables-legacy-multi")


def _merge(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in list(source.iterdir()):
        if path.is_dir() and not path.is_symlink():
            _merge(path, target / path.name)
        else:
            path.replace(target / path.name)


def codename() -> str:
    """The machine's Debian release, which decides what apt fetches."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""
