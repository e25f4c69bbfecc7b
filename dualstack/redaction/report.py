"""A report that can be shown to strangers: nodes, namespaces, addresses, the server's host, the context and
who waived what under which ticket have other names, the same ones everywhere in it, and prefixes keep their
structure.

What it keeps: verdicts, versions, times, the cluster's UID, the names of the suite's own Services, the
profile's and the command's paths. With the same key two runs get the same pseudonyms and can be compared.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any
from urllib.parse import urlsplit

from pydantic import JsonValue

from dualstack.redaction.names import CONTEXT, NAMESPACE, NODE, SERVER, Pseudonyms
from dualstack.report.model import BehaviourResult, Report
from dualstack.report.packed import FINDINGS, PackedFindings

OBJECT_KEYS = {"kind", "namespace", "name"}
KEPT = {"uid", "version", "kind", "kubelet", "os", "family", "proxy_mode"}
WAIVER_KEPT = {"behaviour", "family", "expiry", "state"}
FINDING_WORDS = ("cause", "remedy", "source", "subject", "target")
WILD = re.compile(r"[*?]")
Replace = Callable[[str], str]


def pseudonymous(report: Report, pseudonyms: Pseudonyms) -> Report:
    """The report under pseudonyms; its names are learned."""
    for kind, name in _names(report):
        pseudonyms.learn(kind, name)
    for result in report.behaviours:
        for finding in result.findings:
            objects(finding.evidence, pseudonyms)
    replace = pseudonyms.text
    document = report.model_dump(mode="json", by_alias=True, exclude={"behaviours"}) | {"behaviours": []}
    for part in ("cluster", "convergence", "expected", "parity", "created", "left_behind"):
        document[part] = walk(document[part], replace, KEPT)
    document["waivers"] = walk(document["waivers"], replace, WAIVER_KEPT)
    document["run"] |= {
        name: walk(document["run"][name], replace) for name in ("command", "partial", "interrupted")
    }
    document["run"]["pseudonyms"] = pseudonyms.key_id
    document["sentence"] = replace(document["sentence"])
    for cause in document["causes"]:
        cause |= {key: replace(cause[key]) for key in ("sentence", "why", "remedy")}
    behaviours = [_behaviour(result, pseudonyms) for result in report.behaviours]
    return Report.model_validate(document).model_copy(update={"behaviours": behaviours})


def _behaviour(result: BehaviourResult, pseudonyms: Pseudonyms) -> BehaviourResult:
    """The behaviour, its findings packed: a large report twice would be too much to hold."""
    documents = json.loads(FINDINGS.dump_json(list(result.findings)))
    replace = pseudonyms.text
    findings = [_finding(objects(each, pseudonyms), replace) for each in documents]
    packed = PackedFindings(json.dumps(findings).encode(), f"pseudonymous findings of {result.id}")
    return result.model_copy(update={"findings": packed, "reason": walk(result.reason, replace)})


def objects(value: Any, pseudonyms: Pseudonyms) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """The value with objects' names learned and replaced, where one stands as {kind, namespace, name}."""
    if isinstance(value, list):
        return [objects(each, pseudonyms) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == OBJECT_KEYS:
        namespace, name = pseudonyms.learn_object(**value)
        return {"kind": value["kind"], "namespace": namespace, "name": name}
    return {key: objects(each, pseudonyms) for key, each in value.items()}


def walk(value: JsonValue, replace: Replace, kept: Collection[str] = ()) -> JsonValue:
    """The value with its strings replaced, but for keys and what stands under a kept key."""
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [walk(each, replace, kept) for each in value]
    if isinstance(value, dict):
        return {key: each if key in kept else walk(each, replace, kept) for key, each in value.items()}
    return value


def walk_all(value: JsonValue, replace: Replace) -> JsonValue:
    """The value with its strings replaced, keys too: the names of facts may be a cluster's."""
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [walk_all(each, replace) for each in value]
    if isinstance(value, dict):
        return {replace(key): walk_all(each, replace) for key, each in value.items()}
    return value


def _finding(finding: dict[str, JsonValue], replace: Replace) -> dict[str, JsonValue]:
    words = {key: replace(text) for key in FINDING_WORDS if isinstance(text := finding[key], str)}
    return finding | words | {"evidence": walk_all(finding["evidence"], replace)}


def _names(report: Report) -> Iterator[tuple[str, str]]:
    """Every name to be replaced, with what it is the name of."""
    if report.cluster is not None:
        if report.cluster.context:
            yield CONTEXT, report.cluster.context
        if host := urlsplit(report.cluster.server).hostname:
            yield SERVER, host
        for node in report.cluster.nodes:
            yield NODE, node.name
    for at in report.convergence:
        yield NODE, at.node
    for each in (*report.created, *report.left_behind):
        if name := each.name if each.kind == "Namespace" else each.namespace:
            yield NAMESPACE, name
    for waiver in report.waivers:
        yield "owner", waiver.owner
        yield "ticket", waiver.ticket
        # A pattern holds parts of names, which no list of names knows.
        if WILD.search(waiver.subject):
            yield "pattern", waiver.subject
    for result in report.behaviours:
        for finding in result.findings:
            yield from _in_evidence(finding.evidence)


def _in_evidence(evidence: dict[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Names that stand nowhere but in what was seen."""
    for key, kind in (("daemonsets", NAMESPACE), ("addresses", "host")):
        listed = evidence.get(key)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, str):
                yield kind, each.partition("/")[0]
