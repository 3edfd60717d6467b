//! Time: clocks that are wrong, for one machine of a run.

use anyhow::{Result, ensure};

use crate::bench::FAST;
use crate::row::{Extent, Row};
use crate::scene::{Scene, must_say, needs_root, run_all, tool};

const RATE: &str = "at both paces the run holds; ticks are due by the changed rate";

pub(crate) const ROWS: &[Row] = &[
    Row {
        id: "T1",
        extent: Extent::Quick,
        fault: "the monotonic clocks of two machines differ",
        injected: "one machine in a time namespace that is 30 days ahead",
        must: "the run holds",
        act: other_monotonic_clock,
    },
    Row {
        id: "T2",
        extent: Extent::Quick,
        fault: "a clock runs at another rate for a while",
        injected: "a step from 10 to 3 ticks a second, for six seconds of model time",
        must: RATE,
        act: |scene| change_rate(scene, "step", "clock_rate = 3\n", 160 - 42),
    },
    Row {
        id: "T3",
        extent: Extent::Quick,
        fault: "a clock runs slower and slower",
        injected: "a ramp from 10 to 4 ticks a second, in six equal steps over six seconds",
        must: RATE,
        act: |scene| change_rate(scene, "ramp", "clock_rate = 4\n", 160 - 21),
    },
    Row {
        id: "T4",
        extent: Extent::Quick,
        fault: "a clock stands still",
        injected: "a freeze of six seconds of model time",
        must: RATE,
        act: |scene| change_rate(scene, "freeze", "", 160 - 60),
    },
    Row {
        id: "T5",
        extent: Extent::Quick,
        fault: "a clock runs unevenly",
        injected: "jitter: 8 to 12 ticks a second, drawn anew twice a second, for six seconds",
        must: RATE,
        act: |scene| change_rate(scene, "jitter", "spread = 2\n", 0),
    },
];

/// Runs a trial in which the rate of machine 1 changes from 2 to 8 seconds; so many ticks are due, if
/// that is known.
fn change_rate(scene: &Scene, kind: &str, parameters: &str, due: usize) -> Result<String> {
    for (name, options) in [("real", FAST.as_slice()), ("virtual", &["--pace", "virtual"])] {
        let bench = scene.bench(name, 16, &[10, 9, 8])?;
        let trial = std::fs::read_to_string(bench.trial_file())?;
        let fault = format!(
            "\n[[fault]]\nkind = \"{kind}\"\nat_ms = 2000\nfor_ms = 6000\nmachine = 1\n{parameters}"
        );
        std::fs::write(bench.trial_file(), trial + &fault)?;
        run_all(&bench, options)?;
        must_say(&bench.log(1), &format!("\n# fault: number=1 kind={kind} hits="))?;
        let ticks = bench.ticks(1);
        ensure!(due == 0 || ticks == due, "{ticks} ticks at the {name} pace, not {due}");
        bench.must_hold()?;
    }
    Ok("it holds at both paces".to_owned())
}

fn other_monotonic_clock(scene: &Scene) -> Result<String> {
    needs_root()?;
    let unshare = ["unshare", "--time", "--monotonic", "2592000", "--boottime", "2592000"];
    tool(&[unshare.as_slice(), &["true"]].concat())?;
    let bench = scene.bench("run", 30, &[5, 3, 6])?;
    let mut machines = vec![bench.launch(2).by(&unshare).with(&FAST).start()?];
    for machine in [1, 3] {
        machines.push(bench.launch(machine).with(&FAST).start()?);
    }
    bench.wait_for_ticks(1)?;
    let clock = |process: u32| std::fs::read_link(format!("/proc/{process}/ns/time"));
    ensure!(clock(machines[0].process())? != clock(machines[1].process())?, "one clock for all");
    for machine in machines {
        machine.succeed()?;
    }
    bench.must_hold()?;
    Ok("the run holds".to_owned())
}
