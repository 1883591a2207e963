"""What a conformance check found, and how checks are run: one that raises has failed, the others still run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from fedroute_theory._validate import InputError


@dataclass(frozen=True)
class Finding:
    """One check, by its name. message: what is wrong; for a check that passed, what was seen where that is worth telling."""

    name: str
    passed: bool
    message: str = ""

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'} {self.name}{f': {self.message}' if self.message else ''}"


@dataclass(frozen=True)
class Report:
    """All findings about one subject."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that did not pass."""
        return tuple(f for f in self.findings if not f.passed)

    def raise_if_failed(self) -> Self:
        """The report itself; AssertionError with every failed check where there is one, or where nothing was checked."""
        __tracebackhide__ = True
        if not self.findings:
            raise AssertionError(f"{self.subject}: nothing was checked")
        if self.failed:
            count = f"{len(self.failed)} of {len(self.findings)} checks failed"
            raise AssertionError("\n".join([f"{self.subject}: {count}", *(f"  {f}" for f in self.failed)]))
        return self

    def __str__(self) -> str:
        return "\n".join([self.subject, *(f"  {f}" for f in self.findings)])


Check = Callable[[], str]
"""Returns what is wrong, or nothing."""


def report(subject: str, checks: Mapping[str, Check]) -> Report:
    """Run every check, in order."""
    return Report(subject, tuple(_found(name, check) for name, check in checks.items()))


def _found(name: str, check: Check) -> Finding:
    try:
        message = check()
    except Exception as error:  # a subject under test may raise anything, and that is what is to be reported
        return Finding(name, False, f"raised {type(error).__name__}: {error}")
    return Finding(name, not message, message)


def refusal(call: Callable[[], object], *names: str) -> str:
    """What is wrong with the refusal of a bad value: it must be an InputError of one sentence that names the value."""
    try:
        call()
    except InputError as error:
        text = str(error)
        if "\n" in text or not text.endswith("."):
            return f"the refusal is not one sentence: {text!r}"
        absent = [name for name in names if name not in text]
        return f"the refusal does not name {', '.join(absent)}: {text!r}" if absent else ""
    except Exception as error:
        return f"raised {type(error).__name__} ({error}) instead of InputError"
    return "accepted"


def first(problems: list[str]) -> str:
    """The first of several things that are wrong, and how many there are."""
    return "" if not problems else problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")
