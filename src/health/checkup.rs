//! One checkup: all machines of a run are asked side by side, in three steps.
//!
//! First everybody is called and looked at, so that every machine counts the probes that come to it.
//! Then everybody sends probes to all of its peers. When those are back, or late, everybody is looked
//! at again. Each step has a thread for each machine, and is over when the last of them is.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use super::call::{Call, Callee};
use super::heard::{Heard, Look, Silence, Testimony};
use super::question::Question;
use crate::machine::poll;
use crate::machine::secret::Secret;
use crate::machine::wire::{CheckupId, TrialDigest};
use crate::model::{MachineId, Seed};
use crate::trial::Trial;
use crate::wall_clock;

/// How long lies between two looks for probes that are back.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A thread that asks does nothing deep.
const STACK_SIZE: usize = 256 << 10;

/// A run that goes on, and what proves that one may ask.
#[derive(Debug)]
pub struct Run {
    /// The trial that is run.
    pub trial: Trial,
    /// The secret of the run.
    pub secret: Secret,
}

/// Asks all machines of a run. `earlier` is what was heard in the checkup before, if there was one.
///
/// # Errors
/// When no identity can be drawn, or no thread can be started.
pub fn ask(run: &Run, question: Question, earlier: Option<&Heard>) -> Result<Heard> {
    let Run { trial, secret } = run;
    let id = Seed::from_entropy().context("cannot draw the identity of a checkup")?;
    let (checkup, digest) = (CheckupId(id.get()), TrialDigest::of(trial));
    let begin = wall_clock::now();
    let witnesses = trial.machine_ids().map(|machine| Witness::new(machine, begin));
    let mut witnesses: Vec<Witness> = witnesses.collect();
    side_by_side(&mut witnesses, |witness| {
        let machine = witness.testimony.machine;
        witness.call(&Callee {
            machine,
            address: trial.spec(machine).address(),
            checkup,
            trial: digest,
            secret,
            contacts: trial.contacts(machine).len(),
            limit: question.limit,
        });
    })?;
    side_by_side(&mut witnesses, |witness| witness.probe(&question))?;
    side_by_side(&mut witnesses, Witness::look_at_last)?;
    let mut testimonies: Vec<_> = witnesses.into_iter().map(|witness| witness.testimony).collect();
    if let Some(earlier) = earlier {
        testimonies.iter_mut().for_each(|testimony| remember(testimony, earlier));
    }
    Ok(Heard { trial: trial.clone(), question, testimonies })
}

/// Does the same with every witness at one time.
fn side_by_side(witnesses: &mut [Witness], act: impl Fn(&mut Witness) + Sync) -> Result<()> {
    thread::scope(|scope| {
        let act = &act;
        let threads = witnesses.iter_mut().map(|witness| {
            let thread = thread::Builder::new().stack_size(STACK_SIZE);
            thread.spawn_scoped(scope, move || act(witness))
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().try_for_each(|thread| {
            let thread = thread.context(
                "cannot start a thread to ask with; raise the limit on threads (ulimit -u)",
            )?;
            thread.join().map_err(|_| anyhow!("a thread that asks has failed"))
        })
    })
}

/// Keeps what a machine said earlier, if it is the same incarnation in the same run.
fn remember(testimony: &mut Testimony, earlier: &Heard) {
    let before = earlier.of(testimony.machine).first.as_ref();
    let (Some(before), Some(first)) = (before, &testimony.first) else { return };
    let who = |look: &Look| (look.state.run.clone(), look.state.incarnation);
    if who(before) == who(first) {
        testimony.earlier = Some(before.clone());
    }
}

/// A machine that is asked, for as long as it speaks.
#[derive(Debug)]
struct Witness {
    testimony: Testimony,
    call: Option<Call>,
    /// When the checkup began.
    begin: Instant,
}

impl Witness {
    fn new(machine: MachineId, begin: Instant) -> Self {
        Self { testimony: Testimony::new(machine), call: None, begin }
    }

    fn call(&mut self, callee: &Callee<'_>) {
        match Call::open(callee) {
            Ok(call) => self.call = Some(call),
            Err(silence) => return self.fall_silent(silence),
        }
        self.testimony.first = self.look();
        self.testimony.first_at = wall_clock::now() - self.begin;
    }

    /// Sends probes at their times, and waits until they are back or late.
    fn probe(&mut self, question: &Question) {
        let begin = wall_clock::now();
        let end = begin + question.span;
        let mut late = begin;
        for number in 1..=question.probes {
            let due = begin + question.span * (number - 1) / question.probes;
            poll::wait(&mut [], Some(due));
            let Some(call) = &mut self.call else { return };
            late = wall_clock::now() + question.window;
            if let Err(silence) = call.send(number) {
                return self.fall_silent(silence);
            }
            self.testimony.sent = number;
        }
        let sent = self.testimony.sent as usize;
        loop {
            let Some(look) = self.look() else { return };
            let is_complete = self.testimony.back.len() == sent * look.channels.len();
            let now = wall_clock::now();
            if end <= now && (is_complete || late <= now) {
                return;
            }
            let next = if is_complete { end } else { now + LOOK_AGAIN };
            poll::wait(&mut [], Some(next.min(late.max(end))));
        }
    }

    fn look_at_last(&mut self) {
        self.testimony.last = self.look();
    }

    /// Looks at the machine, and keeps what is back.
    fn look(&mut self) -> Option<Look> {
        match self.call.as_mut()?.look() {
            Ok((look, back)) => {
                self.testimony.back.extend(back);
                Some(look)
            }
            Err(silence) => {
                self.fall_silent(silence);
                None
            }
        }
    }

    fn fall_silent(&mut self, silence: Silence) {
        self.call = None;
        self.testimony.silence = Some(silence);
        self.testimony.silent_at = wall_clock::now() - self.begin;
    }
}
