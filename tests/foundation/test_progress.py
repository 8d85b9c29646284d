import io

from rich.console import Console

from egodepth.foundation.progress import EVERY_S, SHORT_S, counting, duration


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def plain() -> Console:
    return Console(file=io.StringIO(), width=20)


def test_where_there_is_no_terminal_a_line_now_and_then_says_how_far_it_is():
    console, clock = plain(), Clock()
    with counting("Matching frames", 1060, console, clock) as counter:
        counter.advance(206)
        counter.look()
        clock.now += EVERY_S / 2
        counter.look()
        assert lines(console) == []
        counter.advance(206)
        clock.now += EVERY_S / 2
        counter.look()
        counter.look()
        assert lines(console) == ["Matching frames: 412 of 1060, 31 s left"]
        clock.now += 30
        counter.advance(648)
    assert lines(console)[1:] == ["Matching frames: 1060 of 1060, took 50 s"]


def test_a_stage_that_cannot_say_how_far_it_is_says_how_long_it_has_taken():
    console, clock = plain(), Clock()
    with counting("Refining", None, console, clock) as counter:
        clock.now += 80
        counter.look()
    assert lines(console) == ["Refining: for 1 min", "Refining: took 1 min"]


def test_a_short_stage_and_one_that_fails_say_nothing_at_their_end():
    console, clock = plain(), Clock()
    with counting("Reading", 3, console, clock) as counter:
        clock.now += SHORT_S - 0.1
        counter.advance(3)
        counter.look()
    try:
        with counting("Reading", 3, console, clock):
            clock.now += 10
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert lines(console) == []


def test_a_terminal_has_a_bar_and_no_lines():
    console, clock = Console(file=io.StringIO(), force_terminal=True, width=100), Clock()
    with counting("Matching frames", 4, console, clock) as counter:
        clock.now += 10 * EVERY_S
        counter.advance(3)
        counter.look()
    shown = "\n".join(lines(console))
    assert "Matching frames" in shown
    assert "left" not in shown
    assert "took" not in shown


def test_durations_are_in_words():
    assert [duration(seconds) for seconds in (0.0, 59.4, 59.6, 200.0, 3570.0, 7500.0)] == [
        *("0 s", "59 s", "1 min", "3 min"),
        *("1 h 0 min", "2 h 5 min"),
    ]
