"""What a scenario is, and how it says what it expected."""

from typing import Callable, NamedTuple

from .processes import Failure


class Scenario(NamedTuple):
    """A row of the table."""

    # Of the part that is tried.
    part: str
    name: str
    # Takes the world; may return a note for the table.
    run: Callable


def expect_equal(what, actual, expected):
    if actual != expected:
        raise Failure(f"{what}: {actual!r}, expected {expected!r}")


def expect_in(part, whole):
    if part not in whole:
        raise Failure(f"{part!r} is not in what was said\n{whole}")
