//! Threads that wait for jobs.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::waiting::lock;

/// The jobs that wait for a thread, and the threads that there are: as many as
/// jobs under way, up to a bound, since a handler may wait for another. Threads
/// of other kinds may take jobs, too.
pub(crate) struct Workers<J> {
    state: Mutex<State<J>>,
    work: Condvar,
    idle: Condvar,
}

struct State<J> {
    queue: VecDeque<J>,
    threads: usize,
    waiting: usize,
    over: bool,
}

const MOST: usize = 2048;
/// So many stay for the next jobs.
const KEPT: usize = 8;

impl<J> Workers<J> {
    pub fn new() -> Workers<J> {
        let state = State { queue: VecDeque::new(), threads: 0, waiting: 0, over: false };
        Workers { state: Mutex::new(state), work: Condvar::new(), idle: Condvar::new() }
    }

    /// Whether a job that is given now begins at once.
    pub fn has_room(&self) -> bool {
        let state = lock(&self.state);
        state.queue.len() < state.waiting || state.threads < MOST
    }

    /// Gives a job to a thread that waits, or to one that start begins. False
    /// means that it waits until some thread takes a job.
    pub fn run(&self, job: J, start: impl FnOnce() -> io::Result<()>) -> bool {
        let mut state = lock(&self.state);
        state.queue.push_back(job);
        if state.queue.len() <= state.waiting {
            self.work.notify_one();
            return true;
        }
        if state.threads >= MOST {
            return false;
        }
        // A thread that the system refuses is made up for by those there are; the
        // first must be there.
        match start() {
            Ok(()) => state.threads += 1,
            Err(e) if state.threads == 0 => panic!("start a thread for a handler: {e}"),
            Err(_) => return false,
        }
        true
    }

    /// Takes a job, if one waits.
    pub fn take(&self) -> Option<J> {
        lock(&self.state).queue.pop_front()
    }

    /// Waits for a job. None: the thread is not needed any more. One that stays
    /// is needed until the end.
    pub fn wait(&self, stays: bool) -> Option<J> {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.over || state.waiting >= KEPT && !stays {
                return None;
            }
            state.waiting += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
    }

    /// Says that a thread that was begun has come to its end.
    pub fn left(&self) {
        lock(&self.state).threads -= 1;
        self.idle.notify_all();
    }

    /// Has threads that find no job end.
    pub fn end(&self) {
        lock(&self.state).over = true;
        self.work.notify_all();
    }

    /// Waits until no thread is left.
    pub fn wait_for_all(&self) {
        let mut state = lock(&self.state);
        while state.threads > 0 {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::Arc;
    use std::thread;

    type Job = Box<dyn FnOnce() + Send>;

    fn run(workers: &Arc<Workers<Job>>, job: impl FnOnce() + Send + 'static) {
        let all = workers.clone();
        let work = move || {
            while let Some(job) = all.wait(false) {
                job();
            }
            all.left();
        };
        assert!(workers.run(Box::new(job), || thread::Builder::new().spawn(work).map(drop)));
    }

    #[test]
    fn jobs_that_wait_for_one_another_all_run() {
        let workers = Arc::new(Workers::new());
        let (first_send, first) = channel();
        let (second_send, second) = channel();
        run(&workers, move || first.recv().unwrap());
        run(&workers, move || {
            let () = second.recv().unwrap();
            first_send.send(()).unwrap();
        });
        run(&workers, move || second_send.send(()).unwrap());
        workers.end();
        workers.wait_for_all();
        assert_eq!(lock(&workers.state).threads, 0);
    }

    #[test]
    fn a_job_for_which_no_thread_can_be_had_waits_until_one_is_taken() {
        let workers = Workers::new();
        assert!(workers.run(1, || Ok(())));
        assert!(!workers.run(2, || Err(io::Error::other("no more threads"))));
        assert_eq!((workers.take(), workers.wait(false), workers.take()), (Some(1), Some(2), None));
    }
}
