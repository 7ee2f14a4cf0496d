"""Manifests as text, with only what matters named."""

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
BROKEN = "kind: ["


def service(name: str, port: int = 80) -> str:
    """A Service in namespace `default`: six lines of YAML, the first of them `---`."""
    head = f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n"
    return f"{head}spec:\n  ports: [{{port: {port}}}]\n"


def services(*names: str) -> str:
    """A document each."""
    return "".join(map(service, names))
