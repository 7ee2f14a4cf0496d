"""The garbage collector of a process that holds the table of 10,000 hosts: many objects, none garbage."""

import gc

# Instead of 700, 10, 10, by which a third of the time of a cold start went into looking at the table.
THRESHOLDS = (100_000, 50, 50)


def start() -> None:
    """What there is after the imports is looked at once."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def keep() -> None:
    """What there is now stays, and is not looked at again. A collection before would be a pause of 0.4 s, and
    finds nothing.
    """
    gc.freeze()
