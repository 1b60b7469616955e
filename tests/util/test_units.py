import pytest

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
    [(0, "0 ms"), (0.0042, "4 ms"), (0.0996, "0.10 s"), (9.994, "9.99 s"), (80.3, "80.3 s"), (200.5, "3 min 20 s")],
)
def test_seconds(time_taken, shown):
    assert seconds(time_taken) == shown


def test_rate_and_ratio():
    assert rate(95e6, 0.5) == "190 MB/s"
    assert rate(5, 0.0).endswith("GB/s")
    assert ratio(10, 4) == "2.50"
    assert ratio(0, 0) == "-"
