"""The control plane: etcd, API server, controller manager and scheduler, secured as an installer does it.

Everything has certificates of its own; the API server authorizes with Node and RBAC. etcd makes no promise
about power cuts (no fsync): the cluster lives for an afternoon.
"""

from pathlib import Path

from lab.addresses import API_PORT, CONTROL_PLANE, FAMILIES, Plan
from lab.agents import GROUP
from lab.files import write
from lab.machine import BIN, INSIDE, Machine
from lab.paths import STATE
from lab.pki import Authority, Pair, write_kubeconfig, write_signing_keys
from lab.releases import API_SERVER, CONTROLLER_MANAGER, SCHEDULER

KEYS = INSIDE / "pki"
ADMIN_KUBECONFIG = STATE / "admin.kubeconfig"
ADMIN_KEYS = STATE / "admin"  # the same credentials as files: ca.crt, admin.crt, admin.key
# Who did what, but for the cluster's own components: `python -m lab logs audit`.
AUDIT_POLICY = f"""\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    userGroups:
      ["system:nodes", "system:serviceaccounts:kube-system", "system:serviceaccounts:metallb-system", {GROUP}]
  - level: None
    users:
      ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy"]
  - level: Metadata
"""
KUBELET_CLIENT = "kube-apiserver-kubelet-client"


def prepare(plan: Plan, authority: Authority) -> None:
    """Write keys, kubeconfigs and services of the control plane, and the admin's kubeconfig."""
    machine = Machine(CONTROL_PLANE)
    _write_keys(plan, authority, machine.folder / "pki")
    for user in ("controller-manager", "scheduler"):
        name = f"system:kube-{user}"
        path = machine.folder / "pki" / f"{user}.kubeconfig"
        write_kubeconfig(path, plan.api_url, authority, name, authority.client(name))
    admin = authority.client("kubernetes-admin", "system:masters")
    write_kubeconfig(ADMIN_KUBECONFIG, plan.api_url, authority, "kubernetes-admin", admin)
    admin.write(ADMIN_KEYS, "admin")
    write(ADMIN_KEYS / "ca.crt", authority.pair.certificate)
    write(machine.folder / "audit.yaml", AUDIT_POLICY)
    machine.add_service("etcd", _etcd())
    machine.add_service(API_SERVER, _api_server(plan))
    machine.add_service(CONTROLLER_MANAGER, _controller_manager(plan))
    machine.add_service(SCHEDULER, _scheduler(plan))


def _write_keys(plan: Plan, authority: Authority, folder: Path) -> None:
    authority.pair.write(folder, "ca")
    write_signing_keys(folder)
    service = plan.service_address(1).values()
    addresses = [plan.address(CONTROL_PLANE, each) for each in FAMILIES]
    domain = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names = [*domain, "kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", "::1"]
    authority.server("kube-apiserver", *names, *addresses, *service).write(folder, "apiserver")
    authority.client(KUBELET_CLIENT).write(folder, "apiserver-kubelet-client")

    front_proxy = Authority("front-proxy-ca")
    Pair(front_proxy.pair.certificate, "").write(folder, "front-proxy-ca")
    front_proxy.client("front-proxy-client").write(folder, "front-proxy-client")

    etcd = Authority("etcd-ca")
    Pair(etcd.pair.certificate, "").write(folder, "etcd-ca")
    etcd.server("etcd", "localhost", "127.0.0.1").write(folder, "etcd")
    etcd.client("kube-apiserver-etcd-client").write(folder, "apiserver-etcd-client")


def _key(name: str) -> str:
    return str(KEYS / name)


def _etcd() -> list[str]:
    return [
        "/usr/bin/etcd",
        "--name=cp",
        "--data-dir=/var/lib/etcd",
        "--listen-client-urls=https://127.0.0.1:2379",
        "--advertise-client-urls=https://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=cp=http://127.0.0.1:2380",
        "--client-cert-auth=true",
        f"--trusted-ca-file={_key('etcd-ca.crt')}",
        f"--cert-file={_key('etcd.crt')}",
        f"--key-file={_key('etcd.key')}",
        "--unsafe-no-fsync",
        "--logger=zap",
    ]


def _api_server(plan: Plan) -> list[str]:
    return [
        str(BIN / API_SERVER),
        f"--advertise-address={plan.api_address}",
        "--bind-address=::",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={','.join(plan.variant.services)}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={_key('ca.crt')}",
        f"--tls-cert-file={_key('apiserver.crt')}",
        f"--tls-private-key-file={_key('apiserver.key')}",
        "--etcd-servers=https://127.0.0.1:2379",
        f"--etcd-cafile={_key('etcd-ca.crt')}",
        f"--etcd-certfile={_key('apiserver-etcd-client.crt')}",
        f"--etcd-keyfile={_key('apiserver-etcd-client.key')}",
        f"--kubelet-certificate-authority={_key('ca.crt')}",
        f"--kubelet-client-certificate={_key('apiserver-kubelet-client.crt')}",
        f"--kubelet-client-key={_key('apiserver-kubelet-client.key')}",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--service-account-key-file={_key('sa.pub')}",
        f"--service-account-signing-key-file={_key('sa.key')}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--requestheader-client-ca-file={_key('front-proxy-ca.crt')}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={_key('front-proxy-client.crt')}",
        f"--proxy-client-key-file={_key('front-proxy-client.key')}",
        f"--audit-policy-file={INSIDE / 'audit.yaml'}",
        f"--audit-log-path={INSIDE / 'logs/audit.log'}",
        "--profiling=false",
        *plan.variant.release.flags(API_SERVER),
    ]


def _with_kubeconfig(plan: Plan, program: str, kubeconfig: str) -> list[str]:
    options = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    common = [f"--{option}={_key(kubeconfig)}" for option in options]
    return [
        str(BIN / program),
        *common,
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
        *plan.variant.release.flags(program),
    ]


def _controller_manager(plan: Plan) -> list[str]:
    return [
        *_with_kubeconfig(plan, CONTROLLER_MANAGER, "controller-manager.kubeconfig"),
        *_pod_ranges(plan),
        f"--service-cluster-ip-range={','.join(plan.variant.services)}",
        "--cluster-name=dualstack-lab",
        f"--cluster-signing-cert-file={_key('ca.crt')}",
        f"--cluster-signing-key-file={_key('ca.key')}",
        f"--root-ca-file={_key('ca.crt')}",
        f"--service-account-private-key-file={_key('sa.key')}",
        "--use-service-account-credentials=true",
        "--node-monitor-grace-period=20s",  # kubelets report every 4 s
        "--kube-api-qps=200",  # the default of 20 delays the first pods by four seconds
        "--kube-api-burst=400",
    ]


def _pod_ranges(plan: Plan) -> list[str]:
    """Return what the controller manager is told of pod ranges."""
    if plan.variant.ranges_in_api != "used":
        return ["--allocate-node-cidrs=false"]
    allocated = plan.allocated_pods
    masks = [
        f"--node-cidr-mask-size-ipv{pod.network.version}={pod.node_mask}"
        for pod in plan.variant.pods
        if pod.range in allocated
    ]
    if len(masks) == 1:  # with one family there is but one option for it
        masks = [f"--node-cidr-mask-size={masks[0].partition('=')[2]}"]
    return ["--allocate-node-cidrs=true", f"--cluster-cidr={','.join(allocated)}", *masks]


def _scheduler(plan: Plan) -> list[str]:
    return _with_kubeconfig(plan, SCHEDULER, "scheduler.kubeconfig")
