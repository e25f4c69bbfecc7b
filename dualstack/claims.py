"""Claims that more than one test makes, so that all of them judge alike."""

from dualstack.probes.observation import Observation
from dualstack.verdict.judge import Judge


def judge_service_path(judge: Judge, path: Observation) -> None:
    """A Service's address is answered by each of its backends, in its family on the wire."""
    foreign = path.foreign_clients
    if foreign:
        cause = f"the server saw {foreign[0]}: this is not {path.family} on the wire"
    elif not path.answered:
        cause = f"none of {path.requests} requests was answered: {path.error}"
    else:
        told = f"({path.answered} of {path.requests} requests were answered)"
        cause = f"backends that never answered: {', '.join(path.missing)} {told}"
    judge(
        f"{path.source} → {path.target}",
        path.reached and not foreign,
        family=path.family,
        source=path.source,
        target=path.target,
        cause=cause,
        cluster_ip=path.address,
        backends=dict(path.answered_by),
        client_seen=list(path.clients_seen),
        converged_after_seconds=path.seconds,
        rounds=path.rounds,
        answered=f"{path.answered} of {path.requests}",
        error=path.error,
    )
