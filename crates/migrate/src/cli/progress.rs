//! Progress lines on standard error.

use crate::cli::terminal;
use crate::cli::words::short_duration;
use crate::event::{CompletedMigration, MigrateEvent};
use crate::waiting::Blocker;

/// Prints the events of a command, and collects the completed migrations.
pub(crate) struct ProgressReporter {
    reverting: bool,
    pub completed: Vec<CompletedMigration>,
}

impl ProgressReporter {
    pub(crate) const fn new() -> Self {
        Self { reverting: false, completed: Vec::new() }
    }

    pub(crate) fn report(&mut self, event: MigrateEvent) {
        match event {
            // The line comes when it is completed; a long one is reported meanwhile.
            MigrateEvent::Started { reverting, .. } => self.reverting = reverting,
            MigrateEvent::Running { version, statement: (number, of), elapsed, blockers } => {
                let elapsed = short_duration(elapsed);
                terminal::progress(format_args!("  running {version}: statement {number} of {of}, for {elapsed}"));
                report_blockers(&blockers);
            }
            MigrateEvent::Retrying { version, attempt: (number, of), pause, blockers } => {
                terminal::progress(format_args!(
                    "  waiting {version}: the lock was not acquired in time (attempt {number} of {of}); rolled back, next \
                     attempt in {}",
                    short_duration(pause)
                ));
                report_blockers(&blockers);
            }
            MigrateEvent::Finished(done) => {
                let what = if self.reverting { "rolled back" } else { "applied" };
                let took = short_duration(done.took);
                terminal::progress(format_args!("  {what} {} {} ({took})", done.version, done.name));
                self.completed.push(done);
            }
            MigrateEvent::Notice(text) => terminal::progress(format_args!("  note: {text}")),
        }
    }
}

fn report_blockers(blockers: &[Blocker]) {
    for blocker in blockers {
        terminal::progress(format_args!("          blocked by {blocker}"));
    }
}
