"""The browser of these tests opens files, and reaches nothing outside."""

import playwright.sync_api
import pytest


def test_a_page_opens_a_file(page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<p id='p'></p><script>p.textContent = 6 * 7</script>")
    page.goto(file.as_uri())
    assert page.text_content("#p") == "42"


def test_a_page_reaches_what_the_test_serves(page, serve, tmp_path):
    (tmp_path / "page.html").write_text("<link rel=icon href='data:,'><p>here</p>")
    page.goto(serve(tmp_path) + "/page.html")
    assert page.text_content("p") == "here"


def test_a_page_reaches_nothing_else(page):
    with pytest.raises(playwright.sync_api.Error, match="ERR_FAILED"):
        page.goto("http://127.0.0.1:1/")


def test_errors_on_a_page_are_noticed(page, complaints, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<script>console.error('told'); throw Error('thrown')</script>")
    page.goto(file.as_uri())
    assert sorted(complaints) == ["console: told", "error: thrown"]
    complaints.clear()
