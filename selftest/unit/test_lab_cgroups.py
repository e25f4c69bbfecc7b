"""Control groups of the lab's machines: in which hierarchies, and what is written there."""

from pathlib import Path

import pytest

from lab import cgroups

LINE = "{id} 31 0:{id} / {place} rw,relatime - {kind} {kind} rw{options}\n"


@pytest.fixture
def hybrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with two hierarchies of version 1, one mounted twice, and that of version 2."""
    lines = ""
    for number, (name, kind, options) in enumerate(
        [
            ("cpuset", "cgroup", ",cpuset"),
            ("pids", "cgroup", ",pids"),
            ("pids-again", "cgroup", ",pids"),
            ("unified", "cgroup2", ""),
            ("tmp", "tmpfs", ""),
        ]
    ):
        (tmp_path / name).mkdir()
        lines += LINE.format(id=number, place=tmp_path / name, kind=kind, options=options)
    (tmp_path / "mountinfo").write_text(lines)
    monkeypatch.setattr(cgroups, "MOUNTS", tmp_path / "mountinfo")
    return tmp_path


def test_a_machine_has_a_group_in_every_hierarchy(hybrid: Path) -> None:
    assert cgroups.hierarchies() == [hybrid / "cpuset", hybrid / "pids", hybrid / "unified"]
    cgroups.create("node0")
    assert cgroups.groups() == [
        hybrid / name / each for name in ("cpuset", "pids", "unified") for each in ("dslab/node0", "dslab")
    ]


def test_a_hierarchy_of_version_2_that_cannot_be_written_is_left_alone(hybrid: Path) -> None:
    mounts = cgroups.MOUNTS.read_text()
    cgroups.MOUNTS.write_text(mounts.replace("unified rw,relatime", "unified ro,relatime"))
    assert cgroups.hierarchies() == [hybrid / "cpuset", hybrid / "pids"]


def test_a_command_joins_the_group_of_version_2_too(hybrid: Path) -> None:
    joined = cgroups.joining("node0", ["true"])
    assert str(hybrid / "unified/dslab/node0/cgroup.procs") in joined
    assert joined[-1] == "true"


def test_a_cpuset_of_version_2_inherits_by_itself(hybrid: Path) -> None:
    group = hybrid / "unified/dslab"
    group.mkdir()
    (group / "cpuset.cpus").write_text("")
    cgroups.create("node0")
    assert (group / "cpuset.cpus").read_text() == ""
