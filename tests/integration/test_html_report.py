# SPDX-License-Identifier: Apache-2.0
"""The page of audit and report in a real browser, headless: what it looks like is kept as pictures
under build/test/html-report. Without a Chromium these tests are skipped; `make browser` installs
Debian's, and CHROMIUM names another.

The fleet is that of support/posture_sample.h, reached through the tool built from
html_report_tool.c.
"""

import base64
import csv
import hashlib
import html.parser
import io
import json
import os
import pathlib
import re
import subprocess

import pytest

from sim import browser as sim_browser
from sim import picture

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "build" / "test" / "html-report"
PHONE, DESK = 390, 1280
PAPER = 1032  # pixels between the margins of A4, landscape: 297 mm less 2 * 12 mm at 96 dpi
HOSTILE_OWNER = ("<img src=x onerror=\"window.hit=1\"><script>window.hit=2</script>&amp;\"'`"
                 "</td></table>")
VOID = {"meta", "link", "br", "input", "img", "hr"}

needs_browser = pytest.mark.skipif(
    sim_browser.find() is None, reason="no Chromium here: `make browser` installs it")


def render(*arguments):
    folder = os.environ.get("DESYNC_GUARD_TOOLS") or ROOT / "build" / "test" / "tools"
    tool = pathlib.Path(folder) / "html_report_tool"
    return subprocess.run([tool, *arguments], check=True, stdout=subprocess.PIPE).stdout


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Addresses of the pages by their names."""
    folder = tmp_path_factory.mktemp("pages")
    addresses = {}
    for name, arguments in {"posture": ["html"], "audit": ["audit"],
                            "stateless": ["html", "stateless"], "empty": ["html", "empty"],
                            "large": ["html", "1000"]}.items():
        path = folder / f"{name}.html"
        path.write_bytes(render(*arguments))
        addresses[name] = path.as_uri()
    return addresses


@pytest.fixture(scope="module")
def browser():
    with sim_browser.Browser(sim_browser.find()) as browser:
        yield browser


def test_picture_in_the_readme_is_of_this_page():
    """`make picture` draws it anew."""
    png = picture.PICTURE.read_bytes()
    assert len(png) < 200_000
    assert picture.size_and_digest(png) == ((picture.WIDTH, picture.HEIGHT),
                                            picture.digest(picture.page()))
    assert "docs/report.png" in (ROOT / "README.md").read_text()


class Outline(html.parser.HTMLParser):
    """Elements in order, and whether each is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> while {self.open[-3:]} is open"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


KINDS = [["html"], ["audit"], ["html", "stateless"], ["html", "empty"]]


@pytest.fixture(params=KINDS, ids=" ".join)
def outline(request):
    return Outline(render(*request.param).decode("utf-8"))


# Without a browser

def test_every_element_is_closed_and_every_id_is_used_once(outline):
    assert outline.open == []
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in outline.elements:
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(key, "").split()) <= set(ids)
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def test_headings_are_one_h1_and_no_level_left_out(outline):
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in zip(levels, levels[1:]))


def test_tables_have_captions_and_scopes_and_charts_have_names(outline):
    tables, captions = len(outline.all("table")), len(outline.all("caption"))
    assert tables == captions
    assert all(attributes.get("scope") in ("row", "col") for attributes in outline.all("th"))
    for attributes in outline.all("svg"):
        assert attributes.get("role") == "img"
    assert len(outline.all("title")) == 1 + len(outline.all("svg"))
    assert len(outline.all("desc")) == len([s for s in outline.all("svg") if "class" not in s])


def test_nothing_comes_from_elsewhere_and_nothing_is_styled_or_run_inline(outline):
    for tag, attributes in outline.elements:
        assert tag not in ("iframe", "object", "embed", "img", "form", "base")
        assert "src" not in attributes and "style" not in attributes and "action" not in attributes
        assert not [key for key in attributes if key.startswith("on")]
        if tag == "link":
            assert attributes["href"] == "data:,"


def test_policy_names_the_hashes_of_style_and_script():
    page = render("html").decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        body, = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert page.index("charset") < 1024


def test_two_reports_of_the_same_state_differ_in_the_time_alone():
    for form in ("html", "json", "csv", "summary", "audit"):
        first, later = render(form, "rich", "0"), render(form, "rich", "47")
        assert first == render(form, "rich", "0")
        assert first != later

        def timeless(text):
            return text.replace(b"08:47", b"08:00")
        assert timeless(later) == first


def test_json_and_csv_hold_the_same_values():
    report = json.loads(render("json"))
    rows = list(csv.DictReader(io.StringIO(render("csv").decode("utf-8"), newline="")))
    assert [row["resourceId"] for row in rows if row["resourceId"]] == [
        evaluation["resourceId"] for evaluation in report["evaluations"]]
    advice = {item["resourceId"]: item for item in report["recommendations"]}
    exceptions = {item["resourceId"]: item for item in report["exceptions"]}
    for row in rows[:len(report["evaluations"])]:
        told = advice[row["resourceId"]]
        assert row["recommendation"] == told["recommendation"]
        assert (int(row["requests"]) if row["requests"] else None) == told["requests"]
        for name in ("blockedPercent", "boundPercent"):
            assert (float(row[name]) if row[name] else None) == told.get(name)
        assert row["recommendationReason"] == told["reason"]
        told = exceptions.get(row["resourceId"], {"state": "none", "approver": ""})
        assert row["exceptionState"] == told["state"]
        # "'" in front of what a spreadsheet would calculate
        assert row["exceptionApprover"].removeprefix("'") == told["approver"]


# In a browser

SIZES = [(DESK, False), (DESK, True), (PHONE, False), (PHONE, True)]


@needs_browser
@pytest.mark.parametrize("name", ["posture", "audit", "stateless", "empty"])
@pytest.mark.parametrize("width, dark", SIZES,
                         ids=[f"{w}-{'dark' if d else 'light'}" for w, d in SIZES])
def test_page_opens_without_a_complaint_and_without_scrolling_sideways(
        browser, pages, name, width, dark):
    browser.show(width, dark=dark)
    browser.open(pages[name])
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll("main *")].filter(element => {
        const box = element.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 0.5; }).map(e => e.outerHTML.slice(0, 80))"""
    assert browser.evaluate(wide) == []
    browser.screenshot(PICTURES / f"{name}-{width}-{'dark' if dark else 'light'}.png")


# The least contrast of a text with the first ground behind it that is not see-through.
CONTRAST = """(() => {
    const channels = text => text.match(/[\\d.]+/g).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(
        c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce(
        (sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = element => {
        for (; element; element = element.parentElement) {
            const color = channels(getComputedStyle(element).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
        const style = getComputedStyle(element);
        const ink = channels(element.closest("svg") ? style.fill : style.color);
        const [a, b] = [luminance(ink), luminance(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push([contrast, walker.currentNode.data.slice(0, 40)]);
    }
    return found;
})()"""


@needs_browser
@pytest.mark.parametrize("media, dark", [("screen", False), ("screen", True), ("print", True)])
def test_every_text_has_enough_contrast(browser, pages, media, dark):
    browser.show(DESK, dark=dark, media=media)
    browser.open(pages["posture"])
    grounds = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (grounds == "rgb(15, 20, 26)") == (media == "screen" and dark)
    assert browser.evaluate(CONTRAST) == []


@needs_browser
def test_contrast_check_sees_pale_text(browser, pages):
    browser.show(DESK)
    browser.open(pages["posture"])
    browser.evaluate("document.querySelector('h1').style.color = '#999'")
    assert len(browser.evaluate(CONTRAST)) == 1


# The labels of a narrow table are drawn by the style; here elements take their place, set alike, for
# those can be measured. Whatever overlaps in a table, each pair with its row and texts.
OVERLAPS = """(() => {
    const found = [];
    for (const cell of document.querySelectorAll("td[data-label]")) {
        const drawn = getComputedStyle(cell, "::before"), label = document.createElement("span");
        const names = ["display", "float", "width", "marginLeft", "fontSize", "gridColumn"];
        const set = names.map(name => [name, drawn[name]]);
        label.textContent = cell.dataset.label;
        cell.removeAttribute("data-label");
        for (const [name, value] of set) label.style[name] = value;
        cell.prepend(label);
    }
    const area = range => [...range.getClientRects()].filter(box => box.width > 0);
    for (const table of document.querySelectorAll("main table")) {
        const boxes = [];
        const walker = document.createTreeWalker(table.tBodies[0], NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            if (walker.currentNode.parentElement.closest("svg")) continue;
            const range = document.createRange();
            range.selectNodeContents(walker.currentNode);
            boxes.push(...area(range).map(box => [box, walker.currentNode.data]));
        }
        for (const bars of table.querySelectorAll("svg"))
            boxes.push(...area(bars).map(box => [box, "bars"]));
        boxes.forEach(([a, first], i) => boxes.slice(i + 1).forEach(([b, second]) => {
            const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (wide > 1 && high > 3) found.push([table.id, first, second]);
        }));
    }
    return found;
})()"""


@needs_browser
@pytest.mark.parametrize("name", ["posture", "audit", "stateless"])
def test_labels_and_values_on_a_phone_do_not_overlap(browser, pages, name):
    browser.show(PHONE)
    browser.open(pages[name])
    assert browser.evaluate(OVERLAPS) == []
    if name == "posture":
        assert browser.evaluate("[...document.querySelectorAll('#changes-table td > span')].filter("
                                "label => label.textContent === 'Target 5XX per 10,000' && "
                                "label.getBoundingClientRect().height > 0).length") == 7


@needs_browser
def test_overlap_check_sees_labels_that_run_into_the_next(browser, pages):
    browser.show(PHONE)
    browser.open(pages["posture"])
    browser.evaluate("document.querySelectorAll('#changes-table td').forEach("
                     "cell => { cell.style.display = 'block'; })")
    found = browser.evaluate(OVERLAPS)
    assert any("Non-compliant requests" in pair for pair in found)


@needs_browser
def test_markup_in_tags_is_text(browser, pages):
    browser.show(DESK)
    browser.open(pages["posture"])
    assert browser.evaluate("window.hit === undefined")
    assert browser.evaluate("document.querySelectorAll('img, iframe, object, b[onmouseover], "
                            "svg[onload]').length") == 0
    assert browser.evaluate("document.scripts.length") == 1
    row = "[...document.querySelectorAll('#exceptions-table tr')].find(" \
          "row => row.cells[0].textContent.startsWith('hostile'))"
    assert browser.evaluate(f"{row}.cells[5].textContent") == HOSTILE_OWNER
    assert browser.evaluate(f"{row}.cells[4].textContent") == '"><svg onload=alert(2)>'
    reason = browser.evaluate(f"{row}.cells[3].textContent")
    assert reason.startswith("[U+202E]desrever[U+202C] <b onmouseover=alert(1)>[U+0001][U+001B][31m")
    assert reason.endswith("\u05e9\u05dc\u05d5\u05dd \ufffd")


SHOWN = """[...document.querySelectorAll("#fleet-table tbody tr")].filter(
    row => row.getClientRects().length).map(row => row.cells[0].querySelector("bdi").textContent)"""


def choose(browser, control, value, event):
    browser.evaluate(f"""(() => {{ const control = document.getElementById("{control}");
        control.value = {json.dumps(value)}; control.dispatchEvent(new Event("{event}")); }})()""")


@needs_browser
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_filter_shows_what_holds_all_words_and_has_the_verdict(browser, pages, width):
    browser.show(width)
    browser.open(pages["posture"])
    assert len(browser.evaluate(SHOWN)) == 30
    choose(browser, "fleet-words", "PAYments  eu-west-1", "input")
    assert sorted(browser.evaluate(SHOWN)) == ["checkout", "orders", "returns", "staging"]
    assert browser.evaluate("document.getElementById('fleet-told').textContent") == "4 of 30 shown"
    choose(browser, "fleet-words", "", "input")
    choose(browser, "fleet-verdict", "UNKNOWN", "change")
    assert sorted(browser.evaluate(SHOWN)) == ["graphql", "vendor-hooks"]
    choose(browser, "fleet-words", "<script>", "input")
    assert browser.evaluate(SHOWN) == []
    choose(browser, "fleet-verdict", "", "change")
    assert browser.evaluate(SHOWN) == ["hostile"]
    assert browser.complaints() == []


@needs_browser
def test_click_on_a_heading_sorts_by_it_and_again_turns_it_round(browser, pages):
    browser.show(DESK)
    browser.open(pages["posture"])
    worst_first = browser.evaluate(SHOWN)

    def click(column):
        browser.evaluate(f"document.querySelectorAll('#fleet-table thead button')[{column}].click()")
        return browser.evaluate(SHOWN)
    assert click(0) == sorted(worst_first)
    assert click(0) == sorted(worst_first, reverse=True)
    sorts = "[...document.querySelectorAll('#fleet-table th[aria-sort]')].map(" \
            "head => head.textContent + ' ' + head.ariaSort)"
    assert browser.evaluate(sorts) == ["Load balancer descending"]
    modes = "[...document.querySelectorAll('#fleet-table tbody tr')].map(" \
            "row => Number(row.cells[2].dataset.v))"
    click(2)
    assert browser.evaluate(modes) == sorted(browser.evaluate(modes))
    assert browser.evaluate(sorts) == ["Mode ascending"]
    browser.evaluate("document.querySelectorAll('#candidates-table thead button')[2].click()")
    requests = browser.evaluate("[...document.querySelectorAll('#candidates-table tbody tr')].map("
                                "row => parseInt(row.cells[2].firstChild.data.replaceAll(',', '')))")
    assert requests == [9120, 48213, 310551, 1284113]


@needs_browser
def test_phone_has_a_list_to_sort_by(browser, pages):
    browser.show(PHONE)
    browser.open(pages["posture"])
    assert browser.evaluate("document.querySelector('#fleet-table thead').getClientRects().length") == 0
    choose(browser, "fleet-order", "0", "change")
    assert browser.evaluate(SHOWN) == sorted(browser.evaluate(SHOWN))


@needs_browser
def test_page_can_be_read_without_script(browser, pages):
    browser.show(DESK)
    browser.allow_script(False)
    try:
        browser.open(pages["posture"])
        assert len(browser.evaluate(SHOWN)) == 30
        assert browser.evaluate("document.getElementById('fleet-controls').getClientRects().length") == 0
        assert browser.evaluate("document.querySelectorAll('thead button').length") == 0
    finally:
        browser.allow_script(True)


@needs_browser
def test_paper_is_white_and_no_table_is_clipped(browser, pages):
    browser.show(PAPER, dark=True, media="print")
    browser.open(pages["posture"])
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER
    outside = """[...document.querySelectorAll("table, td, th, svg")].filter(
        element => element.getBoundingClientRect().right > innerWidth + 0.5).length"""
    assert browser.evaluate(outside) == 0
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    browser.pdf(PICTURES / "posture.pdf")
    assert (PICTURES / "posture.pdf").read_bytes().startswith(b"%PDF-")


@needs_browser
def test_page_of_a_thousand_load_balancers_opens_and_filters(browser, pages):
    browser.show(DESK)
    browser.open(pages["large"])
    assert len(browser.evaluate(SHOWN)) == 1000
    choose(browser, "fleet-words", "checkout-990", "input")
    assert browser.evaluate(SHOWN) == ["checkout-990"]
    assert browser.complaints() == []
