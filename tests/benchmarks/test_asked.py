"""What `bin/bench` makes of its command line."""

import pytest

from benchmarks import asked, suites


def test_without_words_it_is_everything_in_five_rounds() -> None:
    wanted = asked.read([])
    assert [*wanted.suites] == [*suites.NAMES]
    assert (wanted.rounds, wanted.quick) == (5, False)


def test_quick_is_one_round_without_peers() -> None:
    wanted = asked.read(["--quick"])
    assert suites.PEERS.isdisjoint(wanted.suites)
    assert (wanted.rounds, wanted.quick) == (1, True)


def test_a_suite_brings_those_it_is_compared_with() -> None:
    assert suites.with_needs(asked.read(["peers"]).suites) == ["throughput", "peers"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["speed"], "there is no suite speed"),
        (["peers", "--no-peers"], "peers: not with --no-peers"),
        (["--quick", "--write"], "nothing that deserves --write"),
        (["--rounds", "0"], "invalid"),
    ],
)
def test_what_can_not_be_meant_is_refused(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        asked.read(words)
    assert why in capsys.readouterr().err


def test_every_suite_says_in_a_line_what_it_measures() -> None:
    assert all(suites.first_line(name).endswith(".") for name in suites.NAMES)
