"""Ed25519 keys in PEM, as openssl makes them: from a file, or from the environment in a pipeline.

A key is read, used and forgotten; it is written nowhere, and no message quotes it.
"""

import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from dualstack.errors import UserError

VARIABLE = "DUALSTACK_KEY"
MAKE_ONE = "`openssl genpkey -algorithm ed25519 -out key.pem` makes one"


def read(path: Path | None, folder: Path) -> bytes:
    """The PEM text from the file, else from the environment; never from the folder that is handed on."""
    if path is None:
        if pem := os.environ.get(VARIABLE):
            return pem.encode()
        raise UserError(f"no key: give --key FILE, or the PEM text itself in ${VARIABLE}; {MAKE_ONE}")
    if path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{path}: the key is inside the folder to be signed and would be shipped with it")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: the key cannot be read: {error.strerror}") from None


def private(pem: bytes) -> Ed25519PrivateKey:
    """The key to sign with. Raises UserError."""
    if b"PUBLIC KEY" in pem:
        raise UserError("the key is a public one; signing needs the private one")
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise UserError("the key is encrypted; give one without a passphrase, from a safe place") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"the key is not a private key in PEM; {MAKE_ONE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UserError(f"the key is not an Ed25519 key; {MAKE_ONE}")
    return key


def public(pem: bytes) -> Ed25519PublicKey:
    """The key to verify with; a private one has its public half in it. Raises UserError."""
    if b"PRIVATE KEY" in pem:
        return private(pem).public_key()
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UserError("the key is not a public key in PEM; `openssl pkey -pubout` makes it") from None
    if not isinstance(key, Ed25519PublicKey):
        raise UserError("the key is not an Ed25519 key")
    return key


def identity(key: Ed25519PublicKey) -> str:
    """The key's name: SHA-256 of its DER form, hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def signed_by(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    """Whether this key made the signature of the content."""
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
