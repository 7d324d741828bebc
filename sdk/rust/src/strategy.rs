//! How one side wakes the other, and how long it looks before it sleeps.

use std::time::Duration;

/// How long a sleeper looks again and again before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spin {
    /// As long as that has lately paid, 30 microseconds at most.
    Auto,
    /// Always so long; nothing is not at all.
    For(Duration),
}

/// How one side wakes the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Strategy {
    Eventfd,
    Socketpair,
    Pipe,
    Futex,
}

impl Strategy {
    pub(crate) fn parse(name: &str) -> Option<Strategy> {
        Some(match name {
            "eventfd" => Strategy::Eventfd,
            "socketpair" => Strategy::Socketpair,
            "pipe" => Strategy::Pipe,
            "futex" => Strategy::Futex,
            _ => return None,
        })
    }

    /// The name that flags and the hub have for it.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Eventfd => "eventfd",
            Strategy::Socketpair => "socketpair",
            Strategy::Pipe => "pipe",
            Strategy::Futex => "futex",
        }
    }

    /// How many files each doorbell has.
    pub(crate) fn files(self) -> usize {
        match self {
            Strategy::Eventfd => 1,
            Strategy::Socketpair | Strategy::Pipe => 2,
            Strategy::Futex => 0,
        }
    }
}
