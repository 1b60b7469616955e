"""Parts of pages: what comes from outside is escaped, and the page needs nothing else."""

from __future__ import annotations

from pybpe.reports.html import chips, head, render_page, table


def test_what_comes_from_outside_is_escaped(small):
    parts = [
        head("a < b", "<h1>", "<b>lead</b>", [("<1>", "&")]),
        table(["<t>"], [["<x>", "y & z"]]),
        chips(small, [(small.token_id("<"), "<small>"), (small.token_id(" "), "")]),
    ]
    page = render_page("<title>", parts, small.fingerprint, ".own { color: red }")
    assert "<title>&lt;title&gt;</title>" in page
    assert '<p class="kicker">a &lt; b</p><h1>&lt;h1&gt;</h1><p class="lead"><b>lead</b></p>' in page
    assert "<dd>&lt;1&gt;</dd><dt>&amp;</dt>" in page
    assert "<th>&lt;t&gt;</th>" in page
    assert "<td>&lt;x&gt;</td><td>y &amp; z</td>" in page
    assert f'<li title="{ord("<")}">&lt;<small>&lt;small&gt;</small></li>' in page
    assert f'<li title="{ord(" ")}">·</li>' in page
    assert ".own { color: red }</style>" in page
    assert small.fingerprint[:16] in page


def test_a_table_without_titles():
    assert table([], [["a"]]) == (
        '<div class="wide" tabindex="0"><table><tbody><tr><td>a</td></tr></tbody></table></div>'
    )
