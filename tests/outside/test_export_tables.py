"""The exports for data libraries, read by three of them, and held against the logs themselves."""

import re

import duckdb
import pandas
import polars
import pytest

FORMATS = ["csv", "jsonl"]


@pytest.fixture(scope="session")
def files(scalemodel, run, tmp_path_factory):
    """The run in both formats."""
    folder = tmp_path_factory.mktemp("tables")
    for form in FORMATS:
        scalemodel("export", run, "--to", form, "-o", folder / f"run.{form}")
    return {form: folder / f"run.{form}" for form in FORMATS}


@pytest.fixture(scope="session")
def ends(run):
    """What the end entries of the logs count, by machine."""
    ends = {}
    for number, path in enumerate(sorted(run.glob("log*.txt")), start=1):
        last = path.read_text().splitlines()[-1]
        fields = dict(re.findall(r"(\w+)=(\S+)", last))
        totals = {key: sum(int(n) for n in re.findall(r":(\d+)", fields[key]))
                  for key in ("sent", "received")}
        ends[f"m{number}"] = {
            "events": int(fields["done"]), "clock": int(fields["logical_clock"]), **totals,
        }
    assert len(ends) == 3
    return ends


# Every reader gives the events as objects with the keys of the JSON export.

def nested(rows):
    """Rows of the CSV export in the shape of the JSON export."""
    for row in rows:
        for key in ("peers", "messages"):
            row[key] = [] if is_none(row[key]) else str(row[key]).split(" ")
        row["messages"] = [int(message) for message in row["messages"]]
        row["vector"] = {key.removeprefix("vector_"): row.pop(key)
                         for key in list(row) if key.startswith("vector_")}
    return rows


def is_none(value):
    return value is None or value != value


def with_pandas(path, form):
    if form == "csv":
        frame = pandas.read_csv(path, dtype={"peers": str, "messages": str})
        return nested(frame.to_dict("records"))
    return pandas.read_json(path, lines=True, precise_float=True).to_dict("records")


def with_polars(path, form):
    if form == "csv":
        texts = {"peers": polars.String, "messages": polars.String}
        return nested(polars.read_csv(path, schema_overrides=texts).to_dicts())
    return polars.read_ndjson(path).to_dicts()


def with_duckdb(path, form):
    read = {"csv": "read_csv(?, types = {'peers': 'VARCHAR', 'messages': 'VARCHAR'})",
            "jsonl": "read_json(?)"}[form]
    found = duckdb.execute(f"select * from {read}", [str(path)])
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row)) for row in found.fetchall()]
    return nested(rows) if form == "csv" else rows


@pytest.fixture(params=[(read, form) for read in (with_pandas, with_polars, with_duckdb)
                        for form in FORMATS],
                ids=lambda param: f"{param[0].__name__}-{param[1]}")
def events(request, files):
    """The events, in the order of the file, as one reader reads one format."""
    read, form = request.param
    return read(files[form], form)


def test_the_counts_are_those_of_the_logs(events, ends):
    counts = {}
    for machine in ends:
        own = [event for event in events if event["machine"] == machine]
        counts[machine] = {
            "events": len(own),
            "clock": own[-1]["logical_clock"],
            "sent": sum(len(event["peers"]) for event in own if event["event"] == "send"),
            "received": sum(event["event"] == "receive" for event in own),
        }
    assert counts == ends


def test_every_row_has_the_whole_vector(events, ends):
    for event in events:
        assert list(event["vector"]) == list(ends)
        assert all(isinstance(count, int) for count in event["vector"].values())


def test_own_entries_count_the_events_of_a_machine(events, ends):
    for machine in ends:
        own = [event["vector"][machine] for event in events if event["machine"] == machine]
        assert own == list(range(1, len(own) + 1))


def test_a_receive_knows_what_its_send_and_its_machine_knew_and_nothing_else(events):
    sends, before = {}, {}
    receives = 0
    for event in events:
        machine, vector = event["machine"], dict(event["vector"])
        known = before.get(machine, dict.fromkeys(vector, 0))
        if event["event"] == "receive":
            receives += 1
            send = sends.pop(event["messages"][0])
            assert send["logical_clock"] == event["received_timestamp"]
            assert send["machine"] == event["peers"][0]
            known = {host: max(count, send["vector"][host]) for host, count in known.items()}
        known = {**known, machine: known[machine] + 1}
        assert vector == known
        if event["event"] == "send":
            assert len(event["messages"]) == len(event["peers"])
            sends.update(dict.fromkeys(event["messages"], event))
        before[machine] = vector
    assert receives > 100


def test_the_clock_condition_holds_between_all_pairs(events):
    assert len(events) == 660
    rows = [(e["machine"], e["logical_clock"], e["vector"]) for e in events]
    for machine, clock, vector in rows:
        own = vector[machine]
        after = [later for other, later, seen in rows if seen[machine] >= own and seen != vector]
        assert all(clock < later for later in after)


def test_readers_agree(files):
    read = [read(files["jsonl"], "jsonl") for read in (with_pandas, with_polars, with_duckdb)]
    for events in zip(*read, strict=True):
        keys = ("machine", "tick", "event", "logical_clock", "queue_len", "vector", "model_time_s")
        first, *others = [[event[key] for key in keys] for event in events]
        assert all(other == first for other in others)
