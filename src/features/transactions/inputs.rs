//! The bodies and query strings about single transactions.

use super::rules::{
    AmountRule, CATEGORY, CurrencyRule, EnglishTitle, EntryDay, NamedCategory, NamedPayee, NoteText, PAYEE, TagNames,
    Title, either, too_fine,
};
use crate::domain::transaction_type::TransactionType;
use crate::fields;
use crate::http::presence::{Clearable, Defaulted, Optional, Required, Settable};
use crate::http::rules::{Day, Id, OneOf};

fields! {
    /// A transaction to create.
    #[derive(Debug, Clone)]
    pub struct NewTransaction as "CreateTransaction" {
        /// The title, as the user wrote it.
        pub title: Required<Title> = "ข้าวมันไก่",
        /// The title in English.
        pub title_en "titleEn": Optional<EnglishTitle> = "Chicken rice",
        /// Positive, in major units, read from its text and never through a float: at most 12 digits before the point, 15
        /// significant ones, and as many decimals as the currency has.
        pub amount: Required<AmountRule> = 60.5,
        /// ISO 4217; left out, the user's own currency.
        pub currency: Optional<CurrencyRule>,
        /// Income or expense.
        pub r#type "type": Required<OneOf<TransactionType>>,
        /// The name of a category, which is created if there is none. Left out, or `Other`, a category is found by what the user
        /// chose for similar titles, or by words in the title.
        pub category: Optional<NamedCategory> = "Food & Dining",
        /// The id of a category, instead of its name.
        pub category_id "categoryId": Optional<Id> = 7,
        /// `YYYY-MM-DD`, or a date-time, the day of which is taken as it is written; left out, today in the user's time zone.
        pub date: Optional<EntryDay> = "2026-02-16",
        /// Any further notes.
        pub note: Optional<NoteText> = "With extra chicken",
        /// The name of a payee, who is created if there is none.
        pub payee: Optional<NamedPayee> = "Kuang Heng",
        /// The id of a payee, instead of the name.
        pub payee_id "payeeId": Optional<Id> = 5,
        /// The names of tags, which are created where there are none.
        pub tags: Defaulted<TagNames> = ["lunch"],
    }
    check(input) {
        if let (Some(amount), Some(Some(currency))) = (amount, currency)
            && let Some(problem) = too_fine(amount, currency)
        {
            input.refuse(problem);
        }
        either(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        either(input, PAYEE, matches!(payee, Some(Some(_))), matches!(payee_id, Some(Some(_))));
    }
}

fields! {
    /// An update of a transaction: fields that are left out stay as they are.
    #[derive(Debug, Clone)]
    pub(super) struct TransactionEdit as "UpdateTransaction" {
        /// The title, as the user wrote it.
        pub title: Settable<Title> = "ข้าวมันไก่",
        /// The title in English; `null` removes it.
        pub title_en "titleEn": Clearable<EnglishTitle> = "Chicken rice",
        /// Positive, in major units.
        pub amount: Settable<AmountRule> = 65.25,
        /// ISO 4217.
        pub currency: Settable<CurrencyRule>,
        /// Income or expense.
        pub r#type "type": Settable<OneOf<TransactionType>>,
        /// The name of a category, which is created if there is none.
        pub category: Settable<NamedCategory> = "Food & Dining",
        /// The id of a category, instead of its name.
        pub category_id "categoryId": Settable<Id> = 7,
        /// `YYYY-MM-DD`, or a date-time, the day of which is taken as it is written.
        pub date: Optional<EntryDay> = "2026-02-16",
        /// Any further notes; `null` removes them.
        pub note: Clearable<NoteText> = "With extra chicken",
        /// The name of a payee, who is created if there is none; `null` removes the payee.
        pub payee: Clearable<NamedPayee> = "Kuang Heng",
        /// The id of a payee, instead of the name.
        pub payee_id "payeeId": Clearable<Id> = 5,
        /// The names of all its tags, which are created where there are none.
        pub tags: Settable<TagNames> = ["lunch"],
    }
    check(input) {
        either(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        let by_payee = payee.as_ref().is_some_and(crate::http::input::FieldUpdate::is_set);
        either(input, PAYEE, by_payee, payee_id.as_ref().is_some_and(crate::http::input::FieldUpdate::is_set));
    }
}

fields! {
    /// A range of days, both bounds included; each may be left out.
    #[derive(Debug, Clone, Copy, Default)]
    pub(super) struct DayRange {
        /// From this day on: `YYYY-MM-DD`, or a date-time, the day of which is taken.
        pub start "startDate": Optional<Day>,
        /// Up to and including this day.
        pub end "endDate": Optional<Day>,
    }
}
