"""The plan is true: what it names is what the API server recorded."""

import re
from collections import Counter

import pytest
import yaml
from suite import ROOT, audit, judge, lab

pytestmark = pytest.mark.lab
ADMIN = "kubernetes-admin"
OBJECTS = ("namespaces", "pods", "services", "deployments")


def recorded_by(run):
    """What the API server recorded while `run` ran, by the admin: (verb, resource with subresource).

    Of dry runs, which keep nothing, apart.
    """
    before = len(audit())
    judged = run()
    calls, dry = Counter(), Counter()
    for entry in audit()[before:]:
        if entry["user"]["username"] == ADMIN and (about := entry.get("objectRef")):
            what = about["resource"] + (f"/{about['subresource']}" if "subresource" in about else "")
            kept = dry if "dryRun=All" in entry["requestURI"] else calls
            kept[entry["verb"], what] += 1
    return judged, calls, dry


def cost(output, what):
    """(least, most) of a line of the plan's cost table."""
    found = re.search(rf"^{what} +(\d+)(?: to (\d+))?$", output, re.MULTILINE)
    return int(found[1]), int(found[2] or found[1])


def needs(output, words="Needs to: "):
    """The permissions that the plan names; none where it says nothing of that kind."""
    found = [each.removeprefix(words) for each in output.splitlines() if each.startswith(words)]
    return {tuple(each.split()) for line in found for each in line.rstrip(".").split(", ")}


def either_verb(what):
    """What is asked by one of two verbs, by the server's version."""
    return {("get", what), ("create", what)}


OPTED_IN = "--profile=lab/profiles/opted-in.yaml --only=udp-pod-to-pod,host-port"


@pytest.mark.parametrize("only", ["", OPTED_IN, "--only=service-ipv6,pod-interface"])
def test_the_plan_is_what_the_api_server_records(only, tmp_path):
    lab("up")
    options = only.split()
    plan = judge(tmp_path / "plan", "--plan", *options)
    judged, calls, dry = recorded_by(lambda: judge(tmp_path / "run", *options))
    assert judged.report["verdict"] == ("incomplete" if only else "conformant"), judged.output

    created = {what: count for (verb, what), count in calls.items() if verb == "create"}
    for what in OBJECTS:
        planned = cost(plan.output, what)[0] if f"\n{what} " in plan.output else 0
        assert created.get(what, 0) == planned, what

    reads = {("list", "nodes"), ("get", "namespaces"), ("get", "services"), ("get", "configmaps"),
             ("list", "daemonsets"), ("list", "pods"), ("list", "servicecidrs"),
             ("create", "selfsubjectaccessreviews")}  # fmt: skip
    explaining = needs(plan.output, "To explain what fails, would also: ")
    asked = set(calls) | set(dry)
    assert asked - reads - explaining <= needs(plan.output)
    # One of two verbs, by the server's version.
    exec_, forward = (
        {(verb, f"pods/{what}") for verb in ("get", "create")} for what in ("exec", "portforward")
    )
    assert needs(plan.output) - exec_ - forward <= asked
    for either in (exec_, forward):
        assert bool(either & needs(plan.output)) == bool(either & asked)

    execs = yaml.safe_load((judged.folder / "observations/execs.json").read_text())["value"]["execs"]
    assert len(execs) == sum(calls[each] for each in exec_), "every exec is in the run's own log"
    least, most = cost(plan.output, "execs in a first round")
    first = [each for each in execs if each["first"]]
    assert least <= len(first) <= most
    requests = sum(  # the least: nothing enforces NetworkPolicies here
        map(int, re.findall(r"^\S+ requests in a first round +(\d+)(?: to \d+)?$", plan.output, re.MULTILINE))
    )
    assert sum(each["first"] for each in execs) == requests


def test_the_documented_role_is_what_a_whole_run_uses():
    rules = yaml.safe_load((ROOT / "docs/rbac.yaml").read_text())["rules"]
    documented = {(verb, what) for rule in rules for what in rule["resources"] for verb in rule["verbs"]}
    lab("up")
    used = {
        (entry["verb"], entry["objectRef"]["resource"])
        for entry in audit()
        if entry["user"]["username"] == ADMIN and entry.get("userAgent", "") == "dualstack-conformance"
        and "objectRef" in entry and "subresource" not in entry["objectRef"]
    }  # fmt: skip
    assert used - {("create", "selfsubjectaccessreviews")} <= documented
