//! What a machine begins with: its log, its past if it has one, the secret of its run, and who it is.

use anyhow::{Result, bail};
use log::{info, warn};

use super::faults::was_killed_on_purpose;
use super::identity::{self, Identity};
use super::process::MachineConfig;
use super::resume::Past;
use super::secret::Secret;
use super::wire::TrialDigest;
use crate::logbook::{Header, LogWriter, RestartRecord, Resumed, log_path};
use crate::pace::Pace;
use crate::wall_clock;

/// A machine that has a log has met its peers, perhaps, who know a secret that is there already.
pub(super) fn load_secret(config: &MachineConfig) -> Result<Secret> {
    let port = config.trial.spec(config.machine).port;
    if config.is_resumed && log_path(&config.logs, port).exists() {
        Secret::load(&config.secret)
    } else {
        Secret::load_or_create(&config.secret)
    }
}

/// The log of a machine, new or gone on with, and what follows from it.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) log: LogWriter,
    pub(super) past: Past,
    pub(super) stage: LogStage,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogStage {
    /// The common start comes next.
    Header,
    /// The column names come next.
    Start,
    /// Entries come next.
    Entries,
    /// Nothing comes next.
    End,
}

/// Creates the log, or opens the one to go on with.
pub(super) fn open_log(config: &MachineConfig) -> Result<Beginning> {
    let MachineConfig { trial, machine, .. } = config;
    let header = Header::new(trial.clone(), *machine, config.pace);
    let path = log_path(&config.logs, trial.spec(*machine).port);
    let (mut log, resumed) = match config.is_resumed {
        true => LogWriter::resume(&path, &header)?,
        false => (LogWriter::create(&path, &header)?, None),
    };
    let Some(Resumed { log: before, cut_bytes, has_columns }) = resumed else {
        let past = Past::none(trial, *machine, config.pace);
        return Ok(Beginning { log, past, stage: LogStage::Header });
    };
    let past = Past::of(&before, trial, *machine)?;
    let is_virtual = config.pace == Pace::Virtual;
    if is_virtual && !was_killed_on_purpose(trial, *machine, &past) {
        bail!(
            "{}: the trial does not kill machine {machine} where its log ends, and at the virtual \
             pace nothing else is gone on from; repeat the run, in another folder (--logs)",
            path.display()
        );
    }
    if 0 < cut_bytes {
        warn!("{cut_bytes} bytes of a torn last line were cut off {}", path.display());
    }
    let (incarnation, system_time) = (past.incarnation, wall_clock::system_time());
    if !is_virtual {
        // At the virtual pace it is told when the kill is over.
        log.restart(&RestartRecord { incarnation, cut_bytes, system_time })?;
    }
    info!("machine {machine} of {} comes back as incarnation {incarnation}", trial.name);
    let stage = match (&before.end, past.start) {
        (Some(_), _) => LogStage::End,
        (None, None) => LogStage::Header,
        (None, Some(_)) if has_columns => LogStage::Entries,
        (None, Some(_)) => LogStage::Start,
    };
    Ok(Beginning { log, past, stage })
}

/// Who the OS process is, in this incarnation.
pub(super) fn identity(
    config: &MachineConfig,
    secret: Secret,
    incarnation: u32,
) -> Result<Identity> {
    Ok(Identity {
        run: config.run.clone(),
        machine: config.machine,
        incarnation,
        boot: identity::new_boot()?,
        is_virtual: config.pace == Pace::Virtual,
        trial: TrialDigest::of(&config.trial),
        secret,
    })
}
