//! Sealing: envelope keys and authenticated encryption bound to the row.
