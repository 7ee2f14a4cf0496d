"""The process: real edits of a real folder, and what a replica of its table holds."""

import os

from tests.watcher.conftest import Watched
from tests.watcher.texts import BROKEN, service, services


async def test_the_table_is_complete_at_once(watched: Watched) -> None:
    """The first that a replica sees is the whole folder, subfolders too."""
    watched.put("a.yaml", services("a", "b"))
    watched.put("sub/c.json", '{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "c"}}')
    watched.start()

    await watched.until(lambda: True)

    assert watched.objects == {
        "Service/default/a": "a.yaml:2",
        "Service/default/b": "a.yaml:8",
        "Service/default/c": "sub/c.json:1",
    }
    assert watched.problems == []


async def test_an_empty_folder_is_an_answer(watched: Watched) -> None:
    """Empty is a value: the replica is told that this is all."""
    watched.start()

    await watched.becomes()


async def test_files_come_change_and_go(watched: Watched) -> None:
    """In a subfolder that did not exist, too."""
    watched.start()
    await watched.becomes()

    watched.put("sub/deep/a.yaml", service("a"))
    await watched.becomes(a="sub/deep/a.yaml:2")
    watched.put("sub/deep/a.yaml", "\n" + service("b"))
    await watched.becomes(b="sub/deep/a.yaml:3")
    (watched.root / "sub/deep/a.yaml").unlink()
    await watched.becomes()

    assert watched.problems == []


async def test_an_atomic_save_loses_nothing(watched: Watched) -> None:
    """A draft beside the file is renamed over it; or, as vim does, the file becomes its own backup first."""
    file = watched.put("a.yaml", services("a", "b"))
    watched.start()
    await watched.becomes(a="a.yaml:2", b="a.yaml:8")

    watched.put(".a.yaml.draft", services("b", "a")).replace(file)
    await watched.becomes(b="a.yaml:2", a="a.yaml:8")
    file.replace(watched.root / "a.yaml~")
    watched.put("a.yaml", services("a", "b", "c"))
    await watched.becomes(a="a.yaml:2", b="a.yaml:8", c="a.yaml:14")

    assert watched.gone == set()


async def test_what_editors_leave_beside_a_file_is_no_manifest(watched: Watched) -> None:
    """Swap files, backups, locks."""
    watched.put("a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="a.yaml:2")

    for name in (".a.yaml.swp", "a.yaml~", "#a.yaml#", ".#a.yaml", "~$a.yaml", "4913", "sedXyz12"):
        watched.put(name, service("other"))
    await watched.looked()

    await watched.becomes(a="a.yaml:2")


async def test_a_file_is_read_when_its_writer_has_closed_it(watched: Watched) -> None:
    """Half of it would parse too, and lose an object."""
    watched.put("a.yaml", services("a", "b"))
    watched.start()
    await watched.becomes(a="a.yaml:2", b="a.yaml:8")

    with (watched.root / "a.yaml").open("w") as file:
        file.write(service("a", port=81))
        file.flush()
        await watched.looked()
        assert watched.objects["Service/default/b"] == "a.yaml:8"
        file.write(services("c", "b"))

    await watched.becomes(a="a.yaml:2", c="a.yaml:8", b="a.yaml:14")
    assert "Service/default/b" not in watched.gone


async def test_a_file_that_nobody_closes_is_read_in_the_end(watched: Watched) -> None:
    """A second after the last write."""
    watched.start()
    await watched.becomes()

    with (watched.root / "a.yaml").open("w") as file:
        file.write(service("a"))
        file.flush()
        await watched.becomes(a="a.yaml:2")


async def test_a_file_that_no_longer_parses_keeps_its_objects(watched: Watched) -> None:
    """And is told, until it parses again."""
    watched.put("a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="a.yaml:2")

    watched.put("a.yaml", BROKEN)
    await watched.until(lambda: watched.problems)
    assert watched.objects == {"Service/default/a": "a.yaml:2"}
    assert watched.problems[0].startswith("a.yaml:")
    watched.put("a.yaml", service("b"))
    await watched.becomes(b="a.yaml:2")

    assert watched.problems == []


async def test_a_start_on_an_unreadable_file_takes_nothing_away(watched: Watched) -> None:
    """Who follows the table keeps that file's objects from before, and loses others that are gone."""
    watched.put("a.yaml", service("a"))
    watched.put("b.yaml", service("b"))
    watched.start()
    await watched.becomes(a="a.yaml:2", b="b.yaml:2")
    await watched.stop()

    watched.put("a.yaml", BROKEN)
    (watched.root / "b.yaml").unlink()
    watched.start()

    await watched.becomes(a="a.yaml:2")
    assert "Service/default/a" not in watched.gone
    await watched.until(lambda: len(watched.problems) == 1)


async def test_a_renamed_file_or_folder_loses_nothing(watched: Watched) -> None:
    """The objects have another place, and were never gone."""
    watched.put("sub/a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="sub/a.yaml:2")

    (watched.root / "sub/a.yaml").rename(watched.root / "b.yaml")
    await watched.becomes(a="b.yaml:2")
    (watched.root / "b.yaml").rename(watched.root / "sub/b.yaml")
    (watched.root / "sub").rename(watched.root / "other")
    await watched.becomes(a="other/b.yaml:2")

    assert watched.gone == set()


async def test_a_subfolder_moves_in_and_out(watched: Watched) -> None:
    """And is followed where it is."""
    (watched.outside / "sub").mkdir()
    (watched.outside / "sub/a.yaml").write_text(service("a"))
    watched.start()
    await watched.becomes()

    (watched.outside / "sub").rename(watched.root / "sub")
    await watched.becomes(a="sub/a.yaml:2")
    watched.put("sub/a.yaml", service("b"))
    await watched.becomes(b="sub/a.yaml:2")
    (watched.root / "sub").rename(watched.outside / "sub")
    await watched.becomes()

    (watched.outside / "sub/c.yaml").write_text(service("c"))
    await watched.looked()
    await watched.becomes()


async def test_a_folder_that_vanishes_takes_nothing_with_it(watched: Watched) -> None:
    """One problem, until it is back: then what is in it counts, and is followed again."""
    watched.put("a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="a.yaml:2")

    (watched.root / "a.yaml").unlink()
    watched.root.rmdir()
    await watched.until(lambda: watched.problems == [".: Unreadable: no such file or folder"])
    assert watched.objects == {"Service/default/a": "a.yaml:2"}

    watched.put("b.yaml", service("b"))
    await watched.becomes(b="b.yaml:2")
    assert watched.problems == []
    watched.put("b.yaml", service("c"))
    await watched.becomes(c="b.yaml:2")


async def test_another_folder_under_the_same_name_is_followed(watched: Watched) -> None:
    """As when `current` is turned to the next release; the old one is of no interest any more."""
    watched.put("a.yaml", service("a"))
    watched.start()
    await watched.becomes(a="a.yaml:2")
    (watched.outside / "a.yaml").write_text(service("b"))

    old = watched.root.rename(watched.root.with_name("old"))
    watched.outside.rename(watched.root)
    await watched.becomes(b="a.yaml:2")
    (old / "a.yaml").write_text(service("x"))
    watched.put("a.yaml", service("c"))

    await watched.becomes(c="a.yaml:2")
    assert watched.problems == []


async def test_what_is_no_file_is_told_and_holds_up_nothing(watched: Watched) -> None:
    """A named pipe that nobody writes, a link to itself, a link to nowhere, a folder called like a file."""
    watched.start()
    await watched.becomes()

    os.mkfifo(watched.root / "pipe.yaml")
    (watched.root / "loop.yaml").symlink_to("loop.yaml")
    (watched.root / "gone.yaml").symlink_to("nowhere")
    watched.put("folder.yaml/a.yaml", service("a"))

    await watched.until(lambda: len(watched.problems) == 3)
    await watched.becomes(a="folder.yaml/a.yaml:2")
    assert watched.problems == [
        "gone.yaml: Unreadable: a link to a file that does not exist",
        "loop.yaml: Unreadable: Too many levels of symbolic links",
        "pipe.yaml: Unreadable: a named pipe, socket or device, not a file",
    ]


async def test_the_same_object_in_two_files_names_both(watched: Watched) -> None:
    """And is well again when one is gone."""
    watched.put("b.yaml", service("a"))
    watched.start()
    await watched.becomes(a="b.yaml:2")

    first = watched.put("a.yaml", "# mine\n" + service("a"))
    await watched.until(lambda: watched.problems)
    assert watched.objects == {"Service/default/a": "a.yaml:3"}
    assert watched.problems == [
        "b.yaml:2: DuplicateObject: Service default/a is in a.yaml:3 and in b.yaml:2; the first counts"
    ]
    first.unlink()

    await watched.becomes(a="b.yaml:2")
    assert watched.problems == []


async def test_a_thousand_files_that_come_and_go_end_as_they_are(watched: Watched) -> None:
    """As a checkout of another branch: more notices than anybody reads one by one."""
    watched.start()
    await watched.becomes()

    for number in range(1000):
        watched.put(f"{number % 10}/{number}.yaml", service(f"s{number}"))
    await watched.until(lambda: len(watched.objects) == 1000)
    for number in range(999):
        (watched.root / f"{number % 10}/{number}.yaml").unlink()

    await watched.becomes(s999="9/999.yaml:2")
    assert watched.problems == []
