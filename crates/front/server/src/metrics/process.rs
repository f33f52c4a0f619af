//! The metrics of the process itself.

use super::credentials::float;
use super::family::Family;
use crate::shared::Shared;

pub(super) fn families(shared: &Shared) -> Vec<Family> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").into())];
    let is_ready = if shared.trouble().is_none() { 1.0 } else { 0.0 };
    vec![
        Family::info("build", "The version of the broker.", version),
        Family::gauge(
            "ready",
            "Whether the broker can work: 1 if /readyz answers with 200, and 0 otherwise.",
            [(Vec::new(), is_ready)],
        ),
        Family::counter(
            "handouts",
            "Tokens handed out, calls made with them, and refused requests, by purpose and outcome.",
            shared.hand_outs.counted().into_iter().map(|counted| {
                (vec![("purpose", counted.purpose.into()), ("outcome", counted.outcome.into())], counted.count)
            }),
        ),
        Family::gauge(
            "audit_buffer_records",
            "Different hand-outs and refusals that wait to be written to the audit.",
            [(Vec::new(), float(shared.hand_outs.waiting()))],
        ),
        Family::gauge(
            "audit_buffer_capacity_records",
            "Different hand-outs and refusals that may wait. When so many wait, programs get no tokens.",
            [(Vec::new(), float(shared.hand_outs.most_waiting()))],
        ),
    ]
}
