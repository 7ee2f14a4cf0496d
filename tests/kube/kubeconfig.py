"""Kubeconfig files, in each way that a user may prove who they are."""

import json
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from tests.support.certificate import Pair

Kind = Literal["token", "token-file", "client-certificate", "exec"]


@dataclass(frozen=True)
class Identity:
    """A user: `token` is empty for one who has a certificate only."""

    token: str
    pair: Pair


def write(path: Path, kind: Kind, identity: Identity, *, url: str, ca: bytes, namespace: str) -> None:
    """Writes the kubeconfig; beside it `.token` for `token-file`, and for `exec` the plugin's script `.sh`
    with what it prints in `.json`. A test may change these while somebody uses the kubeconfig.
    """
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": url, "certificate-authority-data": _base64(ca)},
            }
        ],
        "users": [{"name": "test", "user": _user(path, kind, identity)}],
        "contexts": [
            {"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}
        ],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(config))


def _user(path: Path, kind: Kind, identity: Identity) -> dict[str, Any]:
    assert identity.token or kind == "client-certificate", "this user has no token"
    match kind:
        case "token":
            return {"token": identity.token}
        case "token-file":
            file = path.with_suffix(".token")
            file.write_text(identity.token)
            return {"tokenFile": str(file)}
        case "client-certificate":
            return {
                "client-certificate-data": _base64(identity.pair.chain),
                "client-key-data": _base64(identity.pair.key),
            }
        case "exec":
            return {"exec": _plugin(path, identity)}


def _plugin(path: Path, identity: Identity) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    script, said = path.with_suffix(".sh"), path.with_suffix(".json")
    credential = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": identity.token}}
    said.write_text(json.dumps(credential))
    script.write_text(f"#!/bin/sh\nexec cat '{said}'\n")
    script.chmod(0o700)
    return {"apiVersion": version, "command": str(script), "interactiveMode": "Never"}


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
