//! What the loop waits for.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinError;
use triggerfish_log::{EventLog, Limit, LogError, Partition, Polled, Session as _};
use triggerfish_view::Saved;

use super::{Save, Worker, partitions::Restored};
use crate::{handle::Query, owned::Owned, settings::Error};

/// What has come.
enum News {
    Woken,
    Asked(Query),
    Restored(Box<Result<Restored, JoinError>>),
    Saved(Result<Result<Save, JoinError>, JoinError>),
    Polled(Result<Polled, LogError>),
}

/// The same, looked into.
pub(super) enum Turn {
    Woken,
    Asked(Query),
    Restored(Partition, Box<Owned>),
    Saved(Partition, Saved),
    Polled(Polled),
}

impl<L: EventLog> Worker<L> {
    /// Waits for whatever happens first; questions are left alone unless it `answers`.
    pub(super) async fn turn(&mut self, wait: Duration, answers: bool) -> Result<Turn, Error> {
        match self.news(wait, answers).await {
            News::Woken => Ok(Turn::Woken),
            News::Asked(query) => Ok(Turn::Asked(query)),
            News::Restored(joined) => {
                let Restored {
                    partition,
                    assignment,
                    result,
                } = (*joined)?;
                // What was restored for an assignment that is over may be long behind.
                let Some(result) = result.filter(|_| !assignment.is_cancelled()) else {
                    return Ok(Turn::Woken);
                };
                let owned = result.map_err(|source| Error::Restore { partition, source })?;
                Ok(Turn::Restored(partition, Box::new(owned)))
            }
            News::Saved(joined) => {
                let (partition, result) = joined??;
                Ok(Turn::Saved(partition, result?))
            }
            News::Polled(polled) => match polled {
                Ok(polled) => Ok(Turn::Polled(polled)),
                Err(error) if error.is_retryable() => {
                    tracing::warn!(%error, "reading the log failed, trying again");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok(Turn::Woken)
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Whichever comes first. Each source is looked at first in its turn, so that none keeps
    /// the others waiting, and nothing is left to chance. Nothing is read while a save is
    /// waited for.
    async fn news(&mut self, wait: Duration, answers: bool) -> News {
        const SOURCES: usize = 5;
        self.turns = self.turns.wrapping_add(1);
        let first = self.turns % SOURCES;
        let reads = !self.waits_for_saves();
        let (queries, restores) = (&mut self.queries, &mut self.restores);
        let saves = &mut self.saves;
        let mut woken = pin!(self.wake.notified());
        let mut polled = pin!(self.session.poll(Limit::default(), wait));
        let mut rested = pin!(tokio::time::sleep(wait));
        poll_fn(|context| {
            for source in first..first + SOURCES {
                let news = match source % SOURCES {
                    0 => woken.as_mut().poll(context).map(|()| Some(News::Woken)),
                    1 if answers => {
                        let asked = queries.poll_recv(context);
                        asked.map(|query| query.map(News::Asked))
                    }
                    1 => Poll::Pending,
                    2 => {
                        let next = restores.poll_join_next(context);
                        next.map(|next| next.map(|joined| News::Restored(Box::new(joined))))
                    }
                    3 => {
                        let next = saves.poll_join_next(context);
                        next.map(|next| next.map(News::Saved))
                    }
                    _ if reads => polled.as_mut().poll(context).map(News::Polled).map(Some),
                    _ => rested.as_mut().poll(context).map(|()| Some(News::Woken)),
                };
                if let Poll::Ready(Some(news)) = news {
                    return Poll::Ready(news);
                }
            }
            Poll::Pending
        })
        .await
    }
}
