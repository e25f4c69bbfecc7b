"""What a run meets by name while it goes on: known once the step that finds it has been played."""

from collections.abc import Callable
from typing import TypeVar

from dualstack.redaction.run import Look, Names
from dualstack.scenario.addresses import LoadBalancers
from dualstack.scenario.aggregated import AggregatedApis
from dualstack.scenario.board import Board
from dualstack.scenario.listening import Endpoints
from dualstack.scenario.seen import Seen
from dualstack.scenario.step import Step
from dualstack.scenario.workloads import Workloads
from dualstack.scenarios.aggregated import Aggregated
from dualstack.scenarios.listening import Listening
from dualstack.scenarios.load_balancers import ExternalServices
from dualstack.scenarios.workloads import Existing

Result = TypeVar("Result", bound=Seen)


def looks(board: Board) -> list[Look]:
    """Return a look for each kind of names, for `Disclosure.watch`."""
    return [
        _look(board, ExternalServices.given, _hosts),
        _look(board, Existing.seen, _objects),
        _look(board, Listening.found, _called),
        _look(board, Aggregated.seen, _apis),
    ]


def _look(board: Board, step: Step[Result], names: Callable[[Result], Names]) -> Look:
    def look() -> Names | None:
        found = board.peek(step)
        return None if found is None else names(found)

    return look


def _hosts(balancers: LoadBalancers) -> Names:
    found = balancers.load_balancers.values()
    return Names(plain=tuple(("host", name) for each in found for name in each.hostnames))


def _objects(workloads: Workloads) -> Names:
    owners = {each.owner for each in workloads.pods} | {each.owner for each in workloads.host_pods}
    owners |= {each.owner for each in workloads.services}
    return Names(objects=tuple((each.kind, each.namespace, each.name) for each in owners))


def _called(found: Endpoints) -> Names:
    services = {(each.namespace, each.service) for each in found.endpoints}
    return Names(objects=tuple(("service", *each) for each in services))


def _apis(found: AggregatedApis) -> Names:
    return Names(
        plain=tuple(("api", each.name) for each in found.apis),
        objects=tuple(("service", each.namespace, each.service) for each in found.apis),
    )
