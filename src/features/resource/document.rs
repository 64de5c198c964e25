//! The operations of a resource in the OpenAPI document.

use utoipa::ToSchema;
use utoipa::openapi::path::OperationBuilder;

use super::definition::{Mergeable, Resource, Verb, merge_example};
use super::sql::texts;
use crate::http::envelope::Done;
use crate::http::openapi::operation::{DocumentedRoutes, operation};

const CHANGED_SINCE: &str = "`PRECONDITION_FAILED`: it is not what `If-Match` names";
const TOO_MUCH_WORK: &str = "`TOO_MUCH_WORK`: more than an account may change at once";

/// The operations of `/api/TABLE`.
pub(super) fn collection<R: Resource>() -> DocumentedRoutes {
    let (many, noun) = (R::TABLE.name, R::TABLE.noun);
    let mut routes = DocumentedRoutes::new(&format!("/api/{many}"));
    let list = operation(many, "list", &format!("Lists the {many}."), R::NOTES[0]);
    let list = routes.query::<R::Query>(list);
    let list = routes.answer_list::<R::Row>(list, "200", &format!("The {many}"));
    routes.get(list);
    let create = operation(many, "create", &format!("Creates a {noun}."), R::NOTES[1]);
    let create = routes.body::<R::New>(create, R::examples().0);
    let create = routes.answer::<R::Row>(create, "201", &format!("The new {noun}"));
    let mut failures = vec![
        ("403", "`QUOTA_EXCEEDED`: there are too many".to_owned()),
        ("409", format!("`{}`", texts::<R>().already_exists)),
    ];
    add::<R>(&mut failures, Verb::Create);
    routes.post(failed(create, failures));
    routes
}

/// The operations of `/api/TABLE/{id}`.
pub(super) fn row<R: Resource>() -> DocumentedRoutes {
    let (many, noun, texts) = (R::TABLE.name, R::TABLE.noun, texts::<R>());
    let mut routes = DocumentedRoutes::new(&format!("/api/{many}/{{id}}"));
    let id = format!("The id of the {noun}");
    let not_found = || ("404", format!("`{}`", texts.not_found));
    let note = if R::COUNTED.is_some() { "`transactionCount` is in lists only." } else { "With its `ETag`." };
    let read = routes.id(operation(many, "read", &format!("Reads a {noun}."), note), &id);
    let read = routes.answer::<R::Row>(read, "200", &format!("The {noun}"));
    let read = routes.no_content(read, "304", "It still has the `ETag` that `If-None-Match` names");
    routes.get(failed(read, vec![not_found()]));
    let summary = format!("Updates a {noun}. PUT and PATCH do the same: fields that are left out stay as they are.");
    let update = routes.id(operation(many, "update", &summary, R::NOTES[2]), &id);
    let update = routes.body::<R::Edit>(update, R::examples().1);
    let update = routes.answer::<R::Row>(update, "200", &format!("The {noun} after the update"));
    let mut failures =
        vec![not_found(), ("409", format!("`{}`", texts.already_exists)), ("412", CHANGED_SINCE.to_owned())];
    add::<R>(&mut failures, Verb::Update);
    routes.put_and_patch(failed(update, failures));
    let delete = routes.id(operation(many, "delete", &format!("Deletes a {noun}."), R::NOTES[3]), &id);
    let delete = routes.answer::<Done>(delete, "200", "Deleted");
    let mut failures = vec![not_found(), ("412", CHANGED_SINCE.to_owned())];
    if R::DELETION_IS_WEIGHED {
        failures.push(("422", TOO_MUCH_WORK.to_owned()));
    }
    add::<R>(&mut failures, Verb::Delete);
    routes.delete(failed(delete, failures));
    routes
}

/// The operation of `/api/TABLE/{id}/merge`, with `B` as its body.
pub(super) fn merge<R: Mergeable, B: ToSchema>() -> DocumentedRoutes {
    let (many, noun, texts) = (R::TABLE.name, R::TABLE.noun, texts::<R>());
    let mut routes = DocumentedRoutes::new(&format!("/api/{many}/{{id}}/merge"));
    let [summary, note] = R::MERGE_NOTES;
    let merge = routes.id(operation(many, "merge", summary, note), &format!("The id of the {noun} that goes"));
    let merge = routes.body::<B>(merge, merge_example());
    let merge = routes.answer::<R::Row>(merge, "200", &format!("The {noun} that stays"));
    let mut failures = vec![
        ("404", format!("`{}`: either of them", texts.not_found)),
        ("409", "`CONFLICT`: they are the same".to_owned()),
        ("412", "`PRECONDITION_FAILED`: the one that goes is not what `If-Match` names".to_owned()),
        ("422", TOO_MUCH_WORK.to_owned()),
    ];
    add::<R>(&mut failures, Verb::Merge);
    routes.post(failed(merge, failures));
    routes
}

type Failures = Vec<(&'static str, String)>;

/// Adds the answers that the resource itself describes, in place of those of the same status.
fn add<R: Resource>(failures: &mut Failures, of: Verb) {
    for (_, status, description) in R::ANSWERS.iter().filter(|(verb, ..)| *verb == of) {
        failures.retain(|(known, _)| known != status);
        failures.push((status, (*description).to_owned()));
    }
}

fn failed(operation: OperationBuilder, failures: Failures) -> OperationBuilder {
    let mut failures = failures;
    failures.sort_unstable();
    failures.into_iter().fold(operation, |operation, (status, description)| {
        crate::http::openapi::operation::failure(operation, status, &description)
    })
}
