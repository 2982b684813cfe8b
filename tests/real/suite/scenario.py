"""Scenarios, and their expectations."""

from typing import Callable, NamedTuple

from .processes import Failure


class Skipped(Exception):
    """The reason why a scenario cannot run on this machine."""


class Scenario(NamedTuple):
    """A row of the table."""

    # The part under test.
    part: str
    name: str
    # Takes the suite; may return a note for the table.
    run: Callable
    # Consecutive scenarios with the same setting, a context manager of the suite, run at the same time.
    setting: Callable | None = None


def expect_equal(what, actual, expected):
    if actual != expected:
        raise Failure(f"{what}: {actual!r}, expected {expected!r}")


def expect_in(part, whole):
    if part not in whole:
        raise Failure(f"{part!r} is not in the output\n{whole}")


def expect_one_open(opens):
    """Of all plugin runs in a home, one opens the environment and caches the credentials for the
    others."""
    expect_equal("environment opens", opens, 1)


def expect_no_rejections(codes):
    """None of the status codes of the API server means that it rejected the client or failed. 404 and
    409 are part of normal operation."""
    if not codes:
        raise Failure("the API server received no requests")
    rejections = [code for code in codes if code in (401, 403, 429) or code >= 500]
    expect_equal("rejections by the API server", rejections, [])
