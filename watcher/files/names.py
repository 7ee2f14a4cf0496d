"""Which names in a folder are manifests."""

from typing import Final

ENDINGS: Final = (".yaml", ".yml", ".json")


def is_manifest(name: str) -> bool:
    """Whether a file of that name is read: by its ending; but no hidden file, editor's lock or backup."""
    return name.endswith(ENDINGS) and not is_hidden(name)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is passed over, as `..data` in a mounted ConfigMap is."""
    return name.startswith((".", "#", "~$"))
