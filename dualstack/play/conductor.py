"""The conductor: creates everything at the start, plays all scenarios side by side, cleans up at the end.

Who waits for whom: the conductor's thread creates all objects in one burst, then gives each scenario a
thread of its own and waits for all of them. A scenario's steps run one after the other; a step may wait
for pods (PodWatch), for answers (Prober) and for a step of a scenario that it rests on (Board). Scenarios
rest on earlier ones only, so no two wait for each other. Tests wait for the board. What ends a wait: each
step bounds its own waiting. `stopping` ends pauses and new execs when a run ends early. When a step fails,
it and the scenario's later steps are failed on the board with its reason. When a thread dies of a mistake
of ours, the same happens and `crash` says so: the run is incomplete. When the disk is full, the board
keeps the failure in memory. Whatever happens, `_run` ends with the board closed, which ends every other
wait, and with the namespace's deletion, while tests still judge.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dualstack.cluster.errors import ApiError
from dualstack.cluster.ownership import Name
from dualstack.play.plan import Plan
from dualstack.probes.prober import Exec
from dualstack.scenario import manifests
from dualstack.scenario.board import TOO_LATE, NotSeen
from dualstack.scenario.manifests import Object, name_of
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import ObjectSeen, Seen
from dualstack.scenario.stage import Stage
from dualstack.scenario.stopped import Stopped

CREATE_AT_ONCE = 16
SECURITY_CONTEXT_CONSTRAINT = "security context constraint"  # OpenShift's, whose namespaces have own users


class ExecSeen(Seen):
    """One exec that was made."""

    role: str
    node: str
    requests: int
    first: int
    """How many of the requests were tried for the first time."""
    seconds: float


class Execs(Seen):
    """All execs of a run: what probing took of the cluster."""

    execs: tuple[ExecSeen, ...]


class Conductor:
    """One run's work on the cluster. `start` once, then `finish` once, whatever happened between."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.stage = stage
        self.plan = plan
        self.crash: str | None = None
        """What went wrong in the conductor itself, if anything: the run is incomplete then."""
        self.joined: frozenset[str] = frozenset()
        """Nodes that came during the run."""
        self._thread = threading.Thread(target=self._run, name="conductor", daemon=True)
        self._left_behind: list[Name] | None = None
        self._removing = threading.Lock()

    def start(self) -> None:
        """Begin; returns at once."""
        self.stage.board.open()
        self._thread.start()

    def finish(self, *, early: bool) -> Sequence[Name]:
        """Remove what was created and return what is left behind; with `early`, do not wait for probes."""
        if early:
            self.stage.stopping.set()
            self.stage.cluster.cut_execs()
            self._thread.join(timeout=5)
            self.stage.board.close()
        else:
            self._thread.join()
        return self._remove()

    def _run(self) -> None:
        reason = TOO_LATE
        try:
            for scenario, why in self.plan.left_out.items():
                self._fail(scenario, why)
            if self.plan.creates_nothing is None:
                self._create()
            self._play()
            if self.plan.creates_nothing is None:
                self._note_nodes()
        except ApiError as error:
            reason = str(error)
        except Stopped:
            pass
        except Exception as error:  # a mistake of ours: it must be reported, and must not hang the tests
            self.crash = reason = f"{type(error).__name__}: {error}"
        finally:
            for scenario in self.plan.scenarios:
                self._fail(scenario, reason)
            self.stage.prober.close()
            self.stage.board.note("execs", Execs(execs=tuple(map(_exec_seen, self.stage.prober.log))))
            self.stage.board.close()
        if not self.stage.stopping.is_set():
            self._remove()

    def _note_nodes(self) -> None:
        """Look which nodes there are at the end: those that joined meanwhile were not judged."""
        if self.stage.site.nodes and not self.stage.stopping.is_set():
            self.joined = self.stage.look_for_nodes() - {*self.stage.site.nodes, *self.stage.site.left_out}

    def _play(self) -> None:
        scenarios = self.plan.scenarios
        with ThreadPoolExecutor(max_workers=max(1, len(scenarios)), thread_name_prefix="scenario") as pool:
            for scenario in scenarios:
                pool.submit(self._play_one, scenario)

    def _play_one(self, scenario: type[Scenario]) -> None:
        """Run a scenario's steps; whatever stops it, each is published or failed."""
        reason = TOO_LATE
        try:
            for step in scenario.steps:
                if self.stage.stopping.is_set():
                    break
                result = step.run(self.stage)
                self.stage.board.publish(step, result)
                if ended := step.ends(result):
                    reason = ended
                    break
        except (ApiError, NotSeen) as error:
            reason = str(error)
        except Stopped:
            pass
        except Exception as error:
            self.crash = reason = f"{type(error).__name__} in scenario {scenario.id}: {error}"
        self._fail(scenario, reason)

    def _fail(self, scenario: type[Scenario], reason: str) -> None:
        """Fail what has not been published."""
        for step in scenario.steps:
            self.stage.board.fail(step, reason)

    def _create(self) -> None:
        """Ask for everything, Services first: their rules take the longest."""
        stage = self.stage
        (namespace,) = manifests.load("namespace")
        stage.owner.create_namespace(namespace["metadata"]["labels"])
        bodies = self.plan.objects()
        with ThreadPoolExecutor(CREATE_AT_ONCE) as pool:
            for body, (answer, error) in zip(bodies, pool.map(self._create_one, bodies), strict=True):
                name = name_of(body)
                if error is not None:
                    stage.refused[name] = str(error)
                if body["kind"] != "Pod":
                    stage.objects[name] = ObjectSeen(
                        name=name,
                        kind=body["kind"],
                        asked=body["spec"],
                        spec=answer["spec"] if answer else None,
                        marks=_marks(answer) if answer else (),
                        error=str(error) if error else None,
                        refused=bool(error and error.invalid),
                    )
        stage.milestone("created", f"{len(stage.owner.created)} objects asked for in {stage.owner.namespace}")

    def _create_one(self, body: Object) -> tuple[Object | None, ApiError | None]:
        if self.stage.stopping.is_set():
            raise Stopped
        self.stage.asked_at[name_of(body)] = time.monotonic()
        try:
            return self.stage.owner.create(body), None
        except ApiError as error:
            if not (error.forbidden and SECURITY_CONTEXT_CONSTRAINT in error.message):
                return None, error
        manifests.leave_user_to_platform(body)
        try:
            return self.stage.owner.create(body), None
        except ApiError as error:
            return None, error

    def _remove(self) -> Sequence[Name]:
        with self._removing:
            if self._left_behind is None:
                start = time.monotonic()
                bound = self.stage.site.profile.timeouts.removal
                with self.stage.waiting("the namespace to go", bound):
                    self._left_behind = self.stage.owner.remove(bound)
                self.stage.seconds["cleanup"] = round(time.monotonic() - start, 3)
            return self._left_behind


def _marks(created: Object) -> tuple[str, ...]:
    metadata = created["metadata"]
    return (*metadata.get("annotations", {}), *metadata.get("finalizers", []))


def _exec_seen(made: Exec) -> ExecSeen:
    place, requests, first, seconds = made
    return ExecSeen(role=place.role, node=place.node, requests=requests, first=first, seconds=seconds)
