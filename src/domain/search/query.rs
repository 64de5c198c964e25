//! Search words and the queries built from them.

use super::characters::Umlauts;
use super::fold::{append_words, normalize};
use super::spelling::without_inner_punctuation;

/// A search word, in each of its folded spellings. A text matches if it contains one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word(pub(super) Vec<String>);

/// Splits a query into distinct search words. The result is empty if the query has no letter, digit or symbol.
#[must_use]
pub fn words(query: &str) -> Vec<Word> {
    let (bare, spelled) = (normalize(query, Umlauts::Bare), normalize(query, Umlauts::SpelledOut));
    let mut words = Vec::new();
    for (bare, spelled) in bare.split_whitespace().zip(spelled.split_whitespace()) {
        let word = Word::new([bare, spelled]);
        if !word.0.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

impl Word {
    fn new(spellings: [&str; 2]) -> Self {
        let mut forms = Vec::new();
        for spelling in spellings {
            for form in [Some(spelling.to_owned()), without_inner_punctuation(spelling)].into_iter().flatten() {
                let mut folded = String::new();
                append_words(&form, &mut folded);
                let run = folded.trim();
                // A single letter occurs everywhere; it is taken as the beginning of a word.
                let run = if run.chars().nth(1).is_none() { format!(" {run}") } else { run.to_owned() };
                if run != " " && !forms.contains(&run) {
                    forms.push(run);
                }
            }
        }
        Self(forms)
    }

    /// Patterns for SQL's `like`. A text matches if it matches one of them.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        // Folded text contains no characters with a special meaning in patterns.
        self.0.iter().map(|form| format!("%{form}%"))
    }

    /// The `tsquery` for the word. `owner` is the user whose texts are searched.
    fn index_query(&self, owner: i64) -> String {
        let forms: Vec<String> = self.0.iter().map(|form| trigram_query(form, owner)).collect();
        match forms.as_slice() {
            [form] => form.clone(),
            forms => format!("({})", forms.join(" | ")),
        }
    }
}

fn trigram_query(form: &str, owner: i64) -> String {
    let characters: Vec<char> = form.chars().collect();
    let runs = characters.windows(3).enumerate();
    let indexed: Vec<(usize, &[char])> = runs.filter(|(_, run)| run[1] != ' ' || run[2] >= '\u{2190}').collect();
    // Adjacent trigrams and the last one cover the word; more would only cost time.
    let mut covered = 0;
    let mut grams = Vec::new();
    for (index, (begin, run)) in indexed.iter().enumerate() {
        if *begin >= covered || index + 1 == indexed.len() {
            grams.push(format!("'{owner} {}'", run.iter().collect::<String>()));
            covered = begin + run.len();
        }
    }
    if grams.is_empty() {
        // Too short for a trigram: the last two characters are the prefix of one.
        let last: String = characters[characters.len().saturating_sub(2)..].iter().collect();
        return format!("'{owner} {last}':*");
    }
    grams.join(" & ")
}

/// Builds the `tsquery`, as text, that finds the candidates for texts that contain all the words. It is meant for the
/// index on the SQL function `search_grams`.
///
/// The index has the trigram around each character that is not a space, and a trigram that starts with the space before
/// each ideograph or picture.
#[must_use]
pub fn index_query(owner: i64, words: &[Word]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.index_query(owner)).collect();
    words.join(" & ")
}
