"""The core: which objects a folder has now, whatever happens to its files."""

from tests.watcher.fed import Fed
from tests.watcher.texts import BROKEN, service, services
from watcher import reasons
from watcher.files.folder import FOLDER, MAX_PROBLEMS, SETTLE_LIMIT_SECONDS, SETTLE_SECONDS
from watcher.files.manifests import Manifest
from watcher.problem import Problem

UNREADABLE = "Unreadable: line 2, column 1: did not find expected node content (while parsing a flow node)"


def test_objects_come_and_change_at_once_and_go_when_the_files_have_settled() -> None:
    """A put waits for nothing; a delete for SETTLE_SECONDS."""
    fed = Fed()
    fed.write({"a.yaml": services("web", "api")})
    assert fed.objects == {"Service/default/web": "a.yaml:2", "Service/default/api": "a.yaml:8"}

    changed = fed.write({"a.yaml": service("web", port=81)})
    assert (list(changed.puts), changed.deletes) == (["Service/default/web"], frozenset())

    assert fed.later(SETTLE_SECONDS).deletes == {"Service/default/api"}
    assert fed.problems == []


def test_the_same_content_again_is_no_change() -> None:
    """An editor that saves what was there publishes nothing."""
    fed = Fed()
    fed.write({"a.yaml": service("web")})

    again = fed.write({"a.yaml": service("web")})

    assert (again.puts, again.deletes, fed.folder.deadline) == ({}, frozenset(), None)


def test_a_file_that_no_longer_parses_keeps_its_objects() -> None:
    """And is a problem with line and column until it is readable again."""
    fed = Fed()
    fed.write({"a.yaml": service("web")})

    fed.write({"a.yaml": BROKEN + "\n"})
    fed.later()
    assert fed.objects == {"Service/default/web": "a.yaml:2"}
    assert fed.problems == [f"a.yaml:2: {UNREADABLE}"]
    assert fed.held == frozenset()

    fed.write({"a.yaml": service("api")})
    fed.later()
    assert fed.objects == {"Service/default/api": "a.yaml:2"}
    assert fed.problems == []


def test_a_file_that_is_unreadable_from_the_start_is_held() -> None:
    """Whoever has objects of it from before keeps them; it is let go once it is read, or gone."""
    fed = Fed()
    fed.write({"a.yaml": BROKEN + "\n", "b.yaml": BROKEN + "\n", "c.yaml": service("web")})
    assert fed.held == {"a.yaml", "b.yaml"}

    fed.write({"a.yaml": service("api"), "b.yaml": None})
    assert fed.held == {"b.yaml"}

    fed.later()
    assert fed.held == frozenset()
    assert fed.problems == []


def test_the_same_object_in_two_files_is_a_problem_that_names_both() -> None:
    """The first by path counts, whichever came first."""
    fed = Fed()
    fed.write({"b.yaml": service("web", 81)})
    fed.write({"a.yaml": service("api") + service("web", 80)})

    assert fed.objects["Service/default/web"] == "a.yaml:8"
    assert fed.problems == [
        "b.yaml:2: DuplicateObject: Service default/web is in a.yaml:8 and in b.yaml:2; the first counts"
    ]

    fed.write({"a.yaml": service("web", 80)})
    assert fed.problems == [
        "b.yaml:2: DuplicateObject: Service default/web is in a.yaml:2 and in b.yaml:2; the first counts"
    ]


def test_when_the_first_of_two_goes_the_second_counts() -> None:
    """At once, and without a moment in which there is none."""
    fed = Fed()
    fed.write({"a.yaml": service("web", 80), "b.yaml": service("web", 81)})

    batch = fed.write({"a.yaml": None})

    assert batch.deletes == {"File//b.yaml"}
    assert fed.objects == {"Service/default/web": "b.yaml:2"}
    assert fed.later().deletes == frozenset()
    assert fed.problems == []


def test_an_object_that_moves_to_another_file_is_never_gone() -> None:
    """Whether the old file is cut first, as `git mv` does, or the new one written first."""
    cut, written = {"a.yaml": None}, {"b.yaml": service("web")}
    for steps in ([cut, written], [written, cut], [cut | written]):
        fed = Fed()
        fed.write({"a.yaml": service("web")})

        gone = [fed.write(step).deletes for step in steps]

        assert "Service/default/web" not in {*gone[0], *gone[-1], *fed.later().deletes}
        assert fed.objects == {"Service/default/web": "b.yaml:2"}
        assert fed.problems == []


def test_a_file_that_is_removed_and_written_again_was_never_gone() -> None:
    """Even when what is written first cannot be read."""
    fed = Fed()
    fed.write({"a.yaml": service("web")})

    fed.write({"a.yaml": None})
    fed.write({"a.yaml": BROKEN})

    assert fed.later().deletes == frozenset()
    assert fed.objects == {"Service/default/web": "a.yaml:2"}


def test_what_is_lost_goes_at_last_however_busy_the_folder_is() -> None:
    """Each further loss puts it off, up to SETTLE_LIMIT_SECONDS."""
    fed = Fed()
    fed.write({"a.yaml": service("web"), "b.yaml": services("b0", "b1")})
    fed.write({"a.yaml": None})

    while fed.now < SETTLE_LIMIT_SECONDS:
        assert "Service/default/web" in fed.objects
        fed.write({"b.yaml": service(f"b{int(fed.now * 100) % 2}")})
        fed.later(SETTLE_SECONDS / 2)

    assert "Service/default/web" not in fed.objects


def test_a_batch_knows_when_its_cause_was_seen() -> None:
    """For a loss that is when the file went, not when it was believed."""
    fed = Fed()
    fed.write({"a.yaml": service("web")})
    fed.now = 5.0
    fed.write({"a.yaml": None})

    assert fed.later().since == 5.0


def test_a_folder_that_cannot_be_seen_keeps_everything() -> None:
    """What went a moment before, too: it was the folder that went. It is one problem, and then none."""
    fed = Fed()
    fed.write({"a.yaml": service("web"), "b.yaml": service("api")})
    fed.take(fed.folder.apply({FOLDER: Manifest({})}, fed.now))
    fed.write({"a.yaml": None})

    fed.take(fed.folder.vanish("no such file or folder", fed.now))
    fed.later()

    assert set(fed.objects) == {"Service/default/web", "Service/default/api"}
    assert fed.problems == [".: Unreadable: no such file or folder"]
    assert fed.held == frozenset()

    fed.take(fed.folder.apply({FOLDER: Manifest({}), "a.yaml": None, "b.yaml": None}, fed.now))
    fed.later()
    assert fed.table == {}


def test_of_many_problems_of_a_file_the_first_are_told() -> None:
    """And how many more there are."""
    fed = Fed()
    found = tuple(Problem(reasons.INVALID_OBJECT, "x", line) for line in range(1, 251))
    fed.take(fed.folder.apply({"a.yaml": Manifest({}, found)}, fed.now))

    assert len(fed.problems) == MAX_PROBLEMS
    assert fed.problems[-1] == "a.yaml: InvalidObject: and 151 more"


def test_the_status_counts_files_objects_problems_and_what_nobody_reads() -> None:
    """For /debug/status, and for `check`."""
    fed = Fed()
    other = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
    fed.write({"a.yaml": services("web", "api") + other, "b.yaml": other, "c.yaml": BROKEN})

    assert fed.folder.status() == {
        "files": 3,
        "objects": {"Service": 2},
        "ignored": {"Deployment.apps": 2},
        "problems": 1,
        "held": ["c.yaml"],
    }
