"""Signing a run's folder, so that who has it later can tell that nothing in it was changed.

SHA256SUMS lists every file of the folder (`sha256sum -c` reads it). The attestation is an in-toto Statement
(predicate: test-result) in a DSSE envelope, signed with Ed25519; its subjects are the cluster, report.json
and SHA256SUMS, and through SHA256SUMS every other file. Anyone can check the cluster's digest:
`kubectl get namespace kube-system -o jsonpath={.metadata.uid} | sha256sum`.

Whose key it is, is not for this module to say: a public key has to be known from elsewhere.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dualstack.errors import UserError
from dualstack.report import canonical, keys
from dualstack.report.model import Report
from dualstack.report.write import write_file
from dualstack.verdict.words import Level, Outcome, Verdict

REPORT, SUMS, ATTESTATION = "report.json", "SHA256SUMS", "attestation.json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


def sign(folder: Path, pem: bytes) -> Path:
    """Write SHA256SUMS and the attestation into the folder; the attestation's path. Raises UserError."""
    key = keys.private(pem)
    report = canonical.check(canonical.load(folder / REPORT))
    digests = _digests(folder)
    sums = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    statement = rfc8785.dumps(_statement(report, digests[REPORT], _sha256(sums)))
    signature = key.sign(_to_be_signed(statement))
    path = folder / ATTESTATION
    try:
        write_file(folder / SUMS, [sums])
        write_file(path, [_envelope(statement, signature, keys.identity(key.public_key()))])
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror}") from None
    return path


def verify(folder: Path, pem: bytes) -> None:
    """Raise UserError, with the names of the files, unless every byte is as it was signed with this key."""
    key = keys.public(pem)
    statement = _verified(_read(folder / ATTESTATION), key, folder / ATTESTATION)
    signed = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    sums = _read(folder / SUMS)
    if signed.get(SUMS) != _sha256(sums):
        raise UserError(f"{folder / SUMS}: changed since it was signed")
    listed = {
        name: digest for digest, _, name in (line.partition("  ") for line in sums.decode().splitlines())
    }
    found = _digests(folder)
    changes = [
        *(f"{name}: is gone" for name in sorted(listed.keys() - found.keys())),
        *(f"{name}: changed" for name in listed if name in found and listed[name] != found[name]),
        *(f"{name}: was added" for name in sorted(found.keys() - listed.keys())),
    ]
    if changes:
        raise UserError(f"{folder}: not as it was signed: {'; '.join(changes)}")
    if signed.get(REPORT) != listed.get(REPORT):
        raise UserError(f"{folder / ATTESTATION}: it speaks of another {REPORT}")


def _verified(content: bytes, key: Ed25519PublicKey, path: Path) -> dict[str, Any]:
    """The statement in an envelope that is to the byte what `_envelope` makes of it."""
    try:
        envelope = json.loads(content)
        statement = base64.b64decode(envelope["payload"])
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise UserError(f"{path}: this is not a signed attestation") from None
    if not keys.signed_by(key, signature, _to_be_signed(statement)):
        raise UserError(f"{path}: changed since it was signed, or signed with another key")
    if content != _envelope(statement, signature, keys.identity(key)):
        raise UserError(f"{path}: changed since it was signed")
    document: dict[str, Any] = json.loads(statement)
    if document.get("_type") != STATEMENT or document.get("predicateType") != PREDICATE:
        raise UserError(f"{path}: signed, but not the attestation of a report")
    return document


def _statement(report: Report, report_digest: str, sums_digest: str) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [
            _cluster(report),
            {"name": REPORT, "digest": {"sha256": report_digest}},
            {"name": SUMS, "digest": {"sha256": sums_digest}},
        ],
        "predicateType": PREDICATE,
        "predicate": _test_result(report),
    }


def _cluster(report: Report) -> dict[str, Any]:
    """The cluster as a subject: by the UID that it cannot change, else by where it was reached."""
    if report.cluster is None:
        raise UserError(
            f"run {report.run.id} ended before it knew its cluster: there is nothing to vouch for"
        )
    name = report.cluster.uid or report.cluster.server
    return {"name": f"cluster {name}", "digest": {"sha256": _sha256(name.encode())}}


def _test_result(report: Report) -> dict[str, Any]:
    """In the predicate's words: what a conformant cluster may have is a warning, a gap is a failure."""
    passed, warned, failed = [], [], []
    for each in report.behaviours:
        match each.verdict:
            case Verdict.NOT_APPLICABLE:
                continue
            case Verdict.CONFORMS:
                passed.append(each.id)
            case Verdict.BREAKS | Verdict.NOT_JUDGED if each.level is Level.MUST:
                failed.append(each.id)
            case _:
                warned.append(each.id)
    conformant = report.verdict is Outcome.CONFORMANT
    return {
        "result": ("WARNED" if warned else "PASSED") if conformant else "FAILED",
        "configuration": [
            {"name": f"profile {report.profile.name}", "digest": {"sha256": report.profile.digest}}
        ],
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }


def _to_be_signed(statement: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and payload with their lengths, so neither can be moved."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(statement), statement)


def _envelope(statement: bytes, signature: bytes, key_id: str) -> bytes:
    envelope: dict[str, Any] = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(statement).decode(),
        "signatures": [{"keyid": key_id, "sig": base64.b64encode(signature).decode()}],
    }
    return rfc8785.dumps(envelope)


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below the folder by its name there, the signature's own two files left out."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise UserError(f"{path}: a link or a device; only files can be signed")
        if path.is_file() and name not in (SUMS, ATTESTATION):
            if not name.isprintable() or "\\" in name:
                raise UserError(f"{folder}: holds a file name that no list can hold: {name!r}")
            digests[name] = digest(path)
    return digests


def digest(path: Path) -> str:
    """SHA-256 of a file, hex. Raises UserError."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
