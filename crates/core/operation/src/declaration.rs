//! The declaration of an operation.

use lanyard_credential::{Capability, CredentialName};

/// The fixed facts about an operation, declared once: `Declaration::read("credential.list").needs(Capability::Read)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Its name on the wire and in the audit, such as `credential.rename`.
    pub name: &'static str,
    /// The callers that may perform it.
    pub needs: Needs,
    /// The part that records its success.
    pub recorded: Recorded,
    /// Whether it is answered from memory, and waits for no store.
    pub in_memory: bool,
    /// Whether it may wait for a person, so that a silent store does not end it.
    pub is_slow: bool,
    /// Whether it erases tokens, so that connections whose buffers may hold them are closed afterwards.
    pub erases: bool,
}

/// The callers that may perform an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Only the owner of the home.
    Owner,
    /// The owner, and clients with this capability.
    Capability(Capability),
    /// The owner and every client; the operation itself limits a client to its own.
    Anyone,
}

/// The part that records the success of an operation. Refusals and failures are recorded by [`perform`](crate::perform) in any
/// case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// [`perform`](crate::perform), because it only reads.
    ByPerform,
    /// The transaction that makes the change, or the hand-out that it is.
    ByItself,
    /// Nothing, because it is a part of another operation, or completes names in the owner's shell.
    Never,
}

/// The credentials that a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// Any that the caller may use; the operation itself leaves out the others.
    Any,
    /// All, including those that are added later, because the call is about the home itself.
    All,
    /// These credentials. The audit names the first one.
    Named(Vec<&'a CredentialName>),
}

impl Declaration {
    /// Declares an operation of the owner that changes nothing.
    pub const fn read(name: &'static str) -> Self {
        let (needs, recorded) = (Needs::Owner, Recorded::ByPerform);
        Self { name, needs, recorded, in_memory: false, is_slow: false, erases: false }
    }

    /// Declares an operation of the owner that changes something, and records it in the same transaction.
    pub const fn change(name: &'static str) -> Self {
        Self { recorded: Recorded::ByItself, ..Self::read(name) }
    }

    /// Declares an operation that is a part of another one, and is not recorded separately.
    pub const fn part(name: &'static str) -> Self {
        Self { recorded: Recorded::Never, ..Self::read(name) }
    }

    /// Admits clients with a capability.
    #[must_use]
    pub const fn needs(self, capability: Capability) -> Self {
        Self { needs: Needs::Capability(capability), ..self }
    }

    /// Admits every client.
    #[must_use]
    pub const fn for_anyone(self) -> Self {
        Self { needs: Needs::Anyone, ..self }
    }

    /// States that it waits for no store.
    #[must_use]
    pub const fn in_memory(self) -> Self {
        Self { in_memory: true, ..self }
    }

    /// States that it may wait for a person.
    #[must_use]
    pub const fn slow(self) -> Self {
        Self { is_slow: true, ..self }
    }

    /// States that it erases tokens.
    #[must_use]
    pub const fn erasing(self) -> Self {
        Self { erases: true, ..self }
    }
}
