"""`isoline check` and `explain` on 10,000 Ingresses, Services and EndpointSlices: time, memory.

From files, as YAML of 10 hosts a file; and from an xDS server with the same hosts.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HOSTS, A_FILE = 10_000, 10
CHECK_SECONDS, CHECK_MIB = 10.0, 400
FILES_SECONDS, RUNNING_SECONDS = 5.0, 0.3
READY_SECONDS = 120.0
REPEATS = 5
ISOLINE = Path(sys.executable).with_name("isoline")
URL = f"http://h{HOSTS - 1}.example.com/x"

HOST = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: h{0}
  namespace: default
spec:
  rules:
  - host: h{0}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: h{0}
            port:
              number: 80
---
apiVersion: v1
kind: Service
metadata:
  name: h{0}
  namespace: default
spec:
  ports:
  - name: http
    port: 80
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: h{0}-1
  namespace: default
  labels:
    kubernetes.io/service-name: h{0}
addressType: IPv4
ports:
- name: http
  port: 8080
endpoints:
- addresses: [10.0.0.1]
- addresses: [10.0.0.2]
"""


def write(folder: Path) -> None:
    """The manifests."""
    for first in range(0, HOSTS, A_FILE):
        text = "---\n".join(HOST.format(at) for at in range(first, first + A_FILE))
        (folder / f"h{first}.yaml").write_text(text)


def run(*words: str | Path) -> tuple[float, float]:
    """Seconds and MiB of a command that has to end well."""
    began = time.perf_counter()
    child = subprocess.Popen([ISOLINE, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return time.perf_counter() - began, used.ru_maxrss / 1024


def running(folder: Path) -> float:
    """Seconds of `explain` from a running system, the median."""
    run_dir = Path(tempfile.mkdtemp(prefix="bench-"))
    command = [ISOLINE, "up", folder, "--no-envoy", "--run-dir", run_dir]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as up:
        try:
            assert up.stdout is not None
            assert up.stdout.readline().startswith("ready ")
            return sorted(run("explain", URL, "--run-dir", run_dir)[0] for _ in range(REPEATS))[REPEATS // 2]
        finally:
            up.terminate()
            up.wait(READY_SECONDS)
            shutil.rmtree(run_dir, ignore_errors=True)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        write(folder)
        seconds, mib = run("check", folder)
        print(f"check, {HOSTS} of each: {seconds:.1f} s (bound {CHECK_SECONDS:g} s)")
        print(f"  its memory: {mib:.0f} MiB (bound {CHECK_MIB} MiB)")
        print(
            f"explain --from files: {run('explain', URL, '--from', folder)[0]:.1f} s"
            f" (bound {FILES_SECONDS:g} s)"
        )
        print(f"explain of a running system: {running(folder):.2f} s (bound {RUNNING_SECONDS:g} s)")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
