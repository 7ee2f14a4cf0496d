"""Files and folders that are elsewhere, behind links, followed by the process."""

from tests.watcher.conftest import Watched
from tests.watcher.texts import service, services


async def test_a_mounted_configmap_is_swapped_whole(watched: Watched) -> None:
    """As the kubelet does: files are links through `..data`, and that is replaced by a rename."""

    def version(name: str, text: str) -> None:
        (watched.root / name).mkdir()
        (watched.root / name / "a.yaml").write_text(text)
        (watched.root / "..data_tmp").symlink_to(name)
        (watched.root / "..data_tmp").rename(watched.root / "..data")

    version("..2024_01_01", services("a", "b"))
    (watched.root / "a.yaml").symlink_to("..data/a.yaml")
    watched.start()
    await watched.becomes(a="a.yaml:2", b="a.yaml:8")

    version("..2024_01_02", services("b", "a"))

    await watched.becomes(b="a.yaml:2", a="a.yaml:8")
    assert watched.gone == set()


async def test_links_are_followed_to_other_folders(watched: Watched) -> None:
    """Of a folder and of a file; edits there are seen, and so is the end of the link."""
    watched.start()
    await watched.becomes()
    (watched.outside / "a.yaml").write_text(service("a"))
    (watched.outside / "sub").mkdir()
    (watched.outside / "sub/b.yaml").write_text(service("b"))

    (watched.root / "a.yaml").symlink_to(watched.outside / "a.yaml")
    (watched.root / "sub").symlink_to(watched.outside / "sub")
    await watched.becomes(a="a.yaml:2", b="sub/b.yaml:2")
    (watched.outside / "a.yaml").write_text(service("c"))
    (watched.outside / "sub/b.yaml").write_text(service("d"))
    await watched.becomes(c="a.yaml:2", d="sub/b.yaml:2")

    (watched.root / "sub").unlink()
    (watched.root / "a.yaml").unlink()
    await watched.becomes()


async def test_a_link_that_is_turned_elsewhere_is_noticed_in_the_end(watched: Watched) -> None:
    """Of a link to a link nobody tells; a look through everything finds it."""
    for name in ("a", "b"):
        (watched.outside / name).mkdir()
        (watched.outside / name / "x.yaml").write_text(service(name))
    (watched.outside / "current").symlink_to("a")
    (watched.root / "x.yaml").symlink_to(watched.outside / "current/x.yaml")
    watched.start()
    await watched.becomes(a="x.yaml:2")

    (watched.outside / "next").symlink_to("b")
    (watched.outside / "next").rename(watched.outside / "current")

    await watched.becomes(b="x.yaml:2")
