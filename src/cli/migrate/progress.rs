//! What goes on, a line at a time on standard error.

use super::short;
use crate::cli::output;
use crate::migrate::{Blocker, Event};

/// Tells what goes on.
pub(super) struct Progress {
    reverting: bool,
}

impl Progress {
    pub(super) const fn new() -> Self {
        Self { reverting: false }
    }

    pub(super) fn tell(&mut self, event: Event) {
        match event {
            // The line comes when it is done; what takes long is told of meanwhile.
            Event::Begins { reverting, .. } => self.reverting = reverting,
            Event::Goes { version, statement: (number, of), since, blockers } => {
                output::progress(format_args!("  running {version}: statement {number} of {of}, for {}", short(since)));
                tell_blockers(&blockers);
            }
            Event::WaitsForLock { version, tries: (tries, most), again_in, blockers } => {
                output::progress(format_args!(
                    "  waiting {version}: a lock was not had in time (try {tries} of {most}); rolled back, and again in {}",
                    short(again_in)
                ));
                tell_blockers(&blockers);
            }
            Event::Done(done) => {
                let what = if self.reverting { "took back" } else { "applied" };
                output::progress(format_args!("  {what} {} {} ({})", done.version, done.name, short(done.took)));
            }
            Event::Notice(text) => output::progress(format_args!("  note: {text}")),
        }
    }
}

fn tell_blockers(blockers: &[Blocker]) {
    for blocker in blockers {
        output::progress(format_args!("          blocked by {blocker}"));
    }
}
