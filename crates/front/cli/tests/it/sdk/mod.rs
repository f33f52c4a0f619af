//! Real SDKs, unchanged but for the address: under `lanyard exec`, and through the proxy.

mod links;
mod tours;
mod wxc;

use std::path::{Path, PathBuf};

/// A Python that has `wxc-sdk`.
pub(crate) fn wxc_sdk() -> PathBuf {
    python("wxc-sdk", "1.41.0")
}

/// A Python that has `webexpythonsdk`.
fn webexpythonsdk() -> PathBuf {
    python("webexpythonsdk", "2.0.6")
}

fn python(sdk: &str, version: &str) -> PathBuf {
    lanyard_testkit::python(Path::new(env!("CARGO_TARGET_TMPDIR")), sdk, version)
}
