//! HTTP methods, with what their specifications promise of them.

use std::fmt;

/// An HTTP method (RFC 9110 §9, RFC 5789 for PATCH, OpenAPI 3.2 for QUERY).
///
/// ```
/// use opcall::Method;
/// assert_eq!("patch".parse::<Method>().unwrap(), Method::Patch);
/// assert_eq!(Method::Delete.as_str(), "DELETE");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Method {
    /// `GET`: safe and idempotent.
    Get,
    /// `HEAD`: a GET without a body in the answer.
    Head,
    /// `POST`: neither safe nor idempotent.
    Post,
    /// `PUT`: idempotent.
    Put,
    /// `PATCH`: neither safe nor idempotent.
    Patch,
    /// `DELETE`: idempotent.
    Delete,
    /// `OPTIONS`: safe and idempotent.
    Options,
    /// `TRACE`: safe and idempotent.
    Trace,
    /// `QUERY`: safe and idempotent, with a body (`OpenAPI` 3.2).
    Query,
    /// Any other token, in the case the document gives it.
    Custom(Box<str>),
}

impl Method {
    /// The method as it stands on the request line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Query => "QUERY",
            Self::Custom(token) => token,
        }
    }

    /// Whether a call only reads: GET, HEAD, OPTIONS, TRACE, QUERY (RFC 9110 §9.2.1).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Trace | Self::Query)
    }

    /// Whether a repeated call has the effect of one: the safe ones, PUT and DELETE (RFC 9110 §9.2.2).
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self, Self::Put | Self::Delete)
    }
}

impl Method {
    /// The method of a token whose case counts (RFC 9110 §9.1): `get` is another method than `GET`.
    ///
    /// # Errors
    /// The text is no token.
    pub(crate) fn of_token(text: &str) -> Result<Self, InvalidMethod> {
        // Those of nearly all operations, which every call looks at.
        match text {
            "GET" => return Ok(Self::Get),
            "POST" => return Ok(Self::Post),
            "PUT" => return Ok(Self::Put),
            "PATCH" => return Ok(Self::Patch),
            "DELETE" => return Ok(Self::Delete),
            _ => {}
        }
        match text.parse::<Self>()? {
            folded if folded.as_str() != text => Ok(Self::Custom(text.into())),
            exact => Ok(exact),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no HTTP method (a token of RFC 9110 §5.6.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no HTTP method")]
pub struct InvalidMethod(
    /// The text as given.
    pub String,
);

impl std::str::FromStr for Method {
    type Err = InvalidMethod;

    /// The known methods in any case; any other token as it is written.
    fn from_str(text: &str) -> Result<Self, InvalidMethod> {
        const KNOWN: [Method; 9] = [
            Method::Get,
            Method::Head,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
            Method::Options,
            Method::Trace,
            Method::Query,
        ];
        if let Some(known) = KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text)) {
            return Ok(known);
        }
        let is_token = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        if is_token { Ok(Self::Custom(text.into())) } else { Err(InvalidMethod(text.to_owned())) }
    }
}
