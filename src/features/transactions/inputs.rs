//! The bodies and query strings about single transactions.

use super::rules::{
    AmountRule, CATEGORY, CurrencyRule, EnglishTitle, EntryDay, NamedCategory, NamedPayee, NoteText, PAYEE, TagNames,
    Title, either, too_fine,
};
use crate::domain::transaction_type::TransactionType;
use crate::http::input::FieldUpdate;
use crate::http::presence::{Clearable, Defaulted, Optional, Required, Settable};
use crate::http::rules::{Day, Id, OneOf};
use crate::{fields, new_and_edit};

new_and_edit! {
    /// A transaction to create.
    #[derive(Debug, Clone)]
    pub struct NewTransaction as "CreateTransaction"

    /// An update of a transaction: fields that are left out stay as they are.
    #[derive(Debug, Clone)]
    pub(super) struct TransactionEdit as "UpdateTransaction"

    {
        /// The title, as the user wrote it.
        title: Title as Required | Settable = "ข้าวมันไก่",
        /// The title in English.
        title_en "titleEn": EnglishTitle as Optional | Clearable = "Chicken rice",
        /// Positive, in major units, read from its text and never through a float: at most 12 digits before the point, 15
        /// significant ones, and as many decimals as the currency has.
        amount: AmountRule as Required | Settable = 60.5 => 65.25,
        /// ISO 4217; of a new transaction the user's own currency if it is left out.
        currency: CurrencyRule as Optional | Settable,
        /// Income or expense.
        r#type "type": OneOf<TransactionType> as Required | Settable,
        /// The name of a category, which is created if there is none. For a new transaction without one, or with `Other`, a
        /// category is found by what the user chose for similar titles, or by words in the title.
        category: NamedCategory as Optional | Settable = "Food & Dining",
        /// The id of a category, instead of its name.
        category_id "categoryId": Id as Optional | Settable = 7,
        /// `YYYY-MM-DD`, or a date-time, the day of which is taken as it is written; of a new transaction today in the user's
        /// time zone if it is left out.
        date: EntryDay as Optional | Optional = "2026-02-16",
        /// Any further notes.
        note: NoteText as Optional | Clearable = "With extra chicken",
        /// The name of a payee, who is created if there is none.
        payee: NamedPayee as Optional | Clearable = "Kuang Heng",
        /// The id of a payee, instead of the name.
        payee_id "payeeId": Id as Optional | Clearable = 5,
        /// The names of all its tags, which are created where there are none.
        tags: TagNames as Defaulted | Settable = ["lunch"],
    }
    check new(input) {
        if let (Some(amount), Some(Some(currency))) = (amount, currency)
            && let Some(problem) = too_fine(amount, currency)
        {
            input.refuse(problem);
        }
        either(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        either(input, PAYEE, matches!(payee, Some(Some(_))), matches!(payee_id, Some(Some(_))));
    }
    check edit(input) {
        either(input, CATEGORY, matches!(category, Some(Some(_))), matches!(category_id, Some(Some(_))));
        either(input, PAYEE, payee.as_ref().is_some_and(FieldUpdate::is_set), payee_id.as_ref().is_some_and(FieldUpdate::is_set));
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
