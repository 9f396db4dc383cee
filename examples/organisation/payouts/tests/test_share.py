from payouts.share import divide
from payouts.statement import amount


def test_no_cent_is_lost():
    shares = divide(1000, {"a": 1, "b": 1, "c": 1})
    assert shares == {"a": 334, "b": 333, "c": 333}


def test_nothing_heard_nothing_paid():
    assert divide(1000, {}) == {}


def test_amounts():
    assert amount(123456) == "1,234.56"
    assert amount(-5) == "-0.05"
