//! Any text is a trial or is refused with its lines; a trial that is resolved and printed is the
//! same trial when it is read again.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use scalemodel::model::{Seed, Tick};
use scalemodel::trial::Trial;
use scalemodel::trial::draft::Draft;

/// The closest ticks are looked for by listing the ticks of a second: a few of them do here.
const TICKS_PER_SECOND_MAX: u64 = 1000;

fuzz_target!(|text: &str| read(text));

fn read(text: &str) {
    let path = Path::new("trial.toml");
    let as_resolved = Trial::parse_resolved(path, text);
    let mut draft = match Draft::parse(path, text) {
        Ok(draft) => draft,
        Err(problems) => {
            assert!(as_resolved.is_err(), "a wrong trial is resolved:\n{text}");
            refuse(text, problems.problems.iter().map(|problem| problem.line));
            return;
        }
    };
    let is_open = !draft.open_keys().is_empty();
    assert_eq!(as_resolved.is_err(), is_open, "resolved means that nothing is left to draw");
    draft.seed = draft.seed.or(Seed::new(7)); // an open seed would be drawn from entropy
    let trial = draft.resolve().expect("nothing but a seed can fail to be drawn");
    let again = Trial::parse_resolved(path, &trial.to_string());
    assert_eq!(again.expect("what is printed is resolved"), trial);
    if let Ok(as_resolved) = as_resolved {
        assert_eq!(as_resolved, trial);
    }
    use_it(&trial);
}

/// Every mistake stands on a line of the file.
fn refuse(text: &str, lines: impl ExactSizeIterator<Item = usize>) {
    assert_ne!(lines.len(), 0, "a refusal names a mistake");
    let line_count = 1 + text.bytes().filter(|&byte| byte == b'\n').count();
    for line in lines {
        assert!((1..=line_count).contains(&line), "no line {line} in\n{text}");
    }
}

fn use_it(trial: &Trial) {
    let rates = trial.machines.iter().map(|machine| u64::from(machine.clock_rate.0));
    if rates.sum::<u64>() <= TICKS_PER_SECOND_MAX {
        let [one, other] = trial.closest_ticks().machines;
        assert_ne!(one, other);
        for machine in trial.machine_ids() {
            let (schedule, absences) = (trial.schedule(machine), trial.absences(machine));
            assert!(schedule.ticks() <= Tick::MAX.0);
            assert!(absences.windows(2).all(|pair| pair[0].next <= pair[1].first));
        }
    }
}
