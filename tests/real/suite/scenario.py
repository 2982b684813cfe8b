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


def expect_opens(opens, runs):
    """THE PLACE TO TIGHTEN. How often a scenario may open its environment: today each run of the
    plugin does, but for one that a client starts and does not wait for. With a cache of credentials
    it is once for a home: `expect_equal("environment opens", opens, 1)`."""
    if not 1 <= opens <= runs:
        raise Failure(f"{opens} environment opens in {runs} plugin runs")


def expect_no_refusals(codes):
    """No answer of the API server with one of these codes says that it did not know or want the
    client, or failed. 404 and 409 are answers that clients ask for."""
    if not codes:
        raise Failure("the API server was asked nothing")
    refusals = [code for code in codes if code in (401, 403, 429) or code >= 500]
    expect_equal("refusals of the API server", refusals, [])
