//! The checks of `doctor` before anything is opened: the directory, and the settings in it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lanyard_home::{Home, HomeError, Settings, SettingsError};
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use rustix::process::geteuid;

use super::Finding;

/// The thing at the home's path.
pub(super) enum Place {
    /// Nothing yet, which is not a fault.
    Empty,
    /// Something that is not a usable home.
    Bad,
    /// A home.
    Home,
}

/// Looks at the directory and at what is in it: a database, unless that is on a server.
pub(super) fn place(home: &Home, is_on_server: bool, findings: &mut Vec<Finding>) -> Place {
    let directory = home.directory.display();
    match if is_on_server { home.check_directory() } else { home.check() } {
        Err(HomeError::Missing(_)) if !is_on_server && home.key_file().symlink_metadata().is_ok() => {
            let lost = HomeError::Lost { key: home.key_file(), database: home.database() };
            findings.push(Finding::bad("home", lost.to_string(), Some(lost.hint())));
            return Place::Bad;
        }
        // A machine that is new: the store may be there all the same.
        Err(HomeError::Missing(_)) if is_on_server => return Place::Home,
        Err(HomeError::Missing(_)) => {
            let hint = "begin with lanyard app add and lanyard login, or with lanyard add bot; for another home: --home or LANYARD_HOME";
            findings.push(Finding::skipped("home", format!("nothing yet in {directory}"), hint));
            return Place::Empty;
        }
        Err(error) => {
            findings.push(Finding::bad("home", error.to_string(), Some(error.hint())));
            return Place::Bad;
        }
        Ok(()) => {}
    }
    match read_only(home).or_else(|| full(home)).filter(|_| !is_on_server) {
        None => findings.push(Finding::good("home", directory.to_string())),
        Some((said, hint)) => findings.push(Finding::bad("home", said, Some(hint))),
    }
    Place::Home
}

/// Why nothing can be written in the home: tokens are handed out while they last, but none is renewed.
fn read_only(home: &Home) -> Option<(String, String)> {
    let directory = &home.directory;
    if statvfs(directory).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY)) {
        return Some((
            format!("{} is on a read-only file system: no credential can be renewed", directory.display()),
            "mount it for writing, or move the home to a writable disk".to_owned(),
        ));
    }
    let locked = |path: &Path| access(path, Access::WRITE_OK).is_err() || mode(path) & 0o200 == 0;
    let path = [directory.clone(), home.database()].into_iter().find(|path| locked(path))?;
    Some((
        format!("{} is read-only (mode {:04o}): no credential can be renewed", path.display(), mode(&path)),
        format!("chmod u+w {}", path.display()),
    ))
}

/// Why nothing more can be written in the home, even if it may be. A renewal needs some kilobytes.
fn full(home: &Home) -> Option<(String, String)> {
    const ENOUGH: u64 = 256 * 1024;
    let directory = &home.directory;
    let system = statvfs(directory).ok()?;
    // Some blocks are kept for root. A file system without sizes reports no blocks at all, and many count no files.
    let blocks = if geteuid().is_root() { system.f_bfree } else { system.f_bavail };
    let has_no_room = system.f_blocks > 0 && blocks.saturating_mul(system.f_frsize) < ENOUGH;
    let has_no_names = system.f_files > 0 && system.f_favail == 0;
    (has_no_room || has_no_names).then(|| {
        let what = if has_no_room { "disk" } else { "list of files of the disk" };
        (
            format!("the {what} that holds {} is full: no credential can be renewed", directory.display()),
            format!("free some space, or move the home to another disk: df -h {}", directory.display()),
        )
    })
}

fn mode(path: &Path) -> u32 {
    path.metadata().map_or(0, |found| found.permissions().mode() & 0o7777)
}

/// Looks at the settings. Gives the exit code.
pub(super) fn settings(home: &Home, findings: &mut Vec<Finding>) -> u8 {
    match Settings::read(home) {
        // Where the directory itself is at fault, that is what is reported.
        Ok(_) => 0,
        Err(SettingsError::Io { .. }) if home.check().is_err() => 0,
        Err(error) => {
            findings.push(Finding::bad("settings", error.to_string(), Some(error.hint())));
            2
        }
    }
}
