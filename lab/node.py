"""A node: containerd, kubelet, kube-proxy and network agents, their configuration, and the CNI file."""

from pathlib import Path
from typing import Any

from lab.addresses import API_PORT, FAMILIES, NodePlan, Plan, family
from lab.agents import GROUP, Agent
from lab.api import wait
from lab.artifacts import Artifacts
from lab.data import fill
from lab.files import write, write_json
from lab.machine import AGENTS, BIN, INSIDE, Machine
from lab.pki import Authority, write_kubeconfig
from lab.releases import KUBE_PROXY, KUBELET

SERVICES = ("kubelet", "kube-proxy")  # started once the API server answers; containerd starts at once
_ACCOUNTS = "accounts"
_ANYWHERE = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}
_CONTAINERD = """\
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "PAUSE"
  restrict_oom_score_adj = true
  disable_apparmor = true
  enable_unprivileged_icmp = true
  enable_unprivileged_ports = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def prepare(plan: Plan, node: NodePlan, authority: Authority, built: Artifacts) -> None:
    """Write keys, configuration and services of one node."""
    machine = Machine(node.machine)
    pki = machine.folder / "pki"
    write(pki / "ca.crt", authority.pair.certificate)
    user = f"system:node:{node.name}"
    kubelet = authority.client(user, "system:nodes")
    write_kubeconfig(pki / "kubelet.kubeconfig", plan.api_url, authority, user, kubelet)
    authority.server(node.name, node.name, *node.addresses.values()).write(pki, "kubelet-server")
    proxy = authority.client("system:kube-proxy", "system:node-proxier")
    write_kubeconfig(pki / "kube-proxy.kubeconfig", plan.api_url, authority, "system:kube-proxy", proxy)

    etc = machine.folder / "etc"
    prepare_containerd(machine, built)
    if plan.variant.pod_interfaces == "bridge":
        write_json(etc / "cni/net.d/10-dualstack-lab.conflist", cni(plan, node))
    write_json(etc / "kubernetes/kubelet.json", _kubelet(plan, node))
    write_json(etc / "kubernetes/kube-proxy.json", kube_proxy(plan, node))
    for path, text in node.settings.files.items():
        write(machine.folder / path.lstrip("/"), text, 0o600)
    _add_services(plan, machine, node)
    for agent in node.settings.all_agents:
        _add_agent(plan, machine, node, agent, authority)
        machine.lend(AGENTS, agent.recipe, built.extras[agent.recipe])


def prepare_containerd(machine: Machine, built: Artifacts) -> None:
    """Configuration and service of containerd alone."""
    config = _CONTAINERD.replace("PAUSE", image_of(built, "pause"))
    write(machine.folder / "etc/containerd/config.toml", config)
    machine.add_service("containerd", ["/usr/bin/containerd", "--log-level=info"])


def wait_for_containerd(machine: Machine) -> None:
    """Wait until containerd listens. Raises LabError."""
    wait(
        lambda: machine.has("/run/containerd/containerd.sock"),
        60,
        lambda: f"{machine.name}: containerd does not answer: {machine.last_words('containerd')}",
    )


def image_of(built: Artifacts, program: str) -> str:
    """The image that ends in this name, tag included."""
    return next(each for each in built.image_names if each.rpartition(":")[0].endswith(f"/{program}"))


def _kubelets_place(plan: Plan, node: NodePlan) -> list[str]:
    """What a kubelet is told about its addresses and its cloud."""
    cloud = [f"--provider-id={node.settings.provider_id}"] if node.settings.provider_id else []
    if plan.variant.external_cloud:
        return ["--cloud-provider=external", *cloud]
    addresses = [node.addresses[each] for each in node.settings.node_ips]
    if not plan.variant.release.node_ips_of_both_families:
        addresses = addresses[:1]
    return [f"--node-ip={','.join(addresses)}", *cloud]


def _add_services(plan: Plan, machine: Machine, node: NodePlan) -> None:
    machine.add_service(
        "kubelet",
        [
            str(BIN / "kubelet"),
            "--config=/etc/kubernetes/kubelet.json",
            f"--kubeconfig={INSIDE / 'pki/kubelet.kubeconfig'}",
            f"--hostname-override={node.name}",
            *_kubelets_place(plan, node),
            *plan.variant.release.flags(KUBELET),
        ],
    )
    if node.settings.proxy_mode == "none":
        return
    machine.add_service(
        KUBE_PROXY,
        [
            str(BIN / "kube-proxy"),
            "--config=/etc/kubernetes/kube-proxy.json",
            f"--hostname-override={node.name}",
        ],
        before=f"{node.settings.before_proxy}\n{_hidden(node.settings.without)}".strip(),
    )


def _add_agent(plan: Plan, machine: Machine, node: NodePlan, agent: Agent, authority: Authority) -> None:
    pair = authority.client(agent.name, GROUP)
    write_kubeconfig(machine.folder / _kubeconfig(agent), plan.api_url, authority, agent.name, pair)
    if agent.in_cluster:
        write(account_folder(machine, agent) / "ca.crt", authority.pair.certificate)
    words = agent_words(plan, node, agent)
    machine.add_service(
        agent.name,
        fill(agent.command(AGENTS / agent.recipe / "bin" / agent.program), words),
        before=fill(agent.before(str(INSIDE / _ACCOUNTS)), words),
    )


def account_folder(machine: Machine, agent: Agent) -> Path:
    """Return the host's folder of an agent's ServiceAccount: ca.crt, and `token` from its start on."""
    return machine.folder / _ACCOUNTS / agent.name


def _kubeconfig(agent: Agent) -> str:
    return f"pki/{agent.name}.kubeconfig"


def agent_words(plan: Plan, node: NodePlan, agent: Agent) -> dict[str, str]:
    """Return what templates of an agent on this node may name."""
    words = {
        "name": node.name,
        "kubeconfig": str(INSIDE / _kubeconfig(agent)),
        "services": ",".join(plan.variant.services),
        "api_host": plan.api_address,
        "api_port": str(API_PORT),
    }
    for each in FAMILIES:
        others = [str(other.pods[each]) for other in plan.nodes if other is not node and each in other.pods]
        words |= {each.lower(): node.addresses[each], f"others_{each.lower()}": " ".join(others)}
    return words | {f"pods_{family(pod.range).lower()}": pod.range for pod in plan.variant.pods}


def _hidden(programs: tuple[str, ...]) -> str:
    """Shell that puts programs of these names in front of the real ones; all they do is fail."""
    folder = "/run/lab/hidden"
    fake = f"printf '#!/bin/sh\\nexit 127\\n' >{folder}/{{0}} && chmod 755 {folder}/{{0}}\n"
    lines = "".join(fake.format(program) for program in programs)
    return f"mkdir -p {folder}\n{lines}PATH={folder}:$PATH" if programs else ""


def cni(plan: Plan, node: NodePlan) -> dict[str, Any]:
    """The CNI configuration: a bridge, one range per family the node's CNI knows of, and host ports."""
    settings = node.settings
    ranges = [[{"subnet": str(node.pods[each])}] for each in settings.cni_families if each in node.pods]
    routes = [{"dst": _ANYWHERE[each]} for each in settings.default_routes if each in settings.cni_families]
    bridge = {
        "type": "bridge",
        "bridge": plan.variant.bridge,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": ranges, "routes": routes},
        **({} if plan.variant.pod_mtu is None else {"mtu": plan.variant.pod_mtu}),
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "dualstack-lab", "plugins": [bridge, portmap]}


def _kubelet(plan: Plan, node: NodePlan) -> dict[str, Any]:
    dns = plan.service_address(10)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(INSIDE / "pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(INSIDE / "pki/kubelet-server.crt"),
        "tlsPrivateKeyFile": str(INSIDE / "pki/kubelet-server.key"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [next(iter(dns.values()))],
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "oomScoreAdj": 0,
        "maxOpenFiles": 20000,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi"},
        "nodeStatusUpdateFrequency": "4s",
        "resolvConf": "/etc/resolv.conf",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        **plan.variant.release.configuration(KUBELET),
        **node.settings.kubelet,
    }


def kube_proxy(plan: Plan, node: NodePlan) -> dict[str, Any]:
    """kube-proxy's configuration."""
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": node.settings.proxy_mode,
        "ipvs": {"strictARP": True},  # only who announces a load balancer's address answers for it
        "clientConnection": {"kubeconfig": str(INSIDE / "pki/kube-proxy.kubeconfig")},
        "clusterCIDR": ",".join(pod.range for pod in plan.variant.pods),
        "conntrack": {"maxPerCore": 0, "min": 0},
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
        **plan.variant.release.configuration(KUBE_PROXY),
        **node.settings.kube_proxy,
    }
    return {key: value for key, value in configuration.items() if value is not None}


def object_of(plan: Plan, node: NodePlan) -> dict[str, Any]:
    """The Node object, made before its kubelet starts so that podCIDRs and CNI files agree."""
    allocated = [str(share) for each, share in node.pods.items() if each in plan.variant.allocated]
    if plan.variant.ranges_in_api == "others":
        allocated = [f"10.99.{node.index}.0/24", f"fd00:99:0:{node.index}::/64"]
    spec: dict[str, Any] = {"podCIDR": allocated[0], "podCIDRs": allocated}
    if plan.variant.ranges_in_api == "none":
        spec = {}
    if node.settings.provider_id:
        spec["providerID"] = node.settings.provider_id
    if node.settings.unschedulable:
        spec["unschedulable"] = True
    if node.settings.taints:
        spec["taints"] = list(node.settings.taints)
    labels = {"kubernetes.io/hostname": node.name, **node.settings.labels}
    metadata = {"name": node.name, "labels": labels, "annotations": node.settings.annotations}
    manifest = {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}
    return manifest | ({"status": {"addresses": _addresses(node)}} if plan.variant.external_cloud else {})


def _addresses(node: NodePlan) -> list[dict[str, str]]:
    """What a cloud provider writes into a Node's status: the kubelet, told so, leaves it alone."""
    addresses = node.settings.spelled or [node.addresses[each] for each in node.settings.node_ips]
    internal = [{"type": "InternalIP", "address": each} for each in addresses]
    return [*internal, {"type": "Hostname", "address": node.name}]


def condition_patch(node: NodePlan) -> dict[str, Any]:
    """The conditions that a cloud provider would have set, as a patch of the Node's status."""
    return {"status": {"conditions": list(node.settings.conditions)}}
