//! Who this OS process is: a machine of a run, in one of its incarnations, and how both ends of a
//! connection prove that they know the secret of the run.
//!
//! The connector says hello with a nonce; the listener answers with a nonce of its own and its
//! proof; the connector proves itself in turn. Nothing else is believed before that, and the secret
//! itself never travels. A proof is of the whole hello and of both nonces, so that it is good for
//! one connection and one role.

use anyhow::Result;

use super::secret::{Nonce, Proof, Role, Secret, Transcript};
use super::wire::{Asking, Boot, Hello, Line, PROTOCOL, RunId, TrialDigest, text_of};
use crate::model::{MachineId, Seed};

/// The first line on a connection, by which its sender asks to be let in, as proofs are made of it.
#[derive(Debug)]
pub(super) struct Opening {
    text: String,
    /// What the listener's proof must be of.
    nonce: Nonce,
}

impl From<&Hello> for Opening {
    fn from(hello: &Hello) -> Self {
        Self { text: text_of(hello), nonce: hello.nonce }
    }
}

impl From<&Asking> for Opening {
    fn from(asking: &Asking) -> Self {
        Self { text: text_of(asking), nonce: asking.nonce }
    }
}

impl Opening {
    /// What was said before the proofs, when the listener has answered with its nonce.
    fn transcript(&self, listener: Nonce) -> Transcript<'_> {
        Transcript { hello: &self.text, connector: self.nonce, listener }
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
    pub(super) fn challenge(&self, opening: &Opening, nonce: Nonce) -> Line {
        let proof = self.secret.proof(Role::Listener, &opening.transcript(nonce));
        Line::Challenge { nonce, proof }
    }

    /// What a connector answers to the challenge.
    pub(super) fn answer(&self, opening: &Opening, nonce: Nonce) -> Line {
        Line::Proof(self.secret.proof(Role::Connector, &opening.transcript(nonce)))
    }

    /// Whether the other end knows the secret, by its proof for a first line and the listener's
    /// nonce.
    pub(super) fn believes(
        &self,
        role: Role,
        opening: &Opening,
        nonce: Nonce,
        proof: &Proof,
    ) -> bool {
        self.secret.verifies(role, &opening.transcript(nonce), proof)
    }
}

/// Draws what tells this OS process from a second copy of it.
pub(super) fn new_boot() -> Result<Boot> {
    Ok(Boot(Seed::from_entropy()?.get()))
}
