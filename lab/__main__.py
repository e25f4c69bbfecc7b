"""The lab's command line: `python -m lab COMMAND`."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence

from lab import cluster, expect, faults, status, teardown, vantage, variants
from lab.controlplane import ADMIN_KUBECONFIG
from lab.errors import LabError
from lab.machine import Machine
from lab.paths import HOME


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab", description="A dual-stack cluster on this machine."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text)

    up = add("up", "bring a cluster up; nothing to do if it is up, a different one is taken down first")
    up.add_argument("--variant", default="default", metavar="NAME", help="how it is deployed (see `list`)")
    up.add_argument("--nodes", type=int, metavar="N", help="number of nodes, instead of the variant's own")
    add("down", "take everything down, whatever state it is in")
    add("status", "show what is running and whether it is healthy")
    inside = add("exec", "run a command inside a node")
    inside.add_argument("node", help="a machine (node0, cp, fabric) or the Kubernetes name of a node")
    inside.add_argument("words", nargs=argparse.REMAINDER, metavar="-- CMD")
    out = add("outside", "run a command outside the cluster, from where its addresses are reached")
    out.add_argument("words", nargs=argparse.REMAINDER, metavar="-- CMD")
    add("kubeconfig", "print the path of the admin's kubeconfig (usable from `outside`)")
    logs = add("logs", "print a component's log: etcd, kube-apiserver, kubelet, kube-proxy, containerd …")
    logs.add_argument("component")
    logs.add_argument("node", nargs="?", help="the machine, where several run the component")
    for name, text in (("fault", "do some damage to the running cluster"), ("mend", "undo the damage")):
        add(name, text).add_argument("name", help="see `list`")
    add("list", "all variants and faults")
    why = add("explain", "what a variant or a fault does, and what must break there")
    why.add_argument("name", help="see `list`")
    add("purge", "take everything down and remove all that the lab ever wrote, its cache included")
    return parser


def _machine(name: str) -> Machine:
    plan = cluster.current()
    machine = plan.machine_of(name)
    if machine is None:
        names = ", ".join((*plan.machines, *(each.name for each in plan.nodes if each.name != each.machine)))
        raise LabError(f"no machine {name!r} (there are: {names})")
    return Machine(machine)


def _command(words: list[str], otherwise: str) -> list[str]:
    given = words[1:] if words[:1] == ["--"] else words
    return given or [otherwise]


def _logs(component: str, node: str | None) -> None:
    plan = cluster.current()
    machines = [_machine(node)] if node else [Machine(each) for each in plan.machines]
    having = [each for each in machines if each.log(component).exists()]
    if not having:
        known = sorted({service for each in machines for service in each.services})
        raise LabError(f"no log of {component!r} (there are: {', '.join(known)})")
    for each in having:
        if len(having) > 1:
            print(f"==> {each.name} <==")
        with each.log(component).open(errors="replace") as file:
            shutil.copyfileobj(file, sys.stdout)


def _list() -> None:
    found = {
        "variants": {name: variants.load(name).title for name in variants.names()},
        "faults": {name: faults.load(name).title for name in faults.names()},
    }
    for kind, titles in found.items():
        print(f"{kind}:")
        for name, title in titles.items():
            print(f"  {name:20} {title}")


def explain(name: str) -> list[str]:
    """Return what a variant or a fault does and must break. Raises LabError."""
    if name in faults.names():
        fault = faults.load(name)
        return expect.lines(f"fault {name}: {fault.title}", fault.expect, healthy=False)
    variant = variants.load(name)
    title = f"variant {name}: {variant.title}"
    return expect.lines(title, variants.expectation(name), healthy=variant.healthy)


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "up":
            cluster.up(arguments.variant, arguments.nodes, lambda line: print(line, flush=True))
        case "down":
            print("\n".join(teardown.down()) or "nothing was up")
        case "status":
            return status.show()
        case "exec":
            _machine(arguments.node).replace_me(_command(arguments.words, "bash"))
        case "outside":
            cluster.current()
            vantage.replace_me(_command(arguments.words, os.environ.get("SHELL", "sh")))
        case "kubeconfig":
            cluster.current()
            print(ADMIN_KUBECONFIG)
        case "logs":
            _logs(arguments.component, arguments.node)
        case "fault":
            faults.do(arguments.name)
        case "mend":
            faults.undo(arguments.name)
        case "list":
            _list()
        case "explain":
            print("\n".join(explain(arguments.name)))
        case "purge":
            teardown.down()
            shutil.rmtree(HOME)
            print(f"removed {HOME}")
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; what a person can mend is one message on stderr and exit status 1."""
    arguments = _parser().parse_args(words)
    try:
        return _run(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
