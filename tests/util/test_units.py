import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.util.units import rate, ratio, seconds, size


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (9_949, "9.9 KB"),
        (465_273, "465 KB"),
        (999_499, "999 KB"),
        (999_501, "1.0 MB"),
        (2_500_000_000, "2.5 GB"),
        (4e15, "4000 TB"),
    ],
)
def test_size(n_bytes, shown):
    assert size(n_bytes) == shown


@pytest.mark.parametrize(
    ("time_taken", "shown"),
    [
        (0, "0 ms"),
        (0.0042, "4 ms"),
        (0.0996, "0.10 s"),
        (9.994, "9.99 s"),
        (80.3, "80.3 s"),
        (99.96, "1 min 39 s"),
        (200.5, "3 min 20 s"),
        (3599.9, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (5526, "1 h 32 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 day"),
        (2 * 86_400 + 3_600, "2 days 1 h"),
        (364.9 * 86_400, "364 days 21 h"),
        (366 * 86_400, "1 year 1 day"),
        (4_500_894_674, "143 years"),
        (99 * 365 * 86_400, "99 years"),
        (1e12, "31,710 years"),
        (1e15, "3.2e+07 years"),
    ],
)
def test_seconds(time_taken, shown):
    assert seconds(time_taken) == shown


FACTORS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "day": 86400, "days": 86400, "year": 31536000, "years": 31536000}


@given(st.floats(0, 1e20))
def test_seconds_say_the_time_to_two_units(time_taken):
    words = seconds(time_taken).replace(",", "").split()
    amounts = [float(number) * FACTORS[unit] for number, unit in zip(words[::2], words[1::2], strict=True)]
    assert len(amounts) <= 2
    assert sum(amounts) == pytest.approx(time_taken, rel=0.05, abs=0.0005)
    assert all(float(number) < 400 for number, unit in zip(words[::2], words[1::2], strict=True) if "year" not in unit)


def test_rate_and_ratio():
    assert rate(95e6, 0.5) == "190 MB/s"
    assert rate(5, 0.0).endswith("GB/s")
    assert ratio(10, 4) == "2.50"
    assert ratio(0, 0) == "-"
