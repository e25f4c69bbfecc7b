"""One named key of the cloud provider's file on every node, and nothing else: the file holds a secret."""

from dualstack.probes.script import Answers, Request
from dualstack.profile.model import Profile
from dualstack.scenario.ask import Ask
from dualstack.scenario.manifests import CLOUD_CONFIG
from dualstack.scenario.scenario import Scenario
from dualstack.scenario.seen import NodeSeen
from dualstack.survey.model import Survey


class CloudConfigSeen(NodeSeen):
    """The one key of the cloud provider's file that may be read."""

    load_balancer_sku: str | None = None


def _read(node: str, answers: Answers) -> CloudConfigSeen:
    if sku := answers.files.get(("key", "sku"), "").strip():
        return CloudConfigSeen(node=node, load_balancer_sku=sku.splitlines()[0])
    return CloudConfigSeen(node=node, trouble="the file has no loadBalancerSku")


class CloudConfigs(Scenario):
    """The load balancer SKU that each node's cloud configuration names, where a node has the file."""

    id = "cloud-configs"
    on_every_node = (CLOUD_CONFIG,)
    seen = Ask(
        CLOUD_CONFIG,
        Request("key", "sku", "loadBalancerSku /cloud-config.json"),
        item=CloudConfigSeen,
        read=_read,
    )

    @classmethod
    def left_out(cls, survey: Survey, profile: Profile) -> str | None:
        """Leave it out under a profile that names no such file."""
        return None if profile.cloud_config else f"profile {profile.name} names no cloud configuration file"
