//! What the host says at the start: docs/PROTOCOL.md, section 1.

use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use crate::error::{agreement, Doing, Error, Result};
use crate::numbers::LAYOUT_VERSION;
use crate::strategy::{Spin, Strategy};
use crate::sys;

/// The agreement's version that this crate speaks.
const VERSION: &str = "2";
const LIFELINE: RawFd = 3;
const HUB: RawFd = 4;

/// What a host says to a plugin, in variables of the environment.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The plugin's name.
    pub name: String,
    /// The least level worth logging.
    pub level: Level,
    /// The largest request, in bytes.
    pub request_bytes: usize,
    /// How many bytes may be alive on the plugin's heap; 0 is no bound.
    pub live: u64,
    pub strategy: Strategy,
    pub spin: Spin,
    /// The plugin is to give up starting programs before it serves.
    pub no_programs: bool,
    pub(crate) place: usize,
    pub(crate) incarnation: u32,
}

/// A level of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }

    /// Reads what Go's log/slog writes: a name, and how far above it.
    fn parse(text: &str) -> Option<Level> {
        let name = text.split(['+', '-']).next()?;
        [Level::Debug, Level::Info, Level::Warn, Level::Error].into_iter().find(|l| l.name() == name)
    }
}

/// A request may have so many bytes if the host does not say.
const REQUEST_BYTES: usize = 256 << 20;

impl Terms {
    /// Reads the terms of this process.
    pub fn read() -> Result<Terms> {
        Terms::read_from(|name| std::env::var(name).unwrap_or_default())
    }

    pub(crate) fn read_from(variable: impl Fn(&str) -> String) -> Result<Terms> {
        match variable("DDC_PLUGIN").as_str() {
            "" => return Err(Error::NoHost),
            VERSION => {}
            other => return Err(agreement("DDC_PLUGIN", format!("the host starts plugins of version {other}, this one is of {VERSION}"))),
        }
        let read = |name: &str, parse: &dyn Fn(&str) -> bool| {
            let text = variable(name);
            if parse(&text) {
                Ok(text)
            } else {
                Err(agreement(name, format!("{text:?} makes no sense")))
            }
        };
        let level = read("DDC_LOG_LEVEL", &|t| Level::parse(t).is_some())?;
        let spin = read("DDC_SPIN", &|t| parse_spin(t).is_some())?;
        let requests = read("DDC_REQUESTS", &|t| t.split(',').count() == 3 && t.split(',').all(|n| n.parse::<u64>().is_ok()))?;
        let live = read("DDC_LIVE", &|t| t.parse::<u64>().is_ok())?;
        let (place, incarnation, strategy) = parse_offer(&variable("DDC_HUB"))?;
        Ok(Terms {
            name: variable("DDC_PLUGIN_NAME"),
            level: Level::parse(&level).unwrap_or(Level::Info),
            request_bytes: match requests.split(',').next().and_then(|n| n.parse().ok()) {
                None | Some(0) => REQUEST_BYTES,
                Some(n) => n,
            },
            live: live.parse().unwrap_or(0),
            strategy,
            spin: parse_spin(&spin).unwrap_or(Spin::Auto),
            no_programs: variable("DDC_PLUGIN_PROGRAMS") == "none",
            place,
            incarnation,
        })
    }

    /// Takes over what the host left to this process: the lifeline, the hub's
    /// memory, and each doorbell's files. It can be done once.
    pub(crate) fn inherit(&self) -> Result<Inheritance> {
        let each = self.strategy.files();
        let take = |fd: RawFd, what: &str| sys::inherited(fd).doing(format_args!("take over descriptor {fd}, {what}"));
        let mut next = HUB + 1;
        let mut bells = [Vec::new(), Vec::new(), Vec::new()];
        let (lifeline, memory) = (take(LIFELINE, "the lifeline")?, take(HUB, "the hub's memory")?);
        for files in &mut bells {
            for _ in 0..each {
                files.push(take(next, "a doorbell's file")?);
                next += 1;
            }
        }
        Ok(Inheritance { lifeline, memory, bells })
    }
}

pub(crate) struct Inheritance {
    pub lifeline: OwnedFd,
    pub memory: OwnedFd,
    /// The files of the host's bell, the plugin's, and the host's caller's.
    pub bells: [Vec<OwnedFd>; 3],
}

/// Reads "v5 peer=3 incarnation=1 wake=futex files=1".
fn parse_offer(text: &str) -> Result<(usize, u32, Strategy)> {
    let wrong = |what: String| agreement("DDC_HUB", what);
    let words: Vec<&str> = text.split(' ').collect();
    let [version, peer, incarnation, wake, files] = words[..] else {
        return Err(wrong(format!("{text:?} is no offer")));
    };
    if version != format!("v{LAYOUT_VERSION}") {
        return Err(wrong(format!("the hub's layout is {version}, this program's v{LAYOUT_VERSION}")));
    }
    let field = |word: &str, name: &str| {
        word.strip_prefix(name).and_then(|w| w.strip_prefix('=')).map(str::to_owned).ok_or_else(|| wrong(format!("{text:?} has no {name}")))
    };
    let number = |word: &str, name: &str| field(word, name)?.parse::<u32>().map_err(|e| wrong(format!("{word}: {e}")));
    let name = field(wake, "wake")?;
    let strategy =
        Strategy::parse(&name).ok_or_else(|| wrong(format!("wake strategy {name:?} is none of eventfd, socketpair, pipe and futex")))?;
    let (files, want) = (number(files, "files")? as usize, 1 + 3 * strategy.files());
    if files != want {
        return Err(wrong(format!("{files} files: {name} has {want}")));
    }
    Ok((number(peer, "peer")? as usize, number(incarnation, "incarnation")?, strategy))
}

/// Reads "auto", "off", or a duration as Go writes one of at most a second.
fn parse_spin(text: &str) -> Option<Spin> {
    match text {
        "auto" => return Some(Spin::Auto),
        "off" | "0" | "0s" => return Some(Spin::For(Duration::ZERO)),
        _ => {}
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(unit_at);
    let nanoseconds = match unit {
        "ns" => 1.0,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    let nanoseconds = number.parse::<f64>().ok()? * nanoseconds;
    (nanoseconds <= 1e9).then(|| Spin::For(Duration::from_nanos(nanoseconds as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(changed: &str, to: &str) -> Result<Terms> {
        Terms::read_from(|name| {
            let said = match name {
                n if n == changed => to,
                "DDC_PLUGIN" => "2",
                "DDC_HUB" => "v5 peer=3 incarnation=7 wake=pipe files=7",
                "DDC_LOG_LEVEL" => "INFO+1",
                "DDC_SPIN" => "30\u{b5}s",
                "DDC_REQUESTS" => "0,0,0",
                "DDC_LIVE" => "12",
                _ => "",
            };
            said.to_owned()
        })
    }

    #[test]
    fn a_plugin_reads_what_its_host_says() {
        let t = terms("", "").unwrap();
        assert_eq!((t.place, t.incarnation, t.strategy), (3, 7, Strategy::Pipe));
        assert_eq!((t.level, t.live, t.request_bytes), (Level::Info, 12, 256 << 20));
        assert_eq!(t.spin, Spin::For(Duration::from_micros(30)));
        assert_eq!(parse_spin("1.5ms"), Some(Spin::For(Duration::from_micros(1500))));
        assert_eq!(parse_spin("2s"), None);
    }

    #[test]
    fn an_error_names_the_variable() {
        assert!(matches!(terms("DDC_PLUGIN", ""), Err(Error::NoHost)));
        for (variable, text) in [
            ("DDC_PLUGIN", "1"),
            ("DDC_HUB", "v4 peer=3 incarnation=7 wake=pipe files=7"),
            ("DDC_HUB", "v5 peer=3 incarnation=7 wake=pigeon files=7"),
            ("DDC_HUB", "v5 peer=3 incarnation=7 wake=pipe files=6"),
            ("DDC_HUB", "v5"),
            ("DDC_SPIN", "often"),
            ("DDC_REQUESTS", "1,2"),
            ("DDC_LIVE", "-1"),
            ("DDC_LOG_LEVEL", "LOUD"),
        ] {
            let error = terms(variable, text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{variable}: ")), "{error}");
        }
    }
}
