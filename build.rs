//! Rebuilds the binary when a file is added to `migrations/`, which cargo does not watch by default.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
