//! How each claim of the notebook is tested: a function a claim, in the order of the claims.

use super::laboratory::{Case, Laboratory, Run, mean, median, share};
use super::{Finding, per_cent};
use crate::model::MachineId;

fn number(machine: u16) -> MachineId {
    MachineId::new(machine)
}

/// The share over several trials as they are.
fn pooled(laboratory: &Laboratory, trials: &[usize], truth: fn(&Run) -> Option<bool>) -> f64 {
    let truths = trials.iter().flat_map(|trial| {
        laboratory.runs(Case::trial(*trial)).iter().map(truth).collect::<Vec<_>>()
    });
    share(truths)
}

/// The share over the runs of a case.
fn share_of(runs: &[Run], truth: impl Fn(&Run) -> bool) -> f64 {
    share(runs.iter().map(|run| Some(truth(run))))
}

/// The share over the seeds of two cases.
fn share_of_pairs(runs: &[Run], others: &[Run], truth: impl Fn(&Run, &Run) -> bool) -> f64 {
    share(runs.iter().zip(others).map(|(run, other)| Some(truth(run, other))))
}

pub(super) fn slow_jumps(laboratory: &Laboratory) -> Finding {
    let share = pooled(laboratory, &[1, 2, 3, 4, 5], |run| {
        run.extremes()?;
        Some(run.machines().all(|slow| {
            run.machines()
                .filter(|fast| run.rate(slow) < run.rate(*fast))
                .all(|fast| run.figure(fast, "jump_mean") < run.figure(slow, "jump_mean"))
        }))
    });
    let runs = laboratory.runs(Case::trial(1));
    let jump = |machine| median(&runs, |run| run.figure(number(machine), "jump_mean"));
    let figures = format!(
        "Median mean jumps in trial 1: {:.2} at 2/s, {:.2} at 4/s, {:.2} at 5/s.",
        jump(1),
        jump(3),
        jump(2)
    );
    Finding { share, figures }
}

pub(super) fn trial_3_order(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(3));
    let is_ordered = |run: &Run, name| {
        let [first, second, third] = [1, 3, 2].map(|machine| run.figure(number(machine), name));
        third < second && second < first
    };
    let jump = |machine| median(&runs, |run| run.figure(number(machine), "jump_max"));
    let figures = format!(
        "Median largest jumps: {} at 1/s, {} at 2/s, {} at 3/s; the mean jumps are in this order \
         in {} of the runs.",
        jump(1),
        jump(3),
        jump(2),
        per_cent(share_of(&runs, |run| is_ordered(run, "jump_mean")))
    );
    Finding { share: share_of(&runs, |run| is_ordered(run, "jump_max")), figures }
}

pub(super) fn linear_upper_bound(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(3));
    let share = share_of(&runs, |run| {
        0.99 <= run.figure(number(2), "clock_ratio") && run.figure(number(2), "jump_mean") <= 1.05
    });
    let figures = format!(
        "Machine 2's mean jump has the median {:.3}, and its clock ends at {} after 180 ticks.",
        median(&runs, |run| run.figure(number(2), "jump_mean")),
        median(&runs, |run| run.figure(number(2), "clock_end"))
    );
    Finding { share, figures }
}

pub(super) fn exponential_jaggedness(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(3));
    let jump = |run: &Run, machine| run.figure(number(machine), "jump_mean");
    let exponential = |run: &Run| (jump(run, 1) * jump(run, 2)).sqrt();
    let share =
        share_of(&runs, |run| (jump(run, 3) - exponential(run)).abs() < (jump(run, 3) - 1.5).abs());
    let figures = format!(
        "The mean jump at 2/s has the median {:.2}; an exponential gives {:.2}, one over the \
         clock rate 1.50.",
        median(&runs, |run| jump(run, 3)),
        median(&runs, exponential)
    );
    Finding { share, figures }
}

pub(super) fn fast_varies_less(laboratory: &Laboratory) -> Finding {
    let share = pooled(laboratory, &[1, 2, 3, 4, 5], |run| {
        let (slowest, fastest) = run.extremes()?;
        Some(run.figure(fastest, "jump_max") < run.figure(slowest, "jump_max"))
    });
    let runs = laboratory.runs(Case::trial(5));
    let jump = |machine| median(&runs, |run| run.figure(number(machine), "jump_max"));
    let figures =
        format!("Median largest jumps in trial 5: {} at 1/s, {} at 5/s.", jump(2), jump(1));
    Finding { share, figures }
}

pub(super) fn fastest_leads(laboratory: &Laboratory) -> Finding {
    let ratio = |run: &Run| run.extremes().map(|(_, fastest)| run.figure(fastest, "clock_ratio"));
    let share = pooled(laboratory, &[1, 3], |run| {
        let (_, fastest) = run.extremes()?;
        Some(1.0 <= run.figure(fastest, "clock_ratio"))
    });
    let is_near = |run: &Run| ratio(run).is_some_and(|ratio| 0.99 <= ratio);
    let figures = format!(
        "In {} of the runs of trial 1 and {} of trial 3 it is within 1 % of the lead.",
        per_cent(share_of(&laboratory.runs(Case::trial(1)), is_near)),
        per_cent(share_of(&laboratory.runs(Case::trial(3)), is_near))
    );
    Finding { share, figures }
}

pub(super) fn slow_queues(laboratory: &Laboratory) -> Finding {
    let share = pooled(laboratory, &[1, 2, 3, 4, 5], |run| {
        let (slowest, fastest) = run.extremes()?;
        Some(run.figure(fastest, "queue_mean") < run.figure(slowest, "queue_mean"))
    });
    let runs = laboratory.runs(Case::trial(1));
    let queue = |machine| mean(&runs, |run| run.figure(number(machine), "queue_mean"));
    let figures = format!(
        "Mean queues in trial 1: {:.2} at 2/s, {:.3} at 4/s, {:.3} at 5/s.",
        queue(1),
        queue(3),
        queue(2)
    );
    Finding { share, figures }
}

pub(super) fn trial_1_zero(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(1));
    let is_at_most = |run: &Run, len: f64| {
        [2, 3].iter().all(|machine| run.figure(number(*machine), "queue_max") <= len)
    };
    let figures = format!(
        "Neither queue exceeds 1 in {} of the runs; machine 2's stays at 0 in {}, machine 3's in \
         {}.",
        per_cent(share_of(&runs, |run| is_at_most(run, 1.0))),
        per_cent(share_of(&runs, |run| run.figure(number(2), "queue_max") < 1.0)),
        per_cent(share_of(&runs, |run| run.figure(number(3), "queue_max") < 1.0))
    );
    Finding { share: share_of(&runs, |run| is_at_most(run, 0.0)), figures }
}

pub(super) fn oscillates(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(1));
    let share = share_of(&runs, |run| {
        run.figure(number(1), "busy") <= 0.9 && run.figure(number(1), "queue_max") <= 10.0
    });
    let longer = laboratory.runs(Case::trial(1).lasting(600));
    let longest = |runs: &[Run]| median(runs, |run| run.figure(number(1), "queue_max"));
    let figures = format!(
        "{} of the ticks find it empty; its median peak is {} in 60 s and {} in 600 s.",
        per_cent(1.0 - mean(&runs, |run| run.figure(number(1), "busy"))),
        longest(&runs),
        longest(&longer)
    );
    Finding { share, figures }
}

pub(super) fn in_sync(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(1));
    let share = share_of(&runs, |run| {
        run.machines().all(|machine| 0.95 <= run.figure(machine, "clock_ratio"))
    });
    let figures = format!(
        "The drift at the end has the median {}, of a clock of {}.",
        median(&runs, |run| run.of_run("drift_end")),
        median(&runs, |run| run.largest("clock_end"))
    );
    Finding { share, figures }
}

pub(super) fn probability_matters(laboratory: &Laboratory) -> Finding {
    let [more, as_it_is, less] =
        [5, 10, 15].map(|range| laboratory.runs(Case::trial(1).drawing(range)));
    let queue = |run: &Run| run.figure(number(1), "queue_mean");
    let figures = format!(
        "Median mean queues: {:.2} with draws in 1..=5, {:.2} in 1..=10, {:.2} in 1..=15.",
        median(&more, queue),
        median(&as_it_is, queue),
        median(&less, queue)
    );
    Finding { share: share_of_pairs(&more, &less, |more, less| queue(less) < queue(more)), figures }
}

pub(super) fn radical_change(laboratory: &Laboratory) -> Finding {
    let [fifth, first] = [5, 1].map(|trial| laboratory.runs(Case::trial(trial)));
    let share = share_of_pairs(&fifth, &first, |fifth, first| {
        3.0 * first.figure(number(1), "queue_max") <= fifth.figure(number(2), "queue_max")
    });
    let figures = format!(
        "The slow machine's queue reaches {} in trial 5 and {} in trial 1, in the median; the \
         drift at the end is {} and {}.",
        median(&fifth, |run| run.figure(number(2), "queue_max")),
        median(&first, |run| run.figure(number(1), "queue_max")),
        median(&fifth, |run| run.of_run("drift_end")),
        median(&first, |run| run.of_run("drift_end"))
    );
    Finding { share, figures }
}

pub(super) fn accumulates(laboratory: &Laboratory) -> Finding {
    let [half, whole] = [30, 60].map(|end_s| laboratory.runs(Case::trial(5).lasting(end_s)));
    let queue = |run: &Run| run.figure(number(2), "queue_end");
    let share = share_of_pairs(&half, &whole, |half, whole| {
        0.0 < queue(half) && queue(half) < queue(whole)
    });
    let figures = format!(
        "The median queue is {} after 30 s and {} after 60 s.",
        median(&half, queue),
        median(&whole, queue)
    );
    Finding { share, figures }
}

/// Messages that arrived at a machine.
fn arrived(run: &Run, machine: MachineId) -> f64 {
    run.figure(machine, "receives") + run.figure(machine, "queue_end")
}

pub(super) fn two_a_second(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(5));
    let arrivals_per_s = |run: &Run| arrived(run, number(2)) / 60.0;
    let figures = format!(
        "{:.2} messages arrive a second on average; 2 or more in {} of the runs.",
        mean(&runs, arrivals_per_s),
        per_cent(share_of(&runs, |run| 2.0 <= arrivals_per_s(run)))
    );
    let share = share_of(&runs, |run| (arrivals_per_s(run) - 2.0).abs() <= 0.2);
    Finding { share, figures }
}

pub(super) fn discrepancy(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(5));
    let ratio = |run: &Run| run.figure(number(2), "clock_ratio");
    let figures = format!(
        "It ends at {} of the largest clock in the median, with a drift of {}.",
        per_cent(median(&runs, ratio)),
        median(&runs, |run| run.of_run("drift_end"))
    );
    Finding { share: share_of(&runs, |run| ratio(run) < 0.75), figures }
}

pub(super) fn discrepancy_is_queue(laboratory: &Laboratory) -> Finding {
    let fits = |trial, slow| {
        share_of(&laboratory.runs(Case::trial(trial)), |run| {
            let slow = number(slow);
            let missing = run.largest("clock_end") - run.figure(slow, "clock_end");
            let waiting = run.figure(slow, "queue_end") / arrived(run, slow).max(1.0);
            (waiting * run.largest("clock_end") - missing).abs() <= 0.15 * missing
        })
    };
    let figures = format!(
        "The same is true in {} of the runs of trial 7, which is more overloaded, and in {} of \
         trial 1, where the machine keeps up.",
        per_cent(fits(7, 3)),
        per_cent(fits(1, 1))
    );
    Finding { share: fits(5, 2), figures }
}

pub(super) fn same_jaggedness(laboratory: &Laboratory) -> Finding {
    let [short, long] = [60, 120].map(|end_s| laboratory.runs(Case::trial(6).lasting(end_s)));
    let jump = |run: &Run, machine| run.figure(number(machine), "jump_mean");
    let share = share_of_pairs(&short, &long, |short, long| {
        [1, 3]
            .iter()
            .all(|machine| (jump(long, *machine) / jump(short, *machine) - 1.0).abs() <= 0.1)
    });
    let figures = format!(
        "Machine 1's mean jump has the median {:.2} over 60 s and {:.2} over 120 s.",
        median(&short, |run| jump(run, 1)),
        median(&long, |run| jump(run, 1))
    );
    Finding { share, figures }
}

pub(super) fn slow_spikes(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(6));
    let longest = |run: &Run, machine| run.figure(number(machine), "queue_max");
    let share = share_of(&runs, |run| {
        [1, 3].iter().all(|machine| 4.0 <= longest(run, *machine)) && longest(run, 2) <= 1.0
    });
    let figures = format!(
        "The queues reach {}, {} and {} in the median.",
        median(&runs, |run| longest(run, 1)),
        median(&runs, |run| longest(run, 2)),
        median(&runs, |run| longest(run, 3))
    );
    Finding { share, figures }
}

pub(super) fn linear_in_time(laboratory: &Laboratory) -> Finding {
    let runs = |trial, end_s| laboratory.runs(Case::trial(trial).lasting(end_s));
    let queue = |run: &Run, machine| run.figure(number(machine), "queue_end");
    let share = share_of_pairs(&runs(6, 60), &runs(6, 120), |short, long| {
        (queue(long, 1) - 2.0 * queue(short, 1)).abs() <= 0.5 * queue(short, 1)
            && 0.0 < queue(short, 1)
    });
    let grows_by = |trial, machine| {
        mean(&runs(trial, 120), |run| queue(run, machine))
            / mean(&runs(trial, 60), |run| queue(run, machine))
    };
    let figures = format!(
        "The mean queue at the end grows by a factor of {:.2} from 60 s to 120 s; in trial 5 by \
         {:.2}.",
        grows_by(6, 1),
        grows_by(5, 2)
    );
    Finding { share, figures }
}

pub(super) fn faster_loading(laboratory: &Laboratory) -> Finding {
    let seventh = laboratory.runs(Case::trial(7));
    let controlled = laboratory.runs(Case::trial(7).drawing(10));
    let longest = |run: &Run| run.largest("queue_max");
    let mut others: Vec<_> = (1..=5).map(|trial| laboratory.runs(Case::trial(trial))).collect();
    others.push(std::rc::Rc::clone(&controlled));
    let truths = seventh.iter().enumerate().map(|(index, run)| {
        Some(others.iter().all(|others| longest(&others[index]) < longest(run)))
    });
    let figures = format!(
        "Median longest queues: {} in trial 7, {} with draws in 1..=10, {} in trial 5.",
        median(&seventh, longest),
        median(&controlled, longest),
        median(&others[4], longest)
    );
    Finding { share: share(truths), figures }
}

pub(super) fn less_than_half(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(7));
    let ratio = |run: &Run| run.figure(number(3), "clock_ratio");
    let figures = format!(
        "It ends at {} of the largest clock in the median.",
        per_cent(median(&runs, ratio))
    );
    Finding { share: share_of(&runs, |run| ratio(run) < 0.5), figures }
}

pub(super) fn old_messages(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(7));
    let share = share_of(&runs, |run| {
        0.95 <= run.figure(number(3), "busy") && 10.0 <= run.figure(number(3), "wait_mean_s")
    });
    let figures = format!(
        "{} of its ticks receive; a message has waited for {:.1} s on average, and for {:.1} s at \
         the end.",
        per_cent(mean(&runs, |run| run.figure(number(3), "busy"))),
        mean(&runs, |run| run.figure(number(3), "wait_mean_s")),
        mean(&runs, |run| run.figure(number(3), "wait_max_s"))
    );
    Finding { share, figures }
}

/// The difference between the largest clock rate and the least.
fn spread(run: &Run) -> u32 {
    run.extremes().map_or(0, |(slowest, fastest)| run.rate(fastest) - run.rate(slowest))
}

pub(super) fn extreme_rates(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(8));
    let truths = runs.windows(2).map(|pair| {
        let (one, other) = (&pair[0], &pair[1]);
        let longest = |run: &Run| run.largest("queue_max");
        match spread(one).cmp(&spread(other)) {
            std::cmp::Ordering::Less => Some(longest(one) < longest(other)),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(longest(other) < longest(one)),
        }
    });
    let two_fast = laboratory.runs(Case::trial(5).drawing(5));
    let one_fast = laboratory.runs(Case::trial(6).lasting(60).drawing(5));
    let figures = format!(
        "At 5/s, 5/s and 1/s the longest queue has the median {}; at 5/s, 1/s and 1/s, the same \
         difference, {}.",
        median(&two_fast, |run| run.largest("queue_max")),
        median(&one_fast, |run| run.largest("queue_max"))
    );
    Finding { share: share(truths), figures }
}

pub(super) fn moderate_rates(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(8));
    let longest = |run: &Run| run.largest("queue_max");
    let (extreme, others): (Vec<Run>, Vec<Run>) =
        runs.iter().cloned().partition(|run| 4 <= spread(run));
    let moderate: Vec<Run> = others.into_iter().filter(|run| spread(run) <= 2).collect();
    let level = median(&extreme, longest);
    let figures = format!(
        "The longest queue has the median {} where rates differ little, {level} where they differ \
         much.",
        median(&moderate, longest)
    );
    Finding { share: share_of(&moderate, |run| longest(run) < level), figures }
}

pub(super) fn keeps_up(laboratory: &Laboratory) -> Finding {
    let [lower, usual] = [15, 10].map(|range| laboratory.runs(Case::trial(9).drawing(range)));
    let ratio = |run: &Run| run.figure(number(3), "clock_ratio");
    let figures = format!(
        "It ends at {} of the largest clock in the median with draws in 1..=15, at {} in 1..=10.",
        per_cent(median(&lower, ratio)),
        per_cent(median(&usual, ratio))
    );
    let share = share_of_pairs(&lower, &usual, |lower, usual| ratio(usual) < ratio(lower));
    Finding { share, figures }
}

pub(super) fn same_clock(laboratory: &Laboratory) -> Finding {
    let runs = laboratory.runs(Case::trial(9));
    let ratio = |run: &Run| run.figure(number(3), "clock_ratio");
    let figures = format!(
        "It ends at {} of the largest clock in the median, within 5 % of it in {} of the runs.",
        per_cent(median(&runs, ratio)),
        per_cent(share_of(&runs, |run| 0.95 <= ratio(run)))
    );
    Finding { share: share_of(&runs, |run| 0.99 <= ratio(run)), figures }
}

pub(super) fn trials_5_and_7(laboratory: &Laboratory) -> Finding {
    let is_lost = |run: &Run, machine: u16| {
        run.figure(number(machine), "clock_ratio") < 0.75
            && 20.0 <= run.figure(number(machine), "queue_end")
    };
    let [fifth, seventh] = [5, 7].map(|trial| laboratory.runs(Case::trial(trial)));
    let figures = format!(
        "Median queues at the end: {} in trial 5, {} in trial 7.",
        median(&fifth, |run| run.figure(number(2), "queue_end")),
        median(&seventh, |run| run.figure(number(3), "queue_end"))
    );
    let share =
        share_of_pairs(&fifth, &seventh, |fifth, seventh| is_lost(fifth, 2) && is_lost(seventh, 3));
    Finding { share, figures }
}
