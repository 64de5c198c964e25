//! Lists of fields: how each field may be given, and the macros that make structs of a list.

use std::marker::PhantomData;

use super::input::{Field, FieldRule, FieldUpdate, FromInput, Input, NamedSchemas, Presence};
use super::json::Json;

/// A field that must be given.
pub struct Required<R>(PhantomData<R>);

/// A field that may be left out; `null` means the same.
pub struct Optional<R>(PhantomData<R>);

/// A field that may be left out or `null`, and then has the default value of its type.
pub struct Defaulted<R>(PhantomData<R>);

/// A field of an update: left out, its value stays. `null` breaks its rule.
pub struct Settable<R>(PhantomData<R>);

/// A field of an update that may be empty: left out, its value stays; `null` removes the value, which its description says.
pub struct Clearable<R>(PhantomData<R>);

/// The fields of another list, among those of this one.
pub struct Included<T>(PhantomData<T>);

impl<R: FieldRule> Presence for Required<R> {
    type Value = R::Output;

    fn take(input: &mut Input, field: &Field) -> Option<R::Output> {
        let value = input.take::<R>(field, true, false).unwrap_or(Json::Null);
        input.read::<R>(field, value)
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        R::add_schemas(schemas);
    }
}

impl<R: FieldRule> Presence for Optional<R> {
    type Value = Option<R::Output>;

    fn take(input: &mut Input, field: &Field) -> Option<Option<R::Output>> {
        match input.take::<R>(field, false, true) {
            None | Some(Json::Null) => Some(None),
            Some(value) => input.read::<R>(field, value).map(|value| Some(value).filter(|value| !R::is_nothing(value))),
        }
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        R::add_schemas(schemas);
    }
}

impl<R: FieldRule<Output: Default>> Presence for Defaulted<R> {
    type Value = R::Output;

    fn take(input: &mut Input, field: &Field) -> Option<R::Output> {
        Optional::<R>::take(input, field).map(Option::unwrap_or_default)
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        R::add_schemas(schemas);
    }
}

impl<R: FieldRule> Presence for Settable<R> {
    type Value = Option<R::Output>;

    fn take(input: &mut Input, field: &Field) -> Option<Option<R::Output>> {
        match input.take::<R>(field, false, false) {
            None => Some(None),
            Some(value) => input.read::<R>(field, value).map(Some),
        }
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        R::add_schemas(schemas);
    }
}

impl<R: FieldRule> Presence for Clearable<R> {
    type Value = FieldUpdate<R::Output>;

    fn take(input: &mut Input, field: &Field) -> Option<FieldUpdate<R::Output>> {
        let given = input.take::<R>(field, false, true);
        input.describe(|description| {
            if let Some(described) = description.fields.last_mut() {
                described.text = format!("{}; `null` removes it.", described.text.trim_end_matches('.'));
            }
        });
        match given {
            None => Some(FieldUpdate::Keep),
            Some(Json::Null) => Some(FieldUpdate::Clear),
            Some(value) => input
                .read::<R>(field, value)
                .map(|value| if R::is_nothing(&value) { FieldUpdate::Clear } else { FieldUpdate::Set(value) }),
        }
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        R::add_schemas(schemas);
    }
}

impl<T: FromInput> Presence for Included<T> {
    type Value = T;

    fn take(input: &mut Input, _: &Field) -> Option<T> {
        T::from_input(input)
    }

    fn add_schemas(schemas: &mut NamedSchemas) {
        T::add_schemas(schemas);
    }
}

/// Makes a struct of a list of fields, reads it from an input, and describes it in the OpenAPI document.
///
/// ```text
/// fields! {
///     /// A tag to create.
///     #[derive(Debug, Clone)]
///     pub struct NewTag as "CreateTag" {
///         /// The name.
///         pub name: Required<TagName> = "holiday",
///         /// The tag above it.
///         pub parent_id "parentId": Optional<Id> = 7,
///     }
///     check(input) {
///         if matches!((&name, parent_id), (Some(name), Some(Some(_))) if name == "top") {
///             input.refuse("name must not be top below another tag");
///         }
///     }
/// }
/// ```
///
/// Behind `as` stands the name of a body's schema; a query string has none. Before the colon stands the key, where it differs
/// from the name of the field; behind `=` an example. `check` sees each field as `Some` of its value, or as `None` if it broke its rule.
#[macro_export]
macro_rules! fields {
    (
        $(#[doc = $about:literal])*
        #[derive($($derive:ident),*)]
        $visibility:vis struct $name:ident $(as $schema:literal)? {
            $(
                $(#[doc = $text:literal])*
                $field_visibility:vis $field:ident $($key:literal)?: $presence:ty $(= $example:tt $(=> $other:tt)?)?,
            )*
        }
        $(check($input:ident) $check:block)?
    ) => {
        $(#[doc = $about])*
        #[derive($($derive),*)]
        $visibility struct $name {
            $(
                $(#[doc = $text])*
                $field_visibility $field: <$presence as $crate::http::input::Presence>::Value,
            )*
        }

        impl $crate::http::input::FromInput for $name {
            fn from_input(input: &mut $crate::http::input::Input) -> Option<Self> {
                $(
                    let $field = <$presence as $crate::http::input::Presence>::take(
                        input,
                        &$crate::http::input::Field {
                            key: $crate::fields!(@key $field $($key)?),
                            text: concat!($($text, "\n",)*),
                            example: $crate::fields!(@example $($example $($other)?)?),
                        },
                    );
                )*
                $({
                    let $input = &mut *input;
                    $check
                })?
                Some(Self { $($field: $field?),* })
            }

            fn add_schemas(schemas: &mut $crate::http::input::NamedSchemas) {
                $(<$presence as $crate::http::input::Presence>::add_schemas(schemas);)*
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::http::openapi::query_parameters::<Self>()
            }
        }

        $crate::fields!(@schema $name, concat!($($about, "\n",)*) $(, $schema)?);
    };
    (@key $field:ident $key:literal) => { $key };
    (@key $field:ident) => { stringify!($field) };
    (@example $example:tt) => { Some(|| serde_json::json!($example)) };
    (@example $example:tt $other:tt) => { Some(|| serde_json::json!($other)) };
    (@example) => { None };
    (@schema $name:ident, $about:expr) => {};
    (@schema $name:ident, $about:expr, $schema:literal) => {
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::http::openapi::body_schema::<Self>($about)
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $schema.into()
            }

            fn schemas(schemas: &mut $crate::http::input::NamedSchemas) {
                <$name as $crate::http::input::FromInput>::add_schemas(schemas);
            }
        }
    };
}

/// Makes the input of a creation and the input of an update of one list of fields, with [`fields!`](crate::fields).
///
/// ```text
/// new_and_edit! {
///     /// A tag to create.
///     #[derive(Debug, Clone)]
///     pub struct NewTag as "CreateTag"
///
///     /// An update of a tag: fields that are left out stay as they are.
///     #[derive(Debug, Clone)]
///     pub struct TagEdit as "UpdateTag"
///
///     {
///         /// The name.
///         name: TagName as Required | Settable = "holiday" => "holiday 2026",
///         /// The kind, which never changes.
///         kind: OneOf<Kind> as Required | -,
///     }
///     check new(input) {}
///     check edit(input) {}
/// }
/// ```
///
/// Behind the rule of a field stands its presence in the creation and in the update; `-` stands for neither. Behind `=>` stands the
/// example of the update, where it is another one. All fields are public.
#[macro_export]
macro_rules! new_and_edit {
    (
        $(#[doc = $new_about:literal])*
        #[derive($($new_derive:ident),*)]
        $new_visibility:vis struct $new:ident as $new_schema:literal
        $(#[doc = $edit_about:literal])*
        #[derive($($edit_derive:ident),*)]
        $edit_visibility:vis struct $edit:ident as $edit_schema:literal
        { $($fields:tt)* }
        $(check new($new_input:ident) $new_check:block)?
        $(check edit($edit_input:ident) $edit_check:block)?
    ) => {
        $crate::new_and_edit!(
            @fields
            { $(#[doc = $new_about])* #[derive($($new_derive),*)] $new_visibility struct $new as $new_schema }
            [$(check($new_input) $new_check)?]
            []
            { $(#[doc = $edit_about])* #[derive($($edit_derive),*)] $edit_visibility struct $edit as $edit_schema }
            [$(check($edit_input) $edit_check)?]
            []
            $($fields)*
        );
    };
    // Each field is added to both lists.
    (
        @fields $new:tt $new_check:tt [$($created:tt)*] $edit:tt $edit_check:tt [$($edited:tt)*]
        $(#[doc = $text:literal])* $field:ident $($key:literal)?: $rule:ty as $create:tt | $update:tt
        $(= $example:tt $(=> $other:tt)?)?, $($rest:tt)*
    ) => {
        $crate::new_and_edit!(
            @fields
            $new $new_check
            [$($created)* { $create $(#[doc = $text])* $field $($key)?, $rule, $(= $example)? }]
            $edit $edit_check
            [$($edited)* { $update $(#[doc = $text])* $field $($key)?, $rule, $(= $example $(=> $other)?)? }]
            $($rest)*
        );
    };
    (@fields $new:tt $new_check:tt [$($created:tt)*] $edit:tt $edit_check:tt [$($edited:tt)*]) => {
        $crate::new_and_edit!(@struct $new $new_check [] $($created)*);
        $crate::new_and_edit!(@struct $edit $edit_check [] $($edited)*);
    };
    // Then those without a presence are left out.
    (@struct $head:tt $check:tt $fields:tt { - $($left_out:tt)* } $($rest:tt)*) => {
        $crate::new_and_edit!(@struct $head $check $fields $($rest)*);
    };
    (
        @struct $head:tt $check:tt [$($fields:tt)*]
        { $presence:ident $(#[doc = $text:literal])* $field:ident $($key:literal)?, $rule:ty, $($example:tt)* }
        $($rest:tt)*
    ) => {
        $crate::new_and_edit!(
            @struct $head $check
            [$($fields)* $(#[doc = $text])* pub $field $($key)?: $presence<$rule> $($example)*,]
            $($rest)*
        );
    };
    (@struct {$($head:tt)*} [$($check:tt)*] [$($fields:tt)*]) => {
        $crate::fields! { $($head)* { $($fields)* } $($check)* }
    };
}
