"""One run, from the first connection to the written report. Lives in the process that owns the run."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from dualstack.cluster import ownership
from dualstack.cluster.api import Cluster
from dualstack.cluster.connect import connect, preflight
from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission, denied, within
from dualstack.errors import UserError
from dualstack.play.conductor import Conductor
from dualstack.play.plan import Plan, make_plan, make_site
from dualstack.profile import check as possible
from dualstack.profile import model as profiles
from dualstack.profile.model import Profile
from dualstack.redaction.run import Disclosure
from dualstack.report import canonical, compare_views
from dualstack.report.compare import Comparison, compare
from dualstack.report.model import Report, WaiverUse
from dualstack.report.write import folder_name, write_bundle, write_file
from dualstack.scenario.board import Board
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.stage import Stage
from dualstack.scenario.waits import Waits
from dualstack.session import build_report, catalogue, waivers
from dualstack.session.auto import AUTO, doubts, proposed
from dualstack.session.names_met import looks
from dualstack.session.options import Options
from dualstack.session.record import Record
from dualstack.survey.model import Survey
from dualstack.survey.take import take

EXPIRY_SECONDS = 3600  # after that, if no run takes longer, the next one may sweep what this one left
# Without these nothing is created: nothing is made that cannot be removed. Rights inside the namespace are
# not asked for beforehand: where a site gives them with each namespace, they come with it.
INDISPENSABLE = (Permission("create", "", "namespaces"), Permission("delete", "", "namespaces"))
IN_A_GIVEN_NAMESPACE = (Permission("create", "", "services"), Permission("delete", "", "services"))


class Shared(BaseModel):
    """What every worker knows of the run: plain data, handed over as JSON."""

    model_config = ConfigDict(frozen=True)

    id: str
    work: Path
    """Where observations and results are kept until the report is made of them."""
    survey: Survey
    profile: Profile
    pairs_left_out: int = 0
    """Pairs of nodes that are not probed."""


class Run:
    """The owner's view of a run. Raises UserError on the way up; afterwards it always ends in a report."""

    def __init__(self, options: Options, command: list[str], disclosure: Disclosure) -> None:
        self.options = options
        self.command = command
        self.disclosure = disclosure
        self.because: str | None = None
        """Facts of the survey by which --profile auto proposed the profile."""
        self.start = datetime.now(UTC)
        named = (
            None
            if options.profile == AUTO
            else profiles.load(options.profile, options.timeouts, options.expect)
        )
        catalogue.check(options.only)
        self._waivers = waivers.load(options.waivers) if options.waivers else None
        self._baseline = _baseline(options.baseline, disclosure) if options.baseline else None
        self.cluster: Cluster = connect(options.kubeconfig, options.context)
        self.version = preflight(self.cluster).git_version
        try:
            self.survey = take(self.cluster, self.version)
        except ApiError as error:
            raise UserError(f"the connection to {self.cluster.server} was lost: {error}") from None
        if named is None:
            options, self.because = proposed(options, self.survey)
            named = profiles.load(options.profile, options.timeouts, options.expect)
        self.profile, self.profile_source = named
        declared = catalogue.declared()
        possible.check(self.profile, options.profile, self.survey.release, declared)
        _check_levels(options, self.profile, (each.id for each in declared))
        if options.namespace:
            _check_namespace(self.cluster, options.namespace)
        self.id = _new_id(self.start)
        disclosure.learn_survey(self.survey)
        disclosure.learn_namespace(options.namespace or ownership.namespace_of(self.id))
        self.site = make_site(
            self.survey,
            self.profile,
            image=options.image,
            peers=options.peers,
            namespace_given=options.namespace is not None,
        )
        self._idle = self._why_idle()
        self.plan: Plan = self._plan(())
        self.work = self.folder if options.plan_only else disclosure.work_folder(self.folder).absolute()
        self.board = Board(self.work / "observations")
        for look in looks(self.board):
            disclosure.watch(look)
        self.unwritten: list[str] = []
        """What could not be written, and why."""
        self.swept: list[str] = []
        self._conductor: Conductor | None = None

    @property
    def folder(self) -> Path:
        """Where this run's report goes."""
        return self.options.reports / folder_name(self.start, self.id)

    @property
    def header(self) -> list[str]:
        """Whom we are about to talk to: printed before anything is touched."""
        lines = [
            f"context {self.survey.context or '(in-cluster)'}, server {self.survey.server}, "
            f"Kubernetes {self.survey.version}, {len(self.survey.nodes)} nodes",
            f"profile {self.profile.name}: {self.profile.title}; run {self.id}",
        ]
        if self.because:
            lines.append(f"proposed by --profile auto: {self.because}")
        elif doubt := doubts(self.options.profile, self.profile, self.survey):
            lines.append(doubt)
        if not self.cluster.verifies:
            lines.append("TLS is not verified (insecure-skip-tls-verify): anybody on the way may answer")
        return [self.disclosure.text(line) for line in lines] + self.disclosure.line

    @property
    def created(self) -> Sequence[ownership.Name]:
        """What the run has created."""
        return self._conductor.stage.owner.everything if self._conductor else []

    @property
    def notes(self) -> list[str]:
        """What was not judged although nothing is wrong with it, for the report's sentence."""
        site, notes = self.site, []
        if site.left_out:
            notes.append(f"left out: {_few(site.left_out)}")
        if self.plan.creates_nothing is None and site.pairs_left_out:
            notes.append(f"{len(site.pairs)} of {len(site.nodes) ** 2} pairs of nodes were probed")
        if departed := self.board.departed():
            notes.append(f"left during the run: {_few(departed)}")
        if self._conductor and self._conductor.joined:
            notes.append(f"joined during the run and not judged: {_few(self._conductor.joined)}")
        return notes

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds since the start at which phases ended."""
        return self._conductor.stage.seconds if self._conductor else {}

    def shared(self) -> Shared:
        """What tests and workers need."""
        return Shared(
            id=self.id,
            work=self.work,
            survey=self.survey,
            profile=self.profile,
            pairs_left_out=self.site.pairs_left_out,
        )

    def select(self, needed: Iterable[type[Scenario]]) -> None:
        """Plan what the selected behaviours need. Raises UserError if that does not fit together."""
        self.plan = self._plan(needed)

    @property
    def waits(self) -> Waits | None:
        """What is waited for; None before the run has begun."""
        return self._conductor.stage.waits if self._conductor else None

    def begin(self, say: Callable[[str], None]) -> None:
        """Sweep what killed runs left, then create and probe in the background."""
        given = self.options.namespace
        owner = ownership.Ownership(self.cluster, self.id, max(EXPIRY_SECONDS, self.plan.lifetime), given)
        not_ready = frozenset(node.name for node in self.survey.nodes if not node.ready)
        stage = Stage(self.cluster, owner, self.site, self.board, say, not_ready)
        if self.plan.creates_nothing is None:
            try:
                self.swept = ownership.sweep(self.cluster, datetime.now(UTC).timestamp(), given)
            except ApiError as error:
                say(f"leftovers of earlier runs were not looked for: {error}")
            for name in self.swept:
                self.disclosure.learn_namespace(name)
                say(f"removed {name}, left behind by a run that was killed")
        self._conductor = Conductor(stage, self.plan)
        self._conductor.start()

    def end(self, record: Record, *, interrupted: str | None) -> Report:
        """Clean up, judge the whole and write the report."""
        left_behind: Sequence[ownership.Name] = []
        if self._conductor is not None:
            left_behind = self._conductor.finish(early=interrupted is not None)
            interrupted = interrupted or self._conductor.crash or self.board.trouble
        results = record.results()
        waived: list[WaiverUse] = []
        if self._waivers is not None:
            results, waived = waivers.apply(results, self._waivers, self.start.date())
        ending = bool(left_behind and self._conductor and self._conductor.stage.owner.is_ending())
        report = build_report.of_run(
            self, results, waivers=waived, interrupted=interrupted, left_behind=left_behind, ending=ending
        )
        shown = self.disclosure.report(report)
        try:
            write_bundle(shown, self.options.reports)
            self.disclosure.publish(self.board.folder, self.folder)
        except OSError as error:
            self.unwritten.append(f"{self.folder}: {error.strerror}")
        shutil.rmtree(record.folder, ignore_errors=True)
        self.disclosure.close()
        return shown

    def compared(self, report: Report) -> Comparison | None:
        """What changed since the baseline, kept beside the report; None without a baseline."""
        if self._baseline is None:
            return None
        comparison = compare(self._baseline, report)
        try:
            write_file(self.folder / "comparison.md", [compare_views.markdown(comparison).encode()])
            write_file(self.folder / "comparison.json", [compare_views.json(comparison).encode()])
        except OSError as error:
            self.unwritten.append(f"{self.folder / 'comparison'}: {error.strerror}")
        return comparison

    def _plan(self, needed: Iterable[type[Scenario]]) -> Plan:
        given = self.options.namespace
        return make_plan(self.survey, self.site, needed, idle=self._idle, namespace=given)

    def _why_idle(self) -> str | None:
        """Return why nothing may be created, or None."""
        if self.options.read_only:
            return "--read-only"
        given = self.options.namespace
        needed = [within(each, given) for each in IN_A_GIVEN_NAMESPACE] if given else list(INDISPENSABLE)
        lacking = denied(self.cluster, needed)
        return f"forbidden: {', '.join(map(str, lacking))}" if lacking else None


def _check_levels(options: Options, profile: Profile, known: Iterable[str]) -> None:
    """Raise UserError for an id in the profile's levels that no behaviour has."""
    for id_ in sorted(set(profile.levels) - set(known)) if options.partial is None else ():
        raise UserError(f"--profile {options.profile}: levels.{id_}: no such behaviour")


def failed_start(options: Options, command: list[str], disclosure: Disclosure, why: str) -> str:
    """Why a run could not begin, in a report too: pipelines find the reason where they look for one."""
    now = datetime.now(UTC)
    report = build_report.failed_start(
        run_id=_new_id(now), start=now, command=command, profile=options.profile, why=why
    )
    shown = disclosure.why_not(why, options.kubeconfig)
    write_bundle(disclosure.report(report), options.reports)
    return shown


def _check_namespace(cluster: Cluster, name: str) -> None:
    """Raise UserError if there is no such namespace; who may not look finds out later."""
    try:
        cluster.get(f"{ownership.NAMESPACES}/{name}")
    except ApiError as error:
        if error.not_found:
            raise UserError(f"--namespace {name}: there is no such namespace in this cluster") from None


def _few(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _new_id(start: datetime) -> str:
    return start.strftime("%m%d%H%M%S") + secrets.token_hex(3)


def _baseline(path: Path, disclosure: Disclosure) -> Report:
    file = path / "report.json" if path.is_dir() else path
    return disclosure.baseline(canonical.check(canonical.load(file)), path)
