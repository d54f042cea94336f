"""A long-lived peer: AWS's own Python SDK for this format, answering JSON lines on stdin with JSON lines on stdout.

Bytes travel as base64. A request is {"id", "operation": "encrypt" | "decrypt" | "versions", ...}; the answer repeats the id
and holds either the result or {"error": {"type", "message"}}. A refused request never ends the process, so a test of many
bad messages needs one start (about a second of imports) and not one for each.

Keyrings come from aws-cryptographic-material-providers, the library that all of AWS's current SDKs are generated from.
"""

import base64
import json
import logging
import os
import sys
from importlib.metadata import version
from typing import Any, Callable, Dict, List, Optional

# The library's own prints and warnings must not mix with the answers: keep the real stdout and give stderr its place.
ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(2, 1)
# Every refused message would otherwise log a page of traceback; what matters is in the answer.
logging.disable(logging.CRITICAL)

import aws_encryption_sdk  # noqa: E402
import boto3  # noqa: E402
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders  # noqa: E402
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig  # noqa: E402
from aws_cryptographic_material_providers.mpl.models import (  # noqa: E402
    AesWrappingAlg,
    CreateAwsKmsKeyringInput,
    CreateDefaultCryptographicMaterialsManagerInput,
    CreateMultiKeyringInput,
    CreateRawAesKeyringInput,
    CreateRawRsaKeyringInput,
    CreateRequiredEncryptionContextCMMInput,
    PaddingScheme,
)
from aws_encryption_sdk import Algorithm, CommitmentPolicy, EncryptionSDKClient  # noqa: E402
from aws_encryption_sdk.materials_managers.mpl.cmm import CryptoMaterialsManagerFromMPL  # noqa: E402

Json = Dict[str, Any]

PROVIDERS = AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())

WRAPPING_ALGORITHMS = {
    16: AesWrappingAlg.ALG_AES128_GCM_IV12_TAG16,
    24: AesWrappingAlg.ALG_AES192_GCM_IV12_TAG16,
    32: AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
}

PADDINGS = {
    "pkcs1": PaddingScheme.PKCS1,
    "oaep-sha1": PaddingScheme.OAEP_SHA1_MGF1,
    "oaep-sha256": PaddingScheme.OAEP_SHA256_MGF1,
    "oaep-sha384": PaddingScheme.OAEP_SHA384_MGF1,
    "oaep-sha512": PaddingScheme.OAEP_SHA512_MGF1,
}


def main() -> None:
    for line in sys.stdin.buffer:
        ANSWERS.write(json.dumps(answer(line)) + "\n")
        ANSWERS.flush()


def answer(line: bytes) -> Json:
    request_id = None
    try:
        request = json.loads(line)
        request_id = request["id"]
        return {"id": request_id, **OPERATIONS[request["operation"]](request)}
    except Exception as error:  # pylint: disable=broad-except
        return {"id": request_id, "error": {"type": type(error).__name__, "message": str(error)}}


def encrypt(request: Json) -> Json:
    ciphertext, _ = client(request).encrypt(
        source=base64.b64decode(request["plaintext"]),
        materials_manager=materials_manager(request),
        encryption_context=request["context"],
        algorithm=Algorithm.get_by_id(int(request["suite"], 16)),
        frame_length=request["frameLength"],
    )
    return {"ciphertext": text(ciphertext)}


def decrypt(request: Json) -> Json:
    given: Optional[Dict[str, str]] = request.get("context")
    plaintext, header = client(request).decrypt(
        source=base64.b64decode(request["ciphertext"]),
        materials_manager=materials_manager(request),
        **({} if given is None else {"encryption_context": given}),
    )
    # What the header stores: withheld pairs are not in it, and a signed suite's public key is.
    return {"plaintext": text(plaintext), "context": header.encryption_context}


def versions(_: Json) -> Json:
    return {
        "python": sys.version.split()[0],
        "aws-encryption-sdk": aws_encryption_sdk.__version__,
        "aws-cryptographic-material-providers": version("aws-cryptographic-material-providers"),
    }


OPERATIONS: Dict[str, Callable[[Json], Json]] = {"encrypt": encrypt, "decrypt": decrypt, "versions": versions}


def client(request: Json) -> EncryptionSDKClient:
    return EncryptionSDKClient(commitment_policy=CommitmentPolicy[request["commitmentPolicy"]])


def materials_manager(request: Json) -> CryptoMaterialsManagerFromMPL:
    """The keyring's own manager, or the one that withholds the required keys' pairs from the header."""
    manager = PROVIDERS.create_default_cryptographic_materials_manager(
        CreateDefaultCryptographicMaterialsManagerInput(keyring=keyring(request["keyring"]))
    )
    required: List[str] = request.get("requiredContextKeys", [])
    if required:
        manager = PROVIDERS.create_required_encryption_context_cmm(
            CreateRequiredEncryptionContextCMMInput(underlying_cmm=manager, required_encryption_context_keys=required)
        )
    return CryptoMaterialsManagerFromMPL(mpl_cmm=manager)


def keyring(description: Json) -> Any:
    return KEYRINGS[description["type"]](description)


def raw_aes(description: Json) -> Any:
    key = base64.b64decode(description["key"])
    return PROVIDERS.create_raw_aes_keyring(
        CreateRawAesKeyringInput(
            key_namespace=description["namespace"],
            key_name=description["name"],
            wrapping_key=key,
            wrapping_alg=WRAPPING_ALGORITHMS[len(key)],
        )
    )


def raw_rsa(description: Json) -> Any:
    return PROVIDERS.create_raw_rsa_keyring(
        CreateRawRsaKeyringInput(
            key_namespace=description["namespace"],
            key_name=description["name"],
            padding_scheme=PADDINGS[description["padding"]],
            public_key=pem(description.get("publicKey")),
            private_key=pem(description.get("privateKey")),
        )
    )


def aws_kms(description: Json) -> Any:
    client = boto3.client(
        "kms",
        region_name=description["region"],
        endpoint_url=description["endpoint"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return PROVIDERS.create_aws_kms_keyring(CreateAwsKmsKeyringInput(kms_key_id=description["keyId"], kms_client=client))


def multi(description: Json) -> Any:
    generator = description.get("generator")
    return PROVIDERS.create_multi_keyring(
        CreateMultiKeyringInput(
            generator=None if generator is None else keyring(generator),
            child_keyrings=[keyring(child) for child in description["children"]],
        )
    )


KEYRINGS: Dict[str, Callable[[Json], Any]] = {
    "raw-aes": raw_aes,
    "raw-rsa": raw_rsa,
    "aws-kms": aws_kms,
    "multi": multi,
}


def pem(value: Optional[str]) -> Optional[bytes]:
    return None if value is None else value.encode("utf-8")


def text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


if __name__ == "__main__":
    main()
