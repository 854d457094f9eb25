//! Scopes: what an API client may be allowed to do.

use std::collections::BTreeSet;

/// Everything a client can be allowed. Names that begin with `sp:` are the
/// reference's (reference 2.2); the others are additions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read triggers, subscriptions, object types and callbacks.
    SubscriptionsRead,
    /// Change subscriptions, own object types and callbacks.
    SubscriptionsManage,
    /// Read the status of invocations.
    StatusRead,
    /// Read the status of invocations, start tests.
    StatusManage,
    /// Start invocations, by `start` or as `CloudEvents`.
    InvocationsStart,
    /// Read records of topics.
    RecordsRead,
    /// Put dead letters back.
    DeadLettersRedrive,
    /// Change own triggers.
    TriggersManage,
    /// Change API clients.
    ClientsManage,
}

/// The scope that stands for all of them.
pub const ALL_SCOPES: &str = "sp:scopes:all";

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 9] = [
        Self::SubscriptionsRead,
        Self::SubscriptionsManage,
        Self::StatusRead,
        Self::StatusManage,
        Self::InvocationsStart,
        Self::RecordsRead,
        Self::DeadLettersRedrive,
        Self::TriggersManage,
        Self::ClientsManage,
    ];

    /// Its name in tokens and in the registry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SubscriptionsRead => "sp:trigger-service-subscriptions:read",
            Self::SubscriptionsManage => "sp:trigger-service-subscriptions:manage",
            Self::StatusRead => "sp:trigger-service-invocation-status:read",
            Self::StatusManage => "sp:trigger-service-invocation-status:manage",
            Self::InvocationsStart => "triggerfish:invocations:start",
            Self::RecordsRead => "triggerfish:records:read",
            Self::DeadLettersRedrive => "triggerfish:dead-letters:redrive",
            Self::TriggersManage => "triggerfish:triggers:manage",
            Self::ClientsManage => "triggerfish:clients:manage",
        }
    }

    /// What it allows, for the API's description.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::SubscriptionsRead => "read triggers, subscriptions, object types and callbacks",
            Self::SubscriptionsManage => "change subscriptions, own object types and callbacks",
            Self::StatusRead => "read the status of invocations",
            Self::StatusManage => "read the status of invocations and start tests",
            Self::InvocationsStart => "start invocations (an addition to the reference)",
            Self::RecordsRead => "read records of topics (an addition to the reference)",
            Self::DeadLettersRedrive => "put dead letters back (an addition to the reference)",
            Self::TriggersManage => "change own triggers (an addition to the reference)",
            Self::ClientsManage => "change API clients (an addition to the reference)",
        }
    }

    /// The scope with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// The scopes that these names grant; names of other products grant nothing.
pub fn granted<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<Scope> {
    let mut scopes = BTreeSet::new();
    for name in names {
        if name == ALL_SCOPES {
            scopes.extend(Scope::ALL);
        }
        scopes.extend(Scope::parse(name));
    }
    scopes
}

/// The scopes of which an operation needs any one.
pub(crate) trait Access: Send + Sync + 'static {
    /// Any of these is enough.
    const ANY_OF: &'static [Scope];
}

macro_rules! access {
    ($($(#[$doc:meta])* $name:ident: $($scope:ident)|+;)+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name;

            impl Access for $name {
                const ANY_OF: &'static [Scope] = &[$(Scope::$scope),+];
            }
        )+
    };
}

access! {
    /// To read triggers. The reference names only `:read`; who may manage may read.
    ReadTriggers: SubscriptionsRead | SubscriptionsManage | TriggersManage;
    /// To change triggers.
    ManageTriggers: TriggersManage;
    /// To read subscriptions.
    ReadSubscriptions: SubscriptionsRead | SubscriptionsManage;
    /// To change subscriptions.
    ManageSubscriptions: SubscriptionsManage;
    /// To read invocations.
    ReadInvocations: StatusRead | StatusManage;
    /// To start tests.
    StartTests: StatusManage;
    /// To ask before actions, and tell after them.
    AskAboutActions: StatusManage;
    /// To start invocations.
    StartInvocations: InvocationsStart;
    /// To read records of topics.
    ReadRecords: RecordsRead;
    /// To put dead letters back.
    RedriveDeadLetters: DeadLettersRedrive;
    /// To read and change API clients.
    ManageClients: ClientsManage;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse() {
        let names: BTreeSet<_> = Scope::ALL.map(Scope::as_str).into();
        assert_eq!(names.len(), Scope::ALL.len());
        assert_eq!(granted(names), Scope::ALL.into());
        assert_eq!(granted([ALL_SCOPES]), Scope::ALL.into());
        assert!(granted(["idn:accounts:read", ""]).is_empty());
    }
}
