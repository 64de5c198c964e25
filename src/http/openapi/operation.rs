//! Operations that are described at run time, beside the routes that they belong to.

use axum::routing::MethodRouter;
use serde_json::Value;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, HttpMethod, Ref, Required, ResponseBuilder};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::http::envelope::SuccessBody;
use crate::http::input::NamedSchemas;

/// The operations of one path, with the schemas that they refer to.
pub struct DocumentedRoutes {
    path: String,
    paths: Paths,
    schemas: NamedSchemas,
}

/// An operation for users who are signed in. Its name and its group together are unique.
#[must_use]
pub fn operation(group: &str, name: &str, summary: &str, description: &str) -> OperationBuilder {
    OperationBuilder::new()
        .tag(group)
        .operation_id(Some(name))
        .summary(Some(summary))
        .description(Some(description))
        .security(SecurityRequirement::new::<_, [&str; 0], &str>("bearer", []))
}

/// Adds a failure.
#[must_use]
pub fn failure(operation: OperationBuilder, status: &str, description: &str) -> OperationBuilder {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("FailureBody"))).build();
    let response = ResponseBuilder::new().description(description).content("application/json", content);
    operation.response(status, response)
}

impl DocumentedRoutes {
    /// A path without operations.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self { path: path.to_owned(), paths: Paths::new(), schemas: Vec::new() }
    }

    /// Adds the id in the path.
    #[must_use]
    pub fn id(&self, operation: OperationBuilder, description: &str) -> OperationBuilder {
        let schema =
            ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        let id = ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(schema));
        operation.parameter(id)
    }

    /// Adds the parameters of a query string.
    #[must_use]
    pub fn query<Q: IntoParams>(&self, operation: OperationBuilder) -> OperationBuilder {
        Q::into_params(|| Some(ParameterIn::Query)).into_iter().fold(operation, OperationBuilder::parameter)
    }

    /// Adds a body with an example.
    #[must_use]
    pub fn body<B: ToSchema>(&mut self, operation: OperationBuilder, example: Value) -> OperationBuilder {
        self.name::<B>();
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(B::name()))).example(Some(example)).build();
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation.request_body(Some(body.build()))
    }

    /// Adds an answer that holds one `T`.
    #[must_use]
    pub fn answer<T: ToSchema>(
        &mut self,
        operation: OperationBuilder,
        status: &str,
        description: &str,
    ) -> OperationBuilder {
        self.name::<T>();
        let name = format!("SuccessBody_{}", T::name());
        self.success::<SuccessBody<T>>(operation, name, status, description)
    }

    /// Adds an answer that holds a list of `T`.
    #[must_use]
    pub fn answer_list<T: ToSchema>(
        &mut self,
        operation: OperationBuilder,
        status: &str,
        description: &str,
    ) -> OperationBuilder {
        self.name::<T>();
        let name = format!("SuccessBody_Vec_{}", T::name());
        // What it holds is put in when the document is finished.
        self.success::<SuccessBody<T>>(operation, name, status, description)
    }

    fn success<B: ToSchema>(
        &mut self,
        operation: OperationBuilder,
        name: String,
        status: &str,
        description: &str,
    ) -> OperationBuilder {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(&name))).build();
        self.schemas.push((name, B::schema()));
        let response = ResponseBuilder::new().description(description).content("application/json", content);
        operation.response(status, response)
    }

    /// Adds an answer without a body.
    #[must_use]
    pub fn no_content(&self, operation: OperationBuilder, status: &str, description: &str) -> OperationBuilder {
        operation.response(status, ResponseBuilder::new().description(description))
    }

    fn name<T: ToSchema>(&mut self) {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
    }

    fn add(&mut self, methods: Vec<HttpMethod>, operation: OperationBuilder) {
        let operation: Operation = operation.build();
        self.paths.add_path_operation(&self.path, methods, operation);
    }

    /// Adds the operation of GET.
    pub fn get(&mut self, operation: OperationBuilder) {
        self.add(vec![HttpMethod::Get], operation);
    }

    /// Adds the operation of POST.
    pub fn post(&mut self, operation: OperationBuilder) {
        self.add(vec![HttpMethod::Post], operation);
    }

    /// Adds the operation of PUT and PATCH.
    pub fn put_and_patch(&mut self, operation: OperationBuilder) {
        self.add(vec![HttpMethod::Put, HttpMethod::Patch], operation);
    }

    /// Adds the operation of DELETE.
    pub fn delete(&mut self, operation: OperationBuilder) {
        self.add(vec![HttpMethod::Delete], operation);
    }

    /// Puts the operations together with the handlers.
    pub fn with<S>(self, handlers: MethodRouter<S>) -> UtoipaMethodRouter<S> {
        (self.schemas, self.paths, handlers)
    }
}
