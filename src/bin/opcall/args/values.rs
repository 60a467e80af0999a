//! The values that options take: choices, spans of time, headers.

use std::time::Duration;

use clap::ValueEnum;

/// The form of errors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorFormat {
    #[default]
    Text,
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// What a call prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CallOutput {
    #[default]
    Auto,
    Json,
    Ndjson,
    Raw,
    None,
}

/// What `ops` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    #[default]
    #[value(alias = "table")]
    Auto,
    Json,
    Ndjson,
    Names,
}

/// What `show` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowOutput {
    #[default]
    #[value(alias = "text")]
    Auto,
    Json,
}

/// What `check` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    #[default]
    #[value(alias = "text")]
    Auto,
    #[value(alias = "json")]
    Ndjson,
}

/// A span of time that is not zero: `500ms`, `30s`, `5m`, `1h`; a bare number counts seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("write a span of time as 500ms, 30s, 5m or 1h".into()),
    };
    let number: f64 = number.parse().map_err(|_| "write a span of time as 500ms, 30s, 5m or 1h")?;
    match Duration::try_from_secs_f64(number * scale) {
        Ok(Duration::ZERO) => Err("nothing is done in no time; leave it out for the default".into()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

/// A number of bytes: `64MiB`, `1GB`, `500kB`, `1024`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const FORMS: &str = "write a size as 64MiB, 1GB or a number of bytes";
    let digits = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(FORMS.into()),
    };
    let number: u64 = number.parse().map_err(|_| FORMS)?;
    number.checked_mul(scale).ok_or_else(|| "it is too large".into())
}

/// So many requests in a span of time: `10/s`, `100/m`, `5/2s`.
pub(super) fn rate(text: &str) -> Result<(u32, Duration), String> {
    let wrong = || "write a rate as 10/s, 100/m or 5/2s".to_owned();
    let (count, span) = text.split_once('/').ok_or_else(wrong)?;
    let is_one = span.starts_with(|first: char| first.is_ascii_alphabetic());
    let span = if is_one { format!("1{span}") } else { span.to_owned() };
    let span = duration(&span).map_err(|_| wrong())?;
    Ok((count.parse().map_err(|_| wrong())?, span))
}

/// A number of repeats.
pub(crate) fn repeats(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|repeats| *repeats <= 10).ok_or_else(|| "write a number from 0 to 10".into())
}

/// A header as `name: value`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write a header as 'name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A name and a value as `name=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::time::Duration;

    #[test]
    fn spans_of_time_have_units() {
        let read = |text| super::duration(text).ok();
        assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read("30s"), Some(Duration::from_secs(30)));
        assert_eq!(read("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(read("2m"), Some(Duration::from_secs(120)));
        assert_eq!(read("1h"), Some(Duration::from_secs(3600)));
        for wrong in ["", "s", "-1s", "5d", "1e3s", "soon", "0", "0ms"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let read = |text| super::size(text).ok();
        assert_eq!(read("1024"), Some(1024));
        assert_eq!(read("64MiB"), Some(64 << 20));
        assert_eq!(read("64 mib"), Some(64 << 20));
        assert_eq!(read("2GB"), Some(2_000_000_000));
        assert_eq!(read("500kB"), Some(500_000));
        assert_eq!(read("0"), Some(0));
        for wrong in ["", "MiB", "-1", "1.5GB", "5 bits", "99999999999GiB"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_a_number_in_a_span() {
        let read = |text| super::rate(text).ok();
        assert_eq!(read("10/s"), Some((10, Duration::from_secs(1))));
        assert_eq!(read("100/m"), Some((100, Duration::from_secs(60))));
        assert_eq!(read("5/2s"), Some((5, Duration::from_secs(2))));
        assert_eq!(read("5/100ms"), Some((5, Duration::from_millis(100))));
        for wrong in ["", "10", "10/", "/s", "-1/s", "1.5/s", "10/d", "s/10"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn repeats_are_few() {
        let read = |text| super::repeats(text).ok();
        assert_eq!((read("0"), read("10")), (Some(0), Some(10)));
        for wrong in ["11", "-1", "many", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_header_is_split_at_its_first_colon() {
        assert_eq!(super::header("x-url: http://a").unwrap(), ("x-url".into(), "http://a".into()));
        assert!(super::header("x-url").is_err());
    }
}
