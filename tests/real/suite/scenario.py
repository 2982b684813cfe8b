"""What a scenario is, and how it says what it expected."""

from typing import Callable, NamedTuple

from .processes import Failure


class LeftOut(Exception):
    """Why a scenario was not tried: what it needs is not of this repository, nor a part."""


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


def expect_one_open(opens):
    """However often the plugin runs in a home, one run opens the environment and keeps the
    credentials for the others."""
    expect_equal("environment opens", opens, 1)


def expect_no_refusals(codes):
    """No answer of the API server with one of these codes says that it did not know or want the
    client, or failed. 404 and 409 are answers that clients ask for."""
    if not codes:
        raise Failure("the API server was asked nothing")
    refusals = [code for code in codes if code in (401, 403, 429) or code >= 500]
    expect_equal("refusals of the API server", refusals, [])
