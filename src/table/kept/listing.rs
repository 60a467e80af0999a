//! The names of all operations of a kept document, for whoever looks for one that is not known: where each operation's
//! begin, and then the names themselves, every text after its length.

use std::borrow::Cow;
use std::io;

use crate::operation::Method;
use crate::table::listed::Listed;

/// The bytes of a listing.
pub(super) fn write<'n>(names: impl Iterator<Item = Listed<'n>>) -> io::Result<Vec<u8>> {
    let (mut starts, mut texts) = (Vec::new(), Vec::new());
    for listed in names {
        starts.extend(size(texts.len())?.to_le_bytes());
        put(listed.method().as_str(), &mut texts)?;
        put(listed.path(), &mut texts)?;
        texts.extend(size(listed.ids().count())?.to_le_bytes());
        for id in listed.ids() {
            put(id, &mut texts)?;
        }
    }
    starts.append(&mut texts);
    Ok(starts)
}

fn put(text: &str, texts: &mut Vec<u8>) -> io::Result<()> {
    texts.extend(size(text.len())?.to_le_bytes());
    texts.extend_from_slice(text.as_bytes());
    Ok(())
}

fn size(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

/// The names of an operation of a service, by its row among so many.
pub(super) fn read<'t>(bytes: &'t [u8], count: u32, service: &'t str, row: u32) -> Option<Listed<'t>> {
    let (starts, mut rest) = bytes.split_at_checked(count as usize * 4)?;
    let mut start = starts.get(row as usize * 4..)?;
    rest = rest.get(number(&mut start)? as usize..)?;
    let method = Method::of_token(text(&mut rest)?).ok()?;
    let path = text(&mut rest)?;
    let more = number(&mut rest)?.checked_sub(1)?;
    let id = text(&mut rest)?;
    let aliases = (0..more).map(|_| text(&mut rest).map(Cow::Borrowed)).collect::<Option<_>>()?;
    Some(Listed::new(service, Cow::Borrowed(id), aliases, method, Cow::Borrowed(path)))
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

fn text<'t>(rest: &mut &'t [u8]) -> Option<&'t str> {
    let length = number(rest)? as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_written() {
        let listed = |id: &'static str, aliases: &[&'static str], method| {
            let aliases = aliases.iter().map(|alias| Cow::Borrowed(*alias)).collect();
            Listed::new("pets", Cow::Borrowed(id), aliases, method, Cow::Borrowed("/ä"))
        };
        let all = [
            listed("one", &[], Method::Get),
            listed("", &["two", "zwei"], Method::of_token("get").unwrap()),
            listed("three", &[""], Method::Patch),
        ];
        let bytes = write(all.iter().cloned()).unwrap();
        for (row, listed) in (0..).zip(&all) {
            assert_eq!(read(&bytes, 3, "pets", row).as_ref(), Some(listed));
        }
        assert_eq!(read(&bytes, 3, "pets", 3), None);
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end], 3, "pets", 2), None, "{end}");
        }
        assert_eq!(write(std::iter::empty()).unwrap(), [0; 0]);
    }
}
