"""The comparison with Kubernetes' own specs: reading their report, and the document."""

from datetime import UTC, datetime
from pathlib import Path

import factory
import pytest

from bench.upstream import __main__ as command
from bench.upstream import cases, document, e2e, result
from bench.upstream.result import Result, Spec, State, Suite, Upstream
from dualstack.family import Family
from lab.errors import LabError
from lab.expect import Expect, Where

FEATURE = "[sig-network] [Feature:IPv6DualStack]"
GRANULAR = "Granular Checks: Services Secondary IP Family [LinuxOnly]"


def reported(name: str, state: str, seconds: float = 1.0, *, kind: str = "It", message: str = "") -> dict:
    """A spec as Ginkgo reports it."""
    failure = {"Failure": {"Message": message}} if message else {}
    return {
        "ContainerHierarchyTexts": [FEATURE, GRANULAR],
        "LeafNodeText": name,
        "LeafNodeType": kind,
        "State": state,
        "RunTime": int(seconds * 1e9),
        **failure,
    }


def read(*specs: dict, wanted: str = "") -> list[Spec]:
    return e2e.read([{"SpecReports": list(specs)}], wanted)


# -- Ginkgo's report ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("passed", State.PASSED),
        ("failed", State.FAILED),
        ("panicked", State.FAILED),
        ("timedout", State.UNFINISHED),
        ("interrupted", State.UNFINISHED),
        ("skipped", State.NOT_RUN),
    ],
)
def test_each_state_of_ginkgo_is_one_of_ours(said: str, state: State) -> None:
    (spec,) = read(reported("should function for pod-Service: http", said, 1.5, message="why\nand where"))
    assert (spec.name, spec.state, spec.seconds) == ("pod-Service: http", state, 1.5)
    assert spec.message == "why"


def test_only_specs_that_were_asked_for_are_read() -> None:
    http, udp = (f"should function for node-Service: {each}" for each in ("http", "udp"))
    other = reported("should do something else", "skipped") | {"ContainerHierarchyTexts": ["[sig-storage]"]}
    sctp = reported("should function for pod-Service: sctp [Feature:SCTPConnectivity]", "skipped")
    hook = reported("", "failed", kind="BeforeSuite")
    specs = (reported(http, "passed"), reported(udp, "skipped"), other, sctp, hook)
    assert [each.name for each in read(*specs)] == ["node-Service: http", "node-Service: udp"]
    assert [each.name for each in read(*specs, wanted="http|nothing")] == ["node-Service: http"]


def test_names_lose_their_tags() -> None:
    session = reported("should function for client IP based session affinity: udp [LinuxOnly]", "passed")
    (spec,) = read(session)
    assert spec.name == "client IP based session affinity: udp"


def test_a_report_without_specs_is_empty() -> None:
    assert e2e.read([{"SpecReports": None}]) == []


# -- the suite's report ---------------------------------------------------------------------------------

BROKEN = factory.addresses(bad={("node1", Family.V6), ("node2", Family.V6)})
ON_NODE2 = Expect(must=(Where(behaviours=(BROKEN.id,), subjects=("node2",)),))


def test_a_finding_that_nobody_expects_is_a_false_alarm() -> None:
    suite = Suite.of(factory.report(BROKEN), ON_NODE2, 9.0)
    assert sorted(suite.broken) == [(BROKEN.id, "node1", "IPv6"), (BROKEN.id, "node2", "IPv6")]
    assert suite.false_alarms == ((BROKEN.id, "node1", "IPv6"),)
    assert suite.missed == ()
    assert suite.behaviours == 1


def test_what_must_break_and_conforms_is_missed() -> None:
    suite = Suite.of(factory.report(factory.addresses()), ON_NODE2, 9.0)
    assert suite.broken == suite.false_alarms == ()
    assert "node2" in suite.missed[0]


# -- results and cases ----------------------------------------------------------------------------------


def measured(case: str, *specs: Spec, procs: int = 11, seconds: float = 200.0, **suite: object) -> Result:
    facts = {"verdict": "conformant", "behaviours": 80, "broken": (), "causes": (), "missed": ()}
    facts |= {"seconds": 20.0, "false_alarms": (), **suite}
    return Result(
        case=case,
        measured=datetime(2026, 11, 27, 5, 30, tzinfo=UTC),
        kubernetes="1.36",
        cores=2,
        load=0.5,
        upstream=Upstream(procs=procs, bound=210, seconds=seconds, specs=specs),
        suite=Suite.model_validate(facts),
    )


def spec(name: str, state: State = State.PASSED) -> Spec:
    return Spec(name=name, state=state, seconds=30.0)


def test_a_result_is_kept_by_case_and_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "FOLDER", tmp_path / "compared")
    for each in (measured("healthy", procs=1), measured("healthy"), measured("one-way", spec("http"))):
        each.write()
    measured("one-way", spec("udp")).write()
    assert result.kept() == [
        measured("healthy", procs=1),
        measured("healthy"),
        measured("one-way", spec("udp")),
    ]


def test_without_names_what_has_no_result_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result, "FOLDER", tmp_path)
    measured("healthy").write()
    measured("one-way", procs=1).write()
    names = command._names(command._options([]))
    assert names == list(cases.DAMAGED)
    assert command._names(command._options(["--cases", "one-way, lb-silent"])) == ["one-way", "lb-silent"]
    assert command._names(command._options(["--document"])) == []


@pytest.mark.parametrize("name", [cases.HEALTHY, *cases.DAMAGED])
def test_each_case_is_the_labs(name: str) -> None:
    case = cases.load(name)
    assert bool(case.expect.must) is (name != cases.HEALTHY)
    assert (case.fault or case.variant) == (name if case.expect.must else "default")


def test_an_unknown_case_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LabError, match="no case 'gone': give `healthy`, or a fault"):
        cases.load("gone")
    assert command.main(["--cases", "gone"]) == 2
    assert capsys.readouterr().err.startswith("bench-upstream: no case 'gone'")
    with pytest.raises(SystemExit):
        command.main(["--specs", "("])
    assert "'(' is not a regular expression" in capsys.readouterr().err


# -- the document ---------------------------------------------------------------------------------------


def rows(text: str) -> dict[str, list[str]]:
    """The first table's rows, by their first cell."""
    table = text.partition("## What each finds")[2].partition("**Specs**")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line]
    return {row[0]: row[1:] for row in cells}


HEALTHY = measured("healthy", spec("http"), spec("udp"), procs=1, seconds=800.0)
FOUND_BY_BOTH = measured(
    "one-way",
    spec("http", State.FAILED),
    spec("udp", State.UNFINISHED),
    broken=[("tcp-pod-to-pod", "node1 → node2", "IPv6")],
    causes=["All IPv6 from node1 to node2", "another"],
)
FOUND_BY_NONE = measured("lb-silent", spec("http"), spec("udp", State.NOT_RUN), missed=["should break"])


def test_a_row_says_who_found_what() -> None:
    found = rows(document.text([FOUND_BY_NONE, FOUND_BY_BOTH, HEALTHY]))
    assert found["healthy, in series"][1:] == ["0 of 2", "—", "800", "0", "—", "0", "20"]
    assert found["one-way"][1:] == ["2 of 2", "yes", "200", "1", "yes", "0", "20"]
    assert found["lb-silent"][1:] == ["0 of 1", "**no**", "200", "0", "**no**", "0", "20"]
    assert list(found)[2:] == ["healthy, in series", "one-way", "lb-silent"]


def test_sums_come_from_the_rows() -> None:
    text = document.text([HEALTHY, FOUND_BY_BOTH, FOUND_BY_NONE])
    assert "The specs found 1 of 2 damaged clusters, the suite 1." in text
    assert "2 of 2 specs ran in series, in 800 s, with 0 false alarms" in text
    assert "40 times faster" in text
    assert "All IPv6 from node1 to node2" in text


def test_what_was_not_run_is_named() -> None:
    text = document.text([FOUND_BY_BOTH, FOUND_BY_NONE])
    missing = next(line for line in text.splitlines() if line.startswith("- Not measured: healthy"))
    assert "one-way" not in missing
    assert "half-reset" in missing
    assert "- Not measured: the healthy cluster with the specs in series." in text
    assert "- Not run on lb-silent: udp." in text


def test_a_part_of_the_specs_is_not_called_faster() -> None:
    skipped = Spec(name="udp", state=State.NOT_RUN, seconds=18.0, message="Requires at least 2 nodes")
    text = document.text([measured("healthy", spec("http"), skipped)])
    assert "1 of 2 specs ran" in text
    assert "faster" not in text
    assert "- Not run on healthy (upstream's reason: Requires at least 2 nodes): udp." in text


def test_the_document_is_what_the_program_writes_today() -> None:
    text = document.FILE.read_text()
    assert all(part in text for part in (document.HEAD, document.FOUND, document.METHOD, document.RERUN))


def test_a_spec_that_did_not_pass_stands_out() -> None:
    text = document.text([FOUND_BY_BOTH])
    assert any("http" in line and "**failed** 30" in line for line in text.splitlines())
    assert any("udp" in line and "**unfinished** 30" in line for line in text.splitlines())
