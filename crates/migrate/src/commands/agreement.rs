//! Decisions that only a person can make: whether a drop is a rename, and whether data may be lost.

use crate::commands::develop_options::DevelopOptions;
use crate::error::MigrateError;
use crate::propose::proposal::Proposal;
use crate::schema::hints::RenameHint;
use crate::schema::object::ObjectKey;
use crate::schema::renames::LikelyRename;

/// A question that only a person can answer.
#[derive(Debug, Clone)]
pub enum Question<'a> {
    /// Is a drop and an addition the same object under another name?
    Rename(&'a LikelyRename),
    /// May this data be lost?
    Loss(&'a [String]),
}

/// Asks a person. The answer is `None` if there is nobody to ask.
pub trait Ask: FnMut(&Question<'_>) -> Result<Option<bool>, MigrateError> {}

impl<F: FnMut(&Question<'_>) -> Result<Option<bool>, MigrateError>> Ask for F {}

/// Asks about drops that look like renames. Returns the renames.
pub(crate) fn confirmed_renames(
    proposal: &Proposal,
    options: &DevelopOptions,
    ask: &mut impl Ask,
) -> Result<Vec<RenameHint>, MigrateError> {
    let mut renames: Vec<(ObjectKey, ObjectKey)> = Vec::new();
    let mut open = Vec::new();
    for likely in proposal.likely_renames.iter().filter(|likely| !may_drop(options, &likely.old.name)) {
        if renames.iter().any(|(old, new)| *old == likely.old || *new == likely.new) {
            continue;
        }
        match ask(&Question::Rename(likely))? {
            Some(true) => renames.push((likely.old.clone(), likely.new.clone())),
            Some(false) => {}
            None => open.push(format!(
                "the {} would be dropped, and the {} added: if it is the same under another name, write `{}` at the end of \
                 its line in schema.sql; if not, confirm it with `--drop {}`",
                likely.old, likely.new, likely.hint, likely.old.name
            )),
        }
    }
    if !open.is_empty() {
        return Err(MigrateError::Unsafe {
            summary: "this looks like a rename; nothing was written:".to_owned(),
            details: open,
        });
    }
    let as_hint = |(old, new): &(ObjectKey, ObjectKey)| {
        let same = |likely: &&LikelyRename| likely.old == *old && likely.new == *new;
        proposal.likely_renames.iter().find(same).map(LikelyRename::as_hint)
    };
    Ok(renames.iter().filter_map(as_hint).collect())
}

fn may_drop(options: &DevelopOptions, name: &str) -> bool {
    // A shell takes the quotes of an enum's value away.
    let short = |name: &str| name.strip_prefix("public.").unwrap_or(name).replace('\'', "");
    options.drop.iter().any(|allowed| short(allowed) == short(name))
}

/// Fails if data would be lost and nobody agrees to it.
pub(crate) fn accept_losses(
    proposal: &Proposal,
    options: &DevelopOptions,
    ask: &mut impl Ask,
) -> Result<(), MigrateError> {
    let allowed = |loss: &&String| {
        let names = loss.split(' ').filter(|word| word.contains('.'));
        names.into_iter().any(|name| may_drop(options, name))
    };
    let losses: Vec<String> = proposal.losses.iter().filter(|loss| !allowed(loss)).cloned().collect();
    if losses.is_empty() || options.accept_data_loss || ask(&Question::Loss(&losses))? == Some(true) {
        return Ok(());
    }
    Err(MigrateError::Unsafe {
        summary: "data would be lost; nothing was written. To allow it, add --accept-data-loss:".to_owned(),
        details: losses,
    })
}
