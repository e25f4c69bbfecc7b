import base64
import json
import shutil
import subprocess

import factory
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dualstack import cli
from dualstack.errors import UserError
from dualstack.report import keys, sign
from dualstack.report.write import write_bundle


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def public(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


KEY = Ed25519PrivateKey.generate()
PRIVATE, PUBLIC = pem(KEY), public(KEY)
BUNDLE = {"report.json", "report.html", "report.md", "junit.xml"}


@pytest.fixture
def signed(tmp_path):
    folder = write_bundle(factory.damaged(), tmp_path / "reports")
    (folder / "evidence").mkdir()
    (folder / "evidence/node0.txt").write_text("fd00::1\n")
    sign.sign(folder, PRIVATE)
    return folder


def statement(folder):
    return json.loads(base64.b64decode(json.loads((folder / sign.ATTESTATION).read_bytes())["payload"]))


def test_what_was_signed_verifies_with_either_half_of_the_key_and_from_anywhere(signed, tmp_path):
    sign.verify(signed, PUBLIC)
    shutil.copytree(signed, tmp_path / "elsewhere")
    sign.verify(tmp_path / "elsewhere", PRIVATE)


def test_a_changed_byte_anywhere_is_told_with_the_name_of_the_file(signed):
    files = [path for path in signed.rglob("*") if path.is_file()]
    assert {path.name for path in files} > BUNDLE | {sign.SUMS, sign.ATTESTATION}
    for path in files:
        content = path.read_bytes()
        for at in {0, len(content) // 3, len(content) // 2, len(content) - 1}:
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            with pytest.raises(UserError, match=path.name):
                sign.verify(signed, PUBLIC)
        path.write_bytes(content)
    sign.verify(signed, PUBLIC)


def test_every_single_byte_of_the_attestation_counts(signed):
    path = signed / sign.ATTESTATION
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(UserError, match="attestation"):
            sign.verify(signed, PUBLIC)


def test_files_that_come_or_go_are_told(signed):
    (signed / "report.md").unlink()
    (signed / "more.txt").write_text("more")
    with pytest.raises(UserError, match=r"report\.md: is gone; more\.txt: was added"):
        sign.verify(signed, PUBLIC)


def test_sums_and_files_changed_together_do_not_pass(signed):
    (signed / "report.md").write_text("all is well")
    (signed / sign.SUMS).write_text(
        "".join(f"{digest}  {name}\n" for name, digest in sign._digests(signed).items())
    )
    with pytest.raises(UserError, match="SHA256SUMS: changed since it was signed"):
        sign.verify(signed, PUBLIC)


def test_another_key_does_not_verify(signed):
    with pytest.raises(UserError, match="signed with another key"):
        sign.verify(signed, public(Ed25519PrivateKey.generate()))


def test_the_statement_names_the_cluster_and_the_report(signed):
    made = statement(signed)
    assert [each["name"] for each in made["subject"]] == ["cluster uid-1", "report.json", "SHA256SUMS"]
    assert made["predicate"] == {
        "result": "FAILED",
        "configuration": [{"name": "profile kubernetes", "digest": {"sha256": "00"}}],
        "passedTests": [],
        "warnedTests": [],
        "failedTests": ["node-internal-ips", "tcp-pod-to-pod", "pod-interface"],
    }


def test_other_tools_read_the_sums(signed):
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", sign.SUMS], cwd=signed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(BUNDLE) + 1


@pytest.mark.parametrize(
    ("report", "result"),
    [
        (factory.healthy, "PASSED"),
        (factory.damaged, "FAILED"),
        (factory.interrupted, "FAILED"),
    ],
)
def test_the_result_is_passed_only_for_a_conformant_cluster(report, result, tmp_path):
    folder = write_bundle(report(), tmp_path)
    sign.sign(folder, PRIVATE)
    assert statement(folder)["predicate"]["result"] == result


def test_signing_again_replaces_the_signature(signed):
    (signed / "sign-off.html").write_text("signed on paper")
    sign.sign(signed, PRIVATE)
    sign.verify(signed, PUBLIC)


def test_a_run_without_a_cluster_has_nothing_to_vouch_for(tmp_path):
    with pytest.raises(UserError, match="nothing to vouch for"):
        sign.sign(write_bundle(factory.early(), tmp_path), PRIVATE)


def test_a_link_is_not_signed(signed):
    (signed / "link").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match="link"):
        sign.sign(signed, PRIVATE)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (b"", "not a private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", "not a private key in PEM"),
        (PUBLIC, "public one"),
        (pem(KEY, BestAvailableEncryption(b"secret")), "encrypted"),
        (pem(generate_private_key(65537, 2048)), "not an Ed25519 key"),
    ],
)
def test_a_wrong_key_is_told_without_quoting_it(key, told, signed):
    with pytest.raises(UserError, match=told) as caught:
        sign.sign(signed, key)
    assert "nonsense" not in str(caught.value)


def test_the_command_takes_the_key_from_a_file_or_the_environment(tmp_path, monkeypatch, capsys):
    folder = write_bundle(factory.healthy(), tmp_path / "reports")
    (tmp_path / "public.pem").write_bytes(PUBLIC)
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    assert cli.main(["report", "sign", str(folder)]) == 4
    assert keys.VARIABLE in capsys.readouterr().err
    monkeypatch.setenv(keys.VARIABLE, PRIVATE.decode())
    assert cli.main(["report", "sign", str(folder)]) == 0
    assert cli.main(["report", "verify", str(folder), "--key", str(tmp_path / "public.pem")]) == 0
    (folder / "report.html").write_text("better")
    assert cli.main(["report", "verify", str(folder), "--key", str(tmp_path / "public.pem")]) == 4
    assert "report.html: changed" in capsys.readouterr().err
    assert b"PRIVATE" not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_key_in_the_folder_that_it_signs_is_refused(signed, capsys):
    (signed / "key.pem").write_bytes(PRIVATE)
    assert cli.main(["report", "sign", str(signed), "--key", str(signed / "key.pem")]) == 4
    assert "shipped with it" in capsys.readouterr().err
