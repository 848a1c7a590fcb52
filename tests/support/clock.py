"""A clock that stands still until a test moves it."""


class Clock:
    """Call it for the time; set `now` to change it [s]."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
