//! What the notebook says of jumps, queues and drift in its sections III, IV and V, in its order.

use super::{Claim, Verdict, findings};

/// All claims, in the notebook's order.
#[must_use]
pub fn claims() -> Vec<Claim> {
    [
        jump_claims(),
        queue_claims(),
        overload_claims(),
        longer_claims(),
        hit_rate_claims(),
        clock_rate_claims(),
    ]
    .concat()
}

/// Section III, first point.
fn jump_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "slow-jumps",
            section: "III",
            words: "Processes running at fewer ticks per second had much larger jumps in logical \
                    clock time",
            test: "Trials 1 to 5: of any two machines, the slower has the larger mean jump.",
            find: findings::slow_jumps,
            expected: Verdict::Holds,
            reason: "A clock that keeps up grows as fast as the fastest machine's, in fewer \
                     ticks: its mean jump is the largest clock rate over its own.",
        },
        Claim {
            id: "trial-3-order",
            section: "III",
            words: "The line for process 1 is the most jagged [...] The line for process 3 is the \
                    second most jagged",
            test: "Trial 3: the largest jump of machine 1 (1/s) exceeds that of machine 3 (2/s), \
                   and that one the largest of machine 2 (3/s).",
            find: findings::trial_3_order,
            expected: Verdict::HoldsWithACondition,
            reason: "It holds on average: the mean jumps are always in this order. The largest \
                     jump of a run is one event, and now and then the faster machine has it.",
        },
        Claim {
            id: "linear-upper-bound",
            section: "III",
            words: "with the line for process 2 setting an effective linear upper bound for \
                    logical clock time",
            test: "Trial 3: machine 2 ends within 1 % of the largest clock, and its mean jump is \
                   at most 1.05.",
            find: findings::linear_upper_bound,
            expected: Verdict::Holds,
            reason: "Nothing that arrives is ahead of the fastest clock by much, so it counts its \
                     own ticks.",
        },
        Claim {
            id: "exponential-jaggedness",
            section: "III",
            words: "The jaggedness/variance in these lines exponentially reduces",
            test: "Trial 3: the mean jump at 2/s is nearer to what an exponential through those \
                   at 1/s and 3/s gives (their geometric mean) than to 3/2.",
            find: findings::exponential_jaggedness,
            expected: Verdict::DoesNotHold,
            reason: "It falls as one over the clock rate: 3, 3/2 and 3/3. Three lines on a \
                     plot do not tell the two apart.",
        },
        Claim {
            id: "fast-varies-less",
            section: "III",
            words: "faster tick speeds also reduce variations in logical clock time",
            test: "Trials 1 to 5: the largest jump of the fastest machine is below that of the \
                   slowest.",
            find: findings::fast_varies_less,
            expected: Verdict::Holds,
            reason: "The more often a clock is advanced, the less it has to catch up at once.",
        },
        Claim {
            id: "fastest-leads",
            section: "III",
            words: "the fastest machine should usually lead the rest of the machines",
            test: "Trials 1 and 3, which have one fastest machine: no clock is ahead of its clock \
                   at the end.",
            find: findings::fastest_leads,
            expected: Verdict::HoldsWithACondition,
            reason: "\"Usually\" is the condition: a machine that has just received is one ahead \
                     of the sender's timestamp until the sender ticks again.",
        },
    ]
}

/// Section III, second point.
fn queue_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "slow-queues",
            section: "III",
            words: "Processes running at fewer ticks per second also struggled to manage the \
                    message queue",
            test: "Trials 1 to 5: the mean queue of the slowest machine exceeds that of the \
                   fastest.",
            find: findings::slow_queues,
            expected: Verdict::Holds,
            reason: "The slowest machine gets the most messages, and has the fewest ticks to \
                     receive them.",
        },
        Claim {
            id: "trial-1-zero",
            section: "III",
            words: "every process except the one running at 2 ticks / second had a queue length \
                    of 0 for the entirety of the simulation",
            test: "Trial 1: the queues of machines 2 (5/s) and 3 (4/s) are 0 after every tick.",
            find: findings::trial_1_zero,
            expected: Verdict::DoesNotHold,
            reason: "Two messages now and then arrive between two ticks, and one waits for one \
                     tick more. The plot hides it: the queue is hardly ever above 1.",
        },
        Claim {
            id: "oscillates",
            section: "III",
            words: "the queue size still oscillates from 0 to some constant",
            test: "Trial 1, machine 1 (2/s): the queue is found empty by a tenth of the ticks or \
                   more, and never exceeds 10.",
            find: findings::oscillates,
            expected: Verdict::Holds,
            reason: "Messages arrive more slowly than it ticks, so the queue empties again and \
                     again. Its peak is no constant, though: it creeps up with the duration.",
        },
        Claim {
            id: "in-sync",
            section: "III",
            words: "the logical clocks stay mostly in sync relative to real time",
            test: "Trial 1: every clock ends within 5 % of the largest.",
            find: findings::in_sync,
            expected: Verdict::Holds,
            reason: "A machine that keeps up is behind by no more than its messages are old.",
        },
        Claim {
            id: "probability-matters",
            section: "III",
            words: "buildup is due not only to the rate [...] but also the probability that they \
                    will send",
            test: "Trial 1 with draws in 1..=5 and 1..=15, same seeds: machine 1 has the longer \
                   mean queue with the smaller range.",
            find: findings::probability_matters,
            expected: Verdict::Holds,
            reason: "A free tick addresses a given peer with probability 2 over the draw range.",
        },
    ]
}

/// Section III, third point.
fn overload_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "radical-change",
            section: "III",
            words: "radically changes when two processes are running at a much higher speed than \
                    the other process",
            test: "Same seeds: the slow machine's queue grows at least three times as long in \
                   trial 5 as in trial 1.",
            find: findings::radical_change,
            expected: Verdict::Holds,
            reason: "Beyond one message a tick a queue has no level to return to.",
        },
        Claim {
            id: "accumulates",
            section: "III",
            words: "the message queue continues to fill up and accumulate",
            test: "Trial 5, machine 2 (1/s): the queue after 60 s is longer than after 30 s, and \
                   that one is not empty.",
            find: findings::accumulates,
            expected: Verdict::Holds,
            reason: "More messages arrive in a second than it has ticks.",
        },
        Claim {
            id: "two-a-second",
            section: "III",
            words: "it's being sent an expected 2 messages per second",
            test: "Trial 5, machine 2: what has arrived at it, a second, is within 10 % of 2.",
            find: findings::two_a_second,
            expected: Verdict::DoesNotHold,
            reason: "2 = 2 x 5/s x 2/10 counts every tick of the fast machines as free. They \
                     spend a sixth of their ticks on receiving from each other, which leaves \
                     2 x 5/s x 5/6 x 2/10 = 1.67.",
        },
        Claim {
            id: "discrepancy",
            section: "III",
            words: "even after a minute there is a very significant discrepancy between logical \
                    clock times",
            test: "Trial 5: machine 2 ends below three quarters of the largest clock.",
            find: findings::discrepancy,
            expected: Verdict::Holds,
            reason: "It learns of the others' clocks from messages that are older and older: it \
                     is at 1/1.67 of their way.",
        },
        Claim {
            id: "discrepancy-is-queue",
            section: "III",
            words: "discrepancies in logical clock vs. real time correspond directly to buildup \
                    in a message queue",
            test: "Trial 5: machine 2 lacks that part of the largest clock which the messages in \
                   its queue are of all that arrived, within 15 %.",
            find: findings::discrepancy_is_queue,
            expected: Verdict::HoldsWithACondition,
            reason: "The condition is overload: what is missing is what still waits, and the \
                     longer the queue, the better it fits. Where a machine keeps up, its clock is \
                     behind by the age of the last message, whatever the queue.",
        },
    ]
}

/// Section IV.
fn longer_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "same-jaggedness",
            section: "IV",
            words: "the jaggedness of the logical clock graph varies identically to the 1 minute \
                    case",
            test: "Trial 6 over 120 s and 60 s, same seeds: the mean jumps of both slow machines \
                   differ by 10 % at most.",
            find: findings::same_jaggedness,
            expected: Verdict::HoldsWithACondition,
            reason: "\"Alike\" is right, \"identically\" is not: the slow machines are nearly \
                     overloaded, and how far they fall behind differs from minute to minute.",
        },
        Claim {
            id: "slow-spikes",
            section: "IV",
            words: "the two processes running at 1 tick / second spiking",
            test: "Trial 6: the queues of machines 1 and 3 (1/s) reach 4 or more, that of machine \
                   2 (5/s) never exceeds 1.",
            find: findings::slow_spikes,
            expected: Verdict::Holds,
            reason: "About one message arrives a tick: chance alone makes the queue swing.",
        },
        Claim {
            id: "linear-in-time",
            section: "IV",
            words: "The message queue size for the 2 minute case also appears to a linear factor \
                    away from [...] the 1 minute case",
            test: "Trial 6 over 120 s and 60 s, same seeds: machine 1's queue at the end is twice \
                   as long, give or take a quarter.",
            find: findings::linear_in_time,
            expected: Verdict::DoesNotHold,
            reason: "Near one message a tick a queue grows as the square root of time, by 1.4 in \
                     twice the time. It is overloaded machines, as in trial 5, whose queue \
                     doubles.",
        },
    ]
}

/// Section V: what a higher hit rate does.
fn hit_rate_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "faster-loading",
            section: "V",
            words: "When there is a higher hit rate, the message queue loads up at a faster rate \
                    than observed in trials 1-5",
            test: "Same seeds: the longest queue of trial 7 exceeds those of trials 1 to 5, and \
                   of trial 7 itself with draws in 1..=10.",
            find: findings::faster_loading,
            expected: Verdict::Holds,
            reason: "Half the draw range is twice the chance of a message. Part of the \
                     notebook's difference comes from 6/s instead of 5/s; the comparison at the \
                     same rates leaves that out.",
        },
        Claim {
            id: "less-than-half",
            section: "V",
            words: "reaching less than half the logical clock time as the 6 ticks / second \
                    processes",
            test: "Trial 7: machine 3 (1/s) ends below half of the largest clock.",
            find: findings::less_than_half,
            expected: Verdict::Holds,
            reason: "Some 3.4 messages arrive for each one that it receives.",
        },
        Claim {
            id: "old-messages",
            section: "V",
            words: "the slow process is spammed to the point where it is stuck handling old \
                    message requests",
            test: "Trial 7, machine 3: at least 95 % of its ticks receive, and its messages have \
                   waited for 10 s or more on average.",
            find: findings::old_messages,
            expected: Verdict::Holds,
            reason: "A queue that never empties leaves no free tick, and makes every message \
                     older than the last.",
        },
    ]
}

/// Section V: what clock rates do at one hit rate or another.
fn clock_rate_claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "extreme-rates",
            section: "V",
            words: "The message queue varies more when the differences in the clock rate are more \
                    extreme",
            test: "Trial 8, whose rates each seed draws: of two successive seeds, the one with \
                   the larger difference of rates has the longer longest queue.",
            find: findings::extreme_rates,
            expected: Verdict::HoldsWithACondition,
            reason: "What decides is the messages that arrive a tick, not the difference of \
                     rates: two fast machines overload a slow one far more than one does.",
        },
        Claim {
            id: "moderate-rates",
            section: "V",
            words: "variations aren't as pronounced when the differences in the clock rate aren't \
                    extreme",
            test: "Trial 8: where rates differ by 2/s at most, the longest queue is below the \
                   median of where they differ by 4/s or more.",
            find: findings::moderate_rates,
            expected: Verdict::Holds,
            reason: "The less faster the others are, the fewer messages a slow machine gets for \
                     each of its ticks.",
        },
        Claim {
            id: "keeps-up",
            section: "V",
            words: "The logical clock of the slowest process is able to keep up with \
                    substantially faster processes when the hit rate is lower",
            test: "Trial 9 and the same with draws in 1..=10, same seeds: machine 3's clock ends \
                   nearer to the largest with draws in 1..=15.",
            find: findings::keeps_up,
            expected: Verdict::Holds,
            reason: "It does better, that is; it is still at the edge: 1.06 messages arrive a \
                     tick.",
        },
        Claim {
            id: "same-clock",
            section: "V",
            words: "the slow process and the faster processes have the same logical clock time \
                    after the 1 minute period",
            test: "Trial 9: machine 3's clock ends within 1 % of the largest.",
            find: findings::same_clock,
            expected: Verdict::DoesNotHold,
            reason: "It is behind by a tenth as a rule. After a large jump the lines touch, and \
                     on a plot they then look the same.",
        },
        Claim {
            id: "trials-5-and-7",
            section: "V",
            words: "In trials 5 and 7 [...] the logical clock of the slowest process was not able \
                    to keep up",
            test: "Trials 5 and 7: the slow machine ends below three quarters of the largest \
                   clock, with 20 messages or more in its queue.",
            find: findings::trials_5_and_7,
            expected: Verdict::Holds,
            reason: "Both are overloaded: 1.67 and 3.4 messages arrive a tick.",
        },
    ]
}
