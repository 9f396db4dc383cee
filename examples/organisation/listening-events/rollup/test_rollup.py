from rollup import rollup

PLAY = {"id": "1", "trackId": "t1", "country": "PT", "at": "2025-06-01T12:10:00+01:00", "heardMs": 31_000}


def test_a_play_counts_once():
    assert sum(rollup([PLAY, PLAY]).values()) == 1


def test_a_short_listen_is_no_play():
    assert not rollup([PLAY | {"heardMs": 29_999}])


def test_hours_are_utc():
    [(_, _, at)] = rollup([PLAY])
    assert at.hour == 11
