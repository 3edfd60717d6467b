//! How long a message takes between machines: a round trip of a probe, in turn with bare ones.
//!
//! A probe of `scalemodel health` enters one machine of a running trial and goes to each of its peers
//! over the producers and consumer threads of the run; the peer answers on its own producer. Machine by
//! machine it is timed where it entered. The bare round trip has lines of the same lengths; with the
//! same pauses, in which both ends fall asleep, and once more without any.

use std::time::Duration;

use scalemodel::logbook::SystemTime;
use scalemodel::machine::wire::{CheckupId, EchoLine, Line, ProbeId};
use scalemodel::trial::Trial;
use serde_json::Value;

use crate::figures::{median_of, percentile};
use crate::machines::{Machines, known_trial, trial};
use crate::ping_pong::PingPong;
use crate::table::Row;
use crate::{Plan, program};

/// Probes a channel, and how long they are spread over. No more are allowed at one time.
const PROBES: u32 = 100;
const SPAN_S: u32 = 2;

/// As many round trips without a pause as make a steady figure.
const TRIPS: u32 = 10_000;

/// p50 and p99.
type Figures = [f64; 2];

pub(crate) fn measure(plan: &Plan) -> Vec<Row> {
    // Nobody comes to an end while it is asked.
    let two = trial(2, "6,6", 3600, &[]);
    let trial_7 = known_trial("trial7", 3600);
    let paced = PingPong {
        lengths: lengths(),
        trips: PROBES,
        period: Duration::from_secs(1) * SPAN_S / PROBES,
        is_on_one_core: false,
    };
    let at_once = PingPong { trips: TRIPS, period: Duration::ZERO, ..paced };
    let mut runs = Vec::new();
    for _ in 0..plan.runs {
        runs.push([probes(&two, plan), bare(paced), probes(&trial_7, plan), bare(at_once)]);
    }
    let of = |place: usize, figure: usize| median_of(&runs, |run| run[place][figure]);
    let pairs = [
        ("2 machines at 6, 6", 0, "a bare one, with the same pauses", 1),
        ("2 machines at 6, 6", 0, "a bare one, without pauses", 3),
        ("trial 7", 2, "a bare one, with the same pauses", 1),
    ];
    let mut rows = Vec::new();
    for (on, ours, other, bare) in pairs {
        for (figure, name) in ["p50", "p99"].into_iter().enumerate() {
            let row = Row::new(format!("round trip of a probe, {name}"), on);
            rows.push(row.measured(of(ours, figure), "us").against(other, of(bare, figure)));
        }
    }
    rows
}

/// The lengths of a probe and its echo on the wire.
fn lengths() -> [usize; 2] {
    let probe = ProbeId { checkup: CheckupId(u64::MAX), number: PROBES / 2 };
    let now = SystemTime(1_790_000_000_000_000);
    let echo = EchoLine { probe, heard: now, answered: now };
    [Line::Probe(probe), Line::Echo(echo)].map(|line| format!("{line}\n").len())
}

fn bare(ping_pong: PingPong) -> Figures {
    let trips_us = ping_pong.play();
    [50, 99].map(|percent| percentile(&trips_us, percent))
}

/// Asks the machines of a run once.
fn probes(trial: &Trial, plan: &Plan) -> Figures {
    let machines = Machines::start(trial, &plan.folder, &[]);
    machines.wait_for_model_time(1);
    let (probes, span_s) = (PROBES.to_string(), SPAN_S.to_string());
    let mut health = program::scalemodel(&["health", "--format", "json", "--late", "3600000"]);
    health.args(["--probes", &probes, "--span", &span_s]).arg(&plan.folder);
    let output = health.output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).expect("health prints what it found");
    let propagation = &said["layers"][2]["figures"];
    assert_eq!(propagation["lost"].as_u64(), Some(0), "every probe is back");
    ["p50_us", "p99_us"].map(|figure| propagation[figure].as_f64().unwrap())
}
