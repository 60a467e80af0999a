//! Path templates and values at random: what is written is what a URL parser finds, or it is refused.

use url::Url;

use super::problems::Problems;
use super::url::write_path;
use crate::operation::path::{split, variables};

/// The first line is the template, each further one the value of the next variable.
pub(crate) fn path_template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let template = lines.next().unwrap_or_default();
    let mut values = lines.map(str::to_owned);
    let (path, _) = split(template);
    let (mut url, mut problems) = (String::new(), Problems::new(false));
    let mut asked = 0;
    write_path(
        &mut url,
        ("https://example.com/v1/", path),
        |_| false,
        &mut problems,
        |_, out| {
            asked += 1;
            let value = values.next()?;
            let set = percent_encoding::NON_ALPHANUMERIC;
            out.extend(percent_encoding::utf8_percent_encode(&value, set));
            Some(asked)
        },
    );
    assert_eq!(variables(path, |_| false).count(), asked, "{template:?}");
    if problems.finish().is_ok() {
        let parsed = Url::parse(&url).unwrap_or_else(|error| unreachable!("{url:?}: {error}"));
        assert_eq!(parsed.as_str(), url, "{template:?}");
        assert_eq!((parsed.host_str(), parsed.query(), parsed.fragment()), (Some("example.com"), None, None));
    }
}
