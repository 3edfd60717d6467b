"""The exports with vector clocks, read by the rules of the diagrams that they are for.

This is a reader of its own: it takes the expression from the first line, as ShiViz does with a file
that is given to it, and draws what ShiViz draws: an event for each match, and an arrow for each
entry of a clock that neither the machine itself nor another new entry could have told.
"""

import json
import re

import pytest

GROUPS = {"shiviz": {"host", "clock", "event"}, "tsviz": {"timestamp", "host", "clock", "event"}}


class Refused(Exception):
    """The diagram cannot be drawn."""


def parse(text):
    """The events: groups of the expression, the clock as an object without its zeros."""
    expression, delimiter, log = text.split("\n", 2)
    assert delimiter == ""
    pattern = re.compile("^" + expression.replace("(?<", "(?P<") + "$", re.MULTILINE)
    events = []
    for match in pattern.finditer(log):
        event = match.groupdict()
        clock = json.loads(event["clock"])
        event["clock"] = {host: count for host, count in clock.items() if count != 0}
        if event["host"] not in event["clock"]:
            raise Refused(f"no own entry: {match.group()}")
        events.append(event)
    if len(events) != len(log.splitlines()):
        raise Refused("a line is no event")
    return set(pattern.groupindex), events


def by_host(events):
    hosts = {}
    for event in events:
        hosts.setdefault(event["host"], []).append(event)
    for host, own in hosts.items():
        own.sort(key=lambda event: event["clock"][host])
        if [event["clock"][host] for event in own] != list(range(1, len(own) + 1)):
            raise Refused(f"the own entries of {host} are not 1, 2, 3, ...")
    return hosts


def parents(event, seen, hosts):
    """The events from which arrows come to an event; seen is what its host knew before it."""
    new = {}
    for host, count in event["clock"].items():
        if host != event["host"] and seen.get(host, 0) < count:
            if host not in hosts or len(hosts[host]) < count:
                raise Refused(f"no event {count} of {host}")
            new[host] = hosts[host][count - 1]
    for told in list(new.values()):
        for host, count in told["clock"].items():
            if host != told["host"] and host in new and new[host]["clock"][host] == count:
                del new[host]
    return list(new.values())


def arrows(hosts):
    found = []
    for own in hosts.values():
        seen = {}
        for event in own:
            found += [(parent, event) for parent in parents(event, seen, hosts)]
            seen.update(event["clock"])
    return found


@pytest.fixture(params=GROUPS)
def form(request):
    return request.param


def test_every_event_and_every_message_is_drawn(form, scalemodel, run):
    groups, events = parse(scalemodel("export", run, "--to", form))
    assert GROUPS[form] <= groups
    hosts = by_host(events)
    assert set(hosts) == {"m1", "m2", "m3"}
    assert len(events) == 660 + 3
    drawn = arrows(hosts)
    receives = [event for event in events if event["event"].startswith("receive")]
    assert len(drawn) == len(receives) > 100
    for send, receive in drawn:
        assert receive["messages"] in send["messages"].split(",")
        assert receive["event"] == f"receive from {send['host']}"
        assert receive["host"] in send["event"].removeprefix("send to ").split(" ")


def test_time_rises_along_arrows_and_along_machines(scalemodel, run):
    for folder in (run, "tests/data/export/run"):
        _, events = parse(scalemodel("export", folder, "--to", "tsviz"))
        assert {len(event["timestamp"]) for event in events} == {19}
        hosts = by_host(events)
        steps = [pair for own in hosts.values() for pair in zip(own, own[1:])]
        assert all(a["timestamp"] <= b["timestamp"] for a, b in steps + arrows(hosts))


def test_our_own_checker_reads_them(form, scalemodel, run, tmp_path):
    file = tmp_path / "run.log"
    scalemodel("export", run, "--to", form, "-o", file)
    text = scalemodel("check", "--format", "shiviz,json", file)
    execution = json.loads(text)["executions"][0]
    assert execution["verdict"] == "holds"
    assert (execution["hosts"], execution["events"]) == (3, 663)
    assert execution["receive_edges"] == len(arrows(by_host(parse(file.read_text())[1])))


def test_texts_of_events_hold_nothing_of_one_run_alone(scalemodel, tmp_path):
    trial = "scripts/trials/trial5.toml"
    texts = []
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        scalemodel("simulate", trial, "--seed", seed, "--duration", 5, "--logs", folder)
        _, events = parse(scalemodel("export", folder, "--to", "shiviz"))
        texts.append({event["event"] for event in events})
    allowed = re.compile(r"start|internal|send to m[123]( m[123])?|receive from m[123]")
    assert all(allowed.fullmatch(text) for text in texts[0] | texts[1])
    assert len(texts[0] & texts[1]) > 5
