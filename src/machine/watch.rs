//! Which of many connections are ready, without asking each of them every time.

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::poll;

/// No time at all, for a look at what is ready.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What can be watched: a connection, or the bell. It stays open for as long as it is watched.
pub(super) type Handle = Arc<dyn AsFd + Send + Sync>;

/// What is watched, each thing for a place of its own.
pub(super) struct Watch {
    epoll: OwnedFd,
    watched: Vec<Option<(Handle, EventFlags)>>,
}

impl Watch {
    /// A watch over nothing yet, with so many places.
    ///
    /// # Errors
    /// When the operating system gives no file descriptor.
    pub(super) fn new(places: usize) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)
            .context("cannot watch connections; raise the limit on open files (ulimit -n)")?;
        let watched = std::iter::repeat_with(|| None).take(places).collect();
        Ok(Self { epoll, watched })
    }

    /// Watches this for a place from now on, and nothing else.
    ///
    /// # Errors
    /// When the kernel cannot watch it.
    pub(super) fn set(
        &mut self,
        place: usize,
        wanted: Option<(Handle, EventFlags)>,
    ) -> rustix::io::Result<()> {
        let watched = self.watched[place].take();
        let data = EventData::new_u64(place as u64);
        match (&watched, &wanted) {
            // What is watched is open, so a number that is the same means the same.
            (Some((old, before)), Some((new, flags))) if number(old) == number(new) => {
                if before != flags {
                    epoll::modify(&self.epoll, new, data, *flags)?;
                }
            }
            (old, new) => {
                if let Some((old, _)) = old {
                    epoll::delete(&self.epoll, old)?;
                }
                if let Some((new, flags)) = new {
                    epoll::add(&self.epoll, new, data, *flags)?;
                }
            }
        }
        self.watched[place] = wanted;
        Ok(())
    }

    /// Waits until something is ready, or until a deadline; says of each place whether it is ready.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Vec<bool> {
        if deadline.is_some() {
            // Which place it is takes a second call: epoll itself only knows milliseconds.
            poll::wait(&mut [PollFd::new(&self.epoll, PollFlags::IN)], deadline);
        }
        let limit = deadline.map(|_| AT_ONCE);
        let mut events: Vec<Event> = Vec::with_capacity(self.watched.len());
        // A signal may end the wait early; everyone looks again then.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), limit.as_ref());
        let mut ready = vec![false; self.watched.len()];
        for event in events {
            let place = usize::try_from(event.data.u64()).ok();
            if let Some(is_ready) = place.and_then(|place| ready.get_mut(place)) {
                *is_ready = true;
            }
        }
        ready
    }
}

fn number(handle: &Handle) -> i32 {
    handle.as_fd().as_raw_fd()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;
    use crate::wall_clock;

    /// Long enough for a ready connection to be seen, and never waited out.
    fn limit() -> Option<Instant> {
        Some(wall_clock::now() + Duration::from_secs(30))
    }

    fn pair() -> (Arc<UnixStream>, UnixStream) {
        let (own, other) = UnixStream::pair().unwrap();
        (Arc::new(own), other)
    }

    #[test]
    fn only_the_place_of_what_is_ready_is_said_to_be() {
        let mut watch = Watch::new(3).unwrap();
        let (mut others, mut kept) = (Vec::new(), Vec::new());
        for place in 0..3 {
            let (own, other) = pair();
            watch.set(place, Some((Arc::clone(&own) as Handle, EventFlags::IN))).unwrap();
            others.push(other);
            kept.push(own);
        }
        others[1].write_all(b"x").unwrap();
        assert_eq!(watch.wait(limit()), [false, true, false]);
        // It is ready until it is read; without a deadline, too.
        assert_eq!(watch.wait(None), [false, true, false]);
        others[2].write_all(b"x").unwrap();
        assert_eq!(watch.wait(limit()), [false, true, true]);
    }

    #[test]
    fn a_deadline_ends_a_wait_for_nothing() {
        let mut watch = Watch::new(1).unwrap();
        let (own, _other) = pair();
        watch.set(0, Some((own, EventFlags::IN))).unwrap();
        assert_eq!(watch.wait(Some(wall_clock::now() + Duration::from_micros(300))), [false]);
    }

    #[test]
    fn a_place_can_wait_for_something_else_and_for_nothing() {
        let mut watch = Watch::new(2).unwrap();
        let (first, mut other_of_first) = pair();
        let (second, mut other_of_second) = pair();
        let handle = |stream: &Arc<UnixStream>| Arc::clone(stream) as Handle;
        watch.set(0, Some((handle(&first), EventFlags::IN))).unwrap();
        watch.set(0, Some((handle(&first), EventFlags::IN | EventFlags::OUT))).unwrap();
        assert_eq!(watch.wait(limit()), [true, false], "there is room to write");
        watch.set(0, Some((handle(&first), EventFlags::IN))).unwrap();
        watch.set(1, Some((handle(&second), EventFlags::IN))).unwrap();
        other_of_first.write_all(b"x").unwrap();
        assert_eq!(watch.wait(limit()), [true, false]);
        // The number of a connection that is closed may be that of the next one.
        watch.set(0, None).unwrap();
        drop(first);
        let (third, _other_of_third) = pair();
        watch.set(0, Some((handle(&third), EventFlags::IN))).unwrap();
        other_of_second.write_all(b"x").unwrap();
        assert_eq!(watch.wait(limit()), [false, true]);
        // An end that has gone is ready to be heard of, unless nobody wants to.
        watch.set(1, None).unwrap();
        drop(other_of_second);
        assert_eq!(watch.wait(Some(wall_clock::now())), [false, false]);
    }
}
