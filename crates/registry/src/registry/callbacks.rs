//! Changes of callbacks and object types.

use std::{sync::Arc, time::Duration};

use triggerfish_core::{Callback, ObjectType, SubscriptionId};

use super::{Registry, new_id, now, salt};
use crate::{
    callback::{CallbackReplacement, CompiledCallback, NewCallback, decide},
    error::ChangeError,
    object_type::CompiledObjectType,
    snapshot::Snapshot,
};

impl Registry {
    /// Makes a callback. Its id grows with time, so lists are oldest first.
    pub async fn create_callback(
        &self,
        new: NewCallback,
    ) -> Result<Arc<CompiledCallback>, ChangeError> {
        let id = new_id()?;
        let (salt, now) = (salt()?, now());
        let shared = Arc::clone(&self.shared);
        let decided = move |snapshot: &Snapshot| {
            decide::create(snapshot, shared.rules(&salt), id, now, &new).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        callback(&snapshot, id)
    }

    /// Writes a callback anew. `change` gets the newest text without credentials;
    /// those it leaves blank keep their values as long as the type of
    /// authentication stays the same. It may be called more than once.
    pub async fn update_callback(
        &self,
        id: SubscriptionId,
        change: impl Fn(Callback) -> Result<CallbackReplacement, ChangeError> + Send + 'static,
    ) -> Result<Arc<CompiledCallback>, ChangeError> {
        let (salt, now) = (salt()?, now());
        let shared = Arc::clone(&self.shared);
        let decided = move |snapshot: &Snapshot| {
            decide::update(snapshot, shared.rules(&salt), id, now, &change).map(Some)
        };
        let snapshot = self.change(Box::new(decided)).await?;
        callback(&snapshot, id)
    }

    /// Takes a callback away.
    pub async fn delete_callback(&self, id: SubscriptionId) -> Result<(), ChangeError> {
        let decided = move |snapshot: &Snapshot| decide::delete(snapshot, id).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }

    /// Gives a callback a new signing secret; for `overlap` calls are signed with
    /// the one before as well.
    pub async fn rotate_callback_signing(
        &self,
        id: SubscriptionId,
        overlap: Duration,
    ) -> Result<Arc<CompiledCallback>, ChangeError> {
        let now = now();
        let decided =
            move |snapshot: &Snapshot| decide::rotate_signing(snapshot, id, now, overlap).map(Some);
        let snapshot = self.change(Box::new(decided)).await?;
        callback(&snapshot, id)
    }

    /// Makes an object type of one's own or writes it anew.
    pub async fn put_object_type(
        &self,
        object_type: ObjectType,
    ) -> Result<Arc<CompiledObjectType>, ChangeError> {
        let id = object_type.id.clone();
        let compiled = CompiledObjectType::compile(object_type, false)?;
        let decided = move |_: &Snapshot| decide::put_object_type(&compiled.object_type).map(Some);
        let snapshot = self.change(Box::new(decided)).await?;
        let object_type = snapshot.object_type(&id).map(Arc::clone);
        object_type.ok_or(ChangeError::Conflict)
    }

    /// Takes an object type of one's own away. It must have no callbacks.
    pub async fn delete_object_type(&self, id: &str) -> Result<(), ChangeError> {
        let id = id.to_owned();
        let decided =
            move |snapshot: &Snapshot| decide::delete_object_type(snapshot, &id).map(Some);
        self.change(Box::new(decided)).await.map(drop)
    }
}

fn callback(snapshot: &Snapshot, id: SubscriptionId) -> Result<Arc<CompiledCallback>, ChangeError> {
    let callback = snapshot.callback(id).map(Arc::clone);
    callback.ok_or(ChangeError::Conflict)
}
