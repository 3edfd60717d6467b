"""The logs themselves, read as docs/log-format.md tells."""

import re

import pandas


def read_log(path):
    return pandas.read_csv(path, sep=r"\s+", comment="#", na_values="-", dtype={"peers": str},
                           parse_dates=["system_time"])


def end_entry(path):
    """The fields of the end entry, which is the last line."""
    fields = re.findall(r"(\w+)=(\S+)", path.read_text().splitlines()[-1])
    return dict(fields)


def total(counts):
    """The sum of PORT:COUNT,PORT:COUNT."""
    return sum(int(count.split(":")[1]) for count in counts.split(","))


def test_pandas_reads_what_the_end_entries_count(run):
    logs = sorted(run.glob("log*.txt"))
    assert len(logs) == 3
    for path in logs:
        log, end = read_log(path), end_entry(path)
        receives = log[log["event"] == "receive"]
        sends = log[log["event"] == "send"]["peers"].str.split(",").explode()
        assert len(log) == int(end["done"])
        assert log["logical_clock"].iloc[-1] == int(end["logical_clock"])
        assert len(receives) == total(end["received"])
        assert len(sends) == total(end["sent"])
        assert (receives["received_timestamp"] < receives["logical_clock"]).all()
