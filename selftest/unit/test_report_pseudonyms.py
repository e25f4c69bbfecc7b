import json
import random
import re
from datetime import date
from ipaddress import ip_address, ip_network

import factory
import pytest

from dualstack import cli
from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.redaction.addresses import Scrambler
from dualstack.redaction.names import Pseudonyms
from dualstack.redaction.report import pseudonymous
from dualstack.report import canonical
from dualstack.report.compare import compare
from dualstack.report.model import WaiverUse
from dualstack.verdict.judge import Judge

KEY = b"a key"
REPORTS = pytest.mark.parametrize("report", [make() for make in factory.ALL.values()], ids=list(factory.ALL))


def common(one, two):
    """The length of the prefix that two addresses share."""
    one, two = ip_address(one), ip_address(two)
    return one.max_prefixlen - (int(one) ^ int(two)).bit_length()


def addresses(version, count=60):
    """Addresses of which many share long prefixes, from private and public blocks alike."""
    dice = random.Random(version)
    width, blocks = {
        4: (32, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "0.0.0.0/0"]),
        6: (128, ["fd00::/8", "fe80::/64", "2001:db8::/32", "2a00::/16", "::/0"]),
    }[version]
    for _ in range(count):
        block = ip_network(dice.choice(blocks))
        host = width - block.prefixlen
        value = int(block.network_address) | dice.getrandbits(host) >> dice.randrange(host) << dice.randrange(
            4
        )
        yield str(type(block.network_address)(value % 2**width))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("key", [b"", b"1", b"2"])
def test_what_shares_a_prefix_shares_one_of_the_same_length_afterwards(version, key):
    replace = Scrambler(key).replace
    made = {address: replace(address) for address in addresses(version)}
    assert len(set(made.values())) == len(made)
    for one in made:
        for two in made:
            assert common(one, two) == common(made[one], made[two])


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("10.244.1.7", "10.0.0.0/8"),
        ("172.31.5.5", "172.16.0.0/12"),
        ("192.168.7.7", "192.168.0.0/16"),
        ("fd00:244:1::7", "fd00::/8"),
        ("fe80::1234", "fe80::/64"),
        ("fe80::1234%2", "fe80::/64"),
        ("2001:db8::1", "2000::/3"),
        ("::ffff:10.1.2.3", "::ffff:10.0.0.0/104"),
        ("64:ff9b::10.1.2.3", "64:ff9b::10.0.0.0/104"),
    ],
)
def test_kinds_of_addresses_are_kept(text, kept):
    changed = {Scrambler(bytes([number])).replace(text) for number in range(8)}
    assert changed - {str(ip_address(text))}
    assert all(ip_address(each) in ip_network(kept) for each in changed)


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "0.0.0.0", "169.254.169.254", "::1", "::", "ff02::1", "0.0.0.0/0", "::/0"]
)
def test_what_names_no_one_stays(text):
    assert Scrambler(KEY).replace(text) == text


def test_networks_and_their_addresses_fit_together():
    replace = Scrambler(KEY).replace
    for network, inside in (("10.244.1.0/24", "10.244.1.9"), ("fd00:244:0:1::/64", "fd00:244:0:1::9")):
        changed = ip_network(replace(network))
        assert changed.prefixlen == ip_network(network).prefixlen
        assert ip_address(replace(inside)) in changed
        assert replace(f"{inside}/{changed.prefixlen}") == f"{replace(inside)}/{changed.prefixlen}"
    assert ip_address(replace("::ffff:10.0.0.5")).ipv4_mapped == ip_address(replace("10.0.0.5"))


SECRETS = [
    "node0.corp.example",
    "10.11.12.13",
    "fd12:3456:789a::d",
    "api.corp.example",
    "corp-admin@prod",
    "dualstack-77",
]


def telling():
    """A report with the names that must not be seen, in every place that holds text."""
    text = (
        "node0.corp.example:8080 at 10.11.12.13:80, [fd12:3456:789a::d]:6443, fd12:3456:789a::d. "
        "and 10.11.12.13: no; from=10.11.12.13, 10.11.12.13-10.11.12.13 (fd12:3456:789a::d) "
        "in dualstack-77/node0.corp.example."
    )
    judge = Judge()
    judge(text, False, family=Family.V6, source="node0.corp.example", target=text, cause=text, remedy=text,
          seen=[text, {"10.11.12.13": text, "node0.corp.example": 1}])  # fmt: skip
    report = factory.report(factory.behaviour("node-internal-ips", judge), nodes=("node0.corp.example",))
    node = report.cluster.nodes[0].model_copy(update={"internal_ips": ["10.11.12.13", "fd12:3456:789a::d"]})
    cluster = {
        "nodes": [node],
        "server": "https://api.corp.example:6443",
        "context": "corp-admin@prod",
        "pod_ranges": ["10.11.0.0/16", "fd12:3456:789a::/48"],
    }
    run = {"command": [text, "--context=corp-admin@prod"], "partial": text}
    return report.model_copy(
        update={
            "sentence": text,
            "run": report.run.model_copy(update=run),
            "cluster": report.cluster.model_copy(update=cluster),
            "waivers": [
                WaiverUse(
                    behaviour="node-internal-ips",
                    subject=subject,
                    reason=text,
                    owner="R. Example",
                    ticket="CHG-1",
                    expiry=date(2027, 1, 1),
                    state="used",
                    findings=1,
                )
                for subject in ("node0.corp.example", "node*.corp.example", "*")
            ],
            "created": [
                factory.ObjectName(kind="Namespace", name="dualstack-77"),
                factory.ObjectName(kind="Pod", namespace="dualstack-77", name="client-0"),
            ],
        }
    )


def test_no_name_is_left_anywhere():
    before = canonical.to_json(telling()).decode()
    after = canonical.to_json(pseudonymous(telling(), Pseudonyms(KEY))).decode()
    for secret in SECRETS:
        assert secret in before
        assert secret not in after
    assert "corp" not in after


def test_the_same_name_has_the_same_pseudonym_everywhere_and_the_text_around_stays():
    made = pseudonymous(telling(), Pseudonyms(KEY))
    node, (finding,) = made.cluster.nodes[0], made.behaviours[0].findings
    assert re.fullmatch(r"node-[a-z2-7]{8}", node.name)
    assert finding.source == made.convergence[0].node == node.name
    v4, v6 = node.internal_ips
    (namespace,) = {made.created[0].name, made.created[1].namespace}
    assert made.sentence == (
        f"{node.name}:8080 at {v4}:80, [{v6}]:6443, {v6}. "
        f"and {v4}: no; from={v4}, {v4}-{v4} ({v6}) "
        f"in {namespace}/{node.name}."
    )
    assert ip_address(v4) in ip_network(made.cluster.pod_ranges[0])
    assert ip_address(v6) in ip_network(made.cluster.pod_ranges[1])


@REPORTS
def test_verdicts_stay_and_the_key_decides(report):
    one, again, other = (
        pseudonymous(report, Pseudonyms(KEY)),
        pseudonymous(report, Pseudonyms(KEY)),
        pseudonymous(report, Pseudonyms(b"other")),
    )
    assert one == again
    assert [each.families for each in one.behaviours] == [each.families for each in report.behaviours]
    assert [each.claim for each in one.behaviours] == [each.claim for each in report.behaviours]
    assert report.cluster is None or one.cluster.nodes != other.cluster.nodes
    assert compare(one, again).context == []


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("static pod kube-proxy-node0.corp", "static pod kube-proxy-NODE"),
        ("node0.corp.kube-system", "NODE.kube-system"),
        ("node0.corp-node0.corp_1", "NODE-NODE_1"),
        ("node0, node0.corporation and xnode0.corp", "node0, node0.corporation and xnode0.corp"),
        ("5 rounds, 10.5 s", "5 rounds, 10.5 s"),
    ],
)
def test_names_are_found_within_words_and_only_whole(text, made):
    pseudonyms = Pseudonyms(KEY)
    for name in ("node0.corp", "node1", "10.0.0.1"):
        pseudonyms.learn("node", name)
    pseudonyms.learn("namespace", "kube-system")
    assert re.sub("node-[a-z2-7]{8}", "NODE", pseudonyms.text(text)) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("its providerID azure:///subscriptions/s-1/resourceGroups/rg/m-0 is", "its providerID MACHINE is"),
        ("(aws:///eu-west-1a/i-0abc), gce://project/zone/name.", "(MACHINE), MACHINE."),
        ('pods is forbidden: User "jane@corp.example" cannot', 'pods is forbidden: User "USER" cannot'),
        ('User "system:serviceaccount:corp:x" may', 'User "USER" may'),
        ("see https://kubernetes.io/docs/", "see https://kubernetes.io/docs/"),
    ],
)
def test_machines_and_users_are_recognised(text, made):
    replaced = re.sub(
        "(machine|user)-[a-z2-7]{8}", lambda found: found[1].upper(), Pseudonyms(KEY).text(text)
    )
    assert replaced == made


def test_runs_under_different_names_are_not_compared(tmp_path, capsys):
    real = factory.healthy()
    one, other = (pseudonymous(real, Pseudonyms(key)) for key in (b"1", b"2"))
    for pair in ((real, one), (one, other)):
        with pytest.raises(UserError, match="cannot be compared"):
            compare(*pair)
    (tmp_path / "report.json").write_bytes(canonical.to_json(one))
    assert cli.main(["report", "render", str(tmp_path), "--pseudonyms", "--format", "json"]) == 4
    assert "pseudonyms already" in capsys.readouterr().err


def test_a_waivers_pattern_tells_no_part_of_a_name():
    made = pseudonymous(telling(), Pseudonyms(KEY))
    one, some, every = (each.subject for each in made.waivers)
    assert one == made.cluster.nodes[0].name
    assert some.startswith("pattern-")
    assert every == "*"


def test_a_node_called_like_a_key_of_the_report_harms_nothing():
    names = ("name", "evidence", "IPv4", "breaks", "seconds")
    report = factory.report(factory.addresses(bad={("name", Family.V6)}, nodes=names), nodes=names)
    made = pseudonymous(report, Pseudonyms(KEY))
    assert len({node.name for node in made.cluster.nodes}) == len(names)
    assert made.behaviours[0].findings[0].subject == made.cluster.nodes[0].name


def test_the_command_makes_every_view_under_pseudonyms(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DUALSTACK_PSEUDONYM_KEY", raising=False)
    (tmp_path / "report.json").write_bytes(canonical.to_json(telling()))
    render = ["report", "render", str(tmp_path), "--pseudonyms", "--format"]
    for form in ("json", "html", "csv", "sign-off", "markdown", "junit", "ctrf", "prometheus"):
        assert cli.main([*render, form]) == 0
        text = capsys.readouterr().out
        for secret in SECRETS:
            assert secret not in text

    def nodes():
        assert cli.main([*render, "json"]) == 0
        return [node["name"] for node in json.loads(capsys.readouterr().out)["cluster"]["nodes"]]

    assert nodes() != nodes()
    monkeypatch.setenv("DUALSTACK_PSEUDONYM_KEY", "k")
    assert nodes() == nodes()
