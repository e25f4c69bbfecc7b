import pytest

from dualstack.errors import UserError
from dualstack.family import Family
from dualstack.places import PROFILES
from dualstack.profile.model import load
from dualstack.survey.version import Release


def written(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return str(path)


NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_built_in_profiles_are_valid(name):
    profile, source = load(name)
    assert (profile.name, source) == (name, "built-in")


def test_a_profile_extends_another_key_by_key(tmp_path):
    profile, _ = load(
        written(tmp_path, "name: site\ntitle: t\nextends: aks-engine\npromises: {load-balancer: none}")
    )
    assert profile.promises.load_balancer == "none"
    assert profile.promises.node_addresses == "exactly-two"
    assert profile.limits.os == "linux"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: site\ntitle: t\npromisses: {}", "promisses: unknown key"),
        ("name: site\ntitle: t\npromises: {pod-cidrs: 'yes'}", "promises.pod-cidrs:"),
        ("name: site\ntitle: t\npromises: {node-masks: {IPv6: 200}}", "promises.node-masks:"),
        ("name: site\ntitle: t\npromises: {node-masks: {IPv5: 20}}", "promises.node-masks.IPv5:"),
        ("name: site\ntitle: t\nlevels: {node-ready: PERHAPS}", "levels.node-ready:"),
        ("name: site\ntitle: t\npromises: {minimum-version: 1.20}", "promises.minimum-version:"),
        ("name: site\ntitle: t\nextends: nothing-such", "no such profile"),
        ("name: site\ntitle: t\nextends: site.yaml", "extends: 'site.yaml' extends this file in turn"),
        ("name: site\ntitle: t\npromises: {families: []}", "promises.families:"),
        ("name: site\ntitle: t\npromises: {families: [IPv6, IPv6]}", "promises.families: IPv6 stands twice"),
        ("name: site\ntitle: t\npromises: {proxy-modes: nothing}", "promises.proxy-modes:"),
        ("name: site\ntitle: t\nsigns: {kublet: '*'}", "signs.kublet: unknown key"),
        ("- a\n- b", "a mapping at the top level of the file"),
        ("name: [", "not YAML"),
        ("name: site", "title:"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path, text, line):
    with pytest.raises(UserError) as raised:
        load(written(tmp_path, text))
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_site_may_extend_what_extends_another(tmp_path):
    profile, _ = load(written(tmp_path, "name: site\ntitle: t\nextends: aks-cilium"))
    assert profile.promises.proxy_modes == []
    assert profile.promises.node_masks == {Family.V4: 24, Family.V6: 80}
    assert profile.levels == load("kubernetes")[0].levels


def test_none_is_a_word_for_no_kube_proxy(tmp_path):
    profile, _ = load(written(tmp_path, "name: site\ntitle: t\npromises: {proxy-modes: none}"))
    assert profile.promises.proxy_modes == []
    assert type(profile).model_validate_json(profile.model_dump_json(by_alias=True)) == profile


def test_a_profile_may_promise_a_single_family():
    assert load("eks-ipv6")[0].promises.families == [Family.V6]


@pytest.mark.parametrize("name", NAMES)
def test_a_built_in_profile_says_where_it_comes_from(name):
    head = (PROFILES / f"{name}.yaml").read_text().partition("\nname:")[0]
    assert head.startswith("# ")
    assert "https://" in head or name in ("aks-engine", "in-cluster")


def test_the_supported_proxy_modes_follow_the_version():
    limits = load("aks-engine")[0].limits
    assert limits.modes_at(Release(1, 17)) == ["ipvs"]
    assert limits.modes_at(Release(1, 36)) == ["ipvs", "iptables"]


def test_the_digest_follows_the_content(tmp_path):
    one, _ = load("kubernetes")
    other, _ = load(written(tmp_path, "name: kubernetes\ntitle: t\nextends: kubernetes"))
    assert one.digest != other.digest
