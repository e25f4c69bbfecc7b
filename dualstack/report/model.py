"""The canonical report. report.json is this model; every other view is made from it and from nothing else.

Additions only within a major version of `schema`; the JSON Schema is published as docs/report.schema.json.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WrapSerializer

from dualstack.diagnosis.model import Cause
from dualstack.family import Family
from dualstack.verdict.finding import Finding
from dualstack.verdict.words import Level, Outcome, Tier, Verdict

PSEUDONYM_KEY = "DUALSTACK_PSEUDONYM_KEY"  # the environment variable that keeps pseudonyms comparable
SCHEMA: Literal["dualstack-report/1.0"] = "dualstack-report/1.0"


class Part(BaseModel):
    """A piece of the report: no unknown keys, no changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Run(Part):
    """Which run this was."""

    id: str
    start: datetime
    end: datetime
    command: list[str]
    """The command line, paths and options as given; the kubeconfig's path, never its content."""
    suite_version: str
    partial: str | None = None
    """Why this run judged only a part of the suite (a selection on the command line, --read-only)."""
    interrupted: str | None = None
    """Why this run ended early (Ctrl-C, SIGTERM, a lost API server), if it did."""
    pseudonyms: str | None = None
    """Set if names and addresses are pseudonyms: a short digest of the key that decided them."""
    seconds: dict[str, float] = {}
    """Wall-clock seconds by phase, e.g. survey, pods-ready, services-converged, cleanup."""


class NodeFacts(Part):
    """A node as the API showed it."""

    name: str
    ready: bool
    kubelet: str
    os: str
    internal_ips: list[str]
    pod_cidrs: list[str]
    proxy_mode: str | None = None


class Cluster(Part):
    """Which cluster was judged."""

    context: str | None
    server: str
    version: str
    """The API server's gitVersion."""
    uid: str | None
    """The UID of the kube-system namespace: the usual identity of a cluster. None if it may not be read."""
    nodes: list[NodeFacts]
    pod_ranges: list[str]
    service_ranges: list[str]
    proxy_mode: str | None
    """One mode if all nodes agree, else the modes joined by a comma; None if unknown."""


class ProfileFacts(Part):
    """Which promises it was judged by."""

    name: str
    title: str
    source: str
    """`built-in`, or the path of the user's file."""
    because: str | None = None
    """Facts of the survey by which `--profile auto` proposed it; None where somebody named it."""
    digest: str
    """SHA-256 of the resolved profile's canonical JSON, hex."""


class BehaviourResult(Part):
    """One claim and what was found about it."""

    id: str
    level: Level
    """As the profile has it."""
    tier: Tier
    support: Literal["inside", "outside"] = "inside"
    """`outside`: a documented limit of support, listed apart from failures."""
    topic: str
    """The file of the suite that it belongs to, e.g. `nodes`, `pod-to-pod`: the heading in the views."""
    traffic: str = ""
    """What moves on its paths, the protocol first; `all` where whatever moves at its subjects rests on it."""
    claim: str
    source: str
    remedy: str
    verdict: Verdict
    families: dict[Family, Verdict] = {}
    """The verdict by family, for the families that findings speak of."""
    reason: str | None = None
    """Why, in one sentence, for every verdict but `conforms`."""
    findings: Annotated[Sequence[Finding], WrapSerializer(lambda each, dump: dump(list(each)))] = []
    """A list, or of a report that was read something that is equal to it (dualstack/report/packed.py)."""
    seconds: float = 0.0


class Convergence(Part):
    """When a Service first answered from a node: a result of its own, not a failure."""

    service: str
    node: str
    family: Family
    seconds: float
    """Since the Service was asked for."""
    attempts: int


PARITY_EDGES_MS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Upper bounds of the buckets of Parity.histogram; one more takes what is slower."""


class Parity(Part):
    """How fast connections between pods came about in one family, over all paths that answered."""

    family: Family
    paths: int
    median_ms: float
    """Of the paths' fastest connections, as all figures here."""
    p95_ms: float
    worst_ms: float
    worst_path: str
    lost_syns: int
    """Connections that came about only after a second SYN."""
    requests: int
    histogram: list[int]
    """Paths by PARITY_EDGES_MS."""


WaiverState = Literal["used", "unused", "expired", "too-broad"]


class WaiverUse(Part):
    """A waiver of the site's, and what became of it in this run."""

    behaviour: str
    subject: str
    """The pattern, as the site's file has it."""
    family: Family | None = None
    reason: str
    owner: str
    expiry: date
    """The last day on which it waives."""
    ticket: str
    state: WaiverState
    """`too-broad` ones waive too, but would also waive whatever breaks next; `expired` ones do not waive."""
    findings: int = 0
    """How many findings it waived."""


class Expected(Part):
    """A promise of the site's (`--expect`): what it intends, what the API shows, what was on the wire."""

    promise: str
    """What it is about: `pods`, `services`, a group of nodes, an address outside."""
    family: Family | None = None
    intent: str
    """As the site's file has it."""
    api: str | None = None
    """What the API shows; None where it cannot tell."""
    wire: str | None = None
    """What answered probes; None where no probe can tell."""
    verdict: Verdict
    """The worst of the findings about it."""


class ObjectName(Part):
    """An object of the cluster that the run made."""

    kind: str
    namespace: str | None = None
    name: str


class Report(Part):
    """A whole run, ready to be written, rendered, compared and signed."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    schema_: Literal["dualstack-report/1.0"] = Field(default=SCHEMA, alias="schema")
    run: Run
    cluster: Cluster | None
    """None if the run died before it knew."""
    profile: ProfileFacts
    verdict: Outcome
    sentence: str
    """The verdict in one sentence for people."""
    causes: list[Cause] = []
    """What breaks, each cause once: those of the earliest topic first. Findings count as before."""
    behaviours: list[BehaviourResult]
    waivers: list[WaiverUse] = []
    expected: list[Expected] = []
    """The site's own promises; empty without any."""
    convergence: list[Convergence] = []
    parity: list[Parity] = []
    """IPv4 beside IPv6; empty where no pod reached another."""
    created: list[ObjectName] = []
    left_behind: list[ObjectName] = []
    still_ending: bool = False
    """What is left behind has been asked to go, and the cluster is busy with it."""
