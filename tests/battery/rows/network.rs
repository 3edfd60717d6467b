//! Network: what happens to lines between machines. Whatever it is, the transport repairs it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::process::must_end_well;
use crate::bench::{Bench, FAST};
use crate::row::{Extent, Row};
use crate::running::Running;
use crate::scene::{Scene, must_say, needs_root, run_all, tool};

const HOLDS: &str =
    "at both paces the run holds: each message once, in order; the log tells of hits";

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "N1",
        extent: Extent::Quick,
        fault: "lines are lost",
        injected: "in the producer, most of them, for six seconds of model time",
        must: HOLDS,
        act: |scene| strike(scene, "loss", "percent = 80\n"),
    },
    Row {
        id: "N2",
        extent: Extent::Quick,
        fault: "lines are doubled",
        injected: "in the producer, most of them, for six seconds of model time",
        must: HOLDS,
        act: |scene| strike(scene, "duplication", "percent = 80\n"),
    },
    Row {
        id: "N3",
        extent: Extent::Quick,
        fault: "lines are changed on their way",
        injected: "in the producer, most of them, for six seconds of model time",
        must: HOLDS,
        act: |scene| strike(scene, "corruption", "percent = 80\n"),
    },
    Row {
        id: "N4",
        extent: Extent::Quick,
        fault: "lines overtake each other",
        injected: "in the producer: most of them are held back for half a second of model time",
        must: HOLDS,
        act: |scene| strike(scene, "reordering", "percent = 80\ndelay_ms = 500\n"),
    },
    Row {
        id: "N5",
        extent: Extent::Quick,
        fault: "lines are late, some more than others",
        injected: "in the producer: 0.8 to 1.2 s of model time later",
        must: HOLDS,
        act: |scene| strike(scene, "delay", "delay_ms = 800\njitter_ms = 400\n"),
    },
    Row {
        id: "N6",
        extent: Extent::Quick,
        fault: "one machine is cut off from another, one way",
        injected: "in the producer, for six seconds of model time",
        must: HOLDS,
        act: |scene| strike(scene, "partition", ""),
    },
    Row {
        id: "N7",
        extent: Extent::Quick,
        fault: "two machines are cut off from each other",
        injected: "in their producers, for six seconds of model time",
        must: HOLDS,
        act: |scene| strike(scene, "partition", "both_ways = true\n"),
    },
    Row {
        id: "N8",
        extent: Extent::Quick,
        fault: "a channel is slow",
        injected: "in the producer: 60 bytes a second of model time",
        must: HOLDS,
        act: |scene| strike(scene, "bandwidth", "bytes_per_s = 60\n"),
    },
    Row {
        id: "N9",
        extent: Extent::Full,
        fault: "the cable is pulled, and put back",
        injected: "two network namespaces; the link between them is down for two seconds",
        must: "nothing comes through, both machines go on; the run holds",
        act: pulled_cable,
    },
    Row {
        id: "N10",
        extent: Extent::Full,
        fault: "packets are dropped one way, for longer than a connection lives",
        injected: "two network namespaces; a black hole in the routes of one, for eight seconds",
        must: "the connections are given up and made anew; the run holds",
        act: one_way_cut,
    },
    Row {
        id: "N11",
        extent: Extent::Full,
        fault: "a computer vanishes without a word",
        injected: "two network namespaces; the link goes down for good, and one machine is killed",
        must: "the other makes all of its ticks, names the one that is missing, and ends",
        act: vanished,
    },
];

/// Runs a trial in which a fault strikes the channel from machine 1 to machine 2.
fn strike(scene: &Scene, kind: &str, parameters: &str) -> Result<String> {
    for (name, options) in [("real", FAST.as_slice()), ("virtual", &["--pace", "virtual"])] {
        let bench = scene.bench(name, 16, &[10, 9, 8])?;
        let trial = fs::read_to_string(bench.trial_file())?;
        let fault = format!(
            "\n[[fault]]\nkind = \"{kind}\"\nat_ms = 2000\nfor_ms = 6000\nfrom = 1\nto = 2\n\
             {parameters}"
        );
        // The channel carries so much that chance leaves no fault without something to strike.
        let trial = trial.replace("draw_range = 10", "draw_range = 3");
        fs::write(bench.trial_file(), trial + &fault)?;
        run_all(&bench, options)?;
        let log = bench.log(1);
        must_say(&log, &format!("\n# fault: number=1 kind={kind} hits="))?;
        ensure!(!log.contains(" hits=0 "), "the fault struck nothing: {log}");
        bench.must_hold().with_context(|| format!("at the {name} pace"))?;
    }
    Ok("it holds at both paces".to_owned())
}

/// Two network namespaces with a cable between them. They are removed when the row ends.
struct Cable {
    names: [String; 2],
    addresses: [String; 2],
}

impl Cable {
    fn new(scene: &Scene) -> Result<Self> {
        needs_root()?;
        // The last two numbers of the row's loopback address are nobody else's.
        let own: Vec<&str> = scene.host.split('.').skip(2).collect();
        let id = format!("{}-{}-{}", std::process::id(), own[0], own[1]);
        let names = ["a", "b"].map(|end| format!("sm-{id}{end}"));
        let addresses = ["1", "2"].map(|end| format!("10.{}.{}.{end}", own[0], own[1]));
        for name in &names {
            tool(&["ip", "netns", "add", name])?;
        }
        let cable = Self { names, addresses };
        let [a, b] = &cable.names;
        let peer = ["peer", "name", "cable", "netns", b.as_str()];
        let add = ["ip", "-n", a.as_str(), "link", "add", "cable", "type", "veth"];
        tool(&[add.as_slice(), &peer].concat())?;
        for (name, address) in cable.names.iter().zip(&cable.addresses) {
            tool(&["ip", "-n", name, "address", "add", &format!("{address}/24"), "dev", "cable"])?;
            tool(&["ip", "-n", name, "link", "set", "cable", "up"])?;
        }
        Ok(cable)
    }

    /// A run of one machine at each end, under way.
    fn run(&self, scene: &Scene, options: &[&str]) -> Result<(Bench, Vec<Running>)> {
        let bench = scene.bench("run", 300, &[10, 9])?;
        let trial = fs::read_to_string(bench.trial_file())?;
        let [one, two] = &self.addresses;
        let trial = trial.replacen(&bench.host, one, 1).replacen(&bench.host, two, 1);
        fs::write(bench.trial_file(), trial)?;
        let machines = bench.machines().zip(&self.names).map(|(machine, name)| {
            let inside = ["ip", "netns", "exec", name];
            bench.launch(machine).by(&inside).with(&FAST).with(options).start()
        });
        let machines = machines.collect::<Result<Vec<_>>>()?;
        bench.wait_for_ticks(3)?;
        Ok((bench, machines))
    }

    fn set_link(&self, state: &str) -> Result<String> {
        tool(&["ip", "-n", &self.names[0], "link", "set", "cable", state])
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

/// Waits for a while in which machine 1 goes on ticking and receives nothing from machine 2.
fn must_be_cut_off(bench: &Bench, for_s: u64) -> Result<()> {
    // What has arrived before the cut may still wait in the queue.
    bench.wait_until("the queue is empty", || {
        let log = bench.log(1);
        let last = log.lines().rfind(|line| crate::bench::is_tick(line)).unwrap_or_default();
        last.split_ascii_whitespace().nth(4) != Some("receive")
    })?;
    let (ticks, received) = (bench.ticks(1), receives(bench));
    std::thread::sleep(Duration::from_secs(for_s));
    bench.wait_until("machine 1 goes on", || ticks + 20 < bench.ticks(1))?;
    ensure!(receives(bench) == received, "messages came through");
    Ok(())
}

fn receives(bench: &Bench) -> usize {
    bench.log(1).lines().filter(|line| line.contains(" receive ")).count()
}

fn pulled_cable(scene: &Scene) -> Result<String> {
    let cable = Cable::new(scene)?;
    let (bench, machines) = cable.run(scene, &[])?;
    cable.set_link("down")?;
    must_be_cut_off(&bench, 2)?;
    cable.set_link("up")?;
    must_end_well(&bench, machines)?;
    Ok("the run holds".to_owned())
}

fn one_way_cut(scene: &Scene) -> Result<String> {
    let cable = Cable::new(scene)?;
    let (bench, machines) = cable.run(scene, &["-v"])?;
    let [one, two] = [&cable.names[0], &cable.names[1]];
    let victim = format!("{}/32", cable.addresses[0]);
    tool(&["ip", "-n", two, "route", "add", "blackhole", &victim])?;
    must_be_cut_off(&bench, 8)?;
    tool(&["ip", "-n", two, "route", "delete", "blackhole", &victim])?;
    let gave_up = machines.iter().any(|machine| machine.said().contains("has ended"));
    ensure!(gave_up, "no connection was given up in {one}");
    must_end_well(&bench, machines)?;
    Ok("the connections are made anew; the run holds".to_owned())
}

fn vanished(scene: &Scene) -> Result<String> {
    let cable = Cable::new(scene)?;
    let (bench, mut machines) = cable.run(scene, &["--goodbye-limit", "2"])?;
    cable.set_link("down")?;
    machines.remove(1).kill()?;
    let said = machines.remove(0).fail()?;
    must_say(&said, &format!("peer 2 ({}:21002)", cable.addresses[1]))?;
    ensure!(bench.ticks(1) == 3000, "it made {} of 3000 ticks", bench.ticks(1));
    bench.must_be_unsure("log21002.txt")?;
    Ok("all ticks are made, and the missing one is named".to_owned())
}
