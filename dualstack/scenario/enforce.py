"""NetworkPolicies of our own: create one, and tell whether anything in the cluster enforces them.

A policy is an object like any other: the API server takes it whether there is an engine or not. So a deny-all
goes first, and what it does to paths that answered before is the proof (`Enforced`).
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.cluster.permissions import Permission
from dualstack.family import FAMILIES, Family, family_of, network
from dualstack.probes.observation import Observation
from dualstack.profile.expect import egress_target
from dualstack.scenario import policies
from dualstack.scenario.board import NotSeen
from dualstack.scenario.manifests import Object, name_of
from dualstack.scenario.policies import LIST_POLICIES
from dualstack.scenario.probe import Probe
from dualstack.scenario.seen import Objects, ObjectSeen, Paths, Seen
from dualstack.scenario.site import Site
from dualstack.scenario.stage import Stage
from dualstack.scenario.step import Needs, Step

CREATE_POLICY = Permission("create", "networking.k8s.io", "networkpolicies")
WIDER_BITS = 8
"""How much wider than a client's address the block is that lets it in: room for an `except`."""


class Policy(Step[Objects]):
    """Create the NetworkPolicy of a manifest. Refused, it ends the scenario with the API server's words."""

    result = Objects

    def __init__(self, manifest: str, *, callers: Step[Paths] | None = None, to_egress: bool = False) -> None:
        """Declare it; `callers`: its ipBlock is drawn around the addresses that servers saw there.

        `to_egress`: it is drawn around the addresses outside that the profile names.
        """
        self.manifest, self.callers, self.to_egress = manifest, callers, to_egress

    @property
    def makes(self) -> tuple[str, ...]:
        """The manifest."""
        return (self.manifest,)

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The step that shows who calls."""
        return (self.callers,) if self.callers else ()

    def needs(self, site: Site) -> Needs:
        """Need to create a NetworkPolicy."""
        return Needs(permissions=(CREATE_POLICY,), seconds=1.0)

    def run(self, stage: Stage) -> Objects:
        """Return the policy as it was answered. Raises NotSeen, Stopped."""
        stage.pause(0)
        (body,) = stage.site.objects(self.makes)
        if self.callers:
            _let_in(body, stage, stage.board.wait(self.callers))
        if self.to_egress:
            _let_out(body, stage)
        name = name_of(body)
        try:
            answer = stage.owner.create(body)
        except ApiError as error:
            raise NotSeen(f"NetworkPolicy {name} was not created: {error}") from None
        seen = ObjectSeen(name=name, kind=body["kind"], asked=body["spec"], spec=answer["spec"])
        return Objects(objects={name: seen})


class EngineSeen(Seen):
    """What a first deny-all did."""

    required: bool
    """The profile promises an engine."""
    bites: bool
    """Of one family's paths that answered before, half or more fell silent: one may lose what it carries."""
    trouble: str | None = None
    """Why it cannot be told, if it did not."""
    seconds: float = 0.0
    """How long it was waited for."""

    @property
    def none(self) -> str:
        """The sentence of a cluster without an engine."""
        return (
            "no policy engine enforces NetworkPolicies here: a deny-all changed nothing in either family "
            f"within {self.seconds:g} s"
        )


class Enforced(Step[EngineSeen]):
    """The gate of the policy rows: what follows needs a deny that bites, or a promised engine."""

    result = EngineSeen

    def __init__(self, denied: Probe) -> None:
        """Declare it; `denied` waits for the silence that a deny-all brings."""
        self.denied = denied

    @property
    def rests_on(self) -> tuple[Step[Any], ...]:
        """The probe."""
        return (self.denied,)

    def may_end(self, site: Site) -> bool:
        """Say so, unless an engine is promised."""
        return site.profile.promises.network_policy != "required"

    def needs(self, site: Site) -> Needs:
        """Need to see the site's own policies, to say why a deny does not bite."""
        return Needs(permissions=LIST_POLICIES)

    def run(self, stage: Stage) -> EngineSeen:
        """Return whether the deny bites. Raises NotSeen, Stopped."""
        paths = stage.board.wait(self.denied).observations
        bites = any(_mostly_silent(paths, family) for family in FAMILIES)
        trouble = None
        if not bites:
            tried = [path for path in paths if not path.blocked]
            trouble = None if tried else next((path.blocked for path in paths), "there is no path to try")
            if tried and (others := policies.of_the_site(stage)):
                trouble = f"{others[0]}, which the suite did not make, may let in what its own policy denies"
        return EngineSeen(
            required=not self.may_end(stage.site), bites=bites, trouble=trouble,
            seconds=stage.site.profile.timeouts.unenforced,
        )  # fmt: skip

    def ends(self, result: EngineSeen) -> str | None:
        """Return why there is nothing to see of policies."""
        if result.trouble:
            return result.trouble
        return None if result.bites or result.required else result.none


def _mostly_silent(paths: Iterable[Observation], family: Family) -> bool:
    tried = [path for path in paths if path.family is family and not path.blocked]
    return bool(tried) and 2 * sum(path.silent for path in tried) >= len(tried)


def _let_in(body: Object, stage: Stage, seen: Paths) -> None:
    """Draw the policy's ipBlock around the callers' addresses of its family. Raises NotSeen."""
    (rule,) = body["spec"]["ingress"]
    family = _family(rule["from"])
    callers = {
        address for path in seen.observations if path.family is family for address in path.clients_seen
    }
    if own := next(filter(stage.site.inside.is_of_cluster, sorted(callers)), None):
        raise NotSeen(f"servers see {own}, an address of the cluster, instead of the runner's")
    if not callers:
        raise NotSeen(f"no server saw the runner's {family} address")
    rule["from"] = [{"ipBlock": block(address)} for address in sorted(callers)]


def _let_out(body: Object, stage: Stage) -> None:
    """Draw the policy's ipBlock around the addresses outside of its family that the profile names."""
    (rule,) = body["spec"]["egress"]
    family = _family(rule["to"])
    named = {egress_target(each)[0] for each in stage.site.profile.egress}
    rule["to"] = [{"ipBlock": block(each)} for each in sorted(named) if family_of(each) is family]


def _family(peers: list[dict[str, Any]]) -> Family:
    (peer,) = peers
    return family_of(network(peer["ipBlock"]["cidr"]))


def block(address: str) -> dict[str, Any]:
    """Return an ipBlock that an address is in, but for the half that it is not in."""
    whole = ip_network((address, ip_address(address).max_prefixlen - WIDER_BITS), strict=False)
    other = next(half for half in whole.subnets() if ip_address(address) not in half)
    return {"cidr": str(whole), "except": [str(other)]}
