//! Who this OS process is: a machine of a run, in one of its incarnations, and how both ends of a
//! connection prove that they know the secret of the run.
//!
//! The connector says hello with a nonce; the listener answers with a nonce of its own and its
//! proof; the connector proves itself in turn. Nothing else is believed before that, and the secret
//! itself never travels. A proof is of the whole hello and of both nonces, so that it is good for
//! one connection and one role.

use std::fmt;

use anyhow::Result;

use super::secret::{Nonce, Proof, Role, Secret, Transcript};
use super::wire::{Asking, Boot, Hello, Line, PROTOCOL, RunId, TrialDigest, text_of};
use crate::model::{MachineId, Seed};

/// The first line on a connection, by which its sender asks to be let in.
pub(super) trait Opening: fmt::Display {
    /// What the listener's proof must be of.
    fn nonce(&self) -> Nonce;
}

impl Opening for Hello {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

impl Opening for Asking {
    fn nonce(&self) -> Nonce {
        self.nonce
    }
}

/// A machine as it shows itself to its peers.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) run: RunId,
    pub(super) machine: MachineId,
    pub(super) incarnation: u32,
    pub(super) boot: Boot,
    pub(super) is_virtual: bool,
    pub(super) trial: TrialDigest,
    pub(super) secret: Secret,
}

impl Identity {
    /// The hello to a peer; every connection has its own.
    pub(super) fn hello(&self, to: MachineId) -> Result<Hello> {
        Ok(Hello {
            protocol: PROTOCOL,
            run: self.run.clone(),
            from: self.machine,
            to,
            incarnation: self.incarnation,
            boot: self.boot,
            is_virtual: self.is_virtual,
            trial: self.trial,
            nonce: Nonce::draw()?,
        })
    }

    /// What a listener answers to the first line.
    pub(super) fn challenge(&self, opening: &impl Opening, nonce: Nonce) -> Line {
        Line::Challenge { nonce, proof: self.proof(Role::Listener, opening, nonce) }
    }

    /// What a connector answers to the challenge.
    pub(super) fn answer(&self, hello: &Hello, nonce: Nonce) -> Line {
        Line::Proof(self.proof(Role::Connector, hello, nonce))
    }

    /// Whether the other end knows the secret, by its proof for a first line and the listener's
    /// nonce.
    pub(super) fn believes(
        &self,
        role: Role,
        opening: &impl Opening,
        nonce: Nonce,
        proof: &Proof,
    ) -> bool {
        with_transcript(opening, nonce, |transcript| self.secret.verifies(role, transcript, proof))
    }

    fn proof(&self, role: Role, opening: &impl Opening, nonce: Nonce) -> Proof {
        with_transcript(opening, nonce, |transcript| self.secret.proof(role, transcript))
    }
}

fn with_transcript<T>(
    opening: &impl Opening,
    nonce: Nonce,
    then: impl FnOnce(&Transcript<'_>) -> T,
) -> T {
    let text = text_of(opening);
    then(&Transcript { hello: &text, connector: opening.nonce(), listener: nonce })
}

/// Draws what tells this OS process from a second copy of it.
pub(super) fn new_boot() -> Result<Boot> {
    Ok(Boot(Seed::from_entropy()?.get()))
}
