"""`scalemodel report`, opened in a browser.

What the page says of an event is held against the logs, which are read and joined here once more:
happened-before is walked edge by edge, without the positions that the page works with.
"""

import datetime
import json
import pathlib
import re
import shutil
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The longest that the page may take to do what it was asked to do.
LIMIT_S = 60


class Logs:
    """The logs of a run: by machine, from 0, its events; by event, those that it leads to."""

    def __init__(self, folder):
        self.machines = [read_log(path) for path in sorted(folder.glob("log*.txt"))]
        self.ports = [int(path.stem[3:]) for path in sorted(folder.glob("log*.txt"))]
        self.next = {}
        self.before = {}
        sent = {}
        for machine, events in enumerate(self.machines):
            for event, row in enumerate(events):
                if event > 0:
                    self.join((machine, event - 1), (machine, event))
                if row["event"] == "send":
                    for port in row["peers"].split(","):
                        sent[self.ports[machine], int(port), row["logical_clock"]] = (
                            machine,
                            event,
                        )
        self.send_of = {}
        for machine, events in enumerate(self.machines):
            for event, row in enumerate(events):
                if row["event"] == "receive":
                    key = int(row["peers"]), self.ports[machine], row["received_timestamp"]
                    self.send_of[machine, event] = sent[key]
                    self.join(sent[key], (machine, event))

    def join(self, cause, effect):
        self.next.setdefault(cause, []).append(effect)
        self.before.setdefault(effect, []).append(cause)

    def count(self):
        return sum(len(events) for events in self.machines)


def read_log(path):
    """The ticks of a log, as the names of its columns and their texts."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    names = lines[0].split()
    return [dict(zip(names, line.split(), strict=True)) for line in lines[1:]]


def reached(edges, start):
    """All that can be reached from an event, without the event."""
    found, waiting = set(), [start]
    while waiting:
        for event in edges.get(waiting.pop(), []):
            if event not in found:
                found.add(event)
                waiting.append(event)
    return found


def until(page, expression, wanted=True):
    """Waits until the page says what is wanted; the page's own policy forbids to wait within it."""
    deadline = time.monotonic() + LIMIT_S
    while (found := page.evaluate(expression)) != wanted:
        assert time.monotonic() < deadline, f"{expression}: {found}, not {wanted}"
        page.wait_for_timeout(20)


def settle(page):
    """Waits until what was asked for is drawn."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.fixture(scope="session")
def logs(run):
    return Logs(run)


@pytest.fixture
def show(scalemodel, page, tmp_path):
    """Writes the report of runs, and opens it."""

    def open_report(*runs):
        file = tmp_path / "report.html"
        scalemodel("report", *runs, "-o", file)
        page.set_viewport_size({"width": 1400, "height": 1000})
        page.emulate_media(reduced_motion="reduce")
        page.goto(file.as_uri())
        settle(page)
        return page

    return open_report


@pytest.fixture
def edited(run, tmp_path):
    """A copy of the run with one line of one log changed."""

    def copy(port, tick, change, name="edited"):
        folder = tmp_path / name
        shutil.copytree(run, folder)
        log = folder / f"log{port}.txt"
        lines = log.read_text().splitlines()
        [at] = [
            i for i, line in enumerate(lines) if line[:1].isdigit() and line.split()[1] == str(tick)
        ]
        changed = change(lines[at])
        assert changed != lines[at]
        log.write_text("\n".join([*lines[:at], changed, *lines[at + 1 :]]) + "\n")
        return folder

    return copy


def place(page, machine, event, run=0):
    """Where an event is drawn: the diagram, and the point in it."""
    x, y = page.evaluate(f"report.where({run}, {machine}, {event})")
    return page.locator(".diagram").nth(run), {"x": x, "y": y}


def hover(page, machine, event, run=0):
    diagram, position = place(page, machine, event, run)
    diagram.hover(position=position)
    settle(page)


def test_every_machine_and_event_is_shown(show, run, logs):
    page = show(run)
    messages = sum(
        row["peers"].count(",") + 1
        for events in logs.machines
        for row in events
        if row["event"] == "send"
    )
    assert page.evaluate("report.runs()") == [
        {"machines": 3, "events": logs.count(), "messages": messages}
    ]
    [drawn] = page.evaluate("report.drawn()")
    assert (drawn["machines"], drawn["dots"], drawn["banded"]) == (3, logs.count(), 0)
    assert drawn["arrows"] == len(logs.send_of)
    assert page.title() == "trial5 - scalemodel"
    assert page.text_content("h1") == "trial5"


def test_the_page_knows_every_event_as_the_logs_tell_it(show, run, logs):
    page = show(run)
    columns = {
        "clock": "logical_clock",
        "queue": "queue_len",
        "tick": "tick",
        "model": "model_time_s",
    }
    kinds = ["internal", "send", "receive"]
    for machine, events in enumerate(logs.machines):
        for field, column in columns.items():
            found = page.evaluate(f"report.field(0, {machine}, '{field}')")
            assert found == [float(row[column]) for row in events]
        found = page.evaluate(f"report.field(0, {machine}, 'kind')")
        assert [kinds[kind] for kind in found] == [row["event"] for row in events]
        stamps = page.evaluate(f"report.field(0, {machine}, 'stamp').map(String)")
        assert stamps == [row["received_timestamp"].replace("-", "NaN") for row in events]
        draws = page.evaluate(f"report.field(0, {machine}, 'draw')")
        assert draws == [0 if row["draw"] == "-" else int(row["draw"]) + 1 for row in events]


def test_every_event_of_the_slow_machine_is_a_dot_on_its_line(show, run, logs):
    page = show(run)
    # Two pixels above the line nothing is drawn but dots, and messages between them.
    seen = page.evaluate(
        """count => {
        const canvas = document.querySelector('.diagram canvas.base');
        const scale = canvas.width / canvas.clientWidth;
        const context = canvas.getContext('2d');
        const colour = (x, y) => [...context.getImageData(x * scale, y * scale, 1, 1).data];
        return Array.from({ length: count }, (_, event) => {
            const [x, y] = report.where(0, 1, event);
            return colour(x, y - 2)[3];
        });
    }""",
        len(logs.machines[1]),
    )
    assert min(seen) > 200


@pytest.mark.parametrize("machine, event", [(0, 0), (0, 150), (1, 10), (1, 30), (2, 200), (2, 299)])
def test_pointing_at_an_event_lights_up_its_past_and_its_future(show, run, logs, machine, event):
    page = show(run)
    hover(page, machine, event)
    chosen = page.evaluate("report.chosen()")
    # Events may be nearer to each other than a pixel.
    found = chosen["machine"], chosen["event"]
    assert found[0] == machine and abs(found[1] - event) <= 1
    past, future = reached(logs.before, found), reached(logs.next, found)
    shown_past = {(m, e) for m, last in enumerate(chosen["past"]) for e in range(last + 1)} - {
        found
    }
    shown_future = {
        (m, e)
        for m, first in enumerate(chosen["future"])
        for e in range(first, len(logs.machines[m]))
    } - {found}
    assert shown_past == past
    assert shown_future == future
    concurrent = logs.count() - len(past) - len(future) - 1
    assert chosen["counts"] == {"past": len(past), "future": len(future), "concurrent": concurrent}
    figures = page.locator("#details .cones dd").all_text_contents()
    assert figures == [str(len(past)), str(concurrent), str(len(future))]


def test_what_is_concurrent_is_dimmed(show, run):
    page = show(run)
    opacity = """event => {
        const canvas = document.querySelector('.diagram canvas.base');
        const scale = canvas.width / canvas.clientWidth;
        const [x, y] = report.where(0, 1, event);
        return canvas.getContext('2d').getImageData(x * scale, (y - 2) * scale, 1, 1).data[3];
    }"""
    hover(page, 0, 50)
    chosen = page.evaluate("report.chosen()")
    # The slow machine is too busy to send: it is in nobody's past.
    past, future = chosen["past"][1], chosen["future"][1]
    assert past == -1 and 4 < future < 60
    assert page.evaluate(opacity, future) > 200
    # Messages may cross a few of the dots.
    assert sorted(page.evaluate(opacity, event) for event in range(future))[future // 2] < 120
    page.mouse.move(5, 5)
    until(page, "report.chosen()", None)
    settle(page)
    assert min(page.evaluate(opacity, event) for event in range(future)) > 200


def test_a_click_holds_an_event_and_escape_lets_go(show, run):
    page = show(run)
    diagram, position = place(page, 1, 20)
    diagram.click(position=position)
    assert page.evaluate("report.chosen().isPinned")
    hover(page, 1, 40)
    assert page.evaluate("report.chosen().event") == 20
    assert "event 21 of 60" in page.text_content("#details h3")
    page.keyboard.press("Escape")
    assert page.evaluate("report.chosen()") is None


def test_machines_are_switched_off_and_on_in_all_pictures(show, run, logs):
    page = show(run)
    button = page.get_by_role("button", name="machine 2", exact=True)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    settle(page)
    assert button.get_attribute("aria-pressed") == "false"
    [drawn] = page.evaluate("report.drawn()")
    assert drawn["machines"] == 2
    assert drawn["dots"] == logs.count() - len(logs.machines[1])
    assert drawn["arrows"] == sum(
        1 for (to, _), (of, _) in logs.send_of.items() if 1 not in (to, of)
    )
    assert page.locator(".multiples figure").count() == 2
    page.locator(".chart").first.hover(position={"x": 500, "y": 80})
    assert page.locator(".tip").first.locator("li").count() == 2
    page.get_by_role("button", name="None").click()
    settle(page)
    assert page.evaluate("report.drawn()")[0]["machines"] == 0
    page.get_by_role("button", name="All").click()
    settle(page)
    assert page.evaluate("report.drawn()")[0]["dots"] == logs.count()


def test_the_mouse_zooms_and_pans(show, run):
    page = show(run)
    diagram, position = place(page, 1, 30)
    diagram.click(position=position)
    before = page.evaluate("report.view()")
    x = page.evaluate("report.where(0, 1, 30)[0]")
    page.mouse.wheel(0, -400)
    settle(page)
    near = page.evaluate("report.view()")
    assert near["x1"] - near["x0"] < 0.7 * (before["x1"] - before["x0"])
    assert abs(page.evaluate("report.where(0, 1, 30)[0]") - x) < 1, "what is pointed at stays"
    box = diagram.bounding_box()
    page.mouse.move(box["x"] + 600, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 40, steps=5)
    page.mouse.up()
    settle(page)
    assert abs(page.evaluate("report.where(0, 1, 30)[0]") - (x - 100)) < 1.5
    page.get_by_role("button", name="Whole run").click()
    settle(page)
    assert page.evaluate("report.view().isWhole")


def test_the_keyboard_does_what_the_mouse_does(show, run, logs):
    page = show(run)
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className").startswith("diagram"):
            break
    else:
        pytest.fail("no way to the diagram by Tab")
    whole = page.evaluate("report.view()")
    page.keyboard.press("+")
    page.keyboard.press("+")
    near = page.evaluate("report.view()")
    assert near["x1"] - near["x0"] == pytest.approx((whole["x1"] - whole["x0"]) / 1.6**2)
    page.keyboard.press("ArrowRight")
    assert page.evaluate("report.view().x0") > near["x0"]
    page.keyboard.press("0")
    assert page.evaluate("report.view().isWhole")

    page.keyboard.press("]")
    first = page.evaluate("report.chosen()")
    page.keyboard.press("]")
    second = page.evaluate("report.chosen()")
    assert (second["machine"], second["event"]) == (first["machine"], first["event"] + 1)
    said = page.text_content("#live")
    past = len(reached(logs.before, (second["machine"], second["event"])))
    assert f"{past} events before" in said and f"event {second['event'] + 1} of" in said
    page.keyboard.press("ArrowDown")
    assert page.evaluate("report.chosen().machine") == 1
    page.keyboard.press("End")
    assert page.evaluate("report.chosen().event") == len(logs.machines[1]) - 1
    page.keyboard.press("m")
    sender = page.evaluate("report.chosen()")
    assert (sender["machine"], sender["event"]) == logs.send_of[1, len(logs.machines[1]) - 1]
    page.keyboard.press("Escape")
    assert page.evaluate("report.chosen()") is None


def test_the_axis_may_be_the_logical_clock(show, run, logs):
    page = show(run)
    page.get_by_text("logical clock", exact=True).first.click()
    settle(page)
    assert page.evaluate("report.view().axis") == "clock"
    places = page.evaluate(
        """[0, 1, 2].map(machine => report.field(0, machine, 'clock')
            .map((_, event) => report.where(0, machine, event)[0]))"""
    )
    pairs = [
        (float(row["logical_clock"]), places[machine][event])
        for machine, events in enumerate(logs.machines)
        for event, row in enumerate(events)
    ]
    (clock0, x0), (clock1, x1) = min(pairs), max(pairs)
    for clock, x in pairs:
        assert x == pytest.approx(x0 + (x1 - x0) * (clock - clock0) / (clock1 - clock0), abs=0.01)
    assert page.evaluate("report.drawn()")[0]["dots"] == logs.count()


def test_a_chart_tells_the_value_of_every_machine_at_a_time(show, run, logs):
    page = show(run)
    for chart, column in [(0, "logical_clock"), (1, "queue_len")]:
        page.locator(".chart").nth(chart).hover(position={"x": 700, "y": 90})
        settle(page)
        now = page.evaluate("report.time()")
        expected = [
            [row for row in events if float(row["model_time_s"]) <= now][-1][column]
            for events in logs.machines
        ]
        found = page.locator(".tip").nth(chart).locator("li b").all_text_contents()
        assert found == expected


def test_the_figures_are_those_of_stats_and_check(show, scalemodel, run):
    page = show(run)
    stats = scalemodel("stats", run)
    for row in page.locator("#figures tbody tr").all():
        name = row.locator("th").text_content()
        values = row.locator("td").all_text_contents()
        assert re.search(
            rf"^ *{re.escape(name.strip())} +{' +'.join(map(re.escape, values))} *$", stats, re.M
        ), name
    pairs = json.loads(scalemodel("check", "--format", "json", run))["runs"][0]["pairs"]
    assert f"{pairs['concurrent']:,} are concurrent" in page.text_content("#verdict")


def test_a_violation_is_centred_and_its_path_is_drawn(show, scalemodel, edited):
    # A receive whose clock stays below that of its send.
    folder = edited(20152, 25, lambda line: line.replace(" 69 ", " 59 ", 1))
    [found] = json.loads(scalemodel("check", "--format", "json", folder, code=1))["runs"]
    page = show(folder)
    assert found["violations"][0]["what"] in page.text_content("#verdict")
    assert page.text_content(".badge") == "violated"
    assert page.evaluate("report.violation()") == {"run": 0, "position": 0}
    view = page.evaluate("report.view()")
    middle = (view["x0"] + view["x1"]) / 2
    assert page.evaluate("report.field(0, 1, 'model')[24]") == pytest.approx(
        middle, abs=0.02 * (view["x1"] - view["x0"])
    )
    # The message that proves it, from its send on: red half-way.
    send, receive = (
        page.evaluate(f"report.where(0, {machine}, {event})") for machine, event in path_of(folder)
    )
    assert 0 < send[0] < receive[0]
    red = page.evaluate(
        """([x, y]) => {
        const canvas = document.querySelector('.diagram canvas.over');
        const scale = canvas.width / canvas.clientWidth;
        return [...canvas.getContext('2d').getImageData(x * scale, y * scale, 1, 1).data];
    }""",
        [(send[0] + receive[0]) / 2, (send[1] + receive[1]) / 2],
    )
    assert red[0] > 150 and red[1] < 80 and red[3] > 200


def path_of(folder):
    logs = Logs(folder)
    return logs.send_of[1, 24], (1, 24)


def test_violations_are_visited_one_by_one(show, edited, run):
    folder = edited(20152, 25, lambda line: line.replace(" 69 ", " 59 ", 1))
    other = folder / "log20151.txt"
    text = other.read_text()
    row = next(
        line for line in text.splitlines() if line[:1].isdigit() and line.split()[1] == "250"
    )
    other.write_text(text.replace(row, row[:-1] + ("1" if row[-1] != "1" else "2")))
    page = show(folder)
    count = page.text_content(".violation .count")
    total = int(re.fullmatch(r"violation 1 of (\d+)", count)[1])
    assert total >= 2
    assert page.locator(".violation .previous").is_disabled()
    page.click(".violation .next")
    settle(page)
    assert page.evaluate("report.violation().position") == 1
    view = page.evaluate("report.view()")
    assert view["x0"] < page.evaluate("report.field(0, 0, 'model')[249]") < view["x1"]
    page.locator(".diagram").press("p")
    assert page.evaluate("report.violation().position") == 0


def test_two_runs_stand_side_by_side_on_one_scale(show, scalemodel, run, edited):
    # Both hold all events; the other says another queue at one tick.
    other = edited(
        20152,
        40,
        lambda line: re.sub(r" (\d+)( +\d+ +-)$", lambda m: f" {int(m[1]) + 1}{m[2]}", line),
        "other",
    )
    told = scalemodel("compare", run, other, code=1)
    page = show(run, other)
    assert page.locator(".diagram").count() == 2
    text = page.text_content(".comparison")
    assert "part at" in text and re.search(r"queue_len: \d+ here, \d+ there", text)[0] in told
    left, right = (place(page, 1, 30, each)[1] for each in (0, 1))
    assert left == right
    page.click(".part")
    settle(page)
    view = page.evaluate("report.view()")
    due = page.evaluate("report.field(0, 1, 'model')[39]")
    assert due == pytest.approx((view["x0"] + view["x1"]) / 2, abs=0.02)
    # Whoever zooms in one zooms in both.
    page.locator(".diagram").nth(1).press("+")
    settle(page)
    left, right = (place(page, 1, 39, each)[1] for each in (0, 1))
    assert left == right
    boxes = [page.locator(".diagram").nth(each).bounding_box() for each in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
    page.set_viewport_size({"width": 500, "height": 900})
    settle(page)
    boxes = [page.locator(".diagram").nth(each).bounding_box() for each in (0, 1)]
    assert boxes[0]["x"] == boxes[1]["x"] and boxes[0]["y"] < boxes[1]["y"]


CONTRASTS = """() => {
    const rgb = text => text.match(/[\\d.]+/g).slice(0, 3)
        .map(part => part / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const light = text => { const [r, g, b] = rgb(text); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = of => {
        for (let e = of; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$|transparent/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const found = [];
    for (const e of document.querySelectorAll('h1, h2, h3, p, dt, dd, th, td, caption, legend,'
        + 'button, label span, li, b, summary')) {
        const shown = e.offsetParent !== null && e.textContent.trim() !== '' && !e.disabled;
        if (!shown) continue;
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), e.tagName + '.' + e.className]);
    }
    return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_legible_in_light_and_dark(show, page, run, scheme):
    page.emulate_media(color_scheme=scheme)
    show(run)
    assert page.evaluate("report.isDark()") == (scheme == "dark")
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 100
    assert [found for found in contrasts if found[0] < 4.5] == []


def test_the_page_turns_dark_while_it_is_open(show, page, run):
    show(run)
    assert not page.evaluate("report.isDark()")
    page.emulate_media(color_scheme="dark")
    until(page, "report.isDark()")


def test_paper_shows_the_whole_run_without_controls(show, page, run):
    page.emulate_media(color_scheme="dark")
    show(run)
    page.locator(".diagram").press("+")
    until(page, "report.isPaperReady()")
    page.emulate_media(media="print", color_scheme="dark")
    settle(page)
    assert not page.locator("#machines").is_visible()
    assert not page.locator("#zoom-in").is_visible()
    assert page.locator(".diagram canvas.paper").is_visible()
    assert not page.locator(".diagram canvas.base").is_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    for heading in [
        "Verdict",
        "Space-time diagram",
        "Clocks and queues over time",
        "Jumps and drift",
        "Figures",
        "Trial",
    ]:
        assert page.get_by_role("heading", name=heading, exact=True).is_visible()
    assert page.pdf().startswith(b"%PDF-")


def test_everything_has_a_name_for_who_does_not_see_it(show, run):
    page = show(run)
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("main, header, nav, footer").count() == 4
    nameless = """() => [...document.querySelectorAll(
            'button, input, canvas[role], svg[role], [tabindex="0"]')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
        .map(e => e.outerHTML.slice(0, 80))"""
    assert page.evaluate(nameless) == []
    assert page.evaluate("[...document.querySelectorAll('th')].every(th => th.scope)")
    assert page.get_attribute("#live", "aria-live") == "polite"


def test_a_run_that_is_not_whole_says_so(show, run, tmp_path):
    folder = tmp_path / "torn"
    shutil.copytree(run, folder)
    (folder / "log20153.txt").unlink()
    log = folder / "log20152.txt"
    lines = log.read_text().splitlines()
    log.write_text("\n".join(lines[:50]) + "\n" + lines[50][:20])
    page = show(folder)
    assert page.text_content(".badge") == "cannot say"
    verdict = page.text_content("#verdict")
    assert "the last line is torn" in verdict and "the log of machine 3" in verdict
    trial = page.text_content("#trial")
    assert "torn at line 51" in trial and "missing" in trial
    assert page.evaluate("report.runs()[0].machines") == 3


def test_text_from_outside_is_never_markup(show, run, tmp_path):
    folder = tmp_path / "<img src=x onerror=document.title='taken'>&amp;"
    shutil.copytree(run, folder)
    page = show(folder)
    assert page.title() == "trial5 - scalemodel"
    assert page.locator("img").count() == 0
    assert str(folder) in page.text_content("footer")


def test_faults_and_restarts_are_shown(show, scalemodel, tmp_path):
    folder = tmp_path / "crash"
    scalemodel("simulate", "scripts/trials/faults-crash.toml", "--logs", folder)
    page = show(folder)
    assert "kill" in page.text_content("#trial")
    assert "started 2 times" in page.text_content("#trial")
    assert "without the faults" in page.text_content("#over-time")
    # The first event after the kill, and that it waited for ten seconds.
    times = page.evaluate("report.field(0, 0, 'model')")
    assert max(b - a for a, b in zip(times, times[1:])) > 9


def test_the_axis_of_a_real_run_may_be_its_system_time(show):
    folder = ROOT / "tests" / "data" / "run"
    page = show(folder)
    page.get_by_text("system time", exact=True).click()
    settle(page)
    assert page.evaluate("report.view().axis") == "system"
    for machine, log in enumerate(sorted(folder.glob("log*.txt"))):
        header = dict(
            line[2:].split(": ", 1)
            for line in log.read_text().splitlines()
            if line.startswith("# ") and ": " in line
        )
        start, speed = datetime.datetime.fromisoformat(header["start"]), float(header["speed"])
        since = [
            datetime.datetime.fromisoformat(row["system_time"]) - start for row in read_log(log)
        ]
        expected = [time.total_seconds() * speed for time in since]
        assert page.evaluate(f"report.field(0, {machine}, 'system')") == pytest.approx(
            expected, abs=1e-6 * speed
        )


def write_trial(file, machines, rate, duration, draws):
    text = f'name = "many"\nduration_s = {duration}\ndraw_range = {draws}\nseed = 7\n'
    for number in range(machines):
        text += f'\n[[machine]]\nhost = "127.0.0.1"\nport = {21000 + number}\n'
        text += f"clock_rate = {rate}\nphase = {1 + number * 617 % 1000}\n"
    file.write_text(text)


def test_a_hundred_machines_have_their_lines(show, scalemodel, tmp_path):
    write_trial(tmp_path / "many.toml", 100, 3, 60, 200)
    scalemodel("simulate", tmp_path / "many.toml", "--logs", tmp_path / "many")
    page = show(tmp_path / "many")
    [drawn] = page.evaluate("report.drawn()")
    assert (drawn["machines"], drawn["dots"] + drawn["banded"]) == (100, 18000)
    rows = page.evaluate(
        "Array.from({ length: 100 }, (_, machine) => report.where(0, machine, 0)[1])"
    )
    assert all(8 <= below - above for above, below in zip(rows, rows[1:]))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_million_events_open_and_stay_usable(show, scalemodel, tmp_path):
    write_trial(tmp_path / "many.toml", 3, 1000, 334, 10)
    scalemodel("simulate", tmp_path / "many.toml", "--logs", tmp_path / "many")
    began = time.monotonic()
    page = show(tmp_path / "many")
    opened = page.evaluate("report.openedMs") / 1000
    print(f"1,002,000 events: shown {opened:.2f} s after the page was asked for")
    # The computer may be busy; on two idle cores it is about a second.
    assert opened < LIMIT_S / 2 and time.monotonic() - began < 2 * LIMIT_S
    [drawn] = page.evaluate("report.drawn()")
    assert drawn["dots"] + drawn["banded"] == 1_002_000
    diagram = page.locator(".diagram")
    diagram.focus()
    began, steps = time.monotonic(), 25
    for _ in range(steps):
        page.keyboard.press("+")
        settle(page)
    print(f"zoomed in {steps} times: {1000 * (time.monotonic() - began) / steps:.0f} ms each")
    [drawn] = page.evaluate("report.drawn()")
    assert drawn["banded"] == 0 and 0 < drawn["dots"] < 1000
    page.keyboard.press("]")
    counts = page.evaluate("report.chosen().counts")
    assert sum(counts.values()) == 1_002_000 - 1
