//! Secrets that are never printed and are wiped when dropped; URLs that display safely.
