use std::{fmt, io};

/// Why a link could not be opened, or has ended, or did not send.
#[derive(Debug)]
pub enum Error {
    /// No host has started this process. Start the program through its host.
    NoHost,
    /// Host and plugin do not agree on how to start: build both from the same
    /// version. The field is a variable of the environment, or a word of the hub.
    Agreement { field: String, what: String },
    /// The host, or another plugin, has written what no sound one writes. The
    /// link is over.
    Corrupt { field: String, what: String },
    /// The link was closed in good order.
    Closed,
    /// The host's process has ended.
    HostDead,
    /// What was to be sent has more bytes than a payload may have.
    TooLarge { bytes: usize, most: usize },
    /// Time was over, or the call cancelled, before there was room to send.
    GivenUp,
    /// A system call failed.
    Io { doing: String, error: io::Error },
}

/// A result with this crate's errors.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoHost => write!(f, "this program is a plugin and does nothing by itself: its host starts it (ddc build)"),
            Error::Agreement { field, what } => write!(f, "{field}: {what}: build host and plugin from the same version"),
            Error::Corrupt { field, what } => write!(f, "corrupt: {field}: {what}"),
            Error::Closed => write!(f, "the link is closed"),
            Error::HostDead => write!(f, "the host has ended"),
            Error::TooLarge { bytes, most } => write!(f, "send {bytes} bytes: at most {most}"),
            Error::GivenUp => write!(f, "send: given up before there was room"),
            Error::Io { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

pub(crate) fn agreement(field: impl Into<String>, what: impl Into<String>) -> Error {
    Error::Agreement { field: field.into(), what: what.into() }
}

pub(crate) fn corrupt(field: impl Into<String>, what: impl Into<String>) -> Error {
    Error::Corrupt { field: field.into(), what: what.into() }
}

/// Says what was being done when a system call failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::Io { doing: doing.to_string(), error })
    }
}
