"""What a profile claims, held against the server's version: what came later cannot be had from it.

A cluster older than the profile's minimum-version is a finding (node-ready), since an upgrade mends the
cluster. Here the profile is what must be mended, so the run does not begin.
"""

from collections.abc import Iterable

from dualstack.errors import UserError
from dualstack.profile.model import Profile
from dualstack.survey.version import Release
from dualstack.verdict.behaviour import Behaviour
from dualstack.verdict.words import Level

DUAL_STACK = Release(1, 16)
DUAL_STACK_MODES = {"ipvs": DUAL_STACK, "iptables": Release(1, 18), "nftables": Release(1, 29)}
"""kube-proxy's modes by the release that brought each for both families, be it behind a feature gate.

Source: https://kubernetes.io/docs/concepts/services-networking/dual-stack/ of those releases (1.16 and 1.17
ask for ipvs), https://kep.k8s.io/3866 for nftables.
"""


def check(profile: Profile, source: str, release: Release, behaviours: Iterable[Behaviour]) -> None:
    """Raise UserError with one line for the first claim that a server of this release cannot meet."""
    if release < DUAL_STACK:
        raise UserError(f"this server is Kubernetes {release}; dual stack came with {DUAL_STACK}")
    for key, modes in (
        ("promises.proxy-modes", profile.promises.proxy_modes),
        ("limits.proxy-modes", profile.limits.modes_at(release)),
    ):
        if modes and not any(DUAL_STACK_MODES[mode] <= release for mode in modes):
            asked = " and ".join(f"{mode} from Kubernetes {DUAL_STACK_MODES[mode]} on" for mode in modes)
            known = " or ".join(mode for mode, since in DUAL_STACK_MODES.items() if since <= release)
            raise _impossible(source, f"{key}: dual stack has {asked}", release, f"name {known} as well")
    declared = {behaviour.id: behaviour for behaviour in behaviours}
    for id_, level in profile.levels.items():
        since = Release.parse(declared[id_].since) if id_ in declared else release
        if level is Level.MUST and since > release:
            claim = f"levels.{id_}: {level}, but that came with Kubernetes {since}"
            raise _impossible(source, claim, release, "take the level out")


def _impossible(source: str, claim: str, release: Release, mend: str) -> UserError:
    return UserError(f"--profile {source}: {claim}, and this server is {release}: {mend}")
