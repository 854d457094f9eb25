//! News that may make another answer possible.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::OptionFuture;
use tokio::sync::{Notify, futures::OwnedNotified, watch::Receiver};
use tokio_util::sync::CancellationToken;
use triggerfish_log::Partition;

use crate::{directory::Directory, local::Local, roster::Roster};

/// When those who did not answer are asked once more, even if there is no news.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Calls out that something is new.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// What is called out from this moment on.
    pub(crate) fn news(&self) -> News {
        News(Box::pin(Arc::clone(&self.0).notified_owned()))
    }
}

/// See [`Bell::news`].
pub(crate) struct News(Pin<Box<OwnedNotified>>);

impl News {
    /// Waits for news, for a moment.
    pub(crate) async fn wait(self) {
        // Without news the moment is over, which is as good.
        let _ = tokio::time::timeout(ASK_AGAIN, self.0).await;
    }
}

/// Rings the bell. One for all who wait: they go on in the order in which they came, which
/// receivers of a watch channel do not.
pub(crate) struct Herald {
    bell: Bell,
    directory: Receiver<Arc<Roster>>,
    running: Option<Receiver<BTreeSet<Partition>>>,
}

impl Herald {
    pub(crate) fn new(bell: Bell, directory: &Directory, local: Option<&Local>) -> Self {
        Self {
            bell,
            directory: directory.changes(),
            running: local.map(Local::changes),
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let running = OptionFuture::from(self.running.as_mut().map(Receiver::changed));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = self.directory.changed() => {}
                Some(Ok(())) = running => {}
                else => return,
            }
            self.bell.0.notify_waiters();
        }
    }
}
