//! A new file in `migrations/` makes the binary be built again: cargo watches only what it is told of.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
