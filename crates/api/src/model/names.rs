//! Lists of names, as the API's description gives them. The types themselves are
//! in the core, which knows nothing of descriptions.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, schema::Schema, schema::Type},
};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = [$($value:literal),+];)+) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    ObjectBuilder::new()
                        .schema_type(Type::String)
                        .enum_values(Some([$($value),+]))
                        .into()
                }
            }

            impl ToSchema for $name {}
        )+
    };
}

names! {
    /// See `triggerfish_core::TriggerType`.
    TriggerType = ["REQUEST_RESPONSE", "FIRE_AND_FORGET"];
    /// See `triggerfish_core::subscription::SubscriptionType`.
    SubscriptionType = ["HTTP", "EVENTBRIDGE"];
    /// See `triggerfish_core::subscription::DispatchMode`.
    HttpDispatchMode = ["SYNC", "ASYNC", "DYNAMIC"];
    /// See `triggerfish_core::subscription::AuthenticationType`.
    HttpAuthenticationType = ["NO_AUTH", "BASIC_AUTH", "BEARER_TOKEN"];
    /// See `triggerfish_core::Origin`.
    InvocationStatusType = ["TEST", "REAL_TIME"];
    /// See `triggerfish_core::Mode`.
    ResponseMode = ["SYNC", "ASYNC", "DYNAMIC", "FIRE_AND_FORGET", "BEFORE", "AFTER"];
    /// See `triggerfish_core::Action`.
    Action = ["CREATED", "UPDATED", "DELETED"];
    /// See `triggerfish_core::action::Verdict`.
    Decision = ["ALLOW", "DENY", "PENDING"];
    /// See `triggerfish_core::action::Activation`.
    Activation = ["ALLOWED", "DENIED", "SUCCEEDED", "FAILED", "STOPPED", "PENDING"];
    /// See `triggerfish_core::Outcome`.
    Outcome = ["COMPLETED", "FAILED", "EXPIRED"];
    /// See `triggerfish_core::subscription::Ordering`.
    Ordering = ["none", "key"];
    /// See `triggerfish_core::Timing`.
    CallbackTiming = ["BEFORE", "AFTER"];
    /// See `triggerfish_core::FailurePolicy`.
    FailurePolicy = ["DENY", "ALLOW", "AUDIT"];
    /// Where an invocation stands.
    Phase = ["DUE", "WAITING", "CLOSED"];
}
