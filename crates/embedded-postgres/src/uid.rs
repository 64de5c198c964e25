//! The user that this process runs as.

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
