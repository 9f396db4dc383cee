from mixes.neighbours import nearest, similarity, together

SESSIONS = [["a", "b", "c"], ["a", "b"], ["c", "d"], ["d", "c", "d"]]


def test_a_session_counts_once():
    assert together(SESSIONS)["c"]["d"] == 2


def test_strangers_have_nothing_in_common():
    assert similarity({}, "a", "b") == 0.0


def test_order_is_stable():
    counts = together(SESSIONS)
    assert nearest(counts, "a", 2) == nearest(counts, "a", 2)
