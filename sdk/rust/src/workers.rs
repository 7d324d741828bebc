//! Threads that run handlers.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::waiting::lock;

pub(crate) type Job = Box<dyn FnOnce(&mut Vec<u8>) + Send>;

/// A thread for each job under way, up to a bound. A handler may wait for
/// another, so there are as many as there are calls.
pub(crate) struct Workers {
    state: Mutex<State>,
    work: Condvar,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    waiting: usize,
    over: bool,
}

const MOST: usize = 2048;
/// So many stay for the next calls.
const KEPT: usize = 8;
const STACK: usize = 512 << 10;
/// A thread keeps its buffer if it is not larger.
const BUFFER: usize = 4 << 20;

impl Workers {
    pub fn new() -> Arc<Workers> {
        Arc::new(Workers { state: Mutex::default(), work: Condvar::new(), idle: Condvar::new() })
    }

    /// Whether a job that is given now begins at once.
    pub fn has_room(&self) -> bool {
        let state = lock(&self.state);
        state.queue.len() < state.waiting || state.threads < MOST
    }

    /// Runs a job, at once if a thread can be had.
    pub fn run(self: &Arc<Self>, job: Job) {
        let mut state = lock(&self.state);
        state.queue.push_back(job);
        if state.queue.len() <= state.waiting {
            self.work.notify_one();
        } else if state.threads < MOST {
            let workers = self.clone();
            let begun = thread::Builder::new().name("handler".into()).stack_size(STACK).spawn(move || workers.work());
            // A thread that the system refuses is made up for by those there
            // are; the first must be there.
            match begun {
                Ok(_) => state.threads += 1,
                Err(e) if state.threads == 0 => panic!("start a thread for a handler: {e}"),
                Err(_) => {}
            }
        }
    }

    fn work(&self) {
        let mut buffer = Vec::new();
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                job(&mut buffer);
                if buffer.capacity() > BUFFER {
                    buffer = Vec::new();
                }
                state = lock(&self.state);
            } else if state.over || state.waiting >= KEPT {
                break;
            } else {
                state.waiting += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
            }
        }
        state.threads -= 1;
        self.idle.notify_all();
    }

    /// Waits until no job is under way, and no thread is left.
    pub fn end(&self) {
        let mut state = lock(&self.state);
        state.over = true;
        self.work.notify_all();
        while state.threads > 0 {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn jobs_that_wait_for_one_another_all_run() {
        let workers = Workers::new();
        let (first_send, first) = channel();
        let (second_send, second) = channel();
        workers.run(Box::new(move |_| first.recv().unwrap()));
        workers.run(Box::new(move |_| {
            let () = second.recv().unwrap();
            first_send.send(()).unwrap();
        }));
        workers.run(Box::new(move |_| second_send.send(()).unwrap()));
        workers.end();
        assert_eq!(lock(&workers.state).threads, 0);
    }
}
