import pytest

from dualstack.errors import UserError
from dualstack.profile.model import load
from dualstack.survey.version import Release


def written(tmp_path, text):
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["kubernetes", "aks-engine"])
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


def test_the_supported_proxy_modes_follow_the_version():
    limits = load("aks-engine")[0].limits
    assert limits.modes_at(Release(1, 17)) == ["ipvs"]
    assert limits.modes_at(Release(1, 36)) == ["ipvs", "iptables"]


def test_the_digest_follows_the_content(tmp_path):
    one, _ = load("kubernetes")
    other, _ = load(written(tmp_path, "name: kubernetes\ntitle: t\nextends: kubernetes"))
    assert one.digest != other.digest
