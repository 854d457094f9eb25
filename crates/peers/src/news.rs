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

/// When those who did not answer are asked once more, even if there is no news; the next time
/// after twice as long. Many may wait for the same answer.
const ASK_AGAIN: Duration = Duration::from_millis(200);
const ASK_AGAIN_MAX: Duration = Duration::from_millis(800);

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

/// The pauses of one who asks again and again.
pub(crate) struct Again(Duration);

impl Default for Again {
    fn default() -> Self {
        Self(ASK_AGAIN)
    }
}

impl Again {
    /// Waits for news, for a moment.
    pub(crate) async fn wait(&mut self, News(news): News) {
        // Without news the moment is over, which is as good.
        let _ = tokio::time::timeout(self.0, news).await;
        self.0 = (self.0 * 2).min(ASK_AGAIN_MAX);
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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_hears_nothing_asks_less_and_less_often_and_news_end_the_pause() {
        let (bell, mut again) = (Bell::default(), Again::default());
        for millis in [200, 400, 800, 800] {
            let begun = Instant::now();
            again.wait(bell.news()).await;
            let waited = begun.elapsed().as_millis();
            assert!((millis..millis + 5).contains(&waited), "{waited} ms");
        }
        let (begun, news) = (Instant::now(), bell.news());
        bell.0.notify_waiters();
        again.wait(news).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
