"""What a run may show of the names that it meets: the real ones, or with --pseudonyms none of them.

Judging needs the real names, so those never come near the report's folder: with --pseudonyms a run works in a
private temporary folder, which goes at its end, and what it writes or prints passes through here first.
"""

import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dualstack.cluster import kubeconfig as kubeconfigs
from dualstack.errors import UserError
from dualstack.redaction.names import CONTEXT, NAMESPACE, NODE, SERVER, Pseudonyms
from dualstack.redaction.report import objects, pseudonymous, walk_all
from dualstack.report.model import PSEUDONYM_KEY, Report
from dualstack.report.write import write_file
from dualstack.survey.model import Survey


class Names(NamedTuple):
    """What a run has met."""

    plain: tuple[tuple[str, str], ...] = ()
    """(kind, name)"""
    objects: tuple[tuple[str, str, str], ...] = ()
    """(kind, namespace, name)"""


Look = Callable[[], Names | None]
"""Return what there is, None as long as it is not known."""


class Disclosure:
    """Of one run. Without pseudonyms everything is shown as it is."""

    def __init__(self, pseudonyms: Pseudonyms | None) -> None:
        self._pseudonyms = pseudonyms
        self._private: tempfile.TemporaryDirectory[str] | None = None
        self._looks: list[Look] = []
        self._learning = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Whether real names are shown."""
        return self._pseudonyms is None

    @property
    def line(self) -> list[str]:
        """What to say of it at the start of a run."""
        if self._pseudonyms is None:
            return []
        return [f"names and addresses are pseudonyms by key {self._pseudonyms.key_id}"]

    def work_folder(self, folder: Path) -> Path:
        """Where the run keeps what it needs for judging, if its report goes to `folder`."""
        if self._pseudonyms is None:
            return folder
        self._private = tempfile.TemporaryDirectory(prefix="dualstack-")
        return Path(self._private.name)

    def learn_survey(self, survey: Survey) -> None:
        """Everything that the survey names."""
        if self._pseudonyms is None:
            return
        if survey.context:
            self._pseudonyms.learn(CONTEXT, survey.context)
        if host := kubeconfigs.host_of(survey.server):
            self._pseudonyms.learn(SERVER, host)
        for node in survey.nodes:
            self._pseudonyms.learn(NODE, node.name)
        for daemonset in survey.network_daemonsets:
            self.learn_namespace(daemonset.partition("/")[0])

    def learn_namespace(self, name: str) -> None:
        """A namespace that will be spoken of."""
        if self._pseudonyms is not None:
            self._pseudonyms.learn(NAMESPACE, name)

    def text(self, text: str) -> str:
        """A text as it may be shown."""
        if self._pseudonyms is None:
            return text
        self._learn_what_is_known(self._pseudonyms)
        return self._pseudonyms.text(text)

    def watch(self, look: Look) -> None:
        """Ask, before anything is shown, whether the names are known by now that the run will meet."""
        with self._learning:
            self._looks.append(look)

    def _learn_what_is_known(self, pseudonyms: Pseudonyms) -> None:
        with self._learning:  # nothing is shown, by any thread, before all that is known was learned
            looks, self._looks = self._looks, []
            for look in looks:
                if (names := look()) is None:
                    self._looks.append(look)
                    continue
                for kind, name in names.plain:
                    pseudonyms.learn(kind, name)
                for each in names.objects:
                    pseudonyms.learn_object(*each)

    def report(self, report: Report) -> Report:
        """A report as it may be written."""
        if self._pseudonyms is None:
            return report
        self._learn_what_is_known(self._pseudonyms)
        return pseudonymous(report, self._pseudonyms)

    def baseline(self, report: Report, path: Path) -> Report:
        """An earlier report, to compare with: real names get this run's pseudonyms. Raises UserError."""
        theirs = report.run.pseudonyms
        ours = self._pseudonyms.key_id if self._pseudonyms else None
        if theirs is None:
            return self.report(report)
        if ours is None:
            raise UserError(
                f"--baseline {path}: its names are pseudonyms; "
                f"add --pseudonyms, with the same ${PSEUDONYM_KEY} as in that run"
            )
        if theirs != ours:
            raise UserError(
                f"--baseline {path}: its names are pseudonyms by key {theirs}, those of this run would be by "
                f"another ({ours}); set ${PSEUDONYM_KEY} as in that run"
            )
        return report

    def why_not(self, reason: str, kubeconfig: Path | None) -> str:
        """Why a run could not begin: all that its kubeconfig names may be in it."""
        if self._pseudonyms is not None:
            for kind, name in kubeconfigs.names(kubeconfig):
                self._pseudonyms.learn(kind, name)
        return self.text(reason)

    def publish(self, observations: Path, folder: Path) -> None:
        """Bring what was observed into the report's folder, and do away with what must not be shown."""
        if self._pseudonyms is None:
            return
        target = folder / observations.name
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(observations.glob("*.json")):
            content = objects(json.loads(file.read_text(encoding="utf-8")), self._pseudonyms)
            content = walk_all(content, self.text)
            write_file(target / file.name, [json.dumps(content).encode()])

    def close(self) -> None:
        """Remove the private folder, if there is one."""
        if self._private is not None:
            self._private.cleanup()
