"""Where etcd and kube-apiserver are, or may be had from."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

MODULE = Path(__file__).parent
NAMES = ("etcd", "kube-apiserver")
# Either is set by who must not have these tests skipped.
NEEDED = ("ISOLINE_NEED_APISERVER", "CI")
PREFIX = "apiserver-"


class Step(Enum):
    """What is to be done about the binaries."""

    USE = "they are there"
    BUILD = "they are to be built"
    SKIP = "they cannot be had, and nobody insists"
    FAIL = "they cannot be had, though somebody insists"


@dataclass(frozen=True)
class Assets:
    """What to do about the binaries: `folder` has them at USE and gets them at BUILD, `why` is a line for the
    reader at SKIP and FAIL.
    """

    step: Step
    folder: Path = Path()
    why: str = ""

    @classmethod
    def of(cls, env: Mapping[str, str], *, has_go: bool) -> Self:
        """Decides by the environment and by what the folders hold: KUBEBUILDER_ASSETS, which other tools that
        test against an API server read too, goes before our own build.
        """
        if given := env.get("KUBEBUILDER_ASSETS"):
            if _are_in(Path(given)):
                return cls(Step.USE, Path(given))
            return cls(Step.FAIL, why=f"KUBEBUILDER_ASSETS={given} has not both of {', '.join(NAMES)}")
        folder = cache(env) / f"{PREFIX}{digest()}"
        if _are_in(folder):
            return cls(Step.USE, folder)
        if has_go:
            return cls(Step.BUILD, folder)
        why = "no kube-apiserver: set KUBEBUILDER_ASSETS, or install Go"
        return cls(Step.FAIL if is_needed(env) else Step.SKIP, why=why)

    @classmethod
    def here(cls) -> Self:
        """The same for this process."""
        return cls.of(os.environ, has_go=shutil.which("go") is not None)


def is_needed(env: Mapping[str, str]) -> bool:
    """Whether a lack of the binaries is a failure."""
    return any(env.get(name) for name in NEEDED)


def cache(env: Mapping[str, str]) -> Path:
    """The folder that the builds of all checkouts share."""
    base = env.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "isoline"


def digest() -> str:
    """Names what is built: 16 hex digits over go.sum and go.mod."""
    files = (MODULE / "go.sum", MODULE / "go.mod")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _are_in(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NAMES)
