//! A category for a transaction without one: by what the user chose for similar titles, then by words in the title. It explains
//! its choice, and nothing leaves the machine.

mod keywords;
pub(super) mod store;
mod words;

use std::collections::HashMap;

use self::store::PastChoice;
use super::model::CategorySource;
use crate::domain::search::{self, fold};
use crate::domain::transaction_type::TransactionType;
use crate::features::categories::names_store;
use crate::http::scope::Scope;

/// A suggested category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suggestion {
    pub category_id: i64,
    /// The kind of the reason.
    pub source: CategorySource,
    /// The reason, for people.
    pub reason: String,
}

/// The words of a title that are searched for; more of them would take time and exclude few titles.
const TELLING_WORDS: usize = 10;

/// The most of a title that is quoted in a reason.
const QUOTED: usize = 100;

/// Suggests a category for a title; `None` if there is no reason for any, or if it is archived or deleted.
pub(super) async fn categorize(
    scope: &mut Scope<'_>,
    kind: TransactionType,
    title: &str,
    title_en: Option<&str>,
) -> Result<Option<Suggestion>, sqlx::Error> {
    let both = title_en.map_or_else(|| title.to_owned(), |title_en| format!("{title} {title_en}"));
    let mut words = search::words(&both);
    words.truncate(TELLING_WORDS);
    if !words.is_empty() {
        let recent = store::recent(scope, kind).await?;
        if let Some(found) = by_history(title, recent) {
            return Ok(Some(found));
        }
        let older = store::with_words(scope, kind, &words).await?;
        if let Some(found) = by_history(title, older) {
            return Ok(Some(found));
        }
    }
    let Some((origin, keyword)) = words::find(kind, &both) else { return Ok(None) };
    let category_id = names_store::find_or_create_default(scope, kind, origin).await?;
    let reason = format!("the word {keyword}");
    Ok(category_id.map(|category_id| Suggestion { category_id, source: CategorySource::Keyword, reason }))
}

/// The category that most of the closest titles have; of several, the one that was chosen last.
fn by_history(title: &str, past: Vec<PastChoice>) -> Option<Suggestion> {
    let wanted = grams(&fold(title));
    let scored = past.into_iter().map(|past| (similarity(&wanted, &grams(past.title_folded())), past));
    let close: Vec<(f64, PastChoice)> = scored.filter(|(score, _)| *score >= SIMILAR).collect();
    let best = close.iter().map(|(score, _)| *score).fold(0.0, f64::max);
    // The newest comes first.
    let mut votes: HashMap<i64, (usize, usize)> = HashMap::new();
    let mut closest: Vec<&PastChoice> = Vec::new();
    for (_, past) in close.iter().filter(|(score, _)| *score >= best - EQUALLY) {
        let vote = votes.entry(past.category_id).or_insert((0, usize::MAX - closest.len()));
        vote.0 += 1;
        closest.push(past);
    }
    let (category_id, (count, _)) = votes.into_iter().max_by_key(|(_, vote)| *vote)?;
    let example = closest.iter().find(|past| past.category_id == category_id)?;
    Some(Suggestion {
        category_id,
        source: CategorySource::History,
        reason: format!(
            "chosen for {count} of {} similar, the last on {}: {}",
            closest.len(),
            example.date,
            shortened(&example.title)
        ),
    })
}

/// The least similarity: the share of all runs of three characters that both titles have.
const SIMILAR: f64 = 0.5;

/// Scores that differ by less count as equal.
const EQUALLY: f64 = 0.1;

/// The runs of three characters of a folded text, in order and each once.
fn grams(folded: &str) -> Vec<[char; 3]> {
    let characters: Vec<char> = folded.chars().collect();
    let mut grams: Vec<[char; 3]> = characters.windows(3).map(|gram| [gram[0], gram[1], gram[2]]).collect();
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// The share of common elements in all, from 0 to 1.
fn similarity(one: &[[char; 3]], other: &[[char; 3]]) -> f64 {
    let common = one.iter().filter(|gram| other.binary_search(gram).is_ok()).count();
    let all = one.len() + other.len() - common;
    // No title has so many characters that a double would not hold their number.
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if all == 0 { 0.0 } else { number(common) / number(all) }
}

fn shortened(title: &str) -> String {
    if title.chars().count() <= QUOTED { title.to_owned() } else { title.chars().take(QUOTED).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn past(title: &str, category_id: i64) -> PastChoice {
        let date = NaiveDate::from_ymd_opt(2026, 2, 16).expect("a day");
        PastChoice { title: title.to_owned(), search: fold(title), category_id, date }
    }

    #[test]
    fn the_closest_title_tells_and_of_several_the_majority() {
        let found = by_history("Latte", vec![past("latte art class", 1), past("Latte", 2)]);
        assert_eq!(found.map(|found| found.category_id), Some(2));
        let three = vec![past("Grab", 1), past("grab", 2), past("GRAB", 2)];
        let found = by_history("Grab", three).expect("one");
        assert_eq!((found.category_id, found.source), (2, CategorySource::History));
        assert_eq!(found.reason, "chosen for 2 of 3 similar, the last on 2026-02-16: grab");
        // Of as many, the last choice.
        let two = vec![past("Grab", 1), past("Grab", 2)];
        assert_eq!(by_history("Grab", two).map(|found| found.category_id), Some(1));
        assert_eq!(by_history("Rent", vec![past("Present", 1)]), None);
    }
}
