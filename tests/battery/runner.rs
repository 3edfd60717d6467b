//! Runs rows side by side, each in a thread of its own and within its bound of time.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::row::{Finding, Row, Skipped, Verdict};
use crate::scene::Scene;

/// So long after its deadline a row that does not come back is given up.
const GRACE: Duration = Duration::from_secs(30);

/// Runs rows, tells of each as it ends, and gives the findings in the order of the rows.
pub(crate) fn run_all(
    rows: &[&'static Row],
    jobs: usize,
    mut tell: impl FnMut(&Row, &Finding),
) -> Vec<Finding> {
    panic::set_hook(Box::new(|_| {})); // A panic is told with its row.
    let mut waiting: VecDeque<(usize, &'static Row)> = rows.iter().copied().enumerate().collect();
    let mut running: Vec<(usize, Instant)> = Vec::new();
    let mut findings: Vec<Option<Finding>> = rows.iter().map(|_| None).collect();
    let (sender, receiver) = mpsc::channel();
    while !(waiting.is_empty() && running.is_empty()) {
        while running.len() < jobs
            && let Some((place, row)) = waiting.pop_front()
        {
            let sender = sender.clone();
            let scene = Scene::new(row);
            running.push((place, scene.deadline + GRACE));
            thread::spawn(move || {
                let finding = run(row, &scene);
                // The runner may have given this row up.
                let _ = sender.send((place, finding));
            });
        }
        let next = running.iter().map(|(_, deadline)| *deadline).min().unwrap_or_else(Instant::now);
        match receiver.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok((place, finding)) if findings[place].is_none() => {
                running.retain(|(other, _)| *other != place);
                tell(rows[place], &finding);
                findings[place] = Some(finding);
            }
            Ok(_) => {}
            Err(_) => {
                let late = |(_, deadline): &mut (usize, Instant)| *deadline <= Instant::now();
                for (place, _) in running.extract_if(.., late) {
                    let verdict = Verdict::Failed("it did not come back in time".to_owned());
                    let finding = Finding { verdict, took: GRACE };
                    tell(rows[place], &finding);
                    findings[place] = Some(finding);
                }
            }
        }
    }
    findings.into_iter().flatten().collect()
}

fn run(row: &Row, scene: &Scene) -> Finding {
    let begin = Instant::now();
    let verdict = match panic::catch_unwind(AssertUnwindSafe(|| (row.act)(scene))) {
        Ok(Ok(outcome)) => Verdict::Passed(outcome),
        Ok(Err(error)) => match error.downcast::<Skipped>() {
            Ok(Skipped(why)) => Verdict::Skipped(why),
            Err(error) => Verdict::Failed(format!("{error:#}")),
        },
        Err(panic) => Verdict::Failed(format!("it panicked: {}", words(panic.as_ref()))),
    };
    Finding { verdict, took: begin.elapsed() }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
