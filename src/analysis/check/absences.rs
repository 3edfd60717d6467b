//! The rule `schedule`, as far as absences go: a machine that a fault has killed or paused does not
//! tick, and at the virtual pace nothing else is skipped.

use super::violation::Complaints;
use super::{Rule, event};
use crate::logbook::{Log, SystemTime};
use crate::model::{Absence, MachineId, absences};
use crate::pace::Pace;

pub(super) fn check(complaints: &mut Complaints<'_>) {
    let history = complaints.history;
    for (machine, log) in history.present() {
        let absences = absences(&history.trial.faults, history.schedule(machine), machine);
        check_ticks(machine, log, &absences, complaints);
        if history.pace == Pace::Virtual {
            check_skips(log, &absences, complaints);
        }
    }
}

/// No tick that is due in an absence is done.
fn check_ticks(
    machine: MachineId,
    log: &Log,
    absences: &[Absence],
    complaints: &mut Complaints<'_>,
) {
    if absences.is_empty() {
        return;
    }
    for (index, tick) in log.ticks.iter().enumerate() {
        let number = tick.entry.tick;
        // Absences follow each other, and so do their ticks.
        let place = absences.partition_point(|absence| absence.next <= number);
        if let Some(absence) = absences.get(place).filter(|absence| absence.has(number)) {
            let (fault, done) = (absence.fault, if absence.is_kill { "kill" } else { "pause" });
            let what = format!("tick {number} is due while fault {fault} ({done}) lasts");
            complaints.at(Rule::Schedule, &[event(machine, index)], what);
        }
    }
}

/// At the virtual pace the ticks of an absence are skipped, when it is over, and no others.
fn check_skips(log: &Log, absences: &[Absence], complaints: &mut Complaints<'_>) {
    for skip in &log.skips {
        let record = &skip.entry;
        let is_this = |absence: &&Absence| absence.skipped() == Some([record.first, record.last]);
        let what = match absences.iter().find(is_this) {
            None if absences.is_empty() => "at the virtual pace no tick is skipped".to_owned(),
            None => "at the virtual pace only the ticks of an absence are skipped".to_owned(),
            Some(absence) => {
                let over = SystemTime::since_1970(1000 * absence.ends_ms);
                if record.lateness_us == 0 && record.system_time == over {
                    continue;
                }
                format!("at the virtual pace ticks are skipped at {over}, and nothing is late")
            }
        };
        complaints.at_line(Rule::Schedule, log, skip.line, what);
    }
}
