//! Happened-before, as the vector clocks tell it, against a plain search along the edges.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{run, stderr};
use proptest::prelude::*;
use scalemodel::analysis::causality::{Causality, Pairs, Stretch};
use scalemodel::analysis::history::{EventRef, History};
use scalemodel::logbook::LoggedEvent;
use tempfile::TempDir;

/// Runs a random trial in process, and joins its logs.
fn history(rates: &[u32], seed: u64, folder: &TempDir) -> History {
    let mut trial = format!("name = \"random\"\nduration_s = 3\ndraw_range = 6\nseed = {seed}\n");
    for (index, rate) in rates.iter().enumerate() {
        let (port, phase) = (20_001 + index, 1 + (index * 331) % 1000);
        trial += &format!("[[machine]]\nhost = \"127.21.9.1\"\nport = {port}\n");
        trial += &format!("clock_rate = {rate}\nphase = {phase}\n");
    }
    let file = folder.path().join("random.toml");
    fs::write(&file, trial).unwrap();
    let logs = folder.path().join("logs");
    let output = run(&["simulate", file.to_str().unwrap(), "--logs", logs.to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    History::load(&logs).unwrap()
}

fn events(history: &History) -> Vec<EventRef> {
    let logs = history.present();
    logs.flat_map(|(machine, log)| {
        (0..log.ticks.len()).map(move |index| EventRef { machine, index })
    })
    .collect()
}

/// The events right before an event: on its machine, and the send of what it received.
fn parents(history: &History, event: EventRef) -> Vec<EventRef> {
    let EventRef { machine, index } = event;
    let before = index.checked_sub(1).map(|index| EventRef { machine, index });
    let send = match history.event(event).entry.event {
        LoggedEvent::Receive { from, timestamp } => {
            let from = history.machine_at(from).unwrap();
            let ticks = &history.log(from).unwrap().ticks;
            let index = ticks.iter().position(|tick| tick.entry.logical_clock == timestamp);
            Some(EventRef { machine: from, index: index.unwrap() })
        }
        _ => None,
    };
    before.into_iter().chain(send).collect()
}

/// All that happened before an event, and the event itself.
fn past(history: &History, event: EventRef) -> BTreeSet<EventRef> {
    let mut past = BTreeSet::new();
    let mut open = vec![event];
    while let Some(event) = open.pop() {
        if past.insert(event) {
            open.extend(parents(history, event));
        }
    }
    past
}

fn assert_is_path(history: &History, path: &[Stretch], from: EventRef, to: EventRef) {
    assert_eq!((path[0].first, path[path.len() - 1].last), (from, to));
    for stretch in path {
        assert!(stretch.first.machine == stretch.last.machine);
        assert!(stretch.first.index <= stretch.last.index);
    }
    for pair in path.windows(2) {
        assert_eq!(history.send_of(pair[1].first), Some(pair[0].last));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn vector_clocks_say_what_a_search_along_the_edges_finds(
        rates in proptest::collection::vec(1_u32..=6, 2..=5), seed in 0_u64..1000,
    ) {
        let folder = TempDir::new().unwrap();
        let history = history(&rates, seed, &folder);
        let causality = Causality::of(&history);
        let events = events(&history);
        let pasts: BTreeMap<_, _> =
            events.iter().map(|event| (*event, past(&history, *event))).collect();
        let mut pairs = Pairs { ordered: 0, concurrent: 0, concurrent_with_clocks_apart: 0 };
        for (place, one) in events.iter().enumerate() {
            prop_assert_eq!(causality.rank(*one), pasts[one].len() as u64);
            for other in &events[place + 1..] {
                let found = [(one, other), (other, one)].map(|(a, b)| causality.is_in_past(*a, *b));
                let searched = [(one, other), (other, one)].map(|(a, b)| pasts[b].contains(a));
                prop_assert_eq!(found, searched);
                let clocks = [one, other].map(|event| history.event(*event).entry.logical_clock);
                pairs.ordered += u64::from(found[0] || found[1]);
                pairs.concurrent += u64::from(!found[0] && !found[1]);
                let is_apart = !found[0] && !found[1] && clocks[0] != clocks[1];
                pairs.concurrent_with_clocks_apart += u64::from(is_apart);
                match (causality.path(*one, *other), causality.path(*other, *one)) {
                    (Some(path), None) => assert_is_path(&history, &path, *one, *other),
                    (None, Some(path)) => assert_is_path(&history, &path, *other, *one),
                    (None, None) => prop_assert!(!found[0] && !found[1]),
                    (Some(_), Some(_)) => prop_assert!(false, "each before the other"),
                }
            }
        }
        prop_assert_eq!(causality.pairs(), pairs);
    }
}
