"""Network agents of the lab: what their files may say, and what their nodes are given."""

from pathlib import Path

import pytest

from lab import addons, agents, network, node, variants
from lab.addresses import Plan
from lab.agents import Agent
from lab.api import Api
from lab.artifacts import Artifacts, recipe
from lab.data import fill
from lab.errors import LabError

NAMES = sorted(path.stem for path in agents.FOLDER.glob("*.yaml"))
RULES = "rules: [{apiGroups: [''], resources: [pods], verbs: [list, watch]}]\n"
SMALL = f"recipe: small\nprogram: smalld\nready: 'true'\n{RULES}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_agent_of_ours_is_built_by_its_recipe(name: str) -> None:
    agent = Agent.of(name, {})
    assert agent.program in recipe.load(recipe.MODULES / agent.recipe).commands


@pytest.mark.parametrize("name", variants.names())
def test_every_template_of_a_variants_agents_is_known(name: str) -> None:
    plan = Plan(variants.load(name))
    for each in plan.nodes:
        for agent in each.settings.all_agents:
            assert agent.program in recipe.load(recipe.MODULES / agent.recipe).commands
            words = node.agent_words(plan, each, agent)
            filled = fill([*agent.command(Path("/p")), agent.before("/accounts"), agent.ready], words)
            assert not any("{" in text for text in filled)


def test_what_a_variant_says_is_laid_over_the_file(folder: Path) -> None:
    (folder / "small.yaml").write_text(f"{SMALL}arguments: {{run: true, mode: one, retries: 3}}\n")
    agent = Agent.of("small", {"arguments": {"run": False, "mode": None}, "recipe": "other"}, folder)
    assert agent.command(Path("/bin/smalld")) == ["/bin/smalld", "--run=false", "--retries=3"]
    assert agent.recipe == "other"


@pytest.mark.parametrize(
    ("name", "differs", "said"),
    [
        ("large", {}, r"no agent 'large' \(known: small\)"),
        ("small", {"colour": "red"}, r"small\.colour: no such key"),
        ("small", {"ready": None}, r"small\.ready: is missing"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, name: str, differs: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Agent.of(name, differs, folder)


def test_an_agent_acts_as_a_user_of_its_own(folder: Path) -> None:
    role, binding = Agent.of("small", {}, folder).role()
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
    assert [(each["kind"], each["name"]) for each in binding["subjects"]] == [("User", "small")]


def test_one_that_expects_to_run_in_a_pod_has_a_service_account(folder: Path) -> None:
    agent = Agent.of("small", {"in_cluster": True}, folder)
    _, binding, account = agent.role()
    (subject,) = binding["subjects"]
    assert subject == {"kind": "ServiceAccount", **account["metadata"]}
    shell = fill(agent.before("/accounts"), {"api_host": "fd00::2", "api_port": "6443"})
    assert "export KUBERNETES_SERVICE_HOST=fd00::2 KUBERNETES_SERVICE_PORT=6443\n" in shell
    assert shell.endswith("ln -sfn /accounts/small /var/run/secrets/kubernetes.io/serviceaccount")


def test_its_environment_is_quoted(folder: Path) -> None:
    agent = Agent.of("small", {"environment": {"A": "one two"}}, folder)
    assert agent.before("/accounts") == "export A='one two'"


def test_what_an_installer_would_do_comes_last_before_it(folder: Path) -> None:
    agent = Agent.of("small", {"environment": {"A": "1"}, "start": "mkdir /a\nmkdir /b\n"}, folder)
    assert agent.before("/accounts") == "export A=1\nmkdir /a\nmkdir /b"


def test_templates_know_the_node_and_the_others() -> None:
    plan = Plan(variants.load("kube-router"))
    words = node.agent_words(plan, plan.nodes[1], plan.nodes[1].settings.all_agents[0])
    assert (words["name"], words["ipv6"]) == ("node1", "fd00:30::11")
    assert words["others_ipv4"] == "10.244.0.0/24 10.244.2.0/24"
    assert words["others_ipv6"] == "fd00:244::/64 fd00:244:0:2::/64"
    assert (words["pods_ipv4"], words["pods_ipv6"]) == ("10.244.0.0/16", "fd00:244::/48")


def test_without_an_agent_nobody_would_route(tmp_path: Path) -> None:
    (tmp_path / "it.yaml").write_text(
        "title: t\npods: [{range: 10.1.0.0/16, node_mask: 24}]\nservices: [10.2.0.0/16]\npod_routes: agent\n"
    )
    with pytest.raises(LabError, match=r"it\.yaml: node0: pod_routes agent needs an agent that routes"):
        variants.load("it", folder=tmp_path)


@pytest.mark.parametrize(
    ("variant", "machine", "routes"),
    [("default", "node0", 4), ("kube-router", "node0", 0), ("kube-router", "cp", 6)],
)
def test_nodes_get_no_routes_to_pods_where_agents_learn_them(variant: str, machine: str, routes: int) -> None:
    script = network.of_machine(Plan(variants.load(variant)), machine)
    assert script.count("route add 10.244.") + script.count("route add fd00:244:") == routes


def test_pods_get_the_mtu_that_the_variant_says() -> None:
    for variant, mtu in (("default", None), ("flannel", 1450), ("vxlan", 1430)):
        plan = Plan(variants.load(variant))
        assert node.cni(plan, plan.nodes[0])["plugins"][0].get("mtu") == mtu


def test_resource_definitions_are_created_where_a_recipe_brings_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "with/manifests/crds").mkdir(parents=True)
    (tmp_path / "without/manifests").mkdir(parents=True)
    extras = {name: tmp_path / name for name in ("with", "without")}
    ran: list[str] = []
    monkeypatch.setattr(
        "lab.namespaces.run_inside", lambda machine, script: ran.append(f"{machine} {script}")
    )
    addons.define(Artifacts(tmp_path, tmp_path, (), tmp_path, "v1", (), extras=extras))
    (line,) = ran
    assert line.startswith(f"fabric {tmp_path}/kubectl --kubeconfig ")
    assert line.endswith(f" create --recursive --filename {tmp_path}/with/manifests/crds")


def test_a_token_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def request(_self: Api, method: str, path: str, body: dict[str, object]) -> str:
        asked.append(f"{method} {path} {body['kind']}")
        return '{"status": {"token": "abc"}}'

    monkeypatch.setattr(Api, "request", request)
    assert Api(Plan(variants.load("default"))).token("kube-system", "small") == "abc"
    assert asked == ["POST /api/v1/namespaces/kube-system/serviceaccounts/small/token TokenRequest"]
