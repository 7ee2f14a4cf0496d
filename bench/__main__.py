"""`make bench`: every benchmark of this folder, one process each, so that none warms another's caches."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Prints each benchmark's table; returns 1 when one of them could not run."""
    failed = []
    found = Path(__file__).parent.glob("[!_]*")
    for module in sorted(path.stem for path in found if path.suffix == ".py" or path.is_dir()):
        print(f"\n== bench.{module}", flush=True)
        if subprocess.run([sys.executable, "-m", f"bench.{module}"], check=False).returncode:
            failed.append(module)
    if failed:
        print(f"\nnot run to the end: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
