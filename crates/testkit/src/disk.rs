//! A small disk that can be filled and made read-only, for real.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A file system in memory, mounted at a directory. It is unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    at: PathBuf,
}

/// How often a remount is tried.
const REMOUNTS: u32 = 100;

/// The size of the file that a disk that fails is in.
const IMAGE: u64 = 16 << 20;

/// The size of the pages that such a file system hands out.
const PAGE: usize = 4096;

impl Disk {
    /// Mounts one of `kilobytes` at `at`, which is made, and which belongs to `owner` alone.
    pub(crate) fn mount(at: &Path, kilobytes: u32, owner: u32) -> Result<Self, String> {
        DirBuilder::new().mode(0o700).create(at).expect("a directory is made");
        let options = format!("size={kilobytes}k,mode=0700,uid={owner},gid={owner}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "lanyard-test"]).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Mounts one at `at` that may fail as disks do ([`fail`](Self::fail)): `ext4` in a file beside it.
    pub(crate) fn mount_that_fails(at: &Path, owner: u32) -> Result<Self, String> {
        DirBuilder::new().mode(0o700).create(at).expect("a directory is made");
        let image = at.with_extension("image");
        File::create(&image).and_then(|file| file.set_len(IMAGE)).expect("a file is made");
        let root = format!("root_owner={owner}:{owner}");
        run(Command::new("mkfs.ext4").args(["-q", "-E", &root]).arg(&image))?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Lets it be as after a write that failed: read-only for everybody, whatever they have open. For good.
    pub(crate) fn fail(&self) {
        run(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.at)).expect("ext4 knows how to fail");
    }

    /// Fills it to the last byte. It belongs to the owner of the disk, as everything that fills a disk of one's own.
    pub(crate) fn fill(&self, owner: u32) {
        let mut ballast = File::create(self.ballast()).expect("the disk has room for a name");
        chown(self.ballast(), Some(owner), Some(owner)).expect("root gives files away");
        while ballast.write_all(&[0; PAGE]).is_ok() {}
        let _ = ballast.write_all(&[0]).expect_err("not a byte more fits");
    }

    /// Takes away what filled it.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("what filled the disk is removed");
    }

    /// Remounts it, to be read only or to be written again.
    pub(crate) fn remount(&self, mode: &str) {
        let option = format!("remount,{mode}");
        // A process that another test is just starting holds, until it has become its program, what this one had open.
        for _ in 0..REMOUNTS {
            let done = Command::new("mount").args(["-o", &option]).arg(&self.at).output().expect("mount(8) runs");
            if done.status.success() {
                return;
            }
            crate::wait(Duration::from_millis(50));
        }
        panic!("the disk cannot be remounted {mode}");
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("{}: {error}", command.get_program().display())),
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever a failing test left there ends with it. A failure shows as a directory that cannot be removed.
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}
