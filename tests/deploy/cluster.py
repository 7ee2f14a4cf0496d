"""deploy/ as kustomize renders it: its pods as containers, their volumes as a kubelet lays them out."""

import base64
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from isoline import certgen
from tests.deploy.container import ROOT, Container, HttpProbe, Plan, entry_point
from tests.kube.kubectl import KUBECTL

WORKLOADS = ("Deployment", "StatefulSet")

Object = dict[str, Any]


@functools.cache
def rendered() -> str:
    """What `kubectl kustomize` makes of deploy/, with certificates of its own."""
    with tempfile.TemporaryDirectory() as folder:
        deploy = Path(shutil.copytree(ROOT / "deploy", Path(folder, "deploy")))
        shutil.rmtree(deploy / "certs", ignore_errors=True)
        certgen.write(deploy / "certs", now=datetime.now(UTC))
        done = subprocess.run([KUBECTL, "kustomize", deploy], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(*kinds: str) -> list[Object]:
    """The objects of these kinds, or all."""
    found = list(yaml.safe_load_all(rendered()))
    return [item for item in found if not kinds or item["kind"] in kinds]


def named(kind: str, name: str) -> Object:
    """The object of this kind and name."""
    return next(item for item in objects(kind) if item["metadata"]["name"] == name)


def pods() -> dict[str, Object]:
    """One pod for each replica of each workload, by name."""
    return {
        f"{workload['metadata']['name']}-{number}": workload["spec"]["template"]
        for workload in objects(*WORKLOADS)
        for number in range(workload["spec"]["replicas"])
    }


def selected(selector: Mapping[str, str]) -> list[str]:
    """The pods that a selector selects."""
    return [name for name, pod in pods().items() if selector.items() <= pod["metadata"]["labels"].items()]


def plan(folder: Path) -> Plan:
    """All pods; their volumes lie below `folder`."""
    names: dict[str, list[str]] = {}
    for service in objects("Service"):
        found, name = selected(service["spec"]["selector"]), service["metadata"]["name"]
        names[name] = found
        if service["spec"].get("clusterIP") == "None":
            names |= {f"{pod}.{name}": [pod] for pod in found}
    return Plan(
        containers=[
            _container(pod, spec["spec"], container, folder)
            for pod, spec in pods().items()
            for container in spec["spec"]["containers"]
        ],
        names=names,
    )


def _container(pod: str, spec: Object, container: Object, folder: Path) -> Container:
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    variables = {item["name"]: _variable(item, pod) for item in container.get("env", ())}
    entry = container.get("command") or entry_point()
    probe = container["readinessProbe"]["httpGet"]
    port = next(port["containerPort"] for port in container["ports"] if port["name"] == probe["port"])
    return Container(
        name=f"{pod}/{container['name']}",
        pod=pod,
        command=tuple(_expand(word, variables) for word in (*entry, *container["args"])),
        mounts={
            path: _volume(volumes[mount["name"]], folder / pod / mount["name"])
            for path, mount in mounts.items()
        },
        read_only=frozenset(path for path, mount in mounts.items() if mount.get("readOnly")),
        ready=HttpProbe(port, probe["path"]),
    )


def _variable(item: Object, pod: str) -> str:
    assert item["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    return pod


def _expand(word: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        word = word.replace(f"$({name})", value)
    assert "$(" not in word, f"{word}: no such variable"
    return word


def _volume(volume: Object, path: Path) -> Path:
    """The volume's folder, made unless another container of the pod has it already."""
    if path.exists():
        return path
    path.mkdir(parents=True)
    if "emptyDir" in volume:
        path.chmod(0o2777)  # as with an fsGroup
    else:
        lay_out(path, dict(_files(volume)))
    return path


def _files(volume: Object) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file of a ConfigMap or Secret volume."""
    if "secret" in volume:
        source = named("Secret", volume["secret"]["secretName"])
        data = {key: base64.b64decode(value) for key, value in source["data"].items()}
    else:
        source = named("ConfigMap", volume["configMap"]["name"])
        data = {key: value.encode() for key, value in source["data"].items()}
    items = volume.get("secret", {}).get("items") or [{"key": key, "path": key} for key in data]
    for item in items:
        yield item["path"], data[item["key"]]


def lay_out(path: Path, files: Mapping[str, bytes]) -> None:
    """As a kubelet does (AtomicWriter): a folder with a time, `..data` that leads to it and is swapped whole,
    and a link for each name of the first level.
    """
    made = Path(tempfile.mkdtemp(dir=path, prefix="..2026_01_01_00_00_00."))
    for name, content in files.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_bytes(content)
    data, draft = path / "..data", path / "..data_tmp"
    old = data.resolve() if data.exists() else None
    draft.symlink_to(made.name)
    draft.replace(data)
    for name in {name.partition("/")[0] for name in files}:
        if not (path / name).is_symlink():
            (path / name).symlink_to(f"..data/{name}")
    if old is not None:
        shutil.rmtree(old)
