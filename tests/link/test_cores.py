from runtime.link import frames
from runtime.link.frames import Request
from runtime.link.pieces import PIECE_BYTES, Frames, Joiner, cut
from runtime.link.publisher import SNAPSHOTS, Publisher
from runtime.link.replica import WINDOW, Replica
from runtime.link.row import Row
from tests.link.wire import Wire

ONE, TWO = Row.of(b"1"), Row.of(b"2")


def published(publisher: Publisher, puts: dict[str, Row], *deletes: str) -> list[Frames]:
    return publisher.publish(puts, deletes, synced=True, held=None, at=0.0)


def filled(rows: int, size: int) -> Publisher:
    publisher = Publisher("objects", "epoch")
    published(publisher, {f"key-{number:05}": Row.of(b"x" * size) for number in range(rows)})
    return publisher


def request(number: int = 1, inbox: str = "inbox", through: int = WINDOW) -> Request:
    return Request("objects", inbox, number, through)


def length(messages: list[Frames]) -> int:
    return max(sum(len(frame) for frame in message) for message in messages)


def test_the_version_of_a_row_is_the_blake2b_64_of_its_body() -> None:
    """Equal bytes have one version in every process: the value is that of `b2sum -l 64`."""
    assert Row.of(b"abc").version == "d8bb14d833d59559"


def test_equal_rows_are_no_change() -> None:
    """Nothing at all is sent for what the table already says."""
    publisher = Publisher("objects", "epoch")
    published(publisher, {"a": ONE})

    assert published(publisher, {"a": Row.of(b"1")}, "unknown") == []
    assert publisher.sequence == 1


def test_one_change_costs_the_same_bytes_in_a_small_and_a_large_table() -> None:
    """A batch holds what it changes and nothing of the table."""
    small, large = filled(100, 500), filled(10_000, 500)

    sent = [published(publisher, {"key-00001": ONE}) for publisher in (small, large)]

    assert sent[0] == sent[1]
    assert len(sent[0]) == 1
    assert length(sent[0]) < 300


def test_nothing_is_sent_of_a_table_that_is_not_complete() -> None:
    """Half a table is of use to nobody: a request is answered by a heartbeat that says so."""
    publisher = Publisher("objects", "epoch")
    sent = publisher.publish({"a": ONE}, (), synced=None, held=None, at=0.0)

    answer = publisher.answer(request(), 0.0)

    assert sent == []
    assert [frames.read(message) for message in answer] == [frames.Beat("epoch", 1, synced=False)]


def test_a_long_row_travels_in_pieces() -> None:
    """No message is longer than a piece and its head, whatever a row is, so a full queue is bounded."""
    publisher = Publisher("objects", "epoch")
    published(publisher, {"a": ONE})

    batch = published(publisher, {"long": Row.of(b"x" * 1_000_000)})
    snapshot = publisher.answer(request(), 0.0)

    assert len(batch) == 16
    assert length(batch + snapshot) <= PIECE_BYTES + 100


def test_a_batch_of_ten_thousand_rows_comes_as_a_snapshot_and_whole() -> None:
    """Announced by a heartbeat, it is taken at the replica's own pace; its consumer sees one change."""
    wire = Wire()
    wire.publish(0, {"a": ONE})
    wire.calm()
    wire.publish(0, {f"key-{number}": Row.of(b"x" * 500) for number in range(10_000)})
    assert len(wire.down) == 1
    wire.deliver(1)

    while wire.down:
        assert not wire.replica.changed
        wire.deliver(1)

    assert len(wire.replica.take().puts) == 10_000


def test_a_publisher_sends_no_more_of_a_snapshot_than_it_has_credit_for() -> None:
    """The window bounds what is under way to a replica, however large the table."""
    publisher = filled(10_000, 500)

    assert len(publisher.answer(request(), 0.0)) == 32
    assert len(publisher.answer(request(through=40), 0.0)) == 8
    assert len(publisher.answer(request(through=40), 0.0)) == 0
    assert len(publisher.answer(request(through=1_000_000_000), 0.0)) < 128


def test_a_snapshot_of_many_chunks_is_fetched_by_windows() -> None:
    """A replica gives credit by half windows, and never has more than one under way."""
    wire = Wire()
    rows = {f"key-{number}": Row.of(b"%d" % number * 1000) for number in range(5_000)}
    wire.publish(0, rows)
    most = 0
    while wire.down:
        wire.deliver(1)
        most = max(most, len(wire.down))

    assert wire.replica.rows == rows
    assert 16 <= most <= WINDOW


def test_replicas_that_ask_at_once_share_one_encoding() -> None:
    """A restart of all replicas costs one snapshot's work and memory."""
    publisher = filled(1_000, 500)

    answers = [publisher.answer(request(inbox=f"inbox-{number}"), 0.0) for number in range(50)]

    bodies = {id(message[-1]) for answer in answers for message in answer}
    assert len(bodies) == len(answers[0])


def test_snapshots_under_way_are_bounded_and_make_room_in_time() -> None:
    """Stuck or hostile readers hold at most so many, and not for long; who comes later asks again."""
    publisher = filled(10_000, 500)
    for number in range(SNAPSHOTS):
        assert publisher.answer(request(inbox=f"stuck-{number}"), 0.0)
        published(publisher, {"a": Row.of(b"%d" % number)})

    assert publisher.answer(request(inbox="late"), 1.0) == []
    for number in range(SNAPSHOTS):
        publisher.answer(request(inbox=f"stuck-{number}", through=33), 4.0)
    assert publisher.answer(request(inbox="late"), 8.0) == []
    assert publisher.answer(request(inbox="late"), 10.0)


def test_who_asks_after_a_change_gets_the_change() -> None:
    """An encoding is shared at one sequence only."""
    publisher = filled(10, 10)
    publisher.answer(request(inbox="early"), 0.0)
    published(publisher, {"a": ONE})

    [message] = publisher.answer(request(inbox="late"), 0.1)

    chunk = frames.read(message)
    assert isinstance(chunk, frames.Chunk)
    assert (chunk.sequence, chunk.last, chunk.puts["a"]) == (2, True, ONE)


def test_pieces_of_two_messages_are_never_joined() -> None:
    """Two batches of one length, of which the first lost its end and the second its beginning."""
    joiner, topic = Joiner(), [b"topic", b""]
    first, second = (cut(b"{}", body * 150_000) for body in (b"a", b"b"))

    joined = [joiner.join([*topic, *piece]) for piece in (*first[:2], *second[2:])]

    assert joined == [None, None, None]
    assert [joiner.join([*topic, *first[number]]) for number in (0, 2, 1)] == [None, None, None]
    assert [joiner.join([*topic, *piece]) for piece in first][-1] == [*topic, b"{}", b"a" * 150_000]


def test_a_publisher_that_restarts_during_a_snapshot_is_waited_for() -> None:
    """It has nothing to give yet; its own heartbeat will say when it has, and is answered at once."""
    wire = Wire()
    wire.publish(0, {"a": ONE})
    wire.replica.receive(wire.publisher.beat(), 0.0)
    wire.restart(0)
    wire.replica.receive(wire.publisher.beat(), 0.0)
    assert wire.replica.requests(100.0) == []

    wire.publish(0, {"a": TWO})
    wire.replica.receive(wire.publisher.beat(), 100.0)

    assert len(wire.replica.requests(100.0)) == 1


def test_late_credit_for_a_finished_snapshot_does_not_begin_it_again() -> None:
    """The last request of a replica may come when all has been sent."""
    publisher = filled(10, 10)
    assert len(publisher.answer(request(), 0.0)) == 1

    assert publisher.answer(request(through=WINDOW + 16), 0.1) == []
    assert len(publisher.answer(request(number=2), 0.2)) == 1


def test_a_publisher_with_the_same_rows_changes_nothing_downstream() -> None:
    """A replica that goes to another publisher, or whose publisher restarts, takes only what differs."""
    wire = Wire()
    for publisher in (0, 1):
        wire.publish(publisher, {"a": ONE, "b": TWO})
    wire.calm()

    wire.switch()
    wire.calm()

    assert wire.replica.epoch == "epoch-2"
    assert not wire.replica.changed


def test_everything_deleted_is_an_empty_table_that_is_complete() -> None:
    """Empty is an answer, in a batch and in a snapshot."""
    wire = Wire()
    wire.publish(0, {"a": ONE})
    wire.calm()
    wire.publish(0, {}, ("a",))
    wire.calm()
    assert (wire.taken, wire.synced) == ({}, True)

    late = Wire()
    late.publish(0, {})
    late.calm()

    assert (late.taken, late.synced) == ({}, True)


def test_a_row_of_a_held_file_that_comes_back_equal_is_no_change() -> None:
    """A watcher that restarts on an unreadable file, which is then mended, changes nothing downstream."""
    row = Row.of(b"{}", origin="web.yaml")
    wire = Wire()
    wire.publish(0, {"Ingress/shop/web": row})
    wire.calm()

    wire.restart(0)
    wire.publish(0, {}, held=frozenset({"web.yaml"}))
    wire.calm()
    assert wire.replica.rows == {"Ingress/shop/web": row}

    wire.publish(0, {"Ingress/shop/web": row}, held=frozenset())
    wire.deliver(1)
    assert not wire.replica.changed


def test_a_change_says_when_its_oldest_cause_was_seen() -> None:
    """`at` is for figures of latency: the oldest of what is taken together, and none where it is unknown."""
    wire = Wire()
    wire.publish(0, {"a": ONE})
    wire.calm()
    for number, at in enumerate((20.0, 10.0, 30.0)):
        row = Row.of(b"%d" % (number + 5))
        wire.down += wire.publisher.publish({"a": row}, (), synced=None, held=None, at=at)
    wire.deliver(3)

    assert wire.replica.take().at == 10.0
    assert wire.replica.take().at == 0.0


def test_a_gap_is_noticed_at_the_next_batch() -> None:
    """Not only by the heartbeat after it."""
    wire = Wire()
    wire.publish(0, {"a": ONE})
    wire.calm()
    wire.publish(0, {"a": TWO})
    wire.lose(0)
    wire.publish(0, {"b": ONE})

    wire.deliver(1)

    assert wire.replica.counters.resyncs == 1
    wire.deliver(5)
    assert wire.replica.rows == {"a": TWO, "b": ONE}


def test_a_lost_chunk_is_asked_for_again_with_patience() -> None:
    """Loss means that somebody has too much to do, so the next request waits, each time longer."""
    replica, publisher = Replica("objects", "inbox"), filled(10_000, 500)
    replica.receive(publisher.beat(), 0.0)
    [first] = replica.requests(0.0)
    answer = publisher.answer(frames.read_request(first), 0.0)

    replica.receive(answer[0], 1.0)
    replica.receive(answer[2], 1.0)

    assert replica.requests(1.4) == []
    assert frames.read_request(replica.requests(1.5)[0]).request == 2
    assert replica.deadline() == 2.5


def test_a_publisher_is_lost_when_it_is_silent_for_four_seconds() -> None:
    """From its last message on, or from when the connection was made."""
    replica = Replica("objects", "inbox")
    replica.reconnected("inbox", 10.0)
    assert [replica.lost(now) for now in (13.9, 14.0)] == [False, True]

    replica.receive(Publisher("objects", "epoch").beat(), 14.0)
    assert [replica.lost(now) for now in (17.9, 18.0)] == [False, True]

    replica.reconnected("inbox", 20.0)
    assert [replica.lost(now) for now in (23.9, 24.0)] == [False, True]


def test_another_version_of_the_format_is_refused_and_counted() -> None:
    """During a rolling upgrade the old and new ends wait for their like."""
    replica, beat = Replica("objects", "inbox"), Publisher("objects", "epoch").beat()

    replica.receive([*beat[:2], beat[2].replace(b'"format":1', b'"format":2'), b""], 0.0)
    long = cut(b"{}", b"x" * 100_000)[0][0]
    replica.receive([*beat[:2], b"\x02" + long[1:]], 0.0)

    assert replica.counters.refused == 2
    assert replica.heard is None
