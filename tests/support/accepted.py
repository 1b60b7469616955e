"""Fuzz tests count what was accepted: one that refused every input would pass whatever the code does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Accepted:
    """How many inputs were accepted, in `count`.

    Within a test, so that Hypothesis counts anew in each run:

        accepted = Accepted()

        @given(content=st.binary())
        def check(content):
            with accepted.or_refused(FormatError):
                read(content)

        check()
        assert accepted.count > 10
    """

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def or_refused(self, error: type[Exception]) -> Iterator[None]:
        """Count the input if the code within does not raise `error`, which is a refusal."""
        try:
            yield
        except error:
            return
        self.count += 1
