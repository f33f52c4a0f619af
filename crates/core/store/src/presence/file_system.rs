//! Whether a lock on a file is this kernel's own. On a network file system, or one in user space, it may hold for one machine alone, be
//! emulated, or be lost without a word.

use std::fs::File;

/// Whether processes of this kernel see each other's locks on `file`. A file system that is not known is not trusted.
#[cfg(target_os = "linux")]
pub(super) fn has_the_kernels_locks(file: &File) -> bool {
    let found = rustix::fs::fstatfs(file);
    found.is_ok_and(|found| is_local(i128::from(found.f_type)))
}

#[cfg(target_os = "linux")]
fn is_local(magic: i128) -> bool {
    // Some platforms extend the sign of the 32 bits that a magic number has.
    let magic = u32::try_from(magic & i128::from(u32::MAX)).unwrap_or_default();
    LOCAL.contains(&magic)
}

// From `statfs(2)`: bcachefs, btrfs, ecryptfs, exFAT, ext2 to ext4, F2FS, JFS, NILFS, NTFS, overlayfs, ramfs, ReiserFS, tmpfs, UBIFS, vfat,
// XFS, ZFS.
#[cfg(target_os = "linux")]
const LOCAL: [u32; 17] = [
    0xca45_1a4e,
    0x9123_683e,
    0x0000_f15f,
    0x2011_bab0,
    0x0000_ef53,
    0xf2f5_2010,
    0x3153_464a,
    0x0000_3434,
    0x7366_746e,
    0x794c_7630,
    0x8584_58f6,
    0x5265_4973,
    0x0102_1994,
    0x2405_1905,
    0x0000_4d44,
    0x5846_5342,
    0x2fc1_2fc1,
];

/// Whether processes of this kernel see each other's locks on `file`.
#[cfg(target_os = "macos")]
pub(super) fn has_the_kernels_locks(file: &File) -> bool {
    let is = |found: &rustix::fs::StatFs, name: &[u8]| {
        let bytes = found.f_fstypename.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0);
        bytes.eq(name.iter().copied())
    };
    rustix::fs::fstatfs(file).is_ok_and(|found| is(&found, b"apfs") || is(&found, b"hfs"))
}

/// Nothing is known of the locks of other systems.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn has_the_kernels_locks(_file: &File) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::is_local;

    #[test]
    fn locks_on_network_file_systems_and_in_user_space_say_nothing() {
        // NFS, SMB, CIFS, 9p, FUSE and virtiofs, Ceph, AFS, and one that nobody knows.
        for magic in [0x6969, 0xfe53_4d42, 0xff53_4d42, 0x0102_1997, 0x6573_5546, 0x00c3_6400, 0x5346_414f, 0x1234] {
            assert!(!is_local(magic), "{magic:x}");
        }
        // ext4, tmpfs, and btrfs with its sign extended.
        for magic in [0xef53, 0x0102_1994, 0x9123_683e, i128::from(0x9123_683e_u32.cast_signed())] {
            assert!(is_local(magic), "{magic:x}");
        }
    }
}
