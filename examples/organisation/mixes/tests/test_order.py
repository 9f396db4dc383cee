from mixes.order import Track, arrange


def test_artists_are_kept_apart():
    mix = arrange([Track("1", "ada", 0.1), Track("2", "ada", 0.2), Track("3", "bo", 0.3)])
    assert [track.artist for track in mix] == ["ada", "bo", "ada"]
