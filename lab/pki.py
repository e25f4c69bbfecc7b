"""Certificates and kubeconfigs as an installer makes them: every component with its own.

Keys are ECDSA P-256: the whole set takes some 10 ms. All of it dies with the cluster.
"""

import base64
import datetime
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.files import write, write_yaml

_VALID = datetime.timedelta(days=365)


def _encoded_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _name(common_name: str, groups: tuple[str, ...] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str

    def write(self, folder: Path, name: str) -> None:
        """Write NAME.crt and NAME.key (0600)."""
        write(folder / f"{name}.crt", self.certificate)
        write(folder / f"{name}.key", self.key, 0o600)


class Authority:
    """A certificate authority."""

    def __init__(self, common_name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(common_name)
        builder = self._builder(self._subject, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.pair = Pair(pem, _encoded_key(self._key))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._subject).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(minutes=5)).not_valid_after(now + _VALID)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key), critical=False
        )

    def client(self, user: str, *groups: str) -> Pair:
        """A client certificate: the user and its groups as Kubernetes reads them."""
        return self._leaf(_name(user, groups), [ExtendedKeyUsageOID.CLIENT_AUTH], ())

    def server(self, name: str, *alternatives: str) -> Pair:
        """A server certificate that is a client certificate as well (etcd uses its own so)."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return self._leaf(_name(name), usages, alternatives)

    def _leaf(self, subject: x509.Name, usages: list[x509.ObjectIdentifier], others: tuple[str, ...]) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if others:
            names = x509.SubjectAlternativeName([_alternative(each) for each in others])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), _encoded_key(key))


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def write_signing_keys(folder: Path) -> None:
    """The key that signs service account tokens: sa.key (0600), and sa.pub that verifies them."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    write(folder / "sa.key", _encoded_key(key), 0o600)
    write(folder / "sa.pub", public.decode())


def write_kubeconfig(path: Path, server: str, authority: Authority, user: str, pair: Pair) -> None:
    """A kubeconfig (0600) that holds everything it needs, so that it can be copied."""

    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(authority.pair.certificate)}
    credentials = {
        "client-certificate-data": encoded(pair.certificate),
        "client-key-data": encoded(pair.key),
    }
    context = f"{user}@dualstack-lab"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dualstack-lab", "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": context, "context": {"cluster": "dualstack-lab", "user": user}}],
        "current-context": context,
    }
    write_yaml(path, config, 0o600)
